"""Whose image a spot is, by the truth of a simulation."""

from __future__ import annotations

import numpy as np

from nta.simulation import Truth

NEAR_PX = 3.0  # a spot is of the particle whose image is nearest, one to one, and not farther than this


def particle_of(frame: np.ndarray, place: np.ndarray, true: Truth) -> np.ndarray:
    """Number of the particle of each spot, one to one in every frame; 0 where there is none."""
    from scipy.optimize import linear_sum_assignment

    who = np.zeros(frame.size, dtype=np.int64)
    spots = true.spots
    order = np.argsort(frame, kind="stable")
    for index in np.unique(frame):
        mine = order[slice(*np.searchsorted(frame[order], [index, index + 1]))]
        theirs = slice(*np.searchsorted(spots.frame, [index, index + 1]))
        away = np.hypot(
            place[mine, 0][:, None] - spots.y_px[theirs], place[mine, 1][:, None] - spots.x_px[theirs]
        )
        rows, columns = linear_sum_assignment(np.where(away < NEAR_PX, away, 1e3))
        near = away[rows, columns] < NEAR_PX
        who[mine[rows[near]]] = 1 + spots.particle[theirs][columns[near]]
    return who


def images_found(frame: np.ndarray, place: np.ndarray, true: Truth) -> np.ndarray:
    """Whether the image of each row of the truth was found."""
    who = particle_of(frame, place, true)
    span = 1 + max(frame.max(initial=0), true.spots.frame.max(initial=0))
    of_spots = (who[who != 0] - 1) * span + frame[who != 0]
    return np.isin(true.spots.particle.astype(np.int64) * span + true.spots.frame, of_spots)
