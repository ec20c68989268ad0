"""Compressed films (AVI, MP4, MOV, MKV, ...) through PyAV, grey without a colour conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.reader import Claim, Shot, Tally

if TYPE_CHECKING:
    import av

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_RANGE_NOTE = "luma of the range 16-235 stretched to 0-255 (in proportion at higher depth)"
_UNREADABLE = (OSError, ValueError, EOFError)


class FilmReader:
    """The first video stream of a film."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as container:
            stream = container.streams.video[0]
            self._rate = _frame_rate(stream)
            context = stream.codec_context
            first = _first_frame(container, path)
            codec = context.codec
            kind = first.format.name
            self.claim = Claim(
                format=f"{container.format.name.split(',')[0]}, {codec.name} {kind}",
                width_px=first.width,
                height_px=first.height,
                bit_depth=_bit_depth(first),
                frame_rate_hz=self._rate,
                metadata={f"film_{key}": str(value) for key, value in container.metadata.items()},
                frames=stream.frames or None,
                lossy_codec=codec.name if codec.lossy else None,
                clock="container" if first.pts is not None and not _is_steady(stream) else None,
            )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the frames that can be decoded; `positions` are not used."""
        del positions
        clock = _FilmIndex(self._rate)
        for frame in _decoded(self.path, tally):
            pixels = _grey_image(frame, tally)
            if pixels.shape != (self.claim.height_px, self.claim.width_px):
                tally.damaged += 1
                tally.note(f"the film changes its size to {pixels.shape[1]} x {pixels.shape[0]} px")
                continue
            time_s = (
                None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            )
            yield Shot(clock.index(frame), pixels, container_time_s=time_s)
        if self.claim.frames is not None and tally.found + tally.damaged < self.claim.frames:
            tally.note(f"{self.claim.frames} frames claimed, {tally.found} found")


class _FilmIndex:
    """Index of each frame from its time stamp, so that a frame that was dropped leaves a gap."""

    def __init__(self, rate: Fraction | None) -> None:
        self._rate = rate
        self._index = -1
        self._pts: int | None = None

    def index(self, frame: av.VideoFrame) -> int:
        step = 1
        if self._rate is not None and None not in (frame.pts, self._pts, frame.time_base):
            step = max(1, round((frame.pts - self._pts) * frame.time_base * self._rate))  # type: ignore[operator]
        self._index += step
        self._pts = frame.pts
        return self._index


def _opened(path: Path) -> av.container.InputContainer:
    import av

    try:
        container = av.open(str(path))
    except _UNREADABLE as error:
        hint = ""
        if "moov" in str(error) or "Invalid data" in str(error):
            hint = "; an MP4 or MOV that was cut has lost its index: record HDF5, AVI or MKV"
        raise RecordingError(f"{path} cannot be read as a film: {_words(error)}{hint}") from error
    if not container.streams.video:
        container.close()
        raise RecordingError(f"{path} holds no video stream")
    return container


def _first_frame(container: Any, path: Path) -> av.VideoFrame:
    for packet in container.demux(container.streams.video[0]):
        try:
            for frame in packet.decode():
                return frame  # type: ignore[no-any-return]
        except _UNREADABLE:
            continue
    raise RecordingError(f"{path} is a film without a single frame that can be decoded")


def _decoded(path: Path, tally: Tally) -> Iterator[av.VideoFrame]:
    """Yield what can be decoded, going on after a packet that cannot."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"err_detect": "crccheck+explode"}  # an error, not a concealed frame
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except _UNREADABLE as error:
                tally.truncated = True
                tally.note(f"the film ends in the middle ({_words(error)})")
                return
            try:
                frames = packet.decode()
            except _UNREADABLE as error:
                tally.damaged += 1
                tally.note(f"frames that cannot be decoded ({_words(error)})")
                continue
            yield from frames


def _frame_rate(stream: Any) -> Fraction | None:
    """Return the rate as an exact fraction: by the time stamps of the index, else by the header."""
    steps = _steps(stream)
    if len(steps) and stream.time_base:
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        return 1 / (int(np.median(steps)) * base)
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate.numerator, rate.denominator) if rate else None


def _steps(stream: Any) -> NDArray[np.int64]:
    """Return the steps between the time stamps of the index, empty where it does not list every frame."""
    entries = stream.index_entries
    if not stream.frames or len(entries) != stream.frames or len(entries) < 2:
        return np.empty(0, np.int64)
    stamps: NDArray[np.int64] = np.sort(np.array([entry.timestamp for entry in entries], dtype=np.int64))
    steps = stamps[1:] - stamps[:-1]
    return steps if steps.min() > 0 else np.empty(0, np.int64)


def _is_steady(stream: Any) -> bool:
    steps = _steps(stream)
    return len(steps) > 0 and bool((steps == steps[0]).all())


def _bit_depth(frame: av.VideoFrame) -> int | None:
    bits = max(component.bits for component in frame.format.components)
    return None if bits == 16 else max(bits, 8)


def _grey_image(frame: av.VideoFrame, tally: Tally) -> Image:
    """Return the grey plane as it is stored; limited range is stretched, RGB goes by the colour rule."""
    layout = frame.format
    if layout.is_rgb or layout.has_palette:
        deep = max(component.bits for component in layout.components) > 8
        image, coloured = grey(frame.to_ndarray(format="rgb48le" if deep else "rgb24"))
        if coloured:
            tally.note(LUMA_NOTE)
        return image
    if not layout.is_planar and len(layout.components) > 1:
        frame = frame.reformat(format="yuv422p")  # a packed format taken apart, values unchanged
        layout = frame.format
    bits = layout.components[0].bits
    luma = _plane(frame, np.dtype("u1") if bits <= 8 else np.dtype(">u2" if layout.is_big_endian else "<u2"))
    if layout.name.startswith(("gray", "yuvj")) or frame.color_range == _FULL_RANGE:
        return luma
    tally.note(_RANGE_NOTE)
    return _stretched(luma, bits)


def _plane(frame: av.VideoFrame, dtype: np.dtype[Any]) -> Image:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    pixels = rows[:, : frame.width * dtype.itemsize].copy().view(dtype)
    image: Image = pixels.astype(dtype.newbyteorder("="), copy=False)
    return image


def _stretched(luma: Image, bits: int) -> Image:
    """Undo the head and foot room of video: black at 16, white at 235 of 255 (ITU-R BT.601-7, table 3)."""
    black, white, full = 16 << (bits - 8), 235 << (bits - 8), (1 << bits) - 1
    table = np.clip(np.rint((np.arange(1 << bits) - black) * (full / (white - black))), 0, full).astype(
        luma.dtype
    )
    return table[luma]  # type: ignore[no-any-return]


def _words(error: BaseException) -> str:
    return str(error).split("; last error log")[0].splitlines()[0]
