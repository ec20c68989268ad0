"""Copy recordings into HDF5 of nta, or into OME-TIFF for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nta.errors import RecordingError
from nta.frames import FrameSource, RecordingReport
from nta.io.atomic import new_file
from nta.io.recordings.hdf5_writer import RecordingWriter
from nta.io.recordings.tiff_words import OME_NAMESPACE
from nta.progress import Progress

_NOT_COPIED = ("clock", "telemetry", "temperature_log_c", "origin_report", "sources", "format")
_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def copy_to_hdf5(
    source: FrameSource, path: str | Path, *, replace: bool = False, progress: Progress | None = None
) -> RecordingReport:
    """Copy a recording into HDF5 of nta, bit for bit, with its metadata and a report of the frames found.

    A lossy codec of the original, and that it was cut off, stay recorded. The file appears only when it is
    complete.
    """
    with new_file(path, replace=replace) as partial:
        metadata = {key: value for key, value in source.metadata.items() if key not in _NOT_COPIED}
        metadata |= {"copied_from": source.name, "original_sources": source.metadata.get("sources", {})}
        with RecordingWriter(partial, source.camera, metadata=metadata, replace=True) as writer:
            for frame in source.frames():
                writer.write(frame)
                if progress is not None:
                    progress(writer.frames_written)
            _copy_telemetry(source.metadata, writer)
            report = source.report
            writer.close(report)
    return report


def write_ome_tiff(
    source: FrameSource, path: str | Path, *, replace: bool = False, progress: Progress | None = None
) -> RecordingReport:
    """Write a recording as uncompressed OME-TIFF with its scale, depth and the time of each frame.

    A lost frame leaves a gap in the times, not in the stack; that the recording was cut off stays recorded. The file
    appears only when it is complete.

    Raises
    ------
    RecordingError
        There is no frame, or a frame is lost and neither clock nor frame rate gives its time.
    """
    import tifffile

    times_s: list[float] = []
    dtype, index = "", 0
    with new_file(path, replace=replace) as partial:
        with tifffile.TiffWriter(partial, bigtiff=True) as tiff:
            for frame in source.frames():
                if times_s and frame.index != index + 1 and not np.isfinite(frame.time_s):
                    raise RecordingError(_untold_gap(source.name, index, frame.index))
                index = frame.index
                tiff.write(
                    frame.image, contiguous=True, metadata=None, photometric="minisblack", description=" "
                )
                times_s.append(frame.time_s)
                dtype = str(frame.image.dtype)
                if progress is not None:
                    progress(len(times_s))
        if not times_s:
            raise RecordingError(f"{source.name} gave no frame, so that there is nothing to write")
        tifffile.tiffcomment(partial, comment=_ome_xml(source, dtype, times_s))
    return source.report


def _untold_gap(name: str, before: int, after: int) -> str:
    return (
        f"{name}: frames are lost between {before} and {after} and nobody says the frame rate, without which an OME-TIFF "
        "cannot tell so; write frame_rate_hz into a side-car TOML, or export to hdf5, which keeps the numbers of frames"
    )


def _plain_metadata(source: FrameSource) -> dict[str, Any]:
    """Return the metadata that fit into pairs of key and value: conditions, lossy codec, truncation."""
    plain = {key: value for key, value in source.metadata.items() if isinstance(value, str | int | float)}
    plain = {key: value for key, value in plain.items() if key not in _NOT_COPIED}
    report = source.report
    cut = {"truncated": True, "claimed_frames": report.claimed_frames} if report.truncated else {}
    binned = {} if source.camera.binning is None else {"binning": source.camera.binning}
    return plain | {"copied_from": source.name, "lossy_codec": report.lossy_codec} | binned | cut


def _copy_telemetry(metadata: Mapping[str, Any], writer: RecordingWriter) -> None:
    for name, log in metadata.get("telemetry", {}).items():
        for when, value in zip(log["host_time_ns"], log["value"], strict=True):
            writer.telemetry(name, float(value), int(when))


def _ome_xml(source: FrameSource, dtype: str, times_s: list[float]) -> bytes:
    """Return the OME-XML of a time series of one channel, after the schema of 2016-06."""
    camera = source.camera
    root = ElementTree.Element("OME", xmlns=_OME)
    image = ElementTree.SubElement(root, "Image", ID="Image:0", Name=Path(source.name).name)
    pixels = ElementTree.SubElement(image, "Pixels", ID="Pixels:0", DimensionOrder="XYZCT", Type=dtype)
    sizes = {"X": camera.width_px, "Y": camera.height_px, "Z": 1, "C": 1, "T": len(times_s)}
    for axis, size in sizes.items():
        pixels.set(f"Size{axis}", str(size))
    pixels.set("SignificantBits", str(camera.bit_depth))
    if camera.pixel_size_um is not None:
        for axis in "XY":
            pixels.set(f"PhysicalSize{axis}", repr(camera.pixel_size_um))
            pixels.set(f"PhysicalSize{axis}Unit", "µm")
    if camera.frame_rate_hz is not None:
        pixels.set("TimeIncrement", repr(1 / camera.frame_rate_hz))
        pixels.set("TimeIncrementUnit", "s")
    ElementTree.SubElement(pixels, "Channel", ID="Channel:0:0", SamplesPerPixel="1")
    ElementTree.SubElement(pixels, "TiffData", IFD="0", PlaneCount=str(len(times_s)))
    for number, time_s in enumerate(times_s):
        plane = ElementTree.SubElement(pixels, "Plane", TheZ="0", TheC="0", TheT=str(number))
        if np.isfinite(time_s):
            plane.set("DeltaT", repr(time_s))
        if camera.exposure_s is not None:
            plane.set("ExposureTime", repr(camera.exposure_s))
    ElementTree.SubElement(image, "AnnotationRef", ID="Annotation:0")
    annotations = ElementTree.SubElement(root, "StructuredAnnotations")
    pairs = ElementTree.SubElement(annotations, "MapAnnotation", ID="Annotation:0", Namespace=OME_NAMESPACE)
    values = ElementTree.SubElement(pairs, "Value")
    for key, value in _plain_metadata(source).items():
        ElementTree.SubElement(values, "M", K=key).text = json.dumps(value)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text
