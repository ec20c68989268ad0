"""Read the metadata of a TIFF: OME-XML, the description by ImageJ, and the shape noted by tifffile."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from nta.clock import agreed_rate, rate_of_clock
from nta.errors import RecordingError
from nta.io.text import SECONDS

if TYPE_CHECKING:
    import tifffile

OME_NAMESPACE = "nta-lab/recording"
"""Namespace of the pairs that nta adds to an OME-TIFF; their values are JSON."""

_SQUARE = 0.01  # relative tolerance for rounding
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "nm": 1e-9} | dict.fromkeys(
    ("µm", "μm", "um", "micron", "microns"), 1e-6
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """Statements of a recording about itself; None or empty means not stated.

    axes : axes that count images and their lengths, if the file says where each of them is.
    times_s : of every frame, or empty.
    files : if the recording was written in several files, their names in the order of the frames, and the number in each.
    """

    dialect: str = ""
    images: int = 0
    axes: Mapping[str, int] = field(default_factory=dict)
    files: tuple[tuple[str, int], ...] = ()
    frame_rate_hz: float | None = None
    exposure_s: float | None = None
    pixel_size_um: float | None = None
    bit_depth: int | None = None
    binning: int | None = None
    times_s: tuple[float, ...] = ()
    lossy_codec: str | None = None
    truncated: bool = False  # whether the original was cut off
    claimed_frames: int | None = None  # number of frames of the original, if it was cut off
    metadata: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def stated(tiff: tifffile.TiffFile, path: Path, known_hz: float | None = None) -> Words:
    """Return the statements of the file about itself; `known_hz` is the frame rate that the user or a side-car states.

    Raises
    ------
    RecordingError
        The file holds several images, or is a part of a recording that begins in another file.
    """
    if tiff.ome_metadata:
        return _from_ome(tiff.ome_metadata, path, known_hz)
    if tiff.imagej_metadata:
        return _from_imagej(tiff)
    shapes = [words.get("shape", ()) for words in tiff.shaped_metadata or ()]
    return Words(images=math.prod(shapes[0][:-2]) if len(shapes) == 1 and len(shapes[0]) == 3 else 0)


def _from_ome(text: str, path: Path, known_hz: float | None) -> Words:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return Words(dialect=" (OME)", notes=(f"the OME-XML cannot be read ({error})",))
    pixels, files = _image(root, path)
    if pixels is None:
        return Words(dialect=" (OME)")
    metadata = _own_words(root)
    planes = sorted(pixels.iterfind("{*}Plane"), key=lambda plane: _place(plane, "The"))
    times = [_quantity(plane, "DeltaT", SECONDS, "s") for plane in planes]
    times_s = tuple(time for time in times if time is not None)
    step = _positive(_quantity(pixels, "TimeIncrement", SECONDS, "s"))
    if len(times_s) != len(planes) or any(np.diff(times_s) < 0):
        times_s = ()
    rate = step and 1 / step
    clocked = rate_of_clock(1e9 * np.array(times_s), near_hz=known_hz or rate)
    frame_rate_hz, clock_notes = agreed_rate(rate, clocked)
    size, notes = _square(*(_positive(_quantity(pixels, f"PhysicalSize{a}", _METRES, "µm")) for a in "XY"))
    bits = pixels.get("SignificantBits", "")
    in_time, in_depth = (_counted(pixels.get(f"Size{axis}", "")) for axis in "TZ")
    if in_depth > 1:
        notes += ("the file calls its images planes in depth; they were taken as frames over time",)
    return Words(
        dialect=" (OME)",
        images=max(in_time, in_depth),
        axes=_axes(text, pixels, sum(files.values())),
        files=tuple(files.items()) if len(files) > 1 else (),
        frame_rate_hz=frame_rate_hz,
        exposure_s=_positive(_quantity(planes[0], "ExposureTime", SECONDS, "s")) if planes else None,
        pixel_size_um=None if size is None else size * 1e6,
        bit_depth=int(bits) if bits.isdecimal() else None,
        binning=_whole(metadata.pop("binning", None)),
        times_s=times_s,
        lossy_codec=metadata.pop("lossy_codec", None),
        truncated=bool(metadata.pop("truncated", False)),
        claimed_frames=_whole(metadata.pop("claimed_frames", None)),
        metadata=metadata,
        notes=notes + clock_notes,
    )


def _image(root: ElementTree.Element, path: Path) -> tuple[ElementTree.Element | None, Mapping[str, int]]:
    """Return the image in the file, and the number of its planes in each file."""
    if (elsewhere := root.find("{*}BinaryOnly")) is not None:
        raise RecordingError(
            f"{path} is a part of the recording in {elsewhere.get('MetadataFile', 'another file')}; give that"
        )
    every = [(pixels, _files(pixels, root, path)) for pixels in root.iterfind(".//{*}Image/{*}Pixels")]
    if len(every) == 1 and len(every[0][1]) <= 1:  # the only file, under the name it had when written
        return every[0]
    here = [(pixels, files) for pixels, files in every if not files or path.name in files]
    if len(here) > 1:
        raise RecordingError(
            f"{path} holds {len(here)} images (positions), each of which is a recording of its own; export one to a file"
        )
    if every and not here:
        old = ", ".join(dict.fromkeys(name for _, files in every for name in files))
        raise RecordingError(
            f"{path} was renamed: it speaks of a recording in {old}; give the files their old names"
        )
    if not here:
        return None, {}
    pixels, files = here[0]
    _refuse_parts(path, files)
    return pixels, files


def _axes(text: str, pixels: ElementTree.Element, planes: int) -> dict[str, int]:
    """Return the axes that count images, if the file tells the place of each of their `planes`, and no more of its axes."""
    sizes = {axis: _counted(pixels.get(f"Size{axis}", "")) for axis in "TZC"}
    colours = any(channel.get("SamplesPerPixel", "1") != "1" for channel in pixels.iterfind("{*}Channel"))
    alone = text.count("<Image ") == 1 and "odulo" not in text and not colours
    return sizes if alone and math.prod(sizes.values()) == planes else {}


def _refuse_parts(path: Path, files: Mapping[str, int]) -> None:
    """Refuse a file that is not the first of its recording, and a recording with a missing file."""
    names, ends = list(files), list(accumulate(files.values()))
    for name, count, end in zip(names, files.values(), ends, strict=True):
        frames = f"frames {end - count} to {end - 1}"
        if name == path.name != names[0]:
            raise RecordingError(
                f"{path} holds {frames} of the recording that begins in {names[0]}; give that"
            )
        if name != path.name and not path.with_name(name).is_file():
            raise RecordingError(
                f"{path}: {frames} of {ends[-1]} are in {name}, which does not lie beside it"
            )


def _files(pixels: ElementTree.Element, root: ElementTree.Element, path: Path) -> Mapping[str, int]:
    """Return the number of planes of an image in each file, in the order of the frames; this file by its present name."""
    found: dict[str, int] = {}
    last: dict[str, int] = {}
    for data in sorted(pixels.iterfind("{*}TiffData"), key=lambda data: _place(data, "First")):
        uuid = data.find("{*}UUID")
        own = uuid is None or uuid.text == root.get("UUID", "")
        name = path.name if own or uuid is None else uuid.get("FileName", path.name)
        found[name] = found.get(name, 0) + int(data.get("PlaneCount", "1"))
        if int(data.get("IFD", "0")) < last.get(name, 0):
            raise RecordingError(
                f"{path}: its images do not lie in the order of their times; write it anew with Fiji or bfconvert"
            )
        last[name] = int(data.get("IFD", "0"))
    return found


def _place(element: ElementTree.Element, which: str) -> tuple[int, int]:
    """Return the place of an image in time and depth."""
    return int(element.get(f"{which}T", "0")), int(element.get(f"{which}Z", "0"))


def _counted(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _square(width_m: float | None, height_m: float | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the edge of a pixel; None, with the reason, if pixels are not square."""
    if width_m is None or height_m is None or math.isclose(width_m, height_m, rel_tol=_SQUARE):
        return width_m, ()
    edges = f"{1e6 * width_m:.4g} x {1e6 * height_m:.4g} um"
    return None, (f"its pixels are {edges}, and sizes need square ones: no pixel size was taken from it",)


