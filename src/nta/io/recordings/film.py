"""Read compressed films (AVI, MP4, MOV, MKV, ...) with PyAV: the claims of the file, and its complete frames.

A decoder hides damage: it repeats or patches frames, and reports it only in its log. Packets are therefore decoded one
by one in this thread while that log is read. After an error, all frames until the next key frame are discarded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.clock import numbered, rate_of_clock
from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.film_log import listening
from nta.io.recordings.film_pixels import bit_depth, grey_image, is_full_range
from nta.io.recordings.reader import Claim, Shot, Tally

if TYPE_CHECKING:
    import av

_NOTES_KEPT = 3
_LOOKED_AT = 5  # frames from which interlacing and the range of the luma are recognised
_STARTS_LATE = 3  # frames; a film with reordered frames may begin late by this number
_STARTS_ANYWHERE = ("mpeg",)  # formats whose time stamps do not begin at 0
_INDEX_LAST = (".mp4", ".mov", ".m4v")
# what ffmpeg makes of 16 bits in QuickTime, also where it wrote them as grey
_GREY_OR_COLOUR = ("rgb555", "bgr555")
_HARMLESS = ("overread",)  # the JPEG of some cameras ends a few bytes late; the image is complete
_Found = tuple[Image | None, Fraction | None, str, int]


class FilmReader:
    """The first video stream of a film.

    known_hz : the frame rate that somebody states, for time stamps that may be of two.
    """

    def __init__(self, path: Path, known_hz: float | None = None) -> None:
        self.path = path
        complaints: list[str] = []
        with _opened(path, complaints) as container:
            stream = container.streams.video[0]
            steps = _steps(stream)
            self._rate = _frame_rate(stream, steps, known_hz)
            frames = _first_frames(container, path)
            first = frames[0]
            self._full_range = is_full_range(frames)
            codec = stream.codec_context.codec
            self._steady = len(steps) > 0 and bool((steps == steps[0]).all())
            self.claim = Claim(
                format=f"{container.format.name.split(',')[0]}, {codec.name} {first.format.name}",
                width_px=first.width,
                height_px=first.height,
                bit_depth=bit_depth(first),
                frame_rate_hz=self._rate,
                metadata={"is_film": True}
                | {f"film_{key}": str(value) for key, value in container.metadata.items()},
                frames=stream.frames or None,
                lossy_codec=codec.name if codec.lossy else None,
                clock=None if first.pts is None or self._steady else "container",
                notes=tuple(f"its structure is damaged ({words})" for words in complaints[:_NOTES_KEPT]),
            )
            self._starts_at_0 = container.format.name not in _STARTS_ANYWHERE
            # elsewhere ffmpeg estimates a duration from bit rates
            told = container.format.name.startswith(("matroska", "mov"))
            self._duration_s = container.duration / 1e6 if told and container.duration else None

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the complete frames; `positions` are not used."""
        del positions
        index, time_s = -1, None
        images = numbered(self._images(tally), self._rate, on_time=self._steady)
        for (image, time_s, complaint, undecoded), index in images:
            tally.damaged += undecoded
            if index == 0 and time_s is not None and self._rate is not None and self._starts_at_0:
                self._note_late(tally, time_s)
            if image is None:
                tally.damaged += 1
                if complaint:
                    tally.note(complaint)
                continue
            yield Shot(index, image, container_time_s=None if time_s is None else float(time_s))
        self._compare(tally, index + 1, time_s)

    def _images(self, tally: Tally) -> Iterator[tuple[_Found, Fraction | None]]:
        """Yield the image of each frame, or why there is none, with its time stamp and how many before it gave no frame."""
        for frame, whole, undecoded in _judged_frames(self.path, tally):
            time_s = _time_s(frame)
            image = grey_image(frame, tally, self.path, full_range=self._full_range) if whole else None
            complaint = ""
            if image is not None and image.shape != (self.claim.height_px, self.claim.width_px):
                complaint = f"the film changes its size to {image.shape[1]} x {image.shape[0]} px"
                image = None
            yield (image, time_s, complaint, undecoded), time_s

    def _note_late(self, tally: Tally, first_s: Fraction) -> None:
        """Note that frames seem to be missing before the first one."""
        missing = round(float(first_s) * float(self._rate or 0))
        if missing > _STARTS_LATE:
            tally.note(
                f"its first frame is at {float(first_s):.3f} s: about {missing} frames may be missing before it"
            )

    def _compare(self, tally: Tally, frames: int, end_s: Fraction | None) -> None:
        """Note that the film ends earlier, or holds fewer frames, than its header says."""
        if self._duration_s is not None and self._rate is not None and end_s is not None:
            cut = float(end_s) + 2.5 / float(self._rate) < self._duration_s
            if cut:
                tally.note(
                    f"its header says {self._duration_s:.3f} s, its frames end at {float(end_s):.3f} s"
                )
            tally.truncated |= cut
        # counted by time stamps, which leave gaps, or one by one
        frames = max(frames, tally.found + tally.damaged)
        if self.claim.frames is not None and frames < self.claim.frames:
            tally.truncated = True
            tally.note(f"its header says {self.claim.frames} frames, {frames} are there")


def _time_s(frame: av.VideoFrame) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * Fraction(frame.time_base.numerator, frame.time_base.denominator)


