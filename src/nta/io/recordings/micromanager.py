"""What Micro-Manager says of its images, in `metadata.txt` beside them or in each page of its stacks.

Both are JSON. Micro-Manager 1.4 names a frame of `metadata.txt` by its place (FrameKey-time-channel-slice) and 2.0 by its
file (Metadata-folder/file); what it says of it is nearly the same. The file is closed at the end of the acquisition, so
that one that was killed leaves it open.

The acquisition engine of Pycro-Manager says less: the elapsed time of a burst is that of its start in every frame, and
the true time is that at which the core received the frame.

Source: the writers of Micro-Manager 2.0 (StorageSinglePlaneTiffSeries, MultipageTiffWriter, PropertyKey), of NDTiff
(NDStorage, with the recordings it is tested on) and of AcqEngJ (AcqEngMetadata), and the reader of Bio-Formats for both
generations.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.clock import agreed_rate, rate_of_clock
from nta.errors import RecordingError
from nta.io.recordings.tiff_directories import LONGEST_TEXT, read_directories
from nta.io.recordings.tiff_words import Words
from nta.io.text import TextFileError, read_text

TAG = 51123
"""The tag of a page of a stack that holds what Micro-Manager says of its image."""
BESIDE = "metadata.txt"
"""The file beside images in files of their own that tells of all of them."""
_SUMMARY, _HEADER = 2355492, 40  # the mark before the length of the summary, and bytes up to its end
_SAME = 0.01  # relative difference of exposures that is rounding
_DATE = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)(?: (\d\d:\d\d:\d\d)(?:\.\d+)?(?: ([+-]\d\d):?(\d\d)| -)?)?")
_RECEIVED = "%Y-%m-%d %H:%M:%S.%f"  # of the core, in local time
_NDTIFF = re.compile(r"(?P<start>(?:.*_)?NDTiffStack)(?:_(?P<number>[1-9]\d*))?\.tif", re.DOTALL)
_FRAME = re.compile(r"FrameKey-\d+-\d+-\d+|Metadata-.+", re.DOTALL)


def told_of(
    frames: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], known_hz: float | None = None
) -> Words:
    """Return what is said of a recording.

    frames : what is said of each frame, empty where that is lost. summary : what is said of all.
    known_hz : the frame rate that somebody states, for time stamps that may be of two.
    """
    every = [frame for frame in frames if frame]
    first: Mapping[str, Any] = {**summary, **(every[0] if every else {})}
    camera = _text(first, "Camera", "Core-Camera")
    times = _times_ms(frames)
    known = [(k, 1e6 * time) for k, time in enumerate(times) if time is not None]
    places, stamps = np.array(known).T if known else (np.empty(0), np.empty(0))
    interval = _positive(_number(first, "Interval_ms", "IntervalMs", "interval_ms"))
    stated = interval and 1e3 / interval
    gaps = len(known) < len(frames)
    rate, notes = agreed_rate(
        stated, rate_of_clock(stamps, places if gaps else None, near_hz=known_hz or stated)
    )
    exposure, exposure_notes = _exposure(every, camera)
    if gaps and every:
        notes += (
            f"Micro-Manager says the times of {len(known)} of {len(frames)} frames: they were not taken",
        )
    return Words(
        frame_rate_hz=rate,
        exposure_s=exposure,
        pixel_size_um=_positive(_number(first, "PixelSizeUm", "PixelSize_um")),
        bit_depth=_bits(_number(first, "BitDepth")),
        binning=_binning(_text(first, "Binning", f"{camera}-Binning")),
        times_s=() if gaps or rate is None or not _never_falls(stamps) else tuple((stamps / 1e9).tolist()),
        metadata=_reported(first, summary, camera),
        notes=notes + exposure_notes,
    )


def _times_ms(frames: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Return the time of each frame; where those elapsed stand still, as in a burst, those at which the core received it."""
    elapsed = [_number(frame, "ElapsedTime-ms") for frame in frames]
    if len(frames) > 1 and len(set(elapsed)) == 1:
        received = [_received(_text(frame, "TimeReceivedByCore")) for frame in frames]
        known = [time for time in received if time is not None]
        if known:
            start = known[0]
            return [None if t is None else (t - start) / timedelta(milliseconds=1) for t in received]
    return elapsed


def _received(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _RECEIVED)
    except ValueError:
        return None


def _never_falls(stamps: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(stamps).all() and (np.diff(stamps) >= 0).all())


def told_beside(images: Sequence[Path], known_hz: float | None = None) -> Words | None:
    """Return what the `metadata.txt` beside images says of them; None if there is none, or none of Micro-Manager."""
    path = images[0].with_name(BESIDE)
    if not path.is_file():
        return None
    try:
        text, _ = read_text(path)
    except TextFileError as error:
        return Words(notes=(f"{BESIDE} was not taken: {error}",))
    members, whole = _members(text)
    frames = {
        _file_of(key, words): words
        for key, words in members.items()
        if _FRAME.fullmatch(key) and isinstance(words, dict)
    }
    summary = members.get("Summary")
    summary = summary if isinstance(summary, dict) else {}
    if not frames and not summary:
        return Words(
            notes=(
                f"{BESIDE} beside the images is not of Micro-Manager, or damaged: nothing was taken from it",
            )
        )
    told = told_of([frames.get(image.name, {}) for image in images], summary, known_hz)
    if whole:
        return told
    cut = f"{BESIDE} is cut off after {len(frames)} frames: the acquisition was not ended in order"
    return replace(told, notes=(cut, *told.notes), truncated=True)


