"""From frames to spots: one streaming detector for recordings and for live views."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nta.cores import cores
from nta.errors import RecordingError, SettingError
from nta.frames import CameraState, Frame, Image, same_image
from nta.progress import Progress
from nta.spots.columns import CHI2, ERROR, FLAGS, N_TABLE, SNR, B, N, S, X, Y
from nta.spots.learned import Learned
from nta.spots.learning import PRIME_FRAMES, check_alike, learn
from nta.spots.settings import DetectionSettings
from nta.spots.table import Scene, SpotFlag, Spots, join_spots

CHUNK = 32  # frames that one thread searches in a row
CHUNK_BYTES = 16 * 2**20  # most bytes of these frames together: large frames come in smaller chunks
LAST_INDEX = np.iinfo(np.int32).max  # largest frame index that a table of spots can hold
MOST_MISSING = 1_000_000  # frames in a row; a longer gap, 1.7 hours at 160 Hz, means a wrong frame counter


def detect_spots(
    frames: Iterable[Frame],
    settings: DetectionSettings | None = None,
    camera: CameraState | None = None,
    progress: Progress | None = None,
) -> Spots:
    """Find the spots of all frames.

    Parameters
    ----------
    frames
        Frames of one recording, in order.
    settings
        None: the defaults.
    camera
        State of the camera; gain, offset and read noise are estimated from the frames if missing.
    progress
        Called with the number of frames searched so far.

    Raises
    ------
    RecordingError
        There are no frames, their size or pixel type changes, or their indices do not increase.
    """
    settings = settings or DetectionSettings()
    with SpotDetector(settings, camera) as detector:
        return join_spots(list(detector.stream(detector.primed(frames), progress)))


class SpotDetector:
    """Finds spots chunk by chunk, after learning from the first frames.

    The spots of a frame depend only on that frame and on the result of `prime`: chunks of any length, any number of
    threads, live or from a file, give identical spots.
    """

    def __init__(self, settings: DetectionSettings | None = None, camera: CameraState | None = None) -> None:
        self.settings = settings or DetectionSettings()
        self.camera = camera
        self._learned: Learned | None = None
        self._engine: _Engine | None = None
        self._threads = self.settings.threads or cores()
        if self.settings.engine == "trackpy":
            # trackpy never releases the interpreter's lock, and its warnings are silenced process-wide
            self._threads = 1
        self._pool: ThreadPoolExecutor | None = None
        self._chunk = CHUNK

    def __enter__(self) -> SpotDetector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    @property
    def learned(self) -> Learned:
        """Result of `prime`."""
        if self._learned is None:
            raise SettingError(
                "the detector has seen no frames yet; call prime(frames) with the first frames"
            )
        return self._learned

    def prime(self, frames: Sequence[Frame]) -> None:
        """Learn contrast, spot width, noise and background from the first frames (50-100 are enough)."""
        self._learned = learn(frames, self.settings, self.camera)
        self._engine = _Engine(self._learned, self.settings)
        self._chunk = int(np.clip(CHUNK_BYTES // self._learned.example_image.nbytes, 1, CHUNK))

    def primed(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Learn from the first of these frames, then yield all but copies of the frame before; none is kept in memory."""
        stream = _without_copies(frames)
        head = deque(islice(stream, PRIME_FRAMES))
        self.prime(list(head))
        while head:
            yield head.popleft()
        yield from stream

    def detect(self, frames: Sequence[Frame]) -> Spots:
        """Find the spots of these frames."""
        if self._engine is None:
            self.prime(frames)
        return join_spots(list(self.stream(iter(frames), None)))

    def stream(self, frames: Iterator[Frame], progress: Progress | None = None) -> Iterator[Spots]:
        """Yield the spots chunk by chunk, in order, while threads search the next chunks."""
        waiting: deque[Future[Spots]] = deque()
        done, before = 0, -1
        while True:
            chunk = list(islice(frames, self._chunk))
            before = _last_index(chunk, before)
            if chunk:
                waiting.append(self._submit(chunk))
            while waiting and (not chunk or len(waiting) > self._threads):
                spots = waiting.popleft().result()
                done += spots.scene.n_frames
                if progress is not None:
                    progress(done)
                yield spots
            if not chunk:
                return

    def _submit(self, chunk: list[Frame]) -> Future[Spots]:
        if self._threads == 1:
            future: Future[Spots] = Future()
            future.set_result(self._search(chunk))
            return future
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="nta-spots")
        return self._pool.submit(self._search, chunk)

    def _search(self, chunk: list[Frame]) -> Spots:
        assert self._engine is not None
        check_alike(chunk, self.learned.example_image)
        return _spots(chunk, self._engine.search(chunk), self.learned, self.settings)


