"""A world of Brownian spots with known identity, and the tables to put them in."""

from dataclasses import dataclass

import numpy as np

from nta.spots.table import CameraModel, Scene, Spots


def make_scene(n_frames, height=480, width=640, frame_index=None):
    index = np.arange(n_frames) if frame_index is None else np.asarray(frame_index)
    return Scene(
        width_px=width,
        height_px=height,
        bit_depth=8,
        contrast="bright",
        camera=CameraModel(gain_e_per_adu=1.0, offset_adu=0.0, read_noise_e=1.0, source="profile"),
        spot_width_px=1.5,
        threshold_sd=4.75,
        frame_index=index.astype(np.int64),
        frame_time_s=index / 30.0,
        example_image=np.zeros((height, width), np.uint8),
        background=np.zeros((height, width), np.float32),
        saturated_fraction=0.0,
    )


def make_spots(frame, y, x, *, scene=None, intensity=1000.0, snr=15.0, localization_error_px=0.1, flags=0):
    frame = np.asarray(frame, np.int32)

    def full(value, dtype):
        return np.broadcast_to(np.asarray(value, dtype), frame.shape).copy()

    n_frames = int(frame.max()) + 1 if frame.size else 1
    return Spots(
        frame=frame,
        y_px=np.asarray(y, float),
        x_px=np.asarray(x, float),
        intensity=full(intensity, np.float32),
        background=full(10.0, np.float32),
        width_px=full(1.5, np.float32),
        snr=full(snr, np.float32),
        localization_error_px=full(localization_error_px, np.float32),
        chi2=full(1.0, np.float32),
        flags=full(flags, np.uint16),
        scene=scene or make_scene(n_frames),
    )


@dataclass
class World:
    """Spots of a simulated recording and, row by row, the particle that made each (-1: noise)."""

    spots: Spots
    particle: np.ndarray
    y_true: np.ndarray
    x_true: np.ndarray


def brownian_world(
    rng, *, n=60, n_frames=60, height=480, width=640, step_sd=2.0, seen=0.97, drift=None, noise_per_frame=0.0,
    localization_error=0.1, periodic=True,
):  # fmt: skip
    """Give particles diffusing in a periodic box (`step_sd` px per axis, or one each), seen with probability `seen`.

    drift : (n_frames, 2) common displacement from the frame before, (y, x).
    """
    size = np.array([height, width], float)
    position = rng.uniform(0, 1, (n, 2)) * size
    sd = np.broadcast_to(np.asarray(step_sd, float), (n,))[:, None]
    rows = []
    for t in range(n_frames):
        if t:
            position = position + rng.normal(size=(n, 2)) * sd
            if drift is not None:
                position = position + drift[t]
        if periodic:
            position = np.mod(position, size)
        visible = (rng.random(n) < seen) & (position >= 0).all(1) & (position < size - 0.5).all(1)
        shown = position[visible] + rng.normal(size=(visible.sum(), 2)) * localization_error
        n_noise = rng.poisson(noise_per_frame)
        where = rng.uniform(0, 1, (n_noise, 2)) * (size - 1)
        places = np.concatenate([shown, where])
        who = np.concatenate([np.flatnonzero(visible), np.full(n_noise, -1)])
        true = np.concatenate([position[visible], where])
        mixed = rng.permutation(len(who))
        rows.append((np.full(len(who), t), places[mixed], who[mixed], true[mixed]))
    frame, places, who, true = (np.concatenate(part) for part in zip(*rows, strict=True))
    spots = make_spots(
        frame, *places.T, scene=make_scene(n_frames, height, width), localization_error_px=localization_error
    )
    return World(spots, who, *true.T)


def links_of(tracks):
    """Set of links (spot, next spot of the same track)."""
    same = np.diff(tracks.track) == 0
    return set(zip(tracks.spot[:-1][same].tolist(), tracks.spot[1:][same].tolist(), strict=True))
