"""What long work calls to say how far it is; who watches decides what is shown."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with the number of frames done so far: searched, written."""

Tell = Callable[[str], None]
"""Called with a line of what is going on."""
