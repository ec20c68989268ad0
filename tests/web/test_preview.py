"""A preview speaks of now: its analysis begins anew, and between two of them nothing goes blank or is forgotten."""

from types import SimpleNamespace

import numpy as np

from nta.frames import Frame
from nta.live import Snapshot
from nta.web.preview import Preview


class Analysis:
    """What a live analysis is to a preview; it has found 7 spots in every frame once it has three of them."""

    def __init__(self, found):
        self.frames, self.found, self.closed = [], found, False

    def push(self, frame):
        self.frames.append(frame)

    def telemetry(self, name, value):
        self.temperature_c = value

    def snapshot(self):
        n = len(self.frames)
        lost = self.frames[-1].index + 1 - n if n else 0
        return Snapshot(frames=n, frames_lost=lost, recent_spots=(7,) * n if n >= 3 else ())

    def close(self):
        self.closed = True


def _frame(index):
    return Frame(np.zeros((4, 4), np.uint8), index, float(index))


def test_it_begins_anew_and_what_was_known_stands_until_then():
    begun, told = [], []

    def begin(found):
        begun.append(Analysis(found))
        return begun[-1]

    preview = Preview(begin, lambda spots, first: told.append((spots, first)))
    assert preview.snapshot() == Snapshot()
    for index in [*range(100, 110), *range(112, 131)]:  # two are lost
        preview.push(_frame(index))
    (first,) = begun
    assert [first.frames[0].index, first.frames[0].time_s] == [0, 0.0]
    assert preview.snapshot().frames_lost == 2
    preview.push(_frame(131))
    assert preview.snapshot().recent_spots == (7,) * 29, "the new one knows nothing yet"
    assert preview.snapshot().frames_lost == 2
    for index in range(132, 136):
        preview.push(_frame(index))
    assert preview.snapshot().recent_spots == (7,) * 5
    assert [frame.index for frame in begun[1].frames] == [0, 1, 2, 3, 4]
    begun[1].found(SimpleNamespace())
    assert told[0][1] == 131, "spots are told with the frame that they count from"
    preview.forget()
    preview.push(_frame(136))
    assert preview.snapshot().recent_spots == (), "after a change of the light nothing of before holds"
    assert preview.snapshot().frames_lost == 2
    preview.close()
    preview.join()
    assert [one.closed for one in begun] == [True, True, True]
