"""The view on its way to a browser: the newest frame when it is asked for, with its own spots; nothing queues up."""

import asyncio
import io
import json
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pictures

from nta.frames import Frame
from nta.web.picture import Painter, Wanted
from nta.web.view import NewestFrames

pytest.importorskip("fastapi", reason="NiceGUI, which brings it, is not installed: pip install -e '.[web]'")
from fastapi import WebSocket, WebSocketDisconnect

from nta.web.stream import Stream


def _frame(index, value=100, kind=np.uint16):
    image = np.full((48, 64), value, kind)
    image[10:14, 20:24] = min(4 * value, np.iinfo(kind).max)
    return Frame(image, index, index / 30)


def _spots(first, counts):
    """Return a table of so many spots in each of the frames from `first` on, as the detector makes it."""
    frame = np.repeat(np.arange(first, first + len(counts)), counts)
    where = np.arange(frame.size, dtype=float)
    scene = SimpleNamespace(frame_index=np.arange(first, first + len(counts)))
    return SimpleNamespace(frame=frame, x_px=where, y_px=where + 0.5, scene=scene)


class Browser:
    """Asks for pictures, and takes them when it likes."""

    def __init__(self, view, asks, origin=None):
        self.headers = {"host": "here:8080"} | ({"origin": origin} if origin else {})
        self.got, self.closed = [], None
        self._view, self._asks = view, list(asks)

    async def accept(self):
        self.accepted = True

    async def close(self, code):
        self.closed = code

    async def receive_text(self):
        if not self._asks:
            raise WebSocketDisconnect(1000)
        before, asked = self._asks.pop(0)
        before()
        return asked

    async def send_bytes(self, message):
        (length,) = struct.unpack(">I", message[:4])
        self.got.append((json.loads(message[4 : 4 + length]), message[4 + length :]))


def _served(view, asks, **how):
    browser = Browser(view, asks, **how)
    asyncio.run(Stream(view).serve(browser))
    return browser


def test_only_the_newest_frame_goes_out_when_it_is_asked_for():
    view = NewestFrames()
    view.begin(12)

    def arrive(*indices):
        return lambda: [view.show(_frame(index)) for index in indices]

    browser = _served(view, [(arrive(*range(100)), "{}"), (arrive(100, 101, 102), "{}"), (arrive(), "{}")])
    heads = [head for head, _ in browser.got]
    assert [head.get("index") for head in heads] == [99, 102, None], (
        "no frame twice; a message tells of the quiet"
    )
    assert heads[0]["width"], heads[0]["height"] == (64, 48)
    picture = np.asarray(Pictures.open(io.BytesIO(browser.got[0][1])))
    assert picture.shape == (48, 64)
    assert picture[12, 22] > 250
    assert picture[40, 40] < 5


def test_several_people_look_at_once_and_a_slow_one_holds_up_nobody():
    view = NewestFrames()
    view.begin(12)
    view.show(_frame(0))
    quick = Browser(view, [(lambda n=n: view.show(_frame(n)), "{}") for n in range(1, 6)])
    slow = Browser(view, [(lambda: None, "{}")])
    slow.send_bytes = lambda _: asyncio.sleep(60)  # takes nothing off the line

    async def both():
        stream = Stream(view)
        waiting = asyncio.create_task(stream.serve(slow))
        await asyncio.wait_for(stream.serve(quick), 10)
        waiting.cancel()

    asyncio.run(both())
    assert [head["index"] for head, _ in quick.got] == [1, 2, 3, 4, 5]


def test_spots_of_frames_that_are_gone_are_said_to_be_late():
    view = NewestFrames()
    view.begin(12)
    for index in range(200):
        view.show(_frame(index))
    asked = json.dumps({"spots": True})
    view.found(_spots(0, [3, 2]))
    late = _served(view, [(lambda: None, asked)]).got[0][0]
    view.found(_spots(190, [3, 2]))
    in_time = _served(view, [(lambda: None, asked)]).got[0][0]
    assert (late["spots"], late["late"]) == (None, True)
    assert (len(in_time["spots"]) > 0, in_time["late"]) == (True, False)


