"""The page as a person uses it, without a browser."""

import asyncio
import json
import os
import re
import shutil
import sys
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nta.devices import Instrument
from nta.errors import NtaError
from nta.live import analysis as live_analysis
from nta.web.look import Order
from nta.web.runs import Runs

pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")


@pytest.fixture
def visit():
    """Return a function that runs a visit to the page of a session; NiceGUI's pytest plugin is not needed for it."""
    known = dict(sys.modules)

    @asynccontextmanager
    async def opened(session):
        from nicegui.testing.user_simulation import user_simulation

        from nta.web.serve import build

        async with user_simulation() as user:
            build(session)
            await user.open("/")
            yield user

    def run(session, see):
        async def go():
            async with opened(session) as user:
                await see(user)

        asyncio.run(go())

    yield run
    sys.modules.update(known)  # NiceGUI forgets the modules that made pages, and `nta` with them


def _content(user, marker):
    """Return what stands in a part of the page, be it hidden or not."""
    (found,) = (e for e in user.client.elements.values() if marker in getattr(e, "_markers", ()))
    return found.content


async def _until(true, timeout_s=20.0):
    for _ in range(round(timeout_s / 0.05)):
        if found := true():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_person_previews_turns_records_and_reads(session, visit, reported):
    async def see(user):
        await _until(lambda: "preview, nothing is recorded" in _content(user, "phase"))
        await user.should_see("Runs in this folder")
        await user.should_see("none yet")
        laser = user.find(marker="laser_mw")
        await _until(lambda: next(iter(laser.elements)).value == "50")
        laser.clear().type("400")
        laser.trigger("keydown.enter")
        (field,) = laser.elements
        await _until(lambda: field.error)
        assert field.error == "Laser must be between 0 and 100 mW, got 400.0"
        assert field.value == "50"
        laser.clear().type("sixty")
        laser.trigger("keydown.enter")
        await _until(lambda: field.error == "Laser, mW: 'sixty' is no number")
        laser.clear().type("60,5")  # as half of Europe writes it: never 605
        laser.trigger("keydown.enter")
        await _until(lambda: desk.look().knobs["laser_mw"].asked == 60.5)
        await _until(lambda: field.value == "60.5")
        assert field.error is None
        user.find(marker="name").type("first")
        user.find(marker="sample").type("<b>vesicles</b>")
        user.find(marker="until").type("5,0")
        user.find(marker="record").click()
        await _until(lambda: "of at most 600 s" in _content(user, "recording"))
        await _until(lambda: "recording first" in _content(user, "phase"))
        await _until(lambda: "polyline" in _content(user, "distribution"), 60)
        assert "D50" in _content(user, "results")
        user.find(marker="stop").click()
        await _until(lambda: "±5 % was NOT reached" in _content(user, "notes"))
        assert "frames, none lost" in _content(user, "notes")
        await _until(lambda: reported)
        await user.should_see("report", retries=100)
        link = next(e for e in user.client.elements.values() if "first/analysis" in getattr(e, "content", ""))
        page = await user.http_client.get(link.content.split('"')[1])
        assert page.text == "<p>a report</p>"

    with session() as desk:
        visit(desk, see)
    about = {"kind": "sample", "standard": ""}
    assert reported == [(desk.runs.folder / "first" / "recording.h5", {"sample": "<b>vesicles</b>"}, about)]


def test_a_first_sizing_that_takes_long_is_said(session, visit, monkeypatch):
    released, sized = threading.Event(), live_analysis.size_so_far

    def slowly(*words, **more):
        released.wait(30)
        return sized(*words, **more)

    monkeypatch.setattr(live_analysis, "size_so_far", slowly)

    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        user.find(marker="record").click()
        await _until(lambda: "the first sizes are being inferred" in _content(user, "distribution"))
        released.set()
        await _until(lambda: "polyline" in _content(user, "distribution"), 60)
        user.find(marker="stop").click()

    try:
        with session() as desk:
            visit(desk, see)
    finally:
        released.set()


def test_what_is_refused_is_a_line_on_the_page(session, visit, instrument):
    async def see(user):
        await user.should_see("Temperature in the cell")
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        user.find(marker="record").click()
        (plan,) = user.find(marker="plan").elements
        await _until(lambda: "a size needs the temperature" in plan.text)

    with session(Instrument(name="bare", camera=instrument().camera)) as desk:
        visit(desk, see)


def test_a_disk_without_room_for_the_recording_is_told_beforehand(session, visit, monkeypatch, tmp_path):
    here = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: here._replace(free=4 << 20))

    async def see(user):
        (plan,) = user.find(marker="plan").elements
        await _until(lambda: re.match(r"the disk has room for \d+ s of 60 s", plan.text))
        user.find(marker="duration").type("1")
        await _until(lambda: plan.text == "at most 1 s")

    with session() as desk:
        visit(desk, see)


