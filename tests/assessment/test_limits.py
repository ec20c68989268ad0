import pytest

from nta.assessment import Verdict, load_limits
from nta.errors import SettingError

GOOD = """
[drift]
warn = 2.0
fail = 20.0
sense = "at most"
unit = "um/s"
source = "our own measurements"
date = 2026-11-24
"""


def test_every_limit_that_comes_with_nta_has_a_source_and_a_date():
    limits = load_limits("recording_quality")
    assert {"enough_tracks", "drift", "saturated_spots", "lost_frames"} <= set(limits)
    assert all(limit.source and limit.date.year >= 2026 for limit in limits.values())


@pytest.mark.parametrize(
    ("value", "verdict", "crossed"),
    [
        (0.0, Verdict.PASS, 2.0),
        (2.0, Verdict.PASS, 2.0),
        (2.1, Verdict.WARN, 2.0),
        (20.5, Verdict.FAIL, 20.0),
    ],
)
def test_at_most_judges_upwards(tmp_path, value, verdict, crossed):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    limit = load_limits(str(path))["drift"]
    assert limit.verdict(value) is verdict
    assert limit.crossed(verdict) == crossed


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(25.0, Verdict.PASS), (20.0, Verdict.PASS), (10.0, Verdict.WARN), (1.0, Verdict.FAIL)],
)
def test_at_least_judges_downwards(tmp_path, value, verdict):
    path = tmp_path / "mine.toml"
    path.write_text(
        GOOD.replace("at most", "at least")
        .replace("warn = 2.0", "warn = 20.0")
        .replace("fail = 20.0", "fail = 2.0")
    )
    assert load_limits(str(path))["drift"].verdict(value) is verdict


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "our own measurements"\n', "", r"mine\.toml \[drift\]: source is missing"),
        ("date = 2026-11-24\n", "", r"mine\.toml \[drift\]: date is missing"),
        ('unit = "um/s"\n', "", r"mine\.toml \[drift\]: unit is missing"),
        ("at most", "below", r"sense must be .*'below'"),
        ("warn = 2.0\nfail = 20.0\n", "", r"a limit needs warn or fail"),
        ("warn = 2.0", "warn = 'two'", r"warn must be a number, got 'two'"),
        ("warn", "warm", r"mine\.toml \[drift\]: unknown key 'warm'"),
    ],
)
def test_a_wrong_limit_is_refused_with_file_and_key(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingError, match=message):
        load_limits(str(path))


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(SettingError, match=r"no 'nonesuch' .*recording_quality"):
        load_limits("nonesuch")
