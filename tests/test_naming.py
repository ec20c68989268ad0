"""Results are called after the folder that a person named, and no two of them alike."""

from pathlib import Path

import pytest

from nta.measurements import distinct_names, result_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lot 7/analysis", "lot 7"),
        ("lot 7/analysis/results.h5", "lot 7"),
        ("lot 7/results.h5", "lot 7"),
        ("lot 7", "lot 7"),
        ("lot 7/other.h5", "other"),
        ("lot 7/video_Summary.csv", "video_Summary"),
    ],
)
def test_a_result_is_called_after_what_a_person_named(tmp_path, path, name):
    (tmp_path / "lot 7" / "analysis").mkdir(parents=True)
    assert result_name(tmp_path / path) == name


def test_names_that_repeat_are_told_apart_by_the_folders_above():
    paths = [Path(p) for p in ("/a/monday/1/analysis", "/a/friday/1/analysis/results.h5", "/a/friday/2")]
    assert distinct_names(["1", "1", "2"], paths) == ["monday/1", "friday/1", "2"]
    runs = [Path("/a/x.csv"), Path("/a/x.csv"), Path("/a/y.csv")]
    assert distinct_names(["video 1", "video 2", "video 1"], runs) == ["x/video 1", "video 2", "y/video 1"]


def test_what_nothing_tells_apart_is_numbered():
    assert distinct_names(["a", "a", "b"], [None, None, None]) == ["a", "a (2)", "b"]
    assert distinct_names(["a", "a"], [Path("/x/a.h5"), Path("/x/a.h5")]) == ["a", "a (2)"]


def test_a_number_is_never_a_name_that_is_there_already():
    names = distinct_names(["s", "s", "s (2)", "s"], [None] * 4)
    assert len(set(names)) == 4
    assert names[:1] == ["s"]
    assert names[2] == "s (2)"