def words_of_page(text: bytes | str) -> dict[str, Any]:
    """Return what is said in a page of a stack; empty if it cannot be read."""
    if isinstance(text, bytes):
        text = text.rstrip(b"\0").decode("utf-8", errors="replace")
    try:
        words = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}


def summary_of_stack(path: Path) -> tuple[dict[str, Any], bool]:
    """Return what is said of all images of a stack, before the first, and whether descriptions are to follow the last."""
    with path.open("rb") as file:
        start = file.read(_HEADER)
        order = "<" if start[:2] == b"II" else ">"
        numbers = struct.unpack(f"{order}10I", start.ljust(_HEADER, b"\0"))
        for at in (9, 5, 6):  # of Micro-Manager, of NDTiff 2 and of NDTiff 3
            if numbers[at - 1] == _SUMMARY:
                file.seek(4 * (at + 1))
                return words_of_page(file.read(min(numbers[at], LONGEST_TEXT))), at == 9
    return {}, False


def ndtiff_files(path: Path) -> tuple[tuple[str, int], ...]:
    """Return the files of a recording that NDTiff wrote into several, one for each 4 GB, and the images in each.

    Empty for any other file. They are known by their names, numbered from the second on.

    Raises
    ------
    RecordingError
        The file is not the first of its recording, or one in between is missing.
    """
    name = _NDTIFF.fullmatch(path.name)
    if name is None:
        return ()
    numbers = sorted(
        int(other["number"] or 0)
        for file in path.parent.iterdir()
        if (other := _NDTIFF.fullmatch(file.name)) and other["start"] == name["start"]
    )
    names = [
        f"{name['start']}_{number}.tif" if number else f"{name['start']}.tif"
        for number in range(numbers[-1] + 1)
    ]
    if name["number"] and numbers[0] == 0:
        raise RecordingError(f"{path} is a part of the recording that begins in {names[0]}; give that")
    if lacking := [name for number, name in enumerate(names) if number not in numbers]:
        raise RecordingError(f"{path}: a part of its recording, {lacking[0]}, does not lie beside it")
    directories = [read_directories(path.with_name(name)) for name in names] if len(names) > 1 else []
    return tuple((name, len(found) if found else 0) for name, found in zip(names, directories, strict=False))


def _members(text: str) -> tuple[dict[str, Any], bool]:
    """Return the members of a JSON object, and whether it is whole; of one that is cut, those that are whole."""
    decoder, members = json.JSONDecoder(), {}
    at = re.compile(r"\s*\{\s*").match(text)
    place = at.end() if at else len(text)
    while place < len(text) and text[place] == '"':
        try:
            key, place = decoder.raw_decode(text, place)
            place = _after(text, place, ":")
            members[key], place = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError):
            return members, False
        place = _after(text, place, ",")
    return members, text[place : place + 1] == "}"


def _after(text: str, place: int, sign: str) -> int:
    """Return the place behind a sign and the blanks around it."""
    found = re.compile(rf"\s*{sign}?\s*").match(text, place)
    return found.end() if found else place


def _file_of(key: str, words: Mapping[str, Any]) -> str:
    """Return the name of the file of a frame."""
    path = (
        key.removeprefix("Metadata-") if key.startswith("Metadata-") else str(_value(words.get("FileName")))
    )
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _exposure(frames: Sequence[Mapping[str, Any]], camera: str) -> tuple[float | None, tuple[str, ...]]:
    """Return the exposure of all frames; None, with the reason, if it changes."""
    said = [_number(frame, "Exposure-ms", "ExposureMs", "Exposure", f"{camera}-Exposure") for frame in frames]
    found = [value for value in said if value is not None and value > 0]
    if not found:
        return None, ()
    if max(found) > (1 + _SAME) * min(found):
        return None, (f"its exposure changes from {min(found):g} to {max(found):g} ms: none was taken",)
    return found[0] / 1e3, ()


def _reported(first: Mapping[str, Any], summary: Mapping[str, Any], camera: str) -> dict[str, Any]:
    """Return the camera by its name, and the date."""
    model = _text(first, f"{camera}-CameraName")
    name = f"{model} ({camera})" if model and camera and model != camera else model or camera
    date = _date(
        _text(summary, "StartTime", "Time", "DateAndTime") or _text(first, "ReceivedTime", "Time", "Date")
    )
    return {key: value for key, value in (("camera_name", name), ("date", date)) if value}


def _date(text: str) -> str:
    """Return a date, with the time if its zone is said, as ISO 8601 has them; empty for any other text."""
    found = _DATE.fullmatch(text)
    if found is None:
        return ""
    *parts, time, hours, minutes = found.groups()
    day = "-".join(parts)
    return f"{day}T{time}{hours}:{minutes}" if hours else day


def _binning(text: str) -> int | None:
    """Return the binning from "2" or "2x2"; None for one that differs between the edges."""
    found = re.fullmatch(r"(\d+)(?:\.0*)?(?:x(\d+))?", text.strip())
    if found is None or found[2] not in (None, found[1]):
        return None
    return int(found[1]) or None


def _bits(value: float | None) -> int | None:
    return int(value) if value is not None and value in range(1, 17) else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _number(words: Mapping[str, Any], *keys: str) -> float | None:
    """Return the first of some values that is a finite number."""
    for key in keys:
        try:
            value = float(_value(words.get(key)))
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):
            return value
    return None


def _text(words: Mapping[str, Any], *keys: str) -> str:
    """Return the first of some values that is not empty."""
    return next((str(value) for key in keys if (value := _value(words.get(key))) not in (None, "")), "")


def _value(said: Any) -> Any:
    """Return a value, which betas of 2.0 wrote with its type beside it."""
    return said.get("PropVal") if isinstance(said, dict) else said
