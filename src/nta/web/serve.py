"""Serve the page, the stream and the reports on one port of this computer."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import webbrowser

from nicegui import app, ui

from nta.errors import SettingError
from nta.web.page import Page
from nta.web.run_list import RUNS_PATH
from nta.web.session import Session
from nta.web.stream import Stream

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#111"/>'
    '<circle cx="10" cy="20" r="3" fill="#56B4E9"/><circle cx="21" cy="11" r="4" fill="#fff"/></svg>'
)
_LAST_WORDS_S = 2.0  # time for browsers to disconnect
_BACK_WITHIN_S = (
    15.0  # a browser that was cut off for less goes on as it was; after more it loads the page again
)
_LET_IT_START_S = 1.0
_LAST_PORT = 65535


def build(session: Session) -> None:
    """Register the page, the stream and the folder of the runs."""
    session.runs.folder.mkdir(parents=True, exist_ok=True)
    stream = Stream(session.view)
    app.add_api_websocket_route("/view", stream.serve)
    app.add_static_files(RUNS_PATH, session.runs.folder, max_cache_age=0)

    @ui.page("/", title=f"nta · {session.instrument.name}")
    def page() -> None:
        Page(session)


def serve(session: Session, *, host: str, port: int, browser: bool) -> None:
    """Serve the page until Ctrl-C; then a running recording ends in order, and the instrument is released."""
    build(session)
    app.on_shutdown(lambda: asyncio.to_thread(session.close))
    if browser and _has_screen():
        address = f"http://{shown_host(host)}:{port}"
        threading.Timer(_LET_IT_START_S, webbrowser.open, (address,)).start()
    ui.run(
        host=host,
        port=port,
        favicon=_ICON,
        language="en-US",  # else screen readers take the texts for those of the user's own language
        reload=False,
        show=False,
        tailwind=False,
        show_welcome_message=False,
        uvicorn_logging_level="error",
        timeout_graceful_shutdown=_LAST_WORDS_S,
        reconnect_timeout=_BACK_WITHIN_S,
        ws_per_message_deflate=False,  # JPEG cannot be compressed further
    )


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; refuse a taken one before a device is opened."""
    if not 0 <= port <= _LAST_PORT:
        raise SettingError(f"--port must be 0 to {_LAST_PORT}, got {port}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as taken:
            return int(taken.getsockname()[1])
    except OSError as error:
        raise SettingError(
            f"port {port} of {host} cannot be used ({error.strerror or error}): is nta serve running already? "
            "Choose another with --port, or any free one with --port 0"
        ) from error


def shown_host(host: str) -> str:
    """Return the host to type into a browser on this computer."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{here}]" if ":" in here else here


def _has_screen() -> bool:
    """Return whether a graphical browser can open: on a server, a text browser would occupy the terminal."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
