"""Tables of single particles: NanoSight and Videodrop by synthetic twins, ViewSizer by a real measurement."""

from pathlib import Path

import numpy as np
import pytest

from made.twins import PIXEL_UM, RATE_HZ, nanosight_summary, nanosight_tables, videodrop_result
from nta.calibration import SampleConditions
from nta.diffusion import estimate_diffusion
from nta.errors import MissingInputError, SettingError
from nta.io.tracks import TrackTable
from nta.io.vendors import VendorFileError, read_vendor
from nta.measurements import MeasuredRun, size_particles, size_tracks
from nta.measurements.from_tracks import as_tracks
from nta.physics import water_viscosity_pa_s
from nta.settings import AnalysisSettings
from nta.sizes import SizingSettings, size_distribution

VIEWSIZER = Path(__file__).parent / "viewsizer_150nm"
WATER = SampleConditions(temperature_c=25.0)
QUICK = AnalysisSettings(sizing=SizingSettings(repeats=50, bins=150, max_components=2))


STEADY = TrackTable.of([0] * 9, range(9), np.arange(9.0), np.arange(9.0), program="mine")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"table": {"track": [0]}}, r"table must be TrackTable, got dict; make one with TrackTable\.of"),
        ({"conditions": 25.0}, r"conditions must be SampleConditions, got float; give nta\.SampleConditions"),
        ({"pixel_size_um": 250}, "pixel_size_um=250 is no pixel .* give µm, not nm"),
        ({"pixel_size_um": "0.25"}, "pixel_size_um must be a number, got '0.25'"),
        ({"frame_rate_hz": 0}, "frame_rate_hz must be > 0"),
        ({"frame_rate_hz": None}, "a size needs the frame rate"),
        ({"exposure_s": 15}, "longer than the frame interval"),
    ],
)
def test_tracks_are_not_sized_on_what_cannot_be(given, words):
    said = {"table": STEADY, "conditions": WATER, "pixel_size_um": 0.25, "frame_rate_hz": 30, **given}
    with pytest.raises((SettingError, MissingInputError), match=words):
        size_tracks(said.pop("table"), said.pop("conditions"), **said)


def test_estimates_without_their_tracks_are_refused():
    tracks = as_tracks(
        TrackTable.of([0] * 9 + [1] * 9, [*range(9)] * 2, np.arange(18.0), np.arange(18.0), program="mine")
    )
    with pytest.raises(SettingError, match="250 is no pixel"):
        estimate_diffusion(tracks, pixel_size_um=250, frame_interval_s=1 / 30, exposure_s=None)
    found = estimate_diffusion(tracks, pixel_size_um=0.25, frame_interval_s=1 / 30, exposure_s=None)
    with pytest.raises(SettingError, match=r"1 estimates and 2 tracks; .* tracks\.only\(mask\) and"):
        size_distribution(found.select([1]), tracks, WATER)
    second = np.array([False, True])
    left = tracks.only(second)
    assert (left.n_tracks, len(left)) == (1, 9)
    assert left.y_px == pytest.approx(tracks.y_px[9:])
    assert size_distribution(found.select(second), left, WATER)[0].n_tracks_used <= 1
    with pytest.raises(SettingError, match="a mask over 2 tracks"):
        tracks.only([1])


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("1", "0"), ("Yes", "No")])
def test_nanosight_particles_are_read_with_units(tmp_path, rng, yes, no):
    noisy, n_points = nanosight_tables(tmp_path, rng, n_tracks=50, yes=yes, no=no)
    run = read_vendor(tmp_path / "video_ParticleData.csv").runs[0]
    assert run.particles.diameter_nm == pytest.approx(noisy, abs=0.006)
    assert run.particles.n_points == pytest.approx(n_points)
    assert run.particles.included.sum() == run.n_tracks == 45
    assert run.particles.diffusion_um2_s == pytest.approx(
        490.6 / noisy, rel=0.005
    )  # kT / 3 pi eta at 25 degC
    assert not run.histogram.absolute
    assert (
        MeasuredRun(read_vendor(tmp_path / "video_ParticleData.csv"), run).concentration("in_cell").value
        is None
    )


