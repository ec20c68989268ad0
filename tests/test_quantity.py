import math

import pytest

from nta.quantity import Quantity, unknown

SIZE = Quantity(100.0, 80.0, 125.0, "nm", "made up")


def test_an_interval_is_there_with_both_ends_or_not_at_all():
    assert SIZE.ends == (80.0, 125.0)
    assert SIZE.half_width == 22.5
    assert SIZE.half_width_ln == pytest.approx(math.log(1.25))
    for without in (unknown("nobody looked", "nm"), Quantity(100.0, None, 125.0, "nm")):
        assert without.ends is without.half_width is without.half_width_ln is None
    assert Quantity(0.5, 0.0, 1.0, "1").half_width_ln is None, "a share that reaches zero has no logarithm"


def test_a_quantity_goes_through_plain_data():
    assert Quantity.from_dict(SIZE.as_dict()) == SIZE
    assert Quantity.from_dict({"value": 7, "unit": "1"}) == Quantity(7, None, None, "1")


def test_a_factor_takes_the_interval_along_and_leaves_what_is_unknown():
    assert SIZE.times(2, "half nm") == Quantity(200.0, 160.0, 250.0, "half nm", "made up")
    assert unknown("nobody looked", "1").times(100, "%") == unknown("nobody looked", "%")
