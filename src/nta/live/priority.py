"""Priority of the threads of the live analysis: the recording comes first."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

# Behind the program itself, of 0 to 19. At 160 Hz, 640 x 480, on two cores at a load of 10 the camera's buffer overran
# within seconds at 0 to 7.
_NICE, _LEAST = 10, 19


def give_way() -> None:
    """Let the calling thread, and the threads that it starts, wait while others of this computer have work.

    Only Linux has a priority for single threads that may be lowered like this; elsewhere nothing happens.
    """
    if sys.platform.startswith("linux"):
        own = os.getpriority(os.PRIO_PROCESS, os.getpid())  # of the first thread: the program's
        with suppress(OSError):  # a container may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(own + _NICE, _LEAST))