def test_spots_go_with_the_frame_in_which_they_are():
    view = NewestFrames()
    view.begin(12)
    for index in range(5, 10):
        view.show(_frame(index))
    seen = view.newest(with_spots=True)
    assert (seen.frame.index, seen.spots) == (9, None), "none are known yet"
    view.found(_spots(0, [1, 0, 2]), first_index=5)
    seen = view.newest(with_spots=True)
    assert (seen.frame.index, len(seen.spots)) in ((5, 1), (6, 0), (7, 2))
    assert view.newest().frame.index == 9
    # `newest` returns one frame only; the spots of the others are seen inside
    by_index = {kept.frame.index: kept.spots for kept in view._kept}
    assert by_index[7].tolist() == [[1.0, 1.5], [2.0, 2.5]]
    assert len(by_index[6]) == 0
    assert by_index[8] is None
    (head, _) = _served(view, [(lambda: None, json.dumps({"spots": True}))]).got[0]
    assert head["spots"] is not None


def test_the_view_keeps_few_frames_and_begins_anew():
    view = NewestFrames()
    view.begin(8)
    for index in range(1000):
        view.show(_frame(index, 20, np.uint8))
    assert len(view._kept) <= 128
    number = view.newest().number
    view.begin(8)
    assert view.newest() is None
    view.show(_frame(0, 20, np.uint8))
    assert view.newest().number == number + 1, "whoever waits for another frame gets it"


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (10, np.uint16), (12, np.uint16), (16, np.uint16)])
def test_what_is_dark_is_stretched_and_what_is_saturated_is_marked(bits, kind):
    view, full = NewestFrames(), 2**bits - 1
    view.begin(bits)
    image = np.full((256, 256), full // 16, kind)
    image[:, 128:] = full // 8
    image[40:44, 40:44] = full
    view.show(Frame(image, 0, 0.0))
    seen, painter = view.newest(), Painter()
    marked, plain, whole = (
        painter.picture(seen, wanted)
        for wanted in (Wanted(), Wanted(mark=False), Wanted(stretch=False, mark=False))
    )
    assert (marked.full, marked.saturated) == (full, 16)
    assert painter.picture(seen, Wanted()) is marked, "several people cost little more than one"
    red, green, blue = np.asarray(Pictures.open(io.BytesIO(marked.jpeg)))[42, 42].astype(int)
    assert red > green + 60 > blue
    grey = np.asarray(Pictures.open(io.BytesIO(plain.jpeg)))
    assert grey[80, 20] < 20
    assert grey[80, 200] > 235
    dark = np.asarray(Pictures.open(io.BytesIO(whole.jpeg)))
    assert dark[80, 20] == pytest.approx(255 / 16, abs=4)
    assert dark[42, 42] == pytest.approx(255, abs=6)


def test_a_large_picture_is_sent_as_large_as_a_screen_can_show():
    view = NewestFrames()
    view.begin(8)
    view.show(Frame(np.zeros((3000, 4000), np.uint8), 0, 0.0))
    picture = Pictures.open(io.BytesIO(Painter().picture(view.newest(), Wanted()).jpeg))
    assert max(picture.size) <= 1600


@pytest.mark.parametrize(
    ("origin", "accepted"), [("http://here:8080", True), ("http://elsewhere.example", False)]
)
def test_the_page_of_another_site_does_not_look_through_our_browser(origin, accepted):
    view = NewestFrames()
    view.begin(8)
    view.show(_frame(0, 20, np.uint8))
    browser = _served(view, [(lambda: None, "{}")], origin=origin)
    assert bool(browser.got) is accepted
    assert (browser.closed is None) is accepted


def test_nonsense_asks_for_a_picture():
    view = NewestFrames()
    view.begin(8)
    view.show(_frame(0, 20, np.uint8))
    assert (
        len(
            _served(
                view,
                [
                    (lambda: None, "no JSON"),
                    (lambda: view.show(_frame(1, 20, np.uint8)), "[1]"),
                    (lambda: view.show(_frame(2, 20, np.uint8)), "[" * 200_000),
                ],
            ).got
        )
        == 3
    )


def test_bytes_instead_of_words_end_that_connection_and_nothing_else():
    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"x"}]

    async def receive():
        return messages.pop(0)

    async def send(_):
        pass

    asyncio.run(Stream(NewestFrames()).serve(WebSocket({"type": "websocket", "headers": []}, receive, send)))
    assert not messages
