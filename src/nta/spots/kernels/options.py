"""How the kernels of this room are compiled."""

from __future__ import annotations

from typing import Any

import nta.compiled

_FLAGS: dict[str, Any] = {"fastmath": True, "boundscheck": False, "error_model": "numpy"}

compiled = nta.compiled.compiled(**_FLAGS)

# The same for what is called for every spot or row: handing over the arrays would take as long as the work itself
inlined = nta.compiled.compiled(**_FLAGS, forceinline=True)
