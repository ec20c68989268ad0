"""Control charts from a catalogue: a shift that was put in is flagged by the right rule at the right run."""

import datetime
from dataclasses import replace

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.catalogue import Catalogue
from nta.cli import main
from nta.errors import SettingError
from nta.io.results import summary
from nta.qc.baseline import Baseline, Level, make_baseline, read_baseline, write_baseline
from nta.qc.chart import chart_runs
from nta.qc.chart_page import write_charts

START = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
QUIET = [0.3, -0.4, 0.8, -0.9, 0.1, 0.5, -0.6, -0.2, 0.7, -0.8] * 2
MEAN_NM, SD_NM = 101.0, 0.8


@pytest.fixture(scope="module")
def said():
    return summary(make_analysis(np.random.default_rng(1), n_tracks=80, n_frames=60))


def record(catalogue, said, z, first=0, verdict="pass", d50=True, brightness=True, **stated):
    """Record runs of beads, one a day, whose diameter is off the mean by z SD."""
    for day, value in enumerate(z, start=first):
        nm = MEAN_NM + value * SD_NM
        known = (
            {"value": nm, "low": nm - 0.5, "high": nm + 0.5}
            if d50
            else dict.fromkeys(("value", "low", "high"))
        )
        numbers = said["size"]["numbers"] | {"d50_nm": known | {"unit": "nm", "method": ""}}
        light = {"value": 500.0 * (1 + 0.02 * value), "unit": "e/ms"} if brightness else None
        run = said | {
            "size": said["size"] | {"numbers": numbers},
            "brightness_e_per_ms": light,
            "provenance": said["provenance"] | {"recording": f"beads {day}.h5"},
            "verdict": verdict,
        }
        when = START + datetime.timedelta(days=day)
        words = {
            "kind": "beads",
            "standard": "polystyrene_100nm",
            "instrument": "one",
            "measured_at": when,
        } | stated
        catalogue.record(run, **words)


@pytest.fixture
def catalogue(tmp_path, said):
    with Catalogue.open(tmp_path / "runs.db") as opened:
        record(opened, said, QUIET)
        yield opened


BASELINE = Baseline(
    instrument="one",
    standard="polystyrene_100nm",
    date=datetime.date(2026, 3, 1),
    source="fixed for the test",
    levels={"d50_nm": Level(mean=MEAN_NM, sd=SD_NM, n=20)},
)


@pytest.mark.parametrize(
    ("shift", "rule", "at"),
    [
        ([3.5], "1-3s", 20),
        ([2.4, 2.2], "2-2s", 21),
        ([2.4, -2.3], "R-4s", 21),
        ([1.4, 1.2, 1.3, 1.5], "4-1s", 23),
        ([0.5] * 10, "10-x", 29),
    ],
)
def test_a_shift_is_flagged_by_its_rule_at_its_run(catalogue, said, shift, rule, at):
    record(catalogue, said, shift, first=20)
    (found,) = chart_runs(catalogue, BASELINE).charts
    marked = [i for i, p in enumerate(found.points) if rule in p.rules]
    assert marked == [at]
    assert not any(p.rules for p in found.points[:20])
    assert found.points[at].z == pytest.approx(shift[-1])
    assert found.points[at].when == START + datetime.timedelta(days=at)
    assert not found.in_control


def test_a_lasting_shift_is_seen_by_the_moving_average(catalogue, said):
    record(catalogue, said, [0.9, 1.8] * 8, first=20)
    (found,) = chart_runs(catalogue, BASELINE).charts
    assert any("EWMA" in p.rules for p in found.points[20:])


def test_runs_of_others_and_withdrawn_ones_do_not_count(catalogue, said):
    record(catalogue, said, [9.0], first=20, instrument="two")
    record(catalogue, said, [9.0], first=21, standard="silica_100nm")
    record(catalogue, said, [9.0], first=22)
    wrong = catalogue.runs(instrument="one")[-1]
    catalogue.correct(wrong.id, reason="wrong beads", withdrawn=True)
    (found,) = chart_runs(catalogue, BASELINE).charts
    assert len(found.points) == 20
    assert found.in_control


