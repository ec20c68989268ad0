"""Rows of pixels as processor vectors, which the compiler does not find by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16  # elements of a row of a patch: two vectors of eight


@intrinsic
def load_lanes(_typing_context: Any, pixels: types.Array, out: types.Array) -> Any:
    """Convert LANES consecutive unsigned pixels to float32 at once; `out` holds LANES elements.

    A plain loop would run pixel by pixel: the compiler must assume that a store changes pixels that are still to be read.
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