def _without_copies(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Leave out frames that repeat the one before bit by bit: they show no moment of their own, and become gaps.

    An image of one grey value is no copy, because without noise every empty frame looks like that.
    """
    before: Image | None = None
    for frame in frames:
        if before is None or not same_image(frame.image, before) or np.ptp(frame.image) == 0:
            yield frame
        before = frame.image


def _last_index(chunk: Sequence[Frame], before: int) -> int:
    """Return the index of the last frame; refuse indices that do not increase, or that leave an impossible gap."""
    for frame in chunk:
        if not before < frame.index:
            raise RecordingError(f"frame {frame.index} comes after frame {before}: frame numbers must rise")
        if frame.index > LAST_INDEX or 0 <= before < frame.index - MOST_MISSING:
            after = f"comes after frame {before}" if before >= 0 else "is the first"
            raise RecordingError(
                f"frame {frame.index} {after}: no recording has so many frames, the frame counter is wrong"
            )
        before = frame.index
    return before


class _Engine:
    """Runs the kernels frame by frame; each working thread takes one set of buffers from a queue.

    A thread keeps its buffers for all frames of a chunk: exchanging them at every frame would lose the processor's cache.
    """

    def __init__(self, learned: Learned, settings: DetectionSettings) -> None:
        self._spare: queue.SimpleQueue[_Search] = queue.SimpleQueue()
        self._make: Callable[[], _Search] = partial(_search_of(settings), learned, settings)

    def search(self, frames: Sequence[Frame]) -> list[NDArray[np.float64]]:
        try:
            worker = self._spare.get_nowait()
        except queue.Empty:
            worker = self._make()
        try:
            return [worker.search(frame.image) for frame in frames]
        finally:
            self._spare.put(worker)


class _Search(Protocol):
    """An engine that searches one frame at a time."""

    def search(self, image: Image) -> NDArray[np.float64]:
        """Return one row per spot, camera px and photo-electrons; see `nta.spots.columns`."""
        ...


def _search_of(settings: DetectionSettings) -> Callable[[Learned, DetectionSettings], _Search]:
    """Return the chosen engine."""
    if settings.engine == "trackpy":
        from nta.spots.peers import TrackpySearch

        return TrackpySearch
    if settings.engine == "reference":
        from nta.spots.reference import ReferenceSearch

        return ReferenceSearch
    from nta.spots.fast import FrameSearch

    return FrameSearch


def _spots(
    chunk: Sequence[Frame],
    tables: Sequence[NDArray[np.float64]],
    learned: Learned,
    settings: DetectionSettings,
) -> Spots:
    """Convert the rows of an engine to a table of spots."""
    rows = np.concatenate(tables) if tables else np.empty((0, N_TABLE))
    frame = np.repeat([f.index for f in chunk], [len(t) for t in tables])
    flags = rows[:, FLAGS].astype(np.uint16)
    flags[_on_pattern(rows, learned)] |= np.uint16(SpotFlag.FIXED)
    scene = Scene(
        width_px=learned.width_px,
        height_px=learned.height_px,
        bit_depth=learned.bit_depth,
        contrast="dark" if learned.dark else "bright",
        camera=learned.camera,
        spot_width_px=learned.spot_width_px,
        threshold_sd=settings.threshold_sd,
        frame_index=np.array([f.index for f in chunk], np.int64),
        frame_time_s=np.array([f.time_s for f in chunk], np.float64),
        example_image=learned.example_image,
        background=learned.background,
        saturated_fraction=float((flags & int(SpotFlag.SATURATED) != 0).mean()) if flags.size else 0.0,
        clutter=learned.layers[0].clutter,
    )
    return Spots(
        frame=frame,
        x_px=rows[:, X],
        y_px=rows[:, Y],
        intensity=rows[:, N].astype(np.float32),
        background=rows[:, B].astype(np.float32),
        width_px=rows[:, S].astype(np.float32),
        localization_error_px=rows[:, ERROR].astype(np.float32),
        chi2=rows[:, CHI2].astype(np.float32),
        flags=flags,
        snr=rows[:, SNR].astype(np.float32),
        scene=scene,
    )


def _on_pattern(rows: NDArray[np.float64], learned: Learned) -> NDArray[np.bool_]:
    """Whether the centre of each spot is on or beside a hot pixel or burnt-in text."""
    near = learned.near_pattern
    if not near.size:
        return np.zeros(len(rows), dtype=bool)
    h, w = near.shape
    y = np.clip(np.rint(rows[:, Y]).astype(int), 0, h - 1)
    x = np.clip(np.rint(rows[:, X]).astype(int), 0, w - 1)
    return np.asarray(near[y, x])