def test_a_change_of_settings_is_marked(catalogue, said):
    record(catalogue, said | {"settings": {"detection": {"threshold_sd": 9}}}, [0.1], first=20)
    (found,) = chart_runs(catalogue, BASELINE).charts
    assert found.points[20].changed == "settings"
    assert not any(p.changed for p in found.points[:20])


def test_a_baseline_is_made_of_runs_and_survives_its_file(catalogue, tmp_path):
    made = make_baseline(catalogue.runs(), catalogue='of "one"', date=datetime.date(2026, 3, 30))
    assert made.levels["d50_nm"].mean == pytest.approx(MEAN_NM + SD_NM * np.mean(QUIET))
    assert made.levels["d50_nm"].sd == pytest.approx(SD_NM * np.std(QUIET, ddof=1))
    assert "brightness_e_per_ms" in made.levels
    assert "sd_nm" not in made.levels  # the same in all runs: no scatter, no chart
    write_baseline(made, tmp_path / "b.toml")
    again = read_baseline(tmp_path / "b.toml")
    assert again.source == made.source
    assert again.levels["d50_nm"].sd == pytest.approx(made.levels["d50_nm"].sd, rel=1e-3)
    assert replace(again, levels={}) == replace(made, levels={})


@pytest.mark.usefixtures("pictures_unwritten")
def test_failed_runs_make_no_baseline_and_are_named(catalogue, said, tmp_path):
    record(catalogue, said, [9.0, -9.0], first=20, verdict="fail")
    runs, date = catalogue.runs(), datetime.date(2026, 3, 30)
    made = make_baseline(runs, catalogue="runs.db", date=date)
    assert made.levels["d50_nm"].n == 20
    assert made.levels["d50_nm"].sd == pytest.approx(SD_NM * np.std(QUIET, ddof=1))
    assert "left out, because their assessment failed: 21, 22" in made.source
    with pytest.raises(SettingError, match="there are 3; left out, because their assessment failed: 21, 22"):
        make_baseline(runs[-5:], catalogue="runs.db", date=date)
    page = write_charts([chart_runs(catalogue, made)], tmp_path / "c.html").read_text(encoding="utf-8")
    assert "Runs that failed their own assessment, hollow in the chart: 21, 22" in page


def test_a_baseline_of_an_example_certificate_says_so(tmp_path, said):
    with Catalogue.open(tmp_path / "other.db") as catalogue:
        record(catalogue, said, QUIET, standard="example_polystyrene_100nm")
        runs = catalogue.runs()
    assert "is an EXAMPLE" in make_baseline(runs, catalogue="c", date=datetime.date(2026, 3, 30)).source


def test_a_baseline_that_cannot_be_is_refused(catalogue, said, tmp_path):
    with pytest.raises(SettingError, match="at least 5 runs"):
        make_baseline(catalogue.runs()[:4], catalogue="c", date=datetime.date(2026, 3, 30))
    record(catalogue, said, [0.0], first=20, instrument="two")
    with pytest.raises(SettingError, match="of one instrument"):
        make_baseline(catalogue.runs(), catalogue="c", date=datetime.date(2026, 3, 30))
    path = tmp_path / "b.toml"
    path.write_text(
        'instrument = "one"\nstandard = "s"\nsource = "x"\ndate = 2026-01-01\n[d50_nm]\nmean = 1\nsd = 0\nn = 9\n'
    )
    with pytest.raises(SettingError, match="SD above 0"):
        read_baseline(path)


