"""A recording as a `FrameSource`: it combines the file with its side-car and with values given by the user."""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from nta.calibration.conditions import CONDITION_NUMBERS, CONDITION_TEXTS
from nta.errors import RecordingError, SettingError
from nta.frames import (
    CAMERA_CALIBRATION,
    CAMERA_STATED,
    LARGEST_PIXEL_UM,
    CameraState,
    Frame,
    RecordingReport,
    same_image,
)
from nta.io.recordings.reader import Claim, Reader, Shot, Tally
from nta.physics import exposure_fits

_CAMERA_FIELDS = (*CAMERA_STATED, *CAMERA_CALIBRATION, "binning")
_CONDITIONS = (*CONDITION_NUMBERS, *CONDITION_TEXTS)
_SAME = 2e-3  # relative tolerance for rounding, as 30 Hz for 29.97
# bit depths of cameras with two bytes per pixel; a dim recording does not mean fewer bits
_DEPTHS = 12, 14, 16
_RATES_HZ = (0.01, 1e6)
# relative tolerance: by time stamps, an interval may seem shorter than a shutter that is always open
_CLOCK_DOUBT = 0.02
_LONGEST_GAP = 100_000  # frames, an hour at 30 Hz; a longer gap is a fault of the numbering
_FRAMES_TO_LOOK_AT = 12
"""Number of frames, spread over the recording, from which the bit depth is estimated if it is not stated."""


