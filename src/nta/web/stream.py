"""Send the newest frame to a browser over a websocket, each time the browser asks for one.

A slow browser asks less often, a closed one never. Images are made only on request, so that nothing queues up.

A message consists of the length of its head (4 bytes, big-endian), the head (JSON) and the JPEG; without a frame the head
is empty.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from fastapi import WebSocket, WebSocketDisconnect

from nta.web.picture import Painter, Wanted
from nta.web.view import NewestFrames, ShownFrame

_MOST_PER_S = 35.0  # images per second for one browser: more are not visible, and load the recording computer
_LOOK_S = 0.004  # between two checks for a new frame
_QUIET_S = 1.0  # then a message without image is sent: only sending shows whether the browser is gone
_FOREIGN = 1008  # close code: pages of other sites must not read the images through a local browser


class Stream:
    """Sends the newest frames to browsers."""

    def __init__(self, view: NewestFrames) -> None:
        self._view = view
        self._painter = Painter()

    async def serve(self, socket: WebSocket) -> None:
        """Answer one browser until it is gone."""
        if not _is_own(socket):
            await socket.close(_FOREIGN)
            return
        await socket.accept()
        number, sent_s = 0, 0.0
        # the socket was closed while sending, or the message was not text
        with suppress(WebSocketDisconnect, RuntimeError, KeyError):
            while True:
                asked = _asked(await socket.receive_text())
                await asyncio.sleep(max(0.0, sent_s + 1 / _MOST_PER_S - time.monotonic()))
                number, message = await self._next(number, asked)
                sent_s = time.monotonic()
                await socket.send_bytes(message)

    async def _next(self, after: int, asked: dict[str, Any]) -> tuple[int, bytes]:
        """Wait for a frame newer than the last one sent, and return its number and message."""
        spots = bool(asked.get("spots"))
        quiet_s = time.monotonic() + _QUIET_S
        while (seen := self._view.newest(with_spots=spots)) is None or seen.number == after:
            if time.monotonic() > quiet_s:
                return after, _message({}, b"")
            await asyncio.sleep(_LOOK_S)
        return seen.number, await asyncio.to_thread(self.message, seen, asked)

    def message(self, seen: ShownFrame, asked: dict[str, Any]) -> bytes:
        """Return the message of a frame with the requested options."""
        wanted = Wanted(stretch=asked.get("stretch") is not False, mark=asked.get("mark") is not False)
        picture = self._painter.picture(seen, wanted)
        height, width = seen.frame.image.shape
        head: dict[str, Any] = {
            "index": seen.frame.index,
            "width": width,
            "height": height,
            "bits": seen.bit_depth,
            "low": round(picture.low),
            "high": round(picture.high),
            "full": picture.full,
            "saturated": picture.saturated,
        }
        if asked.get("spots"):
            head["spots"] = None if seen.spots is None else seen.spots.round(1).tolist()
            head["late"] = self._view.late
        return _message(head, picture.jpeg)


def _message(head: dict[str, Any], jpeg: bytes) -> bytes:
    words = json.dumps(head, separators=(",", ":")).encode()
    return struct.pack(">I", len(words)) + words + jpeg


def _asked(words: str) -> dict[str, Any]:
    """Return the options requested by a browser; none if they cannot be read."""
    try:
        asked = json.loads(words)
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}


def _is_own(socket: WebSocket) -> bool:
    """Return whether the requesting page is from this server; programs other than browsers state no origin and may ask."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