def _opened(path: Path, heard: list[str] | None = None) -> av.container.InputContainer:
    """Open a film; errors that the library logs without failing are added to `heard`."""
    import av

    container: av.container.InputContainer | None = None
    reason = ""
    with listening() as complaints:
        try:
            container = av.open(str(path))
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = _words(error)
    if container is None:
        reason = ", ".join(complaints) or reason
        raise RecordingError(f"{path} cannot be read as a film ({reason}){_cut_hint(path)}")
    if heard is not None:
        heard.extend(dict.fromkeys(complaints))
    if not container.streams.video:
        container.close()
        raise RecordingError(f"{path} holds no video stream")
    stream: Any = container.streams.video[0]
    if stream.codec_context is None:
        container.close()
        raise RecordingError(f"{path} does not say by which codec its frames were packed{_cut_hint(path)}")
    # with frame threads, an error could not be assigned to its packet
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return container


def _cut_hint(path: Path) -> str:
    if path.suffix.lower() not in _INDEX_LAST:
        return ""
    return "; an MP4 or MOV that was cut has lost its index: copy it anew, and record HDF5, AVI or MKV"


def _first_frames(container: Any, path: Path) -> list[av.VideoFrame]:
    """Return the first few frames of a film; refuse one without any, and one whose images are two fields each."""
    stream = container.streams.video[0]
    decoded = (frame for packet in _packets(container) for frame in packet.frames)
    first = list(islice(decoded, _LOOKED_AT))
    if not first:
        raise RecordingError(f"{path} is a film without a single frame that can be decoded")
    if first[0].format.name.startswith(_GREY_OR_COLOUR) and stream.codec_context.name == "rawvideo":
        raise RecordingError(
            f"{path}: an uncompressed film of 16 bits may be grey or 5-5-5 colour and does not say; export it as TIFF"
        )
    if 2 * sum(bool(frame.interlaced_frame) for frame in first) > len(first):
        raise RecordingError(
            f"{path} is interlaced: each of its images is two moments, one in the odd rows and one in the even ones, and "
            "particles moved between them; sizes would be wrong by a third. Record it progressive. Where only the mark is "
            f"wrong, ffmpeg -i {path.name} -vf setfield=prog -c:v ffv1 progressive.mkv takes it away"
        )
    return first


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A packet with the frames that the decoder returned for it, and the errors it logged."""

    packet: Any
    frames: list[av.VideoFrame]
    complaints: list[str]
    cut: bool  # the file ends in this packet


def _packets(container: Any) -> Iterator[_Decoded]:
    import av

    packets = container.demux(container.streams.video[0])
    while True:
        packet = None
        with listening() as reading:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError, ValueError):
                return
        if packet is None:
            return
        frames: list[av.VideoFrame] = []
        reason = []
        with listening() as complaints:
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError) as error:
                reason = [_words(error)]
        heard = [words for words in complaints if not words.startswith(_HARMLESS)]
        yield _Decoded(packet, frames, heard or reason, cut=packet.is_corrupt or any(map(_is_cut, reading)))


def _is_cut(complaint: str) -> bool:
    return "prematurely" in complaint or "truncat" in complaint.lower()


def _judged_frames(path: Path, tally: Tally) -> Iterator[tuple[av.VideoFrame, bool, int]]:
    """Yield each frame, whether it and the frames it is predicted from are free of errors, and how many before it failed.

    Those that failed gave no frame. They are counted when their turn comes, because frames are read ahead.
    """
    with _opened(path) as container:
        notes: set[str] = set()
        undecoded = 0
        # first and last time stamp with an error since the last good key frame
        bad: tuple[int, int] | None = None
        for decoded in _packets(container):
            pts = decoded.packet.pts
            tally.truncated |= decoded.cut
            notes.update(decoded.complaints[: _NOTES_KEPT - len(notes)])
            if (decoded.complaints or decoded.packet.is_corrupt) and pts is not None:
                bad = (pts, pts) if bad is None else (min(bad[0], pts), max(bad[1], pts))
                undecoded += not decoded.frames and decoded.packet.size > 0
            for frame in decoded.frames:
                whole = not frame.is_corrupt
                if bad is not None and frame.pts is not None and frame.pts >= bad[0]:
                    whole = whole and frame.key_frame and frame.pts > bad[1]
                    bad = None if whole else bad
                yield frame, whole, undecoded
                undecoded = 0
        tally.damaged += undecoded
        for words in sorted(notes):
            tally.note(f"the decoder says: {words}")


def _frame_rate(stream: Any, steps: NDArray[np.int64], known_hz: float | None) -> Fraction | None:
    """Return the rate as an exact fraction: from the step of the index if that is not rounded, else from the header."""
    stated = stream.average_rate or stream.guessed_rate
    rate = Fraction(stated.numerator, stated.denominator) if stated else None
    if not (len(steps) and stream.time_base):
        return rate
    base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
    exact = 1 / (int(np.median(steps)) * base)
    clocked = rate_of_clock(np.cumsum([0, *steps]) * float(1e9 * base), near_hz=known_hz)
    if clocked is None or clocked.agrees_with(float(exact)):
        return exact
    return rate if rate and clocked.agrees_with(float(rate)) else Fraction(clocked.rate_hz)


def _steps(stream: Any) -> NDArray[np.int64]:
    """Return the steps between the time stamps of the index; empty if the index does not list every frame."""
    entries = stream.index_entries
    if not stream.frames or len(entries) != stream.frames or len(entries) < 2:
        return np.empty(0, np.int64)
    stamps: NDArray[np.int64] = np.sort(np.array([entry.timestamp for entry in entries], dtype=np.int64))
    steps = stamps[1:] - stamps[:-1]
    return steps if steps.min() > 0 else np.empty(0, np.int64)


def _words(error: BaseException) -> str:
    """Return the text of an error of ffmpeg, without its number and the name of the call."""
    text = str(error).splitlines()[0]
    return text.split("] ", 1)[-1].split(": '", 1)[0]
