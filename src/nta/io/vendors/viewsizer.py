"""ViewSizer 3000 (Horiba): tables of bins, videos and the binary list of particles, with the XML beside them.

Facts from real exports (software 2.12): the density of a bin is its count over videos x volume x bin width, with the volume
of the XML; it excludes the dilution, which is applied here, once. ``Videos_*.dat`` and all tables hold only the particles
whose quality in ``Particles_*.raw`` is at most 0.40, a limit that no export states. The list of particles ends with the
viscosity in Pa s and the temperature in degC used for the sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nta.io.text import number, read_text
from nta.io.vendors.result import (
    Histogram,
    VendorFileError,
    VendorParticles,
    VendorResult,
    VendorRun,
    recorded_dilution,
    refuse_joined,
)

_BINS = "/LowerBinDiameter_[nm]"
_VOLUMES = "/LowerBin_[mL]"
_VIDEOS = "/Video#\t#particles"
_WHOLE_NM = 6000.0  # the tables of four real measurements reach beyond, the wide bins to 6046 nm, those of 1 nm to 20 000
QUALITY_LIMIT = 0.40  # quality limit of the vendor's tables, found from four real measurements
_TABLES = ("ConstantBinsTable_*.dat", "WideBinsTable_*.dat")  # finest bins first
_HIDDEN = (
    f"particles whose quality is above {QUALITY_LIMIT} are left out of all tables; the rule is in no header, and the values "
    "only in Particles_*.raw",
    "the field MeasurementUncertainty is -9999 in every export: it was never filled",
)


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """Values of the XML of the measurement; empty if there is none."""

    settings: Mapping[str, str]
    volume_ml: float | None
    dilution: float | None
    videos: int | None

    @classmethod
    def of(cls, path: Path) -> _Beside:
        """Find the XML of the measurement above the folder of results."""
        for folder in (path.parent, path.parent.parent):
            for file in sorted(folder.glob("*.xml")):
                text, _ = read_text(file)
                if "<SampleData" in text[:500]:
                    return cls.from_text(file, text)
        return cls(settings={}, volume_ml=None, dilution=None, videos=None)

    @classmethod
    def from_text(cls, file: Path, text: str) -> _Beside:
        try:
            root = ElementTree.fromstring(text.lstrip("\ufeff").encode())
        except ElementTree.ParseError as error:
            raise VendorFileError(f"{file}: not whole: {error}") from None
        settings = {f"{part.tag}/{leaf.tag}": (leaf.text or "").strip() for part in root for leaf in part}
        videos = number(settings.get("RecordingSettings/NumOfVideos", ""))
        return cls(
            settings=settings,
            volume_ml=number(settings.get("RecordingSettings/Volume", "")),
            dilution=recorded_dilution(file, settings.get("SampleInformation/Dilution", "")),
            videos=None if videos is None else int(videos),
        )

    def number(self, key: str) -> float | None:
        return number(self.settings.get(key, ""))


def is_bins(text: str) -> bool:
    """Return whether a text is a table of bins."""
    return text.startswith(_BINS)


def is_videos(text: str) -> bool:
    """Return whether a text is a list of videos."""
    return text.startswith("/[Sample Info]") and _VIDEOS in text[:1000]


def is_volumes(text: str) -> bool:
    """Return whether a text is a table weighted by volume, which has no number distribution."""
    return text.startswith(_VOLUMES)


def is_settings(text: str) -> bool:
    """Return whether a text is the XML of a measurement."""
    return "<SampleData" in text[:500]


def is_list(path: Path) -> bool:
    """Return whether a file is a binary list of particles."""
    return path.name.startswith("Particles_") and path.suffix == ".raw"


def folder_table(folder: Path) -> Path | None:
    """Return the finest table of bins in a measurement's folder; None for another folder."""
    places = (folder, *sorted(folder.glob("Results*")))
    found = (path for table in _TABLES for place in places for path in sorted(place.glob(table)))
    return next(found, None)