def test_nanosight_tracks_are_the_same_particles_and_are_sized_again(tmp_path, rng):
    _, n_points = nanosight_tables(tmp_path, rng, diameter_nm=100)
    run = read_vendor(tmp_path / "video_AllTracks.csv").runs[0]
    particles = read_vendor(tmp_path / "video_ParticleData.csv").runs[0].particles
    assert run.tracks.lengths.tolist() == n_points.tolist()
    assert (run.particles.included == particles.included).all()
    assert run.particles.n_points == pytest.approx(particles.n_points)
    sizes = size_tracks(
        run.tracks, WATER, pixel_size_um=PIXEL_UM, frame_rate_hz=RATE_HZ, exposure_s=0.0, settings=QUICK
    )
    d50 = sizes.summary["d50_nm"]
    assert d50.low < 100 < d50.high
    assert d50.value == pytest.approx(100, rel=0.03)
    spread = sizes.summary["sd_nm"].value / sizes.summary["mean_nm"].value
    assert spread < 0.08  # single tracks scatter by 0.2: that is not the sample's
    again = size_particles(particles, WATER, frame_rate_hz=RATE_HZ, settings=QUICK).summary
    assert again["d50_nm"].value == pytest.approx(100, rel=0.03)
    assert again["sd_nm"].value / again["mean_nm"].value < 0.1


def test_damaged_nanosight_tables_are_refused(tmp_path, rng):
    nanosight_tables(tmp_path, rng, n_tracks=5)
    path = tmp_path / "video_AllTracks.csv"
    lines = path.read_bytes().decode().splitlines()
    cases = {
        "cut off": [*lines[:4], lines[4][:20]],
        "two places": [*lines, lines[1]],
        "not a number": [lines[0], lines[1].replace(lines[1].split(",")[4], "x")],
        "neither yes nor no": [lines[0], lines[1].rsplit(",", 1)[0] + ",maybe"],
    }
    for complaint, changed in cases.items():
        path.write_text("\n".join(changed), encoding="utf-8")
        with pytest.raises(VendorFileError, match=complaint):
            read_vendor(path)
    path.write_text(lines[0].replace("X/pixels", "X/um") + "\n" + lines[1], encoding="utf-8")
    with pytest.raises(VendorFileError, match="no size export"):  # looks alike, is another
        read_vendor(path)


def test_sizing_again_needs_lengths(tmp_path):
    run = read_vendor(videodrop_result(tmp_path)).runs[0]
    with pytest.raises(MissingInputError, match="track lengths"):
        size_particles(run.particles, WATER, frame_rate_hz=30)


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("unit", ["nm", "µm"])
def test_videodrop_in_every_locale(tmp_path, comma, unit):
    run = read_vendor(videodrop_result(tmp_path, comma=comma, unit=unit)).runs[0]
    assert run.printed == pytest.approx(
        {"d50_nm": 98.1, "mean_nm": 104.4, "mode_nm": 95, "d10_nm": 80.5, "d90_nm": 140.75}
    )
    assert run.concentration_per_ml == 1.2e9
    assert run.particles.diameter_nm == pytest.approx([80.5, 95.25, 101.0, 140.75])
    assert run.particles_per_frame == 12.5
    assert run.dilution is None


@pytest.mark.parametrize("name", ["video_ParticleData.csv", "video_AllTracks.csv"])
def test_columns_of_nanosight_are_known_by_their_names_and_however_they_are_separated(tmp_path, rng, name):
    nanosight_tables(tmp_path, rng, n_tracks=20)
    path = tmp_path / name
    rows = [line.split(",") for line in path.read_text(encoding="cp1252").splitlines()]
    plain = read_vendor(path).runs[0].particles
    turned = [[*reversed(row), "more"] for row in rows]
    for delimiter, comma, table in (
        (";", ",", rows),
        ("\t", ".", rows),
        ("\t", ",", turned),
        (",", ".", turned),
    ):
        lines = (delimiter.join(cell.replace(".", comma) for cell in row) for row in table)
        path.write_text("\n".join(lines), encoding="cp1252")
        again = read_vendor(path).runs[0].particles
        for column in ("diameter_nm", "diffusion_um2_s", "n_points", "included"):
            np.testing.assert_array_equal(getattr(again, column), getattr(plain, column))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Concentration;1 200 000 000 particles/mL", ("concentration_per_ml", 1.2e9)),
        ("Concentration;1\u202f200\u202f000\u202f000\xa0particles/mL", ("concentration_per_ml", 1.2e9)),
        ("Concentration;1,2E9 Particles/mL", ("concentration_per_ml", 1.2e9)),
        ("Concentration (particles/mL);1,2E9", ("concentration_per_ml", 1.2e9)),
        ("Median diameter [\xb5m];0,1015", ("d50_nm", 101.5)),
        ("Median diameter;101,5\xa0nm", ("d50_nm", 101.5)),
        ("Median diameter;0,1015 \u03bcm", ("d50_nm", 101.5)),
        ("Median diameter;n/a", ("d50_nm", None)),
        ("Median diameter;101,5,5 nm", None),
        ("Median diameter;4 inch", None),
        ("Concentration;1,2E9 particles/\xb5L", None),
    ],
)
def test_numbers_of_videodrop_are_read_whole_or_refused(tmp_path, written, read):
    path = videodrop_result(tmp_path)
    lines = path.read_text(encoding="cp1252").splitlines()
    key = written.partition(";")[0].partition(" [")[0].partition(" (")[0]
    lines = [written if line.startswith(key) else line for line in lines]
    path.write_text("\n".join(lines), encoding="utf-8")
    if read is None:
        with pytest.raises(VendorFileError, match=f"{key} is .*(no number that can be read|not known)"):
            read_vendor(path)
        return
    run = read_vendor(path).runs[0]
    found = {**run.printed, "concentration_per_ml": run.concentration_per_ml}
    assert found.get(read[0]) == (read[1] and pytest.approx(read[1]))


