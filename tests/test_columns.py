from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nta.columns import Columns, column


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Marks(Columns):
    frame: NDArray[np.int32] = column(np.int32, "1", "frame index")
    y_px: NDArray[np.float64] = column(np.float64, "px", "row")
    origin: str = "here"


def test_columns_are_converted_to_their_declared_types():
    marks = Marks(frame=[0, 1], y_px=[1, 2])
    assert marks.frame.dtype == np.int32
    assert marks.y_px.dtype == np.float64
    assert [c.metadata["unit"] for c in Marks.columns()] == ["1", "px"]


def test_a_table_is_shown_by_its_extent():
    assert repr(Marks(frame=range(5000), y_px=range(5000))) == "<Marks: 5000 rows of frame, y_px>"


def test_columns_of_different_length_are_refused_by_name():
    with pytest.raises(ValueError, match=r"differ in length: \{'frame': 2, 'y_px': 1\}"):
        Marks(frame=[0, 1], y_px=[1.0])


def test_two_dimensional_columns_are_refused():
    with pytest.raises(ValueError, match=r"Marks\.frame must have one dimension"):
        Marks(frame=np.zeros((2, 2)), y_px=np.zeros(2))


@pytest.mark.parametrize("frame", [[0, 2.5], [0, np.nan], [0, np.inf]])
def test_whole_numbers_are_not_made_of_others(frame):
    with pytest.raises(ValueError, match=r"Marks\.frame must be whole numbers, got (2\.5|nan|inf) in row 1"):
        Marks(frame=frame, y_px=np.zeros(2))
    assert Marks(frame=[0.0, 2.0], y_px=np.zeros(2)).frame.tolist() == [0, 2]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(0, 20))
def test_cutting_and_joining_gives_the_same_table(frames, cut):
    table = Marks(frame=frames, y_px=np.arange(len(frames)), origin="there")
    joined = Marks.concatenate([table.select(slice(0, cut)), table.select(slice(cut, None))])
    assert joined.origin == "there"
    np.testing.assert_array_equal(joined.frame, table.frame)
    np.testing.assert_array_equal(joined.y_px, table.y_px)
    assert len(table.select(table.frame > 50)) == sum(f > 50 for f in frames)


def test_joining_nothing_is_refused():
    with pytest.raises(ValueError, match="no Marks to join"):
        Marks.concatenate([])


def test_a_column_that_older_tables_lack_has_one_value_in_every_row():
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Newer(Marks):
        kept: NDArray[np.float64] = column(np.float64, "1", "share that is kept", every_row=1.0)

    assert Newer(frame=[0, 1, 2], y_px=[1, 2, 3]).kept.tolist() == [1.0, 1.0, 1.0]
    assert Newer(frame=[0], y_px=[1], kept=[0.5]).select([0, 0]).kept.tolist() == [0.5, 0.5]