def read_bins(path: str | Path) -> VendorResult:
    """Read a table of bins: all videos together.

    Raises
    ------
    VendorFileError
        The file is not such a table, its bins do not increase, or it is cut off.
    """
    path = Path(path)
    text, encoding = read_text(path)
    if not is_bins(text):
        raise VendorFileError(f"{path}: not a ViewSizer table of bins")
    refuse_joined(path, text, _BINS)
    if path.name.startswith("LogBin"):
        raise VendorFileError(
            f"{path}: looks like a table of bins but holds another number of particles than the measurement (it is made by "
            "a calibration of brightness that no document explains); give ConstantBinsTable_ or WideBinsTable_"
        )
    head, *lines = [line.rstrip().split("\t") for line in text.splitlines() if line.strip()]
    rows = [[number(cell) for cell in line[:5]] for line in lines if len(line) == len(head)]
    if not rows or len(rows) < len(lines) or any(None in row for row in rows):
        raise VendorFileError(f"{path}: a row is cut off or holds no number")
    low, _, high, counts, density = np.array(rows, dtype=np.float64).T
    edges = np.append(low, high[-1])
    if (np.diff(edges) <= 0).any():
        raise VendorFileError(f"{path}: the bins of the table do not rise")
    if counts[-1] > 0 or counts.sum() < _listed_below(path, _WHOLE_NM):
        raise VendorFileError(
            f"{path}: the table ends at {high[-1]:g} nm, before its last particle: it is cut off"
        )
    beside = _Beside.of(path)
    per_ml = density * (high - low) * (beside.dilution or 1.0)
    failed = "" if counts.sum() > 0 else "no particle in the table"
    histogram = None if failed else Histogram(edges_nm=edges, concentration_per_ml=per_ml, counts=counts)
    run = _run(path.stem, histogram, beside, n_tracks=int(counts.sum()), failed=failed)
    if high[-1] < _WHOLE_NM:
        doubt = f"the table ends at {high[-1]:g} nm; tables that were seen reach beyond {_WHOLE_NM:g} nm: cut off?"
        run = replace(run, warnings=(doubt,))
    return _result(path, encoding, (run,), beside)


def read_videos(path: str | Path) -> VendorResult:
    """Read a ``Videos_*.dat``: one run per video, with the sizes of its particles, and mean and SD as printed.

    Raises
    ------
    VendorFileError
        The file is not such a list, or a video has another number of sizes than stated.
    """
    path = Path(path)
    text, encoding = read_text(path)
    if not is_videos(text):
        raise VendorFileError(f"{path}: not a ViewSizer list of videos")
    refuse_joined(path, text, _VIDEOS)
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(_VIDEOS)) + 1
    beside = _Beside.of(path)
    runs = tuple(_video(path, line.split("\t"), beside) for line in lines[start:] if line.strip())
    if beside.videos is not None and len(runs) != beside.videos:
        raise VendorFileError(
            f"{path}: {len(runs)} videos in the list, {beside.videos} in the XML beside it: cut off?"
        )
    return _result(path, encoding, runs, beside)


def read_list(path: str | Path) -> VendorResult:
    """Read a ``Particles_*.raw``: every particle with its quality, also those that the tables leave out.

    Raises
    ------
    VendorFileError
        The file is shorter or longer than it states.
    """
    path = Path(path)
    raw = path.read_bytes()
    try:
        videos, length = struct.unpack_from("<QQ", raw, 0)
        name = raw[16 : 16 + length].decode("cp1252")
        (n,) = struct.unpack_from("<Q", raw, 16 + length)
        start = 24 + length
        viscosity_pa_s, temperature_c = struct.unpack_from("<dd", raw, start + 16 * n)
    except (struct.error, OverflowError, UnicodeDecodeError):
        raise VendorFileError(f"{path}: not a ViewSizer list of particles, or cut off") from None
    if len(raw) != start + 16 * n + 16:
        raise VendorFileError(f"{path}: {len(raw)} bytes, {start + 16 * n + 16} expected of {n} particles")
    size, quality = np.frombuffer(raw, "<f8", 2 * n, start).reshape(-1, 2).T.astype(np.float64)
    particles = VendorParticles.of_sizes(size, quality=quality, included=quality <= QUALITY_LIMIT)
    beside = _Beside.of(path)
    kept = size[particles.included]
    each = _one_particle(beside, int(videos))
    run = _run(
        name,
        Histogram.of_sizes(kept, each) if kept.size else None,
        beside,
        n_tracks=int(kept.size),
        failed="" if kept.size else "no particle of good quality",
        particles=particles,
        viscosity_pa_s=viscosity_pa_s,
        temperature_c=temperature_c,
    )
    return _result(path, "binary", (run,), beside)