def test_a_baseline_of_no_run_names_the_runs_that_there_are(catalogue, said, tmp_path, capsys):
    record(catalogue, said, [0.1], first=20, instrument="two", lot="7")
    words = ["qc", "baseline", str(tmp_path / "runs.db"), "-o", str(tmp_path / "b.toml"), "--standard"]
    assert main([*words, "polystyrene_100"]) == 1
    told = capsys.readouterr().err
    assert (
        "holds no such run of beads; there are 20 runs of instrument one, standard polystyrene_100nm, lot not"
        in told
    )
    assert "; 1 run of instrument two, standard polystyrene_100nm, lot 7" in told
    with Catalogue.open(tmp_path / "other.db") as other:
        record(other, said, [0.1], kind="sample", standard="")
    words[2] = str(tmp_path / "other.db")
    assert main([*words, "polystyrene_100nm"]) == 1
    assert "record them with --kind beads --standard NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"lot": "7"}, "of one lot; the runs are of none said, 7: choose with --lot"),
        ({"settings": {"detection": {"threshold_sd": 9}}}, r"the settings of runs .*; of 21 differ"),
        ({"z": 30.0}, r"run 21 lies far off the others: Diameter \(D50\) 125 nm, theirs 101 .* withdraw it"),
    ],
)
def test_a_baseline_of_runs_that_are_no_series_is_refused(catalogue, said, odd, words):
    odd = dict(odd)
    run = said | {"settings": odd.pop("settings", said["settings"])}
    record(catalogue, run, [odd.pop("z", 0.1)], first=20, **odd)
    with pytest.raises(SettingError, match=words):
        make_baseline(catalogue.runs(), catalogue="c", date=datetime.date(2026, 3, 30))
    runs = catalogue.runs(lot="")[:20]
    assert make_baseline(runs, catalogue="c", date=datetime.date(2026, 3, 30)).levels["d50_nm"].n == 20


