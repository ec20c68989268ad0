"""How the kernels of this room are compiled."""

from __future__ import annotations

from typing import Any

import nta.compiled

_FLAGS: dict[str, Any] = {"fastmath": True, "boundscheck": False, "error_model": "numpy"}

compiled = nta.compiled.compiled(**_FLAGS)

# The same for every kernel that another one calls. Handing over the arrays would take as long as the work itself; and with
# sums in any order (fastmath) every copy of a kernel rounds in its own way: of two the linker takes either, and the
# process that compiles would find other last digits than all later ones.
inlined = nta.compiled.compiled(**_FLAGS, forceinline=True)
