"""Rows of pixels as processor vectors, which the compiler does not find by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16  # elements of a row of a patch: two vectors of eight
CACHE_LINE = 64  # bytes


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


@intrinsic
def prefetch(_typing_context: Any, pixels: types.Array, first: types.Integer) -> Any:
    """Have the processor fetch the line of its cache that holds element `first`, without waiting for it."""

    def generated(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: tuple[Any, ...]) -> Any:
        data = context.make_array(pixels)(context, builder, arguments[0]).data
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, *[number] * 3])
        )
        read, keep, is_data = number(0), number(3), number(1)
        builder.call(fetch, [address, read, keep, is_data])
        return context.get_dummy_value()

    return types.void(pixels, first), generated
