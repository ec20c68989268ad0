"""The truth of simulated frames: positions and properties of all particles, and the sample."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import Columns, FloatArray, column
from nta.errors import RecordingError


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrueSpots(Columns):
    """Every image of a particle, sorted by frame then particle. Axes (y, x), centre of the first pixel at (0, 0).

    A camera sees the mean over the exposure, not an instant: `y_px` and `x_px` are the centroid of the light during the
    exposure, which a localisation should return; `z_um`, `y_um` and `x_um` are the position at mid-exposure. For a 100 nm
    sphere and 15 ms they differ by 0.1 um.
    """

    frame: NDArray[np.int32] = column(np.int32, "1", "frame index")
    particle: NDArray[np.int64] = column(np.int64, "1", "identity, unique in the recording")
    y_px: NDArray[np.float64] = column(np.float64, "px", "row of the centroid of the exposure's light")
    x_px: NDArray[np.float64] = column(np.float64, "px", "column of the centroid of the exposure's light")
    z_um: NDArray[np.float64] = column(
        np.float64, "um", "depth at mid-exposure, from the middle of the sheet"
    )
    y_um: NDArray[np.float64] = column(np.float64, "um", "position across rows at mid-exposure")
    x_um: NDArray[np.float64] = column(np.float64, "um", "position across columns at mid-exposure")
    electrons: NDArray[np.float64] = column(np.float64, "e", "expected photo-electrons of the whole image")
    psf_width_px: NDArray[np.float64] = column(
        np.float64, "px", "standard deviation of the point spread function"
    )
    width_px: NDArray[np.float64] = column(
        np.float64, "px", "standard deviation of the image, motion blur included"
    )
    snr: NDArray[np.float64] = column(
        np.float64, "1", "of the matched filter, against background and read noise"
    )
    crlb_px: NDArray[np.float64] = column(np.float64, "px", "Cramer-Rao bound of a position, per axis")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrueParticles(Columns):
    """Every particle that has a row in `TrueSpots`, sorted by identity."""

    particle: NDArray[np.int64] = column(np.int64, "1", "identity, unique in the recording")
    population: NDArray[np.int16] = column(
        np.int16, "1", "index into the names of the populations; -1: stuck"
    )
    diameter_nm: NDArray[np.float64] = column(np.float64, "nm", "hydrodynamic diameter")
    diffusion_um2_s: NDArray[np.float64] = column(np.float64, "um2/s", "diffusion coefficient, 0 for stuck")
    refractive_index: NDArray[np.float64] = column(
        np.float64, "1", "of the sphere; of the lumen, where there is a membrane"
    )
    cross_section_nm2: NDArray[np.float64] = column(np.float64, "nm2", "scattering into the objective")
    n_frames: NDArray[np.int32] = column(np.int32, "1", "frames in which it has a row")
    max_snr: NDArray[np.float64] = column(np.float64, "1", "highest signal-to-noise ratio it reached")


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The truth of a simulated recording: its spots, its particles and the sample."""

    spots: TrueSpots
    particles: TrueParticles
    populations: tuple[str, ...]
    concentration_per_ml: float
    number_in_view: float
    view_volume_ml: float
    scenario_toml: str

    def detectable(self, min_snr: float = 5.0, min_frames: int = 10) -> TrueParticles:
        """Return the free particles that reached this signal-to-noise ratio in at least `min_frames` frames."""
        bright = self.spots.particle[self.spots.snr >= min_snr]
        frames = np.bincount(np.searchsorted(self.particles.particle, bright), minlength=len(self.particles))
        return self.particles.select((frames >= min_frames) & (self.particles.population >= 0))

    def tracks(self) -> tuple[FloatArray, ...]:
        """Return the rows of `spots` by (particle, frame): particle, frame, y_px, x_px."""
        order = np.lexsort((self.spots.frame, self.spots.particle))
        return tuple(getattr(self.spots, name)[order] for name in ("particle", "frame", "y_px", "x_px"))


def save_truth(truth: Truth, path: str | Path) -> None:
    """Write the truth as one compressed NumPy archive (``.npz``)."""
    about = {
        "populations": list(truth.populations),
        "concentration_per_ml": truth.concentration_per_ml,
        "number_in_view": truth.number_in_view,
        "view_volume_ml": truth.view_volume_ml,
        "scenario_toml": truth.scenario_toml,
    }
    columns: dict[str, Any] = {f"spots.{name}": values for name, values in truth.spots.as_dict().items()}
    columns |= {f"particles.{name}": values for name, values in truth.particles.as_dict().items()}
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(about)), **columns)
    unfinished.replace(path)


def load_truth(path: str | Path) -> Truth:
    """Read what `save_truth` wrote.

    Raises
    ------
    RecordingError
        The file is missing or does not hold the truth of a simulated recording.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            spots = TrueSpots(**{c.name: file[f"spots.{c.name}"] for c in TrueSpots.columns()})
            particles = TrueParticles(
                **{c.name: file[f"particles.{c.name}"] for c in TrueParticles.columns()}
            )
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file") from None
    except (KeyError, ValueError, OSError) as error:
        raise RecordingError(f"{path}: not the truth of a simulated recording ({error})") from None
    about["populations"] = tuple(about["populations"])
    return Truth(spots=spots, particles=particles, **about)
