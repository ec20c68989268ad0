import math

import pytest

from nta.quantity import Quantity, fixed, student_mean, unknown

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


def test_the_mean_of_replicates_has_students_interval():
    # t of 2 degrees of freedom at 95 %: 4.302653, standard error of 1, 2 and 3: 1 / sqrt(3)
    found = student_mean([1.0, 2.0, 3.0], "1/ml", "video")
    assert (found.value, found.half_width) == (2.0, pytest.approx(4.302653 / math.sqrt(3), rel=1e-6))
    assert (found.unit, found.method) == ("1/ml", "Student t over 3 videos, 95 %")
    assert student_mean([7.0], "mV", "preparation") == Quantity(7.0, None, None, "mV", "one preparation")


def test_the_mean_of_logarithms_is_given_as_what_they_are_of():
    found = student_mean([math.log(80), math.log(125)], "nm", "video", logs=True)
    assert found.value == pytest.approx(100.0)
    assert found.ends is not None
    assert found.ends[0] * found.ends[1] == pytest.approx(100.0**2)


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (Quantity(118.2345, 112.61, 123.09, "nm"), "118.2 (112.6 to 123.1) nm"),
        (Quantity(1.842e-45, 0.0, 0.1454, "1"), "0.000 (0.000 to 0.145)"),
        (Quantity(-1e-9, -0.3, 0.4, "1"), "0.00 (-0.30 to 0.40)"),
        (Quantity(2.682e8, 2.123e8, 3.388e8, "1/ml"), "2.68e8 (2.12e8 to 3.39e8) 1/ml"),
        (Quantity(2.682e9, None, None, "1"), "2.68e9"),
    ],
)
def test_a_quantity_is_written_in_the_digits_of_its_interval(quantity, words):
    assert str(quantity) == words


def test_no_number_is_written_as_minus_zero():
    assert fixed(-0.04, 1, signed=True) == "0.0"
    assert fixed(-0.06, 1, signed=True) == "-0.1"
    assert fixed(0.06, 1, signed=True) == "+0.1"