class Recording:
    """A recorded file: read lazily at native depth, one frame in memory at a time.

    No file is open except while `frames()` is being iterated; leaving the context closes what is still open.
    """

    def __init__(
        self,
        reader: Reader,
        said: Mapping[str, Any],
        sidecar: Mapping[str, Any],
        name: str,
        remarks: Sequence[str] = (),
    ) -> None:
        self._reader = reader
        self._name = name
        own, refused = _believable(reader.claim, said.get("frame_rate_hz") or sidecar.get("frame_rate_hz"))
        ranked = _ranked(own, said, sidecar)
        self._remarks = [*remarks, *_corrections(ranked), *refused]
        self._tally = self._fresh_tally()
        self._open: weakref.WeakSet[Generator[Frame, None, None]] = weakref.WeakSet()
        self._sources = {key: words[0][0] for key, words in ranked.items()}
        values = {key: words[0][1] for key, words in ranked.items()}
        if values.get("bit_depth") is None:
            values["bit_depth"] = self._looked_up_depth()
            self._sources["bit_depth"] = "brightest pixel"
        elif self._sources["bit_depth"] == "recording" and (
            depth := self._contradicting_depth(values["bit_depth"])
        ):
            values["bit_depth"], self._sources["bit_depth"] = depth, "brightest pixel"
        self._tally = self._fresh_tally()
        rate = values.get("frame_rate_hz")
        values["frame_rate_hz"] = None if rate is None else float(rate)
        claim = reader.claim
        try:
            self._camera = CameraState(width_px=claim.width_px, height_px=claim.height_px, **values)
        except SettingError as error:
            raise SettingError(f"{name}: {error}") from None
        extra = {key: value for key, value in sidecar.items() if key not in _CAMERA_FIELDS}
        self._sources |= dict.fromkeys((key for key in _CONDITIONS if key in claim.metadata), "recording")
        self._sources |= dict.fromkeys(extra, "side-car")
        self._metadata = {**claim.metadata, **extra, "format": claim.format, "sources": self._sources}
        if claim.clock is not None:
            self._metadata["clock"] = claim.clock
        if overruled := _overruled(ranked):
            self._metadata["overruled"] = {**claim.metadata.get("overruled", {}), **overruled}

    @property
    def name(self) -> str:
        """The file or folder as the user named it."""
        return self._name

    @property
    def camera(self) -> CameraState:
        """Camera settings: given by the user, else by the side-car, else by the file."""
        return self._camera

    @property
    def metadata(self) -> dict[str, Any]:
        """Other recorded values; `sources` names the source of each value, `clock` that of the times.

        overruled : by name, the value replaced by the user, and its source ("side-car", else "recording").
        """
        return self._metadata

    @property
    def report(self) -> RecordingReport:
        """Claimed frames and those found so far; complete once `frames()` is exhausted."""
        return self._tally.report()

    def frames(self) -> Iterator[Frame]:
        """Yield the complete frames from the first on; may be called again."""
        frames = self._frames()
        self._open.add(frames)
        return frames

    def close(self) -> None:
        """Close files left open by an unfinished iteration."""
        for frames in list(self._open):
            frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out open iterations: an unpickled copy has none."""
        return {**vars(self), "_open": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _open=weakref.WeakSet())

    def __repr__(self) -> str:
        c = self._camera
        kind = self._reader.claim.format
        return f"<Recording {self._name}: {kind}, {c.width_px} x {c.height_px}, {c.bit_depth} bit>"

    def _frames(self) -> Generator[Frame, None, None]:
        tally = self._tally = self._fresh_tally()
        clock = _Clock(
            self._reader.claim.clock, self._camera.frame_rate_hz, self._sources.get("frame_rate_hz")
        )
        full_scale = 2**self._camera.bit_depth - 1
        before: Shot | None = None
        damaged_before = 0
        for shot in _numbered_on(self._reader.shots(tally), tally):
            tally.found += 1
            if before is not None:
                missing = shot.index - before.index - 1
                tally.lost += max(missing - (tally.damaged - damaged_before), 0)
                tally.repeated += same_image(shot.image, before.image)
            damaged_before = tally.damaged
            stored = 8 * shot.image.itemsize
            if self._camera.bit_depth > stored:
                raise SettingError(
                    f"{self._name}: its pixels have {stored} bits, not the {self._camera.bit_depth} that "
                    f"{_stater(self._sources['bit_depth'])} states; correct it (--bit-depth)"
                )
            if self._camera.bit_depth < stored and (brightest := int(shot.image.max())) > full_scale:
                self._remark_on_depth(brightest, tally)
            yield Frame(shot.image, shot.index, clock.time_s(shot), shot.host_time_ns, shot.device_time_ns)
            before = shot
        if tally.found == 0:
            words = "; ".join([f"{tally.damaged} damaged", *tally.remarks()])
            raise RecordingError(f"{self._name} holds no whole frame ({words})")

    def _remark_on_depth(self, brightest: int, tally: Tally) -> None:
        """Refuse a stated bit depth that the pixels exceed; add a remark if the file states it."""
        depth, source = self._camera.bit_depth, self._sources["bit_depth"]
        if source in ("user", "side-car"):
            raise SettingError(
                f"{self._name}: pixels of {brightest} go beyond what {depth} bits hold; "
                f"correct the bit depth that {_stater(source)} states (--bit-depth)"
            )
        tally.note(f"there are pixels above {2**depth - 1}: it is not {depth} bit")

    def _looked_up_depth(self) -> int:
        """Return a bit depth that cameras have, large enough for the brightest pixel."""
        brightest = self._brightest()
        depth = _depth_of(brightest)
        self._remarks.append(
            f"nobody says the bit depth; {depth} bit, as the brightest pixel looked at is {brightest}"
        )
        return depth

    def _contradicting_depth(self, claimed: int) -> int | None:
        """Return the depth of the pixels if it is more than the file claims."""
        if (self._reader.claim.stored_bits or 0) <= claimed or (brightest := self._brightest()) < 2**claimed:
            return None
        depth = _depth_of(brightest)
        self._remarks.append(
            f"it claims {claimed} bit, but there are pixels of {brightest}: {depth} bit were taken"
        )
        return depth

    def _brightest(self) -> int:
        """Return the brightest pixel of frames spread over the recording."""
        count = self._reader.claim.frames or _FRAMES_TO_LOOK_AT
        spread = sorted({round(k) for k in np.linspace(0, count - 1, _FRAMES_TO_LOOK_AT)})
        shots = self._reader.shots(Tally(self._reader.claim), spread)
        brightest = max(
            (int(s.image.max()) for s in itertools.islice(shots, _FRAMES_TO_LOOK_AT)), default=None
        )
        if isinstance(shots, Generator):
            shots.close()
        if brightest is None:
            raise RecordingError(f"{self._name} holds no whole frame")
        return brightest

    def _fresh_tally(self) -> Tally:
        tally = Tally(self._reader.claim)
        for remark in self._remarks:
            tally.note(remark)
        return tally


def _depth_of(brightest: int) -> int:
    return next(bits for bits in _DEPTHS if brightest < 2**bits)


def _numbered_on(shots: Iterator[Shot], tally: Tally) -> Iterator[Shot]:
    """Yield shots; an absurdly large step of number or time stamp is treated as a fault, not as a gap."""
    last, too_much = -1, 0
    for shot in shots:
        if shot.index - too_much - last > _LONGEST_GAP:
            tally.note(
                f"the number of a frame, or its time, jumps by {shot.index - too_much - last} frames: that is no loss, and "
                "it was numbered on from the frame before"
            )
            too_much = shot.index - last - 1
        last = shot.index - too_much
        yield replace(shot, index=last) if too_much else shot


class _Clock:
    """Seconds since the first frame, from the best available clock."""

    def __init__(self, clock: str | None, frame_rate_hz: float | None, rate_source: str | None) -> None:
        self._clock = clock
        if clock == "container" and rate_source != "recording":
            self._clock = None  # a corrected frame rate of a film also replaces its time stamps
        self._rate = frame_rate_hz
        self._start: float | None = None

    def time_s(self, shot: Shot) -> float:
        now = self._reading(shot)
        if self._start is None:
            self._start = now
        return (now - self._start) * (1e-9 if self._clock in ("device", "host") else 1.0)

    def _reading(self, shot: Shot) -> float:
        reading: float | None
        if self._clock == "device":
            reading = shot.device_time_ns
        elif self._clock == "host":
            reading = shot.host_time_ns
        elif self._clock == "container":
            reading = shot.container_time_s
        else:
            reading = float("nan") if self._rate is None else shot.index / self._rate
        if reading is None:
            raise RecordingError(f"frame {shot.index} carries no {self._clock} time, though others do")
        return reading


_Ranked = dict[str, list[tuple[str, Any]]]
"""Sources and values by field of the camera: user before side-car before recording."""


def _ranked(own: Mapping[str, Any], said: Mapping[str, Any], sidecar: Mapping[str, Any]) -> _Ranked:
    of_all = (("user", said), ("side-car", sidecar), ("recording", own))
    ranked = {
        key: [(who, words[key]) for who, words in of_all if words.get(key) is not None]
        for key in _CAMERA_FIELDS
    }
    return {key: words for key, words in ranked.items() if words}


def _believable(claim: Claim, stated_hz: Any) -> tuple[dict[str, Any], list[str]]:
    """Return what a file claims of its camera, and remarks on what no camera has, which is not taken.

    stated_hz : the frame rate by which somebody corrects the file's own.
    """
    own: dict[str, Any] = {
        "frame_rate_hz": claim.frame_rate_hz,
        "exposure_s": claim.exposure_s,
        "pixel_size_um": claim.pixel_size_um,
        "bit_depth": claim.bit_depth,
        **claim.camera,
    }
    remarks = []
    low, high = _RATES_HZ
    if claim.frame_rate_hz is not None and not low <= claim.frame_rate_hz <= high:
        own["frame_rate_hz"] = None
        rate = f"its frame rate of {float(claim.frame_rate_hz):.4g} Hz is none of a camera ({low:g} to {high:g} Hz)"
        remarks.append(f"{rate}, and was not taken")
    if claim.pixel_size_um is not None and not 0 < claim.pixel_size_um <= LARGEST_PIXEL_UM:
        own["pixel_size_um"] = None
        size = f"its pixel size of {claim.pixel_size_um:.4g} um is none in the sample plane of a microscope"
        remarks.append(f"{size}, and was not taken")
    if claim.exposure_s is not None and stated_hz is None and own["frame_rate_hz"] is not None:
        interval_s = 1 / float(own["frame_rate_hz"])
        if not exposure_fits(claim.exposure_s, interval_s):
            shutter_open = claim.exposure_s <= (1 + _CLOCK_DOUBT) * interval_s
            own["exposure_s"] = interval_s if shutter_open else None
            if not shutter_open:
                remarks.append(
                    f"its exposure of {1e3 * claim.exposure_s:.4g} ms does not fit in its frame interval of "
                    f"{1e3 * interval_s:.4g} ms, and was not taken"
                )
    return own, remarks


def _overruled(ranked: _Ranked) -> dict[str, dict[str, Any]]:
    """Return the values replaced by the user; those of a side-car rather than those of the file."""
    return {
        key: {"value": float(words[1][1]), "by": words[1][0]}
        for key, words in ranked.items()
        if words[0][0] == "user" and len(words) > 1 and _apart(words[0][1], words[1][1])
    }


def _corrections(ranked: _Ranked) -> Iterator[str]:
    """Return remarks on values of the side-car that differ from those of the file."""
    for key, words in ranked.items():
        by = dict(words)
        if "side-car" in by and "recording" in by and _apart(by["side-car"], by["recording"]):
            yield f"{key}: the file claims {float(by['recording']):.6g}, its side-car says {float(by['side-car']):.6g}"


def _stater(source: str) -> str:
    return "the user" if source == "user" else "its side-car"


def _apart(one: Any, other: Any) -> bool:
    return not math.isclose(one, other, rel_tol=_SAME)