def test_it_shows_only_what_the_instrument_has(session, visit, instrument):
    async def see(user):
        await user.should_see("Exposure, ms")
        await user.should_not_see("Laser, mW")
        await user.should_not_see("Gain")

    with session(Instrument(name="bare", camera=instrument().camera)) as desk:
        visit(desk, see)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            "exposure_s=0.05 must be > 0 and no longer than the frame interval 0.0333333 s (30 Hz)",
            "Exposure 50 ms must be > 0 ms and no longer than the frame interval 33.3333 ms (30 Hz)",
        ),
        (
            "exposure_s must be between 0.001 and 1 s, got 5",
            "Exposure must be between 1 ms and 1000 ms, got 5000 ms",
        ),
        (
            "the camera does not take exposure_s=0.05: it made 2e-05 of it",
            "The camera does not take exposure 50 ms: it made 0.02 ms of it",
        ),
        (
            "exposure_s=0.05: ExposureTime is 20 to 30000 us",
            "exposure_s=0.05: ExposureTime is 20 to 30000 us",
        ),
        ("the camera was unplugged 3 s ago", "the camera was unplugged 3 s ago"),
        ("frame_rate_hz must be > 0, got -1.0", "Frame rate must be > 0, got -1.0"),
        (
            "exposure_s=0.05 at frame_rate_hz=30 is too long",
            "exposure_s=0.05 at frame_rate_hz=30 is too long",
        ),
    ],
)
def test_a_refused_setting_is_told_in_the_words_of_its_field(words, shown):
    from nta.web.fields import refused_here

    assert refused_here(words) == shown


def test_earlier_runs_are_listed_the_newest_first_with_what_came_of_them(tmp_path):
    runs = Runs(tmp_path)
    done = tmp_path / "done" / "analysis"
    done.mkdir(parents=True)
    (done / "report.html").touch()
    said = {"size": {"numbers": {"d50_nm": {"value": 104.8, "low": 101.2, "high": 108.1, "unit": "nm"}}}}
    drift = {"title": "Drift", "verdict": "fail"}
    said |= {"verdict": "fail", "findings": [drift, {"title": "Focus", "verdict": "pass"}]}
    (done / "summary.json").write_text(json.dumps(said))
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "recording.h5").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.html").touch()
    (tmp_path / "broken" / "summary.json").write_text("{")
    found = {run.name: run for run in runs.list()}
    assert set(found) == {"done", "bare", "broken"}
    assert found["done"].d50.replace("\u00a0", " ") == "104.8 nm (101.2 to 108.1 nm)"
    assert (found["done"].mark, found["done"].failed) == (("fail", "Do not rely on it"), ("Drift",))
    assert found["bare"].mark is None
    assert found["done"].report == "done/analysis/report.html"
    assert (found["bare"].report, found["broken"].d50) == ("", "")
    assert "is empty" in found["bare"].unusable
    assert found["done"].unusable == ""


def test_a_run_stands_where_it_was_measured_not_where_its_files_were_written(tmp_path):
    """A copy, or a report that was made again, had become the newest run."""

    def run(name, date, recorded_s):
        folder = tmp_path / name / "analysis"
        folder.mkdir(parents=True)
        (folder / "report.html").touch()
        about = {} if date is None else {"date": date}
        (folder / "summary.json").write_text(json.dumps({"provenance": {"about": about}}))
        (tmp_path / name / "recording.h5").touch()
        os.utime(tmp_path / name / "recording.h5", (recorded_s, recorded_s))

    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    run("copied", "2026-03-01T09:00:00+00:00", noon.timestamp() + 7200)
    run("newest", "2026-03-02T12:30:00+00:00", noon.timestamp())
    run("undated", None, noon.timestamp())
    run("in words", "last spring", noon.timestamp() - 3600)
    found = Runs(tmp_path).list()
    assert [run.name for run in found] == ["newest", "undated", "in words", "copied"]
    assert [run.measured for run in found[1:]] == [
        noon,
        noon - timedelta(hours=1),
        datetime(2026, 3, 1, 9, tzinfo=UTC),
    ]


def test_one_folder_that_cannot_be_read_hides_no_other(tmp_path, monkeypatch):
    for name in ("mine", "lost+found"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recording.h5").touch()
    is_file = Path.is_file

    def refused(self):
        if "lost+found" in self.parts:
            raise PermissionError(13, "Permission denied", str(self))
        return is_file(self)

    monkeypatch.setattr(Path, "is_file", refused)
    assert [run.name for run in Runs(tmp_path).list()] == ["mine"]
    assert Runs(tmp_path / "none").list() == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="its file names are text")
