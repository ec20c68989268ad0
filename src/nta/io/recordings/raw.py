"""Read uncompressed images at known places of a file, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Place:
    """Place of one image in a file, and its index in the recording."""

    index: int
    offset: int
    size: int


def read_array(
    file: BufferedReader, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """Return the array stored at `offset` in the machine's byte order; None if the file ends inside it."""
    pixels = np.empty(shape, dtype)
    file.seek(offset)
    if file.readinto(pixels.data) != pixels.nbytes:
        return None
    return pixels.astype(dtype.newbyteorder("="), copy=False)


def read_images(
    path: Path, places: Sequence[Place], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[tuple[Place, NDArray[Any] | None]]:
    """Yield each place with its pixels, None for an image that is cut short; the file stays open meanwhile."""
    with path.open("rb") as file:
        for place in places:
            yield place, read_array(file, place.offset, shape, dtype)


def chosen(places: Sequence[Place], positions: Sequence[int] | None) -> Sequence[Place]:
    """Return the places at the given positions; all of them for None."""
    return places if positions is None else [places[k] for k in positions if 0 <= k < len(places)]
