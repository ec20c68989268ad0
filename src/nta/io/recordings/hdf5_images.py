"""The table of images of a recording that is written: a chunk per frame, with the checksum of HDF5's filter fletcher32.

The checksum is made here and the chunk goes to the disk as it is. Through the library's filter and its cache of chunks a
frame takes twice the processor time, and at hundreds of frames per second that is what a busy computer lacks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image

if TYPE_CHECKING:
    import h5py

_SUM_BYTES = 4
_MODULUS = 0xFFFF


class ImageTable:
    """The dataset `frames` of an open file, which grows by a frame at a time."""

    def __init__(self, file: h5py.File, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self._table = file.create_dataset(
            "frames", (0, *shape), dtype, maxshape=(None, *shape), chunks=(1, *shape), fletcher32=True
        ).id
        self._chunk = _CheckedChunk(shape[0] * shape[1] * dtype.itemsize)
        self._rows = 0

    def append(self, image: Image) -> bool:
        """Write an image, and return whether it is zero in every pixel."""
        chunk = self._chunk.of(image)
        self._table.set_extent((self._rows + 1, *self.shape))
        self._table.write_direct_chunk((self._rows, 0, 0), chunk)
        self._rows += 1
        return self._chunk.is_black


class _CheckedChunk:
    """The bytes of an image and their checksum, in memory that is used again for every frame.

    is_black : whether the image is zero in every pixel, which only then has the checksum 0.

    Source: H5_checksum_fletcher32 of HDF5 1.8 to 2.0 (H5checksum.c). Of words w_1 ... w_n of 16 bits, the more significant
    byte first, it holds the sums of w_i and of (n + 1 - i) w_i modulo 65535, where a sum that is not 0 becomes 65535
    instead of 0.
    """

    def __init__(self, n_bytes: int) -> None:
        self.is_black = False
        self._bytes = np.zeros(n_bytes + _SUM_BYTES, np.uint8)
        self._image, self._sums = self._bytes[:n_bytes], self._bytes[n_bytes:].view("<u2")
        self._whole = self._image[: n_bytes - n_bytes % 2].view("<u2")
        n_words = -(-n_bytes // 2)
        side = math.isqrt(n_words - 1) + 1
        # a square, whose rows and columns can be summed in 32 bits: faster than one sum in 64
        self._square = np.zeros((side, side), np.uint32)
        self._words = self._square.reshape(-1)[:n_words]
        self._along = np.arange(side, dtype=np.int64)
        self._left = (n_words - side * self._along) % _MODULUS  # weight of the first word of a row

    def of(self, image: Image) -> NDArray[np.uint8]:
        """Return the chunk of an image; it holds until the next call."""
        self._image[:] = np.ascontiguousarray(image).reshape(-1).view(np.uint8)
        self._words[: self._whole.size] = self._whole
        self._words[self._whole.size :] = self._image[2 * self._whole.size :]  # an odd last byte
        rows = self._square.sum(axis=1, dtype=np.uint32).astype(np.int64)
        columns = self._square.sum(axis=0, dtype=np.uint32).astype(np.int64)
        plain = int(rows.sum())
        weighted = int((rows * self._left % _MODULUS).sum()) - int((columns * self._along % _MODULUS).sum())
        self.is_black = plain == 0
        if self.is_black:
            self._sums[:] = 0
        else:
            # the words were read with the less significant byte first; 256 times a word is the word with its bytes exchanged
            self._sums[:] = [256 * total % _MODULUS or _MODULUS for total in (plain, weighted)]
        return self._bytes