def test_a_folder_whose_name_is_no_text_does_not_break_the_page(session, visit, tmp_path):
    strange = tmp_path / "runs" / os.fsdecode(b"\xff\xfe") / "analysis"
    strange.mkdir(parents=True)
    (strange / "report.html").touch()

    async def see(user):
        await user.should_see("none yet")

    with session() as desk:
        visit(desk, see)


def test_why_there_is_no_report_stands_below_the_run(session, visit):
    def make(*_):
        raise NtaError("the frames are all black")

    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        desk.record(Order(name="one", duration_s=0.3))
        await user.should_see("no report: the frames are all black", retries=300)
        await user.should_see("make report")

    with session(make=make) as desk:
        visit(desk, see)


def test_a_dilution_is_written_as_a_ratio_or_a_factor(session, visit):
    ordered = []

    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        (field,) = user.find(marker="dilution").elements
        assert field.value == "50"
        (plan,) = user.find(marker="plan").elements
        user.find(marker="dilution").clear().type("1:1.000")
        user.find(marker="record").click()
        await _until(lambda: "may be a dilution of one or of a thousand" in plan.text)
        user.find(marker="dilution").clear().type("1:100")
        user.find(marker="record").click()
        await _until(lambda: ordered)

    with session(conditions={"dilution": 50.0}) as desk:
        desk.record = ordered.append
        visit(desk, see)
    assert ordered[0].conditions == {"dilution": 100.0}


def test_medium_viscosity_and_kind_are_of_the_next_recording(session, visit):
    ordered = []

    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        user.find(marker="medium").clear().type("pbs")
        user.find(marker="viscosity").clear().type("0,95")
        (kind,) = user.find(marker="kind").elements
        kind.value = "beads"
        (standard,) = user.find(marker="standard").elements
        standard.value = "example_polystyrene_100nm"
        user.find(marker="record").click()
        await _until(lambda: ordered)

    with session(conditions={"medium": "water"}, about={"kind": "sample"}) as desk:
        desk.record = ordered.append
        visit(desk, see)
    assert ordered[0].conditions == {"medium": "pbs", "viscosity_mpas": 0.95}
    assert ordered[0].about == {"kind": "beads", "standard": "example_polystyrene_100nm"}


def test_what_was_entered_stands_on_a_page_that_is_loaded_again(session, visit):
    """A network that was gone for seconds loads the page again: a dilution that vanished made a wrong concentration."""

    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        user.find(marker="dilution").type("1:100")
        (kind,) = user.find(marker="kind").elements
        kind.value = "beads"
        before = user.client
        await user.open("/")
        assert user.client is not before
        (dilution,) = user.find(marker="dilution").elements
        assert dilution.value == "1:100"
        assert next(iter(user.find(marker="kind").elements)).value == "beads"
        dilution.value = "1:200"  # the page before is that of another browser
        (elsewhere,) = (e for e in before.elements.values() if "dilution" in getattr(e, "_markers", ()))
        await _until(lambda: elsewhere.value == "1:200")

    with session() as desk:
        visit(desk, see)


def test_a_refusal_goes_when_something_else_is_entered(session, visit):
    async def see(user):
        await _until(lambda: next(iter(user.find(marker="record").elements)).enabled)
        (plan,) = user.find(marker="plan").elements
        user.find(marker="until").type("200")
        user.find(marker="record").click()
        await _until(lambda: "must be 0.1 % to 50 % of D50 (0.001 to 0.5), got 200 %" in plan.text)
        user.find(marker="until").clear().type("3")
        await _until(lambda: plan.text == "until D50 is within ±3 %, at most 600 s")

    with session() as desk:
        visit(desk, see)


def test_a_minus_sign_is_one_however_it_is_written(session, visit):
    async def see(user):
        focus = user.find(marker="focus_um")
        (field,) = focus.elements
        await _until(lambda: field.value == "0")
        focus.clear().type("−5")  # as the page itself writes the limits
        focus.trigger("keydown.enter")
        await _until(lambda: desk.look().knobs["focus_um"].asked == -5.0)

    with session() as desk:
        visit(desk, see)


def test_a_medium_that_is_not_there_is_refused_before_the_recording(session):
    with session() as desk, pytest.raises(NtaError, match="treacle"):
        desk.record(Order(name="one", conditions={"medium": "treacle"}))


def test_a_refusal_does_not_stay_on_the_good_value(session, visit, monkeypatch):
    monkeypatch.setattr("nta.web.fields._REFUSAL_S", 0.2)

    async def see(user):
        laser = user.find(marker="laser_mw")
        (field,) = laser.elements
        await _until(lambda: field.value == "50")
        laser.clear().type("400")
        laser.trigger("keydown.enter")
        await _until(lambda: field.value == "50" and not field.error)

    with session() as desk:
        visit(desk, see)