def test_videodrop_says_when_its_numbers_disagree(tmp_path):
    result = read_vendor(videodrop_result(tmp_path, n_tracked=7))
    assert result.runs[0].warnings == ("7 particles were tracked, 4 are listed",)
    failed = read_vendor(videodrop_result(tmp_path, n_tracked=0)).runs[0]
    assert failed.failed
    assert failed.histogram is None
    assert failed.concentration_per_ml is None


def test_viewsizer_bins_videos_and_particles_are_one_measurement():
    bins = read_vendor(VIEWSIZER)
    videos = read_vendor(VIEWSIZER / "Results" / "Videos_150nm.dat")
    every = read_vendor(VIEWSIZER / "Results" / "Particles_150nm.raw").runs[0]
    assert bins.runs[0].n_tracks == sum(run.n_tracks for run in videos.runs) == every.n_tracks == 1177
    per_ml = 1177 / (15 * 2.3e-6)  # particles over videos and volume, as the vendor works it out
    assert bins.runs[0].concentration_per_ml == pytest.approx(per_ml, rel=1e-12)
    assert np.mean([run.concentration_per_ml for run in videos.runs]) == pytest.approx(per_ml, rel=1e-12)
    assert every.concentration_per_ml == pytest.approx(per_ml, rel=1e-12)
    listed = np.concatenate([run.particles.diameter_nm for run in videos.runs])
    kept = every.particles.diameter_nm[every.particles.included]
    assert listed == pytest.approx(kept, rel=1e-7)  # the hidden filter, particle by particle
    assert (~every.particles.included).sum() == 71
    assert (every.temperature_c, bins.runs[0].exposure_s, bins.runs[0].dilution) == (22.0, 0.032, 1.0)
    assert every.viscosity_pa_s == pytest.approx(water_viscosity_pa_s(22.0), rel=0.022)  # 2.1 % above


def test_viewsizer_means_are_as_printed():
    for run in read_vendor(VIEWSIZER / "Results" / "Videos_150nm.dat").runs:
        assert run.particles.diameter_nm.mean() == pytest.approx(run.printed["mean_nm"], rel=1e-7)
        assert run.particles.diameter_nm.std(ddof=1) == pytest.approx(run.printed["sd_nm"], rel=1e-6)


def test_viewsizer_dilution_is_applied_once(tmp_path):
    copied(tmp_path, ("<Dilution>1<", "<Dilution>50<"))
    run = read_vendor(tmp_path / "Results" / "WideBinsTable_150nm.dat").runs[0]
    assert run.concentration_per_ml == pytest.approx(50 * 1177 / (15 * 2.3e-6))
    measured = MeasuredRun(read_vendor(tmp_path), run)
    assert measured.concentration("in_cell").value == pytest.approx(1177 / (15 * 2.3e-6))


def test_viewsizer_look_alikes_are_refused(tmp_path):
    copied(tmp_path)
    table = tmp_path / "Results" / "WideBinsTable_150nm.dat"
    alike = table.rename(table.with_name("LogBinPSL_150nm.dat"))
    with pytest.raises(VendorFileError, match="another number of particles"):
        read_vendor(alike)
    with pytest.raises(VendorFileError, match="without a ViewSizer table"):
        read_vendor(tmp_path)
    with pytest.raises(VendorFileError, match="settings of a ViewSizer measurement"):
        read_vendor(tmp_path / "measurement.xml")
    raw = tmp_path / "Results" / "Particles_150nm.raw"
    raw.write_bytes(raw.read_bytes()[:-40])
    with pytest.raises(VendorFileError, match=r"cut off|expected"):
        read_vendor(raw)
    videos = tmp_path / "Results" / "Videos_150nm.dat"
    videos.write_text(videos.read_text()[:-30])
    with pytest.raises(VendorFileError, match="cut off"):
        read_vendor(videos)