def _own_words(root: ElementTree.Element) -> dict[str, Any]:
    """Return the values that nta wrote into an OME-TIFF in addition to the fields of the schema."""
    pairs = root.findall(f".//{{*}}MapAnnotation[@Namespace='{OME_NAMESPACE}']/{{*}}Value/{{*}}M")
    try:
        return {pair.get("K", ""): json.loads(pair.text or "null") for pair in pairs}
    except json.JSONDecodeError:
        return {}


def _quantity(element: ElementTree.Element, name: str, units: dict[str, float], default: str) -> float | None:
    """Return an attribute in SI units; None if it is missing, not a number, or in an unknown unit."""
    try:
        value = float(element.get(name, "")) * units[element.get(name + "Unit", default)]
    except (ValueError, KeyError):
        return None
    return value if math.isfinite(value) else None


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < math.inf else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _from_imagej(tiff: tifffile.TiffFile) -> Words:
    words = tiff.imagej_metadata or {}
    rate, rate_notes = _imagej_rate(words)
    metres = _METRES.get(_unescaped(words.get("unit", "")))
    per_unit = [tiff.pages.first.tags.get(f"{axis}Resolution") for axis in "XY"]
    edges = [
        metres * tag.value[1] / tag.value[0] if metres and tag is not None and tag.value[0] > 0 else None
        for tag in per_unit
    ]
    size, notes = _square(*edges)
    notes += rate_notes
    if int(words.get("slices", 1)) > 1:
        notes += ("the stack calls its images slices; they were taken as frames over time",)
    return Words(
        dialect=" (ImageJ)",
        images=int(words.get("images", 0)),
        frame_rate_hz=rate,
        pixel_size_um=None if size is None else size * 1e6,
        notes=notes,
    )


def _imagej_rate(words: dict[str, Any]) -> tuple[float | None, tuple[str, ...]]:
    """Return the frame rate of an ImageJ stack; None, with the reason, if its unit is not known or only `fps` is stated."""
    interval, unit = _positive(words.get("finterval")), _unescaped(words.get("tunit", "sec"))
    if interval and unit in SECONDS:
        return 1 / (interval * SECONDS[unit]), ()
    if interval:
        return None, (
            f"its frame interval is {interval:g} {unit}, a unit that is not known: no frame rate was taken",
        )
    if _positive(words.get("fps")):
        return None, (
            f"its fps of {words['fps']:g} is the speed at which ImageJ plays it: no frame rate was taken from that",
        )
    return None, ()


def _unescaped(word: Any) -> str:
    """Return a text of ImageJ with its escapes resolved: non-ASCII characters are written by number, as in Java."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), str(word)).strip()
