"""The noun of this room: spots found in frames, and the scene they were found in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nta.columns import Brief, Columns, column
from nta.errors import RecordingError


class SpotFlag(IntFlag):
    """Why a spot's numbers are less reliable; a spot is flagged, not dropped."""

    SATURATED = 1  # a pixel at full scale within the fit window
    EDGE = 2  # the fit window leaves the frame
    OUT_OF_FOCUS = 4  # a disc or ring, much wider than the recording's spots
    OVERLAPPING = 8  # fitted together with a neighbour
    POOR_FIT = 16  # chi-square far from what photon noise explains, or the joined ends of a streak
    FIXED = 32  # sits on a hot pixel or a fixed pattern


ModelSource = Literal["stated", "gain stated", "estimated", "unknown"]
"""Source of the camera model: "stated" by the recording or a profile, "estimated" from the recording's noise; "gain stated":
offset and read noise are estimated."""

SeenContrast = Literal["bright", "dark", "unknown"]
"""Spots compared with their background."""


@dataclass(frozen=True, kw_only=True)
class CameraModel:
    """Conversion of grey values to electrons: e = (adu - offset_adu) * gain_e_per_adu, variance = e + read_noise_e**2."""

    gain_e_per_adu: float
    offset_adu: float
    read_noise_e: float
    source: ModelSource


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scene(Brief):
    """Properties of the whole recording found by the detector; kept with its spots."""

    width_px: int
    height_px: int
    bit_depth: int
    contrast: SeenContrast
    camera: CameraModel
    spot_width_px: float  # standard deviation of a Gaussian spot in focus
    threshold_sd: float
    frame_index: NDArray[np.int64]  # index of every frame that was searched, including frames without spots
    frame_time_s: NDArray[np.float64]
    example_image: NDArray[np.uint8] | NDArray[np.uint16]  # first frame, for pictures
    background: NDArray[np.float32]  # (height, width) adu, fixed background of the recording
    saturated_fraction: float  # share of spots with a pixel at full scale
    # variance of the filter's response without spots over its variance due to pixel noise
    clutter: float = 1.0

    @property
    def has_borders(self) -> bool:
        """Whether the size of the frame is known; for tracks from another program only their positions are known."""
        return self.bit_depth > 0

    @property
    def n_frames(self) -> int:
        """Number of frames that were searched."""
        return int(self.frame_index.size)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Spots(Columns):
    """Spots of a recording, sorted by frame. Axes are (y, x); the centre of the first pixel is at (0, 0).

    Intensities are photo-electrons of the whole spot (volume of the fitted Gaussian) by the scene's camera model; those of
    dark spots are positive too (missing light).
    """

    frame: NDArray[np.int32] = column(np.int32, "1", "frame index")
    y_px: NDArray[np.float64] = column(np.float64, "px", "row of the centre")
    x_px: NDArray[np.float64] = column(np.float64, "px", "column of the centre")
    intensity: NDArray[np.float32] = column(np.float32, "e", "light of the spot above its background")
    background: NDArray[np.float32] = column(np.float32, "e/px", "background under the spot")
    width_px: NDArray[np.float32] = column(np.float32, "px", "standard deviation of the fitted Gaussian")
    snr: NDArray[np.float32] = column(np.float32, "1", "matched-filter signal over noise")
    localization_error_px: NDArray[np.float32] = column(
        np.float32, "px", "standard error per axis (Cramer-Rao)"
    )
    chi2: NDArray[np.float32] = column(np.float32, "1", "reduced chi-square of the fit")
    flags: NDArray[np.uint16] = column(np.uint16, "1", "SpotFlag bits")
    scene: Scene

    @property
    def per_frame(self) -> float:
        """Mean number of spots in a frame."""
        return len(self) / max(self.scene.n_frames, 1)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of spots in every frame that was searched."""
        place = np.searchsorted(self.scene.frame_index, self.frame)
        return np.bincount(place, minlength=self.scene.n_frames)


def join_spots(parts: Sequence[Spots]) -> Spots:
    """Join the spots of consecutive chunks of one recording, and their scenes, which list every frame once."""
    if not parts:
        raise RecordingError("no frames to search for spots: the recording is empty")
    scenes, n_spots = [part.scene for part in parts], [len(part) for part in parts]
    index, first = np.unique(np.concatenate([scene.frame_index for scene in scenes]), return_index=True)
    saturated = sum(n * scene.saturated_fraction for n, scene in zip(n_spots, scenes, strict=True))
    scene = replace(
        scenes[0],
        frame_index=index,
        frame_time_s=np.concatenate([scene.frame_time_s for scene in scenes])[first],
        saturated_fraction=saturated / max(sum(n_spots), 1),
    )
    return replace(Spots.concatenate(parts), scene=scene)