def _listed_below(table: Path, end_nm: float) -> int:
    """Return the number of particles below a size in the list that belongs to a table; 0 if there is no list."""
    beside = table.with_name(f"Particles_{table.name.partition('_')[2]}").with_suffix(".raw")
    particles = read_list(beside).runs[0].particles if beside.is_file() else None
    return 0 if particles is None else int((particles.diameter_nm[particles.included] < end_nm).sum())


def _video(path: Path, cells: Sequence[str], beside: _Beside) -> VendorRun:
    head = [number(cell) for cell in cells[:4]]
    sizes = np.array([value for cell in cells[4:] if (value := number(cell)) is not None], dtype=np.float64)
    if len(head) < 4 or head[0] is None or head[1] is None or sizes.size != int(head[1]):
        raise VendorFileError(
            f"{path}: video {cells[0]} says {cells[1:2]} particles and lists {sizes.size}: cut off?"
        )
    printed = {name: value for name, value in (("mean_nm", head[2]), ("sd_nm", head[3])) if value is not None}
    return _run(
        f"video {int(head[0])}",
        Histogram.of_sizes(sizes, _one_particle(beside, 1)) if sizes.size else None,
        beside,
        n_tracks=sizes.size,
        failed="" if sizes.size else "no particle in this video",
        printed=printed,
        particles=VendorParticles.of_sizes(sizes),
    )


def _one_particle(beside: _Beside, videos: int) -> float | None:
    """Return the concentration in the original sample per counted particle."""
    return None if not beside.volume_ml else (beside.dilution or 1.0) / (videos * beside.volume_ml)


def _run(
    name: str,
    histogram: Histogram | None,
    beside: _Beside,
    *,
    n_tracks: int,
    failed: str,
    printed: Mapping[str, float] | None = None,
    particles: VendorParticles | None = None,
    viscosity_pa_s: float | None = None,
    temperature_c: float | None = None,
) -> VendorRun:
    exposure_ms = beside.number("RecordingSettings/Exposure")
    total = (
        None if histogram is None or not histogram.absolute else float(histogram.concentration_per_ml.sum())
    )
    return VendorRun(
        name=name,
        temperature_c=temperature_c,
        viscosity_pa_s=viscosity_pa_s,
        frame_rate_hz=beside.number("RecordingSettings/FrameRate"),
        exposure_s=None if exposure_ms is None else exposure_ms / 1e3,
        n_tracks=n_tracks,
        concentration_per_ml=total,
        dilution=beside.dilution,
        printed=printed or {},
        histogram=histogram,
        particles=particles,
        settings=beside.settings,
        failed=failed,
    )


def _result(path: Path, encoding: str, runs: tuple[VendorRun, ...], beside: _Beside) -> VendorResult:
    model = beside.settings.get("MetaData/AnalyzerModel", "ViewSizer 3000")
    version = beside.settings.get("MetaData/RecordingSoftwareVersion", "version unknown")
    return VendorResult(
        vendor="ViewSizer",
        program=f"{model} {version}",
        file=path.name,
        encoding=encoding,
        sample=beside.settings.get("SampleInformation/Name", ""),
        weighting="number",
        percentiles=None,
        runs=runs,
        hidden=_HIDDEN,
    )