def test_a_baseline_says_what_it_leaves_out_and_what_is_to_watch(catalogue, said):
    record(catalogue, said, [0.1], first=20, verdict="warn", brightness=False)
    made = make_baseline(catalogue.runs(), catalogue="c", date=datetime.date(2026, 3, 30))
    assert "brightness_e_per_ms" not in made.levels
    assert "; without Brightness, not known in 21" in made.source
    assert "; among them with findings to watch: 21" in made.source


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_newest_run_without_a_charted_quantity_is_not_in_control(catalogue, said, tmp_path, capsys):
    record(catalogue, said, [0.1], first=20, d50=False)
    write_baseline(BASELINE, tmp_path / "b.toml")
    words = ["qc", "chart", str(tmp_path / "runs.db"), "--baseline", str(tmp_path / "b.toml"), "--strict"]
    assert main([*words, "-o", str(tmp_path / "c.html")]) == 1
    told = capsys.readouterr().err
    assert "Diameter (D50): NOT KNOWN in the newest run, 21" in told
    assert "not known in 1 of 21 runs" in told
    assert "diameter (D50) is not known" in (tmp_path / "c.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_chart_says_how_far_its_mean_is_off_the_certificate(catalogue, said, tmp_path, capsys):
    standard = "example_polystyrene_100nm"
    record(catalogue, said, [0.0], first=20, standard=standard)
    off = replace(BASELINE, standard=standard, levels={"d50_nm": Level(mean=112.0, sd=SD_NM, n=20)})
    assert off.against_certificate().verdict == "fail"
    assert BASELINE.against_certificate() is None
    write_baseline(off, tmp_path / "b.toml")
    words = ["qc", "chart", str(tmp_path / "runs.db"), "--baseline", str(tmp_path / "b.toml")]
    assert main([*words, "-o", str(tmp_path / "c.html")]) == 0
    assert "the mean of the baseline is +12.0 % off the certified 100 nm" in capsys.readouterr().err
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "+12.0 % off the certified 100 nm" in page
    assert "Green: the certified 100" in page


@pytest.mark.parametrize("name", ["one\rtwo", "a\tb", 'c"d\\e', "f\x7fg", "Größe"])
def test_a_baseline_of_any_name_is_read_again(tmp_path, name):
    write_baseline(replace(BASELINE, instrument=name), tmp_path / "b.toml")
    assert read_baseline(tmp_path / "b.toml").instrument == name


def test_the_commands_make_baseline_page_and_pictures(catalogue, said, tmp_path, capsys):
    record(catalogue, said, [3.5], first=20)
    file, until = str(tmp_path / "runs.db"), (START + datetime.timedelta(days=20)).isoformat()
    baseline, page = tmp_path / "baseline.toml", tmp_path / "charts.html"
    asked = ["qc", "baseline", file, "--instrument", "one", "--until", until, "-o", str(baseline)]
    assert main(asked) == 0
    assert main(asked) == 1
    assert "exists; choose another name with -o, or replace it with --force" in capsys.readouterr().err
    assert main([*asked, "--force"]) == 0
    words = [
        "qc",
        "chart",
        file,
        "--baseline",
        str(baseline),
        "-o",
        str(page),
        "--png",
        str(tmp_path / "png"),
    ]
    assert main(words) == 0
    assert "OUT OF CONTROL: 1-3s" in capsys.readouterr().err
    assert main([*words, "--strict"]) == 1
    text = page.read_text(encoding="utf-8")
    assert "Out of control" in text
    assert "1-3s" in text
    assert text.count("<svg") == 2  # diameter and brightness
    pictures = sorted(p.name for p in (tmp_path / "png").iterdir())
    assert pictures == ["1_brightness_e_per_ms.png", "1_d50_nm.png"]
    assert (tmp_path / "png" / pictures[0]).read_bytes().startswith(b"\x89PNG")
    assert main(["qc", "chart", file, "-o", str(page)]) == 1
    assert "needs a baseline" in capsys.readouterr().err
    assert main([*words, "--instrument", "other"]) == 1
    assert "a chart takes the runs of its baseline and no --instrument" in capsys.readouterr().err
    assert main(["qc", "chart", str(tmp_path / "none.db"), "--baseline", str(baseline), "-o", str(page)]) == 1


@pytest.mark.usefixtures("pictures_unwritten")
def test_the_page_names_what_is_out_of_control_as_the_chart_does(catalogue, said, tmp_path):
    record(catalogue, said, [3.5], first=20)
    text = write_charts([chart_runs(catalogue, BASELINE)], tmp_path / "c.html").read_text(encoding="utf-8")
    assert "The newest run: diameter (D50) breaks 1-3s" in text


def test_a_rule_is_written_once_a_stretch_and_listed_at_every_run(catalogue, said, tmp_path):
    record(catalogue, said, [1.5] * 8, first=20)
    page = write_charts([chart_runs(catalogue, BASELINE)], tmp_path / "charts.html").read_text(
        encoding="utf-8"
    )
    drawn, _, table = page[page.index("<svg") :].partition("</svg>")
    assert drawn.count("4-1s") == 1
    assert table.partition("</table>")[0].count("4-1s") == 5


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_series_in_control_says_so(catalogue, tmp_path):
    text = write_charts([chart_runs(catalogue, BASELINE)], tmp_path / "c.html").read_text(encoding="utf-8")
    assert "In control" in text
    assert "Out of control" not in text


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_baseline_is_not_in_control_by_itself(catalogue, said, tmp_path, capsys):
    """All runs of the chart were those of the baseline, and the page said in green that the newest broke no rule."""
    made = make_baseline(catalogue.runs(), catalogue="runs.db", date=datetime.date(2026, 3, 30))
    catalogue.correct(catalogue.runs()[-1].id, reason="name", operator="B. Meier")
    write_baseline(made, tmp_path / "b.toml")
    assert read_baseline(tmp_path / "b.toml").runs == made.runs == tuple(range(1, 21))
    words = ["qc", "chart", str(tmp_path / "runs.db"), "--baseline", str(tmp_path / "b.toml"), "--strict"]
    assert main([*words, "-o", str(tmp_path / "c.html")]) == 0
    assert "no run since the baseline (20 runs)" in capsys.readouterr().err
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "No run since the baseline" in page
    assert "In control" not in page
    assert "Grey dots: runs that the baseline was made of" in page
    record(catalogue, said, [0.2], first=20)
    found = chart_runs(catalogue, made)
    assert [p.of_baseline for p in found.charts[0].points] == [True] * 20 + [False]
    text = write_charts([found], tmp_path / "c.html").read_text(encoding="utf-8")
    assert "In control" in text


def test_runs_of_a_baseline_are_numbers(tmp_path):
    write_baseline(replace(BASELINE, runs=(1, 2)), tmp_path / "b.toml")
    text = (tmp_path / "b.toml").read_text().replace("runs = [1, 2]", 'runs = ["1", 2]')
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(SettingError, match="is no list of the numbers of runs"):
        read_baseline(tmp_path / "b.toml")
