"""Compiler options of the spot kernels."""

from __future__ import annotations

from typing import Any

import nta.compiled

_FLAGS: dict[str, Any] = {"fastmath": True, "boundscheck": False, "error_model": "numpy"}

compiled = nta.compiled.compiled(**_FLAGS, outer=True)

# For kernels that only other kernels call. Passing the arrays would take as long as the work itself. Besides, with sums in
# any order (fastmath) every compiled copy of a kernel rounds differently; the linker may choose either of two copies, so
# that the process that compiles would get other last digits than later processes.
inlined = nta.compiled.compiled(**_FLAGS, inner=True, forceinline=True)
