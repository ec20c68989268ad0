"""Make the recordings of this folder, their truth and their checksums.

Run it where `nta-lab` is installed: ``python sample_data/make_sample_data.py``. What changes a recording changes its
checksum in the README: commit both together and say why.
"""

from __future__ import annotations

import hashlib
import re
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import tifffile
from numpy.typing import NDArray

from nta.cli import main as nta
from nta.errors import NtaError
from nta.simulation import Simulation, Truth, save_truth, simulate

HERE = Path(__file__).parent
RECORDINGS = {
    "beads_100nm": "beads_100nm.h5",
    "ev_lognormal": "ev_lognormal.avi",
    "mixture_70_200": "mixture_70_200.ome.tif",
}


def make(folder: Path = HERE) -> None:
    """Write every recording and its truth into a folder."""
    for name, recording in RECORDINGS.items():
        scenario = HERE / "scenarios" / f"{name}.toml"
        path, simulation = folder / recording, simulate(scenario)
        path.unlink(missing_ok=True)
        if path.suffix == ".h5":
            if nta(["simulate", str(scenario), "-o", str(path), "--quiet"]) != 0:
                raise NtaError(f"{path} could not be made")
        elif path.suffix == ".avi":
            write_avi(simulation, path)
            (folder / f"{name}.toml").write_text(side_car(simulation, scale=True), encoding="utf-8")
        else:
            write_tiff(simulation, path)
            (folder / f"{path.name}.toml").write_text(side_car(simulation, scale=False), encoding="utf-8")
        save_truth(simulation.truth, folder / f"{name}.truth.npz")
        (folder / f"{name}.truth.toml").write_text(truth_toml(simulation.truth, recording), encoding="utf-8")


def images(simulation: Simulation) -> NDArray[np.uint16]:
    """Return the frames as one array (frames, height, width)."""
    return np.stack([frame.image for frame in simulation.frames()])


def write_avi(simulation: Simulation, path: Path) -> None:
    """Write an uncompressed grey AVI, as camera programs do: it knows its frame rate and nothing else."""
    camera = simulation.camera
    with av.open(str(path), "w") as container:
        rate = Fraction(camera.frame_rate_hz or 0).limit_denominator(1001)
        stream = container.add_stream("rawvideo", rate=rate)
        stream.width, stream.height, stream.pix_fmt = camera.width_px, camera.height_px, "gray"
        for image in images(simulation):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image.astype(np.uint8), format="gray")))
        container.mux(stream.encode())


def write_tiff(simulation: Simulation, path: Path) -> None:
    """Write a compressed OME-TIFF that says its scale and its frame rate."""
    camera = simulation.camera
    words = {
        "axes": "TYX",
        "PhysicalSizeX": camera.pixel_size_um,
        "PhysicalSizeY": camera.pixel_size_um,
        "SignificantBits": camera.bit_depth,
        "TimeIncrement": 1 / (camera.frame_rate_hz or 0),
    }
    tifffile.imwrite(
        path, images(simulation), ome=True, metadata=words, compression="zlib", photometric="minisblack"
    )


def side_car(simulation: Simulation, *, scale: bool) -> str:
    """Return what an operator would note beside a film: what was in the cell, and the scale where it says none itself."""
    camera, sample = simulation.camera, simulation.scenario.sample
    # a film's own frame rate may be that of playing it: the operator's word settles it
    scales = [f"pixel_size_um = {camera.pixel_size_um}", f"frame_rate_hz = {camera.frame_rate_hz:g}"]
    lines = scales if scale else []
    lines += [
        f"exposure_ms = {1e3 * (camera.exposure_s or 0):g}",
        f"gain_e_per_adu = {camera.gain_e_per_adu}",
        f"offset_adu = {camera.offset_adu}",
        f"read_noise_e = {camera.read_noise_e}",
        f"temperature_c = {sample.temperature_c}",
        f'medium = "{sample.medium}"',
        f'sample = "{simulation.scenario.description}"',
    ]
    return "\n".join(lines) + "\n"


def truth_toml(truth: Truth, recording: str) -> str:
    """Return the truth in short: how many, how large, and what of it can be seen."""
    seen = truth.detectable()
    shares = np.bincount(seen.population, weights=seen.n_frames, minlength=len(truth.populations))
    lines = [
        f"# Truth of {recording}; every position and particle: the .npz of the same name.",
        "# Detectable: at a signal-to-noise ratio of 5 or more in 10 frames or more.",
        "# In view: each particle counts as often as there are frames that show it.",
        f"concentration_per_ml = {truth.concentration_per_ml:.6g}",
        f"mean_number_in_view = {truth.number_in_view:.6g}",
        f"detectable_particles = {len(seen)}",
        "",
        "[detectable_in_view]",
        *(f"d{p}_nm = {percentile(seen.diameter_nm, seen.n_frames, p):.2f}" for p in (10, 50, 90)),
        "",
        "[detectable_in_view.share]",
        *(
            f'"{name}" = {share:.3f}'
            for name, share in zip(truth.populations, shares / shares.sum(), strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def percentile(values: NDArray[np.float64], weights: NDArray[np.int32], percent: float) -> float:
    """Return the value below which this percentage of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(below, percent / 100)])


def checksums(folder: Path = HERE) -> str:
    """Return lines as `sha256sum` reads them, of every file that `make` writes."""
    files = sorted(f for f in folder.iterdir() if f.name.startswith(tuple(RECORDINGS)))
    return "\n".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}" for f in files)


def note_checksums(readme: Path = HERE / "README.md") -> None:
    """Put the checksums into the README."""
    text = readme.read_text(encoding="utf-8")
    readme.write_text(
        re.sub(r"(```sha256\n).*?(```)", rf"\g<1>{checksums()}\n\g<2>", text, flags=re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    make()
    note_checksums()
    sys.exit(0)
