"""Rows of pixels as vectors of the processor: what the compiler does not find out by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16  # elements of a row of a patch: two vectors of eight


@intrinsic
def load_lanes(_typing_context: Any, pixels: types.Array, out: types.Array) -> Any:
    """Convert LANES pixels in a row, unsigned, to float32 at once; `out` has room for as many.

    As a loop this is done pixel by pixel: the compiler must suppose that a store changes the pixels still to be read.
    """

    def generated(context: Any, builder: ir.IRBuilder, signature: Any, arguments: tuple[Any, ...]) -> Any:
        read, written = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        bits = pixels.dtype.bitwidth  # type: ignore[attr-defined]
        integers = ir.VectorType(ir.IntType(bits), LANES)
        floats = ir.VectorType(ir.FloatType(), LANES)
        values = builder.load(builder.bitcast(read, integers.as_pointer()), align=1)
        builder.store(builder.uitofp(values, floats), builder.bitcast(written, floats.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(pixels, out), generated
