"""One page for results of several programs: same units, same percentiles, every program's ways named."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.assessment import Verdict
from nta.assessment.controls import with_findings
from nta.cli import main
from nta.errors import SettingError
from nta.io.results import save_analysis
from nta.io.vendors import Histogram, VendorResult, VendorRun
from nta.overlay import entry, open_entry, write_overlay
from nta.overlay.entry import EDGES_NM
from nta.overlay.figures import draw_all
from nta.quantity import Quantity
from nta.report.figures.style import as_svg
from nta.sizes import SizingSettings, size_distribution
from nta.visibility import Concentration, Visibility

VIEWSIZER = Path(__file__).parents[1] / "vendors" / "viewsizer_150nm"


def vendor(
    name="A",
    *,
    medians=(100.0,),
    viscosity_pa_s=None,
    temperature_c=25.0,
    per_ml=1e9,
    ln_sd=0.2,
    hidden=("keeps a secret",),
):
    edges = np.arange(0.0, 600.0, 5.0)
    center = (edges[1:] + edges[:-1]) / 2
    runs = []
    for i, median in enumerate(medians):
        density = np.exp(-0.5 * (np.log(center / median) / ln_sd) ** 2)
        histogram = Histogram(edges_nm=edges, concentration_per_ml=per_ml * density / density.sum())
        runs.append(
            VendorRun(
                name=f"video {i}", histogram=histogram, concentration_per_ml=per_ml, dilution=10.0, n_tracks=100,
                viscosity_pa_s=viscosity_pa_s, temperature_c=temperature_c, printed={"d50_nm": median - 2.5},
            )
        )  # fmt: skip
    runs.append(VendorRun(name="video 9", failed="found no tracks"))
    return VendorResult(
        vendor=name, program="1.0", file="a", encoding="utf-8", sample="", weighting="number", percentiles=None,
        runs=tuple(runs), hidden=hidden,
    )  # fmt: skip


def test_videos_of_an_export_become_one_source_with_an_interval():
    found = entry(vendor(medians=(98, 100, 102)))
    q = found.number("d50_nm")
    assert q.low < 100 < q.high
    assert len(found.results) == 3
    assert found.failed == ("video 9: found no tracks",)
    curve = found.curve()
    middle, low, high = curve.weight, curve.low, curve.high
    assert middle.sum() == pytest.approx(1)
    assert (low <= middle + 1e-12).all()
    assert (high >= middle - 1e-12).all()


def test_a_single_run_has_no_band_and_no_interval():
    found = entry(vendor())
    assert found.number("d50_nm").low is None
    assert np.isnan(found.curve().low).all()


def test_shares_survive_the_common_bins():
    coarse = vendor(medians=(100,)).runs[0]
    half = Histogram(
        edges_nm=coarse.histogram.edges_nm[::2],
        concentration_per_ml=np.add.reduceat(coarse.histogram.concentration_per_ml, np.arange(0, 118, 2)),
    )
    mixed = replace(vendor(), runs=(coarse, replace(coarse, histogram=half)))
    below = np.cumsum(entry(mixed).curve().weight)
    assert EDGES_NM[np.searchsorted(below, 0.5)] == pytest.approx(100, rel=0.05)


def test_the_viscosity_of_a_program_can_be_taken_out():
    from nta.physics import water_viscosity_pa_s

    thick = vendor(viscosity_pa_s=1.02 * water_viscosity_pa_s(25.0))
    plain, freed = entry(thick), entry(thick, same_viscosity=True)
    assert plain.viscosity_ratio == pytest.approx(1.02)
    # d = kT / 3 pi eta D: a program that takes water for thicker than it is gives sizes that are too small
    assert freed.number("d50_nm").value == pytest.approx(1.02 * plain.number("d50_nm").value)
    assert entry(vendor(), same_viscosity=True).rescaled is False


def test_the_page_holds_numbers_ways_and_secrets(tmp_path):
    entries = [
        entry(vendor(medians=(98, 100, 102)), name="one"),
        entry(vendor("B", per_ml=1e12), name="<two>"),
    ]
    page = write_overlay(entries, tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "keeps a secret" in page
    assert "&lt;two&gt;" in page
    assert "<two>" not in page
    assert "video 9: found no tracks" in page
    assert "97.5" in page  # as printed
    assert not re.search(r'(src|href)="https?://', page)  # nothing is fetched from elsewhere


@pytest.mark.parametrize("n", [2, 9])
def test_the_legend_covers_no_curve(n):
    entries = [
        entry(vendor(medians=(80 + 10 * i,)), name=f"20250219_00{i}_EV_ip_p1_F7-5000_size_488")
        for i in range(n)
    ]
    curves, _, concentrations = draw_all(entries)
    for picture in (curves, *concentrations):
        figure = picture.figure
        figure.draw_without_rendering()
        (legend,), (axis,) = figure.legends, figure.axes
        assert legend.get_window_extent().y1 < axis.get_tightbbox().y0
        assert len(legend.get_texts()) == n
        assert figure.bbox.x0 <= legend.get_window_extent().x0
        assert legend.get_window_extent().x1 <= figure.bbox.x1
        assert axis.bbox.height > 0.6 * figure.bbox.height


def test_a_single_track_in_a_narrow_bin_is_no_peak():
    result = vendor()
    run = result.runs[0]
    per_bin = np.round(run.histogram.concentration_per_ml / run.concentration_per_ml * 60)  # 60 tracks
    per_bin[-5] = 1.0  # at 572 nm, where 5 nm are less than 1 %
    histogram = replace(run.histogram, concentration_per_ml=per_bin)
    one = entry(replace(result, runs=(replace(run, histogram=histogram),)), name="one")
    curves, *_ = draw_all([one])
    (line,) = curves.figure.axes[0].lines
    x, y = line.get_data()
    assert x[np.argmax(y)] == pytest.approx(100, rel=0.1)
    assert y[x > 400].max() < 0.3 * y.max()


def test_a_name_that_the_font_lacks_is_no_warning():
    curves, *_ = draw_all([entry(vendor(), name="外泌体 🧫")])
    assert "外泌体 🧫" in as_svg(curves)  # a warning would be an error here


@pytest.mark.parametrize(("per_ml", "scale"), [(5e9, "linear"), (5e10, "log")])
def test_what_is_much_thinner_is_still_to_be_seen(per_ml, scale):
    *_, (concentrations,) = draw_all(
        [entry(vendor(), name="thin"), entry(vendor(per_ml=per_ml), name="thick")]
    )
    assert concentrations.figure.axes[0].get_yscale() == scale


@pytest.mark.parametrize(("ln_sd", "own"), [(0.15, False), (0.05, True)])
def test_a_sharp_peak_does_not_flatten_a_broad_one(ln_sd, own):
    entries = [entry(vendor(), name="broad"), entry(vendor(ln_sd=ln_sd), name="sharp")]
    curves, *_ = draw_all(entries)
    (axis,) = curves.figure.axes
    heights = [float(line.get_ydata().max()) for line in axis.lines]
    assert max(heights) < 2 * min(heights)
    assert ("each over its own peak" in curves.caption) is own
    assert ("own peak" in axis.get_ylabel()) is own


def test_the_command_reads_what_there_is(tmp_path, capsys):
    page = tmp_path / "out" / "page.html"
    words = ["compare", str(VIEWSIZER), str(VIEWSIZER / "Results" / "Videos_150nm.dat"), "-o", str(page)]
    assert main(words) == 0
    assert "D50" in capsys.readouterr().out
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--force", "--figures", str(tmp_path / "figures")]) == 0
    assert (tmp_path / "figures" / "curves.svg").read_text(encoding="utf-8").startswith("<svg")
    assert (tmp_path / "figures" / "curves.pdf").read_bytes().startswith(b"%PDF")
    assert main(["compare", str(tmp_path), "-o", str(page), "--force"]) == 1
    assert "neither results.h5" in capsys.readouterr().err


@pytest.mark.usefixtures("pictures_unwritten")
def test_what_has_no_result_is_said_beside_what_has(rng, tmp_path, capsys):
    analysis = make_analysis(rng)
    for name, sizing in (
        ("good", SizingSettings(repeats=0)),
        ("none", SizingSettings(repeats=0, min_tracks=100_000)),
    ):
        sizes, _ = size_distribution(analysis.diffusion, analysis.tracks, analysis.conditions, sizing)
        save_analysis(replace(analysis, sizes=sizes), tmp_path / f"{name}.h5")
    page = tmp_path / "page.html"
    good, none = str(tmp_path / "good.h5"), str(tmp_path / "none.h5")
    assert main(["compare", good, none, "-o", str(page)]) == 0
    assert "100000 needed" in capsys.readouterr().err
    words = page.read_text(encoding="utf-8")
    assert "100000 needed" in words
    assert "Number of tracks" in words  # a finding on what is shown
    assert main(["compare", none, "-o", str(tmp_path / "other.html")]) == 1
    assert not (tmp_path / "other.html").exists()


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_limit_of_a_concentration_is_shown_with_its_reason(rng, tmp_path):
    analysis = make_analysis(rng, n_tracks=200, n_frames=100)
    limit = Quantity(None, 0.0, 9.76e7, "1/ml", "counts; blank subtracted")
    why = "not above the blank: the upper end is a limit"
    per_frame = Quantity(3.0, 2.0, 4.0, "1")
    found = Concentration(
        per_frame=per_frame, in_cell_per_ml=limit, in_sample_per_ml=limit, dilution=1.0, why_not=why
    )
    seen = Visibility(
        curve=None, law=None, limit_nm=limit, share_below_limit=None, volume=None, suspension=None,
        concentration=found, indices=None,
    )  # fmt: skip
    shown = [entry(replace(analysis, visibility=seen), name="thin"), entry(vendor(), name="thick")]
    page = write_overlay(shown, tmp_path / "page.html").read_text(encoding="utf-8")
    assert f'below 9.76·10⁷ in the sample<span class="interval">{why}</span>' in page
    assert "No number of particles per ml: thin" in page


def counted(rng, *, suspension=True, dilution=None, per_ml=1e8):
    """An analysis whose distribution in suspension starts where the one in view has its median."""
    analysis = make_analysis(rng, n_tracks=200, n_frames=100)
    view = analysis.sizes.distribution
    weight = np.where(view.diameter_nm >= 105, view.weight, 0.0)
    in_suspension = replace(
        view, weight=weight / weight.sum(), low=0.8 * weight / weight.sum(), high=1.2 * weight / weight.sum()
    )
    in_cell = Quantity(per_ml, 0.9 * per_ml, 1.1 * per_ml, "1/ml")
    found = Concentration(
        per_frame=Quantity(3.0, 2.0, 4.0, "1"), in_cell_per_ml=in_cell, dilution=dilution, least_nm=105.0,
        in_sample_per_ml=in_cell.times(dilution or 1.0, "1/ml"),
    )  # fmt: skip
    median = Quantity(123.4, 120.0, 126.0, "nm")
    seen = Visibility(
        curve=None, law=None, limit_nm=Quantity(None, None, None, "nm"), share_below_limit=None, volume=None,
        suspension=in_suspension, suspension_numbers={"d50_nm": median}, concentration=found, indices=None,
    )  # fmt: skip
    sizes = replace(analysis.sizes, suspension=in_suspension if suspension else None)
    return replace(analysis, sizes=sizes, visibility=seen)


def test_per_ml_is_drawn_of_what_the_concentration_counts(rng):
    *_, (picture,) = draw_all([entry(counted(rng), name="one")])
    (line,) = picture.figure.axes[0].lines
    x, y = line.get_data()
    assert np.isnan(y[x < 100]).all()  # nothing is counted there
    step = np.log10(x[1] / x[0])  # the area below the curve is the concentration
    assert 10 * step * np.nansum(y) == pytest.approx(1e8)


def test_without_a_distribution_in_suspension_there_is_no_curve_per_ml(rng):
    *_, (picture,) = draw_all([entry(counted(rng, suspension=False), name="one")])
    assert picture.figure is None
    assert "one, because the concentration counts particles in suspension" in picture.caption


def test_cell_and_sample_are_drawn_apart_and_suspension_has_its_rows(rng, tmp_path):
    entries = [
        entry(counted(rng), name="undiluted"),
        entry(counted(rng, dilution=100.0), name="diluted"),
    ]
    *_, (cell, sample) = draw_all(entries)
    assert "cell" in cell.title
    assert "sample" in sample.title
    assert [len(picture.figure.axes[0].lines) for picture in (cell, sample)] == [1, 1]
    page = write_overlay(entries, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "D50 (median) in suspension, nm" in page
    assert "123.4<" in page


def test_the_intervals_of_a_narrow_sample_stay_apart(rng):
    _, picture, _ = draw_all([entry(counted(rng), name="one")])
    heights = {float(np.mean(line.get_ydata())) for line in picture.figure.axes[0].lines}
    assert len(heights) == 3


def test_what_import_made_of_an_export_leads_back_to_the_export(tmp_path, capsys):
    table = VIEWSIZER / "Results" / "Videos_150nm.dat"
    assert main(["import", str(table), "-o", str(tmp_path / "made"), "-q"]) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "made"), "-o", str(tmp_path / "page.html")]) == 1
    assert "give the export itself" in capsys.readouterr().err


def test_a_source_without_any_result_is_refused():
    failed = vendor(medians=())
    with pytest.raises(SettingError, match="found no tracks"):
        entry(failed)
    assert open_entry(VIEWSIZER).name == "viewsizer_150nm"


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_source_that_its_report_fails_is_said_first_and_marked(rng, tmp_path):
    analysis = make_analysis(rng, n_tracks=200, n_frames=100)
    drifting = replace(analysis.assessment.findings[0], title="Drift", verdict=Verdict.FAIL)
    failed = replace(analysis, assessment=with_findings(analysis.assessment, [drifting]))
    shown = [entry(failed, name="moved"), entry(vendor(), name="other")]
    page = write_overlay(shown, tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.index("Do not rely on moved (drift)") < page.index("Numbers")
    assert "not rely on it: Drift" in page
