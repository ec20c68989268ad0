"""Numbers and dilutions as people and programs write them."""

import csv

import pytest

from nta.io.text import TextFileError, dilution, no_dilution, number, read_text, rows_of, write_rows


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("1,2E9", 1.2e9),
        ("25,125", 25.125),
        ("1 200 000 000", 1.2e9),
        ("1\u00a0234,5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1.234.567", 1234567.0),
        ("NaN", None),
        ("1 2", None),
        ("1.2.3", None),
    ],
)
def test_a_number_is_read_as_it_is_meant_or_not_at_all(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("1000", 1000.0),
        ("1000.000000", 1000.0),
        ("1.00e+04", 1e4),
        ("1:1000", 1000.0),
        ("1 : 1 000", 1000.0),
        ("1/1000", 1000.0),
        ("1000x", 1000.0),
        ("2,5", 2.5),
        ("0.000", 0.0),
        ("1,000,000", 1e6),
        ("2:100", None),
        (":100", None),
        ("Not recorded", None),
        *((text, None) for text in ("1,000", "1.000", "1:1.000", "1:10,000", "100.000x", '"1,000"')),
    ],
)
def test_a_dilution_of_one_or_a_thousand_is_none(text, factor):
    assert dilution(text) == factor
    if factor is None and "000" in text:
        assert "one or of a thousand" in no_dilution(text)


def test_the_line_that_tells_excel_the_separator_is_no_row_and_a_spreadsheet_is_no_text(tmp_path):
    table = tmp_path / "a.csv"
    table.write_bytes(b"\xef\xbb\xbfsep=;\r\nfile;lot\r\na.avi;7\r\n")
    text, _ = read_text(table)
    assert [row for _, row in rows_of(table, text, ";")] == [["file", "lot"], ["a.avi", "7"]]
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(TextFileError, match="save it as CSV"):
        read_text(tmp_path / "a.xlsx")


@pytest.mark.parametrize("name", ["=1+1", "+x", "@SUM(A1)", "-cmd", "'=1", "\t=1", "EV 7", "a=b"])
def test_no_name_becomes_a_formula_and_every_name_comes_back(tmp_path, name):
    table = tmp_path / "t.csv"
    write_rows(table, ["name", "bias"], [{"name": name, "bias": "-0.5"}, {"name": name, "bias": -0.5}])
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not rows[0]["name"].startswith(("=", "+", "-", "@", "\t"))
    assert rows[0]["name"].removeprefix("'") == name
    assert [row["bias"] for row in rows] == ["-0.5", "-0.5"], "numbers stay numbers"
