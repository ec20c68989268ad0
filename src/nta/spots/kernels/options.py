"""Compiler options of the spot kernels."""

from __future__ import annotations

from typing import Any

import nta.compiled

_FLAGS: dict[str, Any] = {"fastmath": True, "boundscheck": False, "error_model": "numpy"}

compiled = nta.compiled.compiled(**_FLAGS, outer=True)

# For kernels that only other kernels call. Passing the arrays would take as long as the work itself. Besides, with sums in
# any order (fastmath) every compiled copy of a kernel rounds differently; the linker may choose either of two copies, so
# that the process that compiles would get other last digits than later processes.
#
# They make no arrays (`_nrt`) and return none, which nobody would have counted: an entry makes them all. Otherwise every
# slice would be counted by locked additions, which cost a tenth of the search, more where threads count the same array, and
# between which nothing is kept in registers.
inlined = nta.compiled.compiled(**_FLAGS, inner=True, forceinline=True, _nrt=False)

# For those by which an entry makes its arrays.
inlined_making = nta.compiled.compiled(**_FLAGS, inner=True, forceinline=True)
