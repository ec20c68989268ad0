"""What a TIFF says beside its pixels: OME-XML and ImageJ's description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    import tifffile

_METRES = {"m": 1.0, "mm": 1e-3, "nm": 1e-9} | dict.fromkeys(("µm", "μm", "um", "micron", "microns"), 1e-6)
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ns": 1e-9, "min": 60.0}


def stated(tiff: tifffile.TiffFile) -> dict[str, Any]:
    """Return what the file says, by the names of `Claim`; nothing for what it does not say."""
    if tiff.ome_metadata:
        return _from_ome(tiff.ome_metadata)
    if tiff.imagej_metadata:
        return _from_imagej(tiff)
    return {}


def _from_ome(text: str) -> dict[str, Any]:
    try:
        pixels = ElementTree.fromstring(text).find(".//{*}Pixels")
    except ElementTree.ParseError as error:
        return {"dialect": " (OME)", "notes": (f"the OME-XML cannot be read ({error})",)}
    found: dict[str, Any] = {"dialect": " (OME)"}
    if pixels is None:
        return found
    size = _scaled(pixels, "PhysicalSizeX", _METRES, "µm")
    if size is not None:
        found["pixel_size_um"] = size * 1e6
    step = _scaled(pixels, "TimeIncrement", _SECONDS, "s")
    if step is not None:
        found["frame_rate_hz"] = 1 / step
    if pixels.get("SignificantBits", "").isdecimal():
        found["bit_depth"] = int(pixels.get("SignificantBits", ""))
    plane = pixels.find("{*}Plane")
    exposure = None if plane is None else _scaled(plane, "ExposureTime", _SECONDS, "s")
    if exposure is not None:
        found["exposure_s"] = exposure
    return found


def _scaled(element: ElementTree.Element, name: str, units: dict[str, float], default: str) -> float | None:
    """Return an attribute in SI units; None where it is missing, not above 0 or in an unknown unit."""
    try:
        value = float(element.get(name, "")) * units[element.get(name + "Unit", default)]
    except (ValueError, KeyError):
        return None
    return value if 0 < value < float("inf") else None


def _from_imagej(tiff: tifffile.TiffFile) -> dict[str, Any]:
    words = tiff.imagej_metadata or {}
    found: dict[str, Any] = {"dialect": " (ImageJ)"}
    interval = words.get("finterval")
    if isinstance(interval, int | float) and interval > 0:
        found["frame_rate_hz"] = 1 / interval
    elif isinstance(words.get("fps"), int | float) and words["fps"] > 0:
        found["frame_rate_hz"] = words["fps"]
    metres = _METRES.get(str(words.get("unit", "")).replace("\\u00B5", "µ"))
    resolution = tiff.pages.first.tags.get("XResolution")
    if metres is not None and resolution is not None and resolution.value[0] > 0:
        found["pixel_size_um"] = metres * 1e6 * resolution.value[1] / resolution.value[0]
    if words.get("slices", 1) > 1 and words.get("frames", 1) == 1:
        found["notes"] = ("the stack calls its images slices; they were taken as frames over time",)
    return found
