"""Settings of the visibility."""

from __future__ import annotations

from dataclasses import dataclass

from nta.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class VisibilitySettings:
    """Settings for the detection curve and the visible volume of a recording.

    refractive_index : index of the particles at the laser's wavelength, if known (1.605 for polystyrene at 488 nm).
        None: the index that explains the brightness in the recording.
    frames, spots_per_frame : number of frames, evenly spread over the recording, to which simulated spots are added, and
        number of spots in each. 32 x 60 determine the 50 % limit to 2 % of its brightness; 0 frames: no detection curve.
    walkers : number of simulated particles per diameter for the visible volume.
    seed : seed of the simulated spots and particles.
    """

    refractive_index: float | None = None
    frames: int = 32
    spots_per_frame: int = 60
    walkers: int = 2000
    seed: int = 19_080_101

    def __post_init__(self) -> None:
        if self.refractive_index is not None and not 1 < self.refractive_index < 3:
            raise SettingError(f"refractive_index must be between 1 and 3, got {self.refractive_index}")
        if self.frames < 0 or self.frames > 500:
            raise SettingError(f"frames must be 0 (no detection curve) to 500, got {self.frames}")
        if not 1 <= self.spots_per_frame <= 1000:
            raise SettingError(f"spots_per_frame must be 1 to 1000, got {self.spots_per_frame}")
        if not 200 <= self.walkers <= 100_000:
            raise SettingError(f"walkers must be 200 to 100000, got {self.walkers}")
