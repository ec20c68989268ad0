"""How the kernels are compiled."""

from __future__ import annotations

from typing import Any

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "fastmath": True,
    "boundscheck": False,
    "error_model": "numpy",
}

# The same for what is called for every spot or row: handing over the arrays would take as long as the work itself
INLINED: dict[str, Any] = {**OPTIONS, "forceinline": True}