def test_a_stated_dilution_stands_only_where_none_is_recorded(tmp_path):
    plain = read_vendor(videodrop_result(tmp_path))
    assert plain.diluted(100).runs[0].concentration_per_ml == pytest.approx(1.2e11)
    assert plain.diluted(100).diluted(100).runs[0].concentration_per_ml == pytest.approx(1.2e11)
    with pytest.raises(VendorFileError, match="applied already"):
        read_vendor(VIEWSIZER).diluted(10)


@pytest.mark.parametrize(
    ("recorded", "factor"),
    [("1:1000", 1e3), ("1000x", 1e3), ("0.000", None), ("Not recorded", None), ("", None)],
)
def test_a_recorded_dilution_is_read_however_it_was_entered(tmp_path, recorded, factor):
    result = read_vendor(nanosight_summary(tmp_path, dilution=recorded))
    assert result.runs[0].dilution == factor
    if factor is not None:
        with pytest.raises(VendorFileError, match="applied already"):
            result.diluted(5000)


@pytest.mark.parametrize("recorded", ['"1,000"', "1.000", "1:1.000", "about 1000", "-5"])
def test_a_recorded_dilution_that_nobody_can_read_is_refused(tmp_path, recorded):
    with pytest.raises(VendorFileError, match=r"dilution|number with a comma"):
        read_vendor(nanosight_summary(tmp_path, dilution=recorded))
    copied(tmp_path, ("<Dilution>1<", f"<Dilution>{recorded}<"))
    with pytest.raises(VendorFileError, match="the dilution that it records"):
        read_vendor(tmp_path)


def copied(folder: Path, *changes: tuple[str, str]) -> None:
    (folder / "Results").mkdir()
    for path in (*VIEWSIZER.glob("Results/*"), VIEWSIZER / "measurement.xml"):
        raw = path.read_bytes()
        for old, new in changes:
            raw = raw.replace(old.encode(), new.encode())
        (folder / path.relative_to(VIEWSIZER)).write_bytes(raw)


def test_the_summary_of_one_video_is_read_like_that_of_an_experiment(tmp_path):
    run = read_vendor(nanosight_summary(tmp_path, dilution="100")).runs[0]
    assert (run.name, run.n_tracks, run.dilution, run.temperature_c) == ("video", 321, 100.0, 25.0)
    assert run.concentration_per_ml == 1e8  # of the sample: the recorded dilution is applied already
    assert run.reproduced(read_vendor(tmp_path / "video_Summary.csv").percentiles)["d50_nm"] == pytest.approx(
        100.5
    )
    undiluted = read_vendor(nanosight_summary(tmp_path)).runs[0]
    assert undiluted.dilution is None


@pytest.mark.parametrize("change", ["quoted", "blank line", "tabs", "semicolons", "tabs and decimal commas"])
def test_a_summary_that_another_program_saved_is_the_same(tmp_path, change):
    path = nanosight_summary(tmp_path, dilution="1000")
    plain = read_vendor(path)
    text = path.read_text(encoding="cp1252")
    swapped = {"tabs": ("\t", "."), "semicolons": (";", ","), "tabs and decimal commas": ("\t", ",")}
    if change in swapped:
        delimiter, point = swapped[change]
        text = text.replace(",", delimiter).replace(".", point)
    elif change == "quoted":
        text = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines())
    else:
        text = f"\n\n{text}"
    path.write_text(text, encoding="cp1252")
    again = read_vendor(path)
    assert again.percentiles == plain.percentiles
    for name in ("printed", "concentration_per_ml", "dilution", "temperature_c", "failed"):
        assert getattr(again.runs[0], name) == getattr(plain.runs[0], name)
    np.testing.assert_array_equal(again.runs[0].histogram.edges_nm, plain.runs[0].histogram.edges_nm)


def test_a_summary_without_particles_or_of_another_weighting_gives_no_size(tmp_path):
    failed = read_vendor(nanosight_summary(tmp_path, per_bin=(0.0,) * 4)).runs[0]
    assert failed.failed
    assert failed.histogram is None
    assert failed.printed == {}
    with pytest.raises(VendorFileError, match="no number-weighted size data"):
        read_vendor(nanosight_summary(tmp_path, weighting="Volume"))
