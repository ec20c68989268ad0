"""The law of light is followed to where it shows what the run shows, also where most particles are missed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from made.visible_volume import SHEET, VIEW, WATER, lognormal, trials
from nta.sizes import SizingSettings
from nta.visibility.brightness_law import LightModel, brightness_law, seeks_index, stand_ins
from nta.visibility.curve import fit_curve
from nta.visibility.light import CrossSections
from nta.visibility.table import BrightnessLaw

KT_OVER_3_PI_ETA = 0.48 * 1000  # nm um²/s: water at room temperature
CURVE = fit_curve(trials(light_50=200.0), spot_width_px=1.4)


@pytest.fixture(autouse=True)
def one_view(monkeypatch):
    monkeypatch.setattr("nta.visibility.brightness_law.view_of", lambda _: VIEW)


def model_of(in_view):
    """A run of 400 tracks whose diameters are known well; what light they have is put in later."""
    sized = SimpleNamespace(
        sizes=SimpleNamespace(distribution=in_view),
        sizing=SizingSettings(),
        profile=None,
        scale_nm_um2_s=lambda: KT_OVER_3_PI_ETA,
    )
    d, share = stand_ins(sized)
    d = np.repeat(d, np.rint(400 * share).astype(int))
    sized.diffusion = SimpleNamespace(
        diffusion_um2_s=KT_OVER_3_PI_ETA / d, std_err_um2_s=0.02 * KT_OVER_3_PI_ETA / d
    )
    sized.used = np.ones(d.size, bool)
    sized.diameter_nm = d
    return LightModel(sized, CURVE, SHEET, CrossSections.of(WATER, 10.0, 2000.0))


def give_light(model, law):
    """Let the tracks have the light that the law lets expect."""
    mean, slope = model.expected(law)
    x = np.log(model.sized.diameter_nm)
    track = np.repeat(np.arange(x.size), 10)
    log_light = (mean + slope * (x - x.mean()))[track]
    log_light += 0.1 * np.random.default_rng(1).standard_normal(log_light.size)
    model.sized.tracks = SimpleNamespace(track=track, intensity=np.exp(log_light))


def law_of(model, light_e, *, slope=0.0, index=1.59):
    """The law by which particles of the middle diameter have so much light."""
    d, share = stand_ins(model.sized)
    anchor = float(np.exp(share @ np.log(d)))
    return BrightnessLaw(
        refractive_index=index,
        medium_index=model.table.medium_index,
        scale_e_per_nm2=light_e / float(model.table.at(np.array([anchor]), index)[0]),
        index_source="stated",
        scale_source="this run",
        anchor_nm=anchor,
        slope=slope,
    )


@pytest.mark.parametrize("light_e", [180.0, 2000.0, 1e5])
def test_beads_of_which_few_or_many_are_found_have_their_light(light_e):
    model = model_of(lognormal(30.0, 0.05))
    true = law_of(model, light_e)
    give_light(model, true)
    found = brightness_law(model, 1.59)
    assert np.log(found.scale_e_per_nm2 / true.scale_e_per_nm2) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("slope", [-4.0, -2.0, -1.0, 0.0])
def test_the_slope_of_vesicles_and_of_membrane_dye_is_followed_to_its_end(slope):
    model = model_of(lognormal(100.0, 0.3))
    true = law_of(model, 10_000.0, slope=slope, index=model.table.medium_index + 0.06)
    give_light(model, true)
    found = brightness_law(model, None)
    # particles that are too faint to be found hide part of the slope: what is shown must agree
    assert model.expected(found) == pytest.approx(model.expected(true), abs=0.04)
    assert found.slope == pytest.approx(slope, abs=0.2)


@pytest.mark.parametrize("slope", [-2.0, 0.0])
def test_a_few_aggregates_far_from_the_rest_do_not_tilt_the_law(slope):
    beads, aggregates = lognormal(60.0, 0.05), lognormal(320.0, 0.05)
    model = model_of(replace(beads, weight=0.97 * beads.weight + 0.03 * aggregates.weight))
    true = law_of(model, 1000.0, slope=slope, index=model.table.medium_index + 0.06)
    give_light(model, true)
    found = brightness_law(model, None)
    assert found.slope == pytest.approx(slope, abs=0.3)
    small = np.array([60.0])
    assert model.electrons(found, small) == pytest.approx(model.electrons(true, small), rel=0.1)


def test_light_that_no_law_explains_has_none():
    model = model_of(lognormal(100.0, 0.3))
    give_light(model, law_of(model, 1500.0))
    model.sized.tracks.intensity = np.full(
        model.sized.tracks.intensity.size, 1.0
    )  # fainter than what can be found
    assert brightness_law(model, 1.59) is None


def test_a_stated_index_leaves_the_scale_to_be_found_wherever_that_of_the_profile_lies():
    model = model_of(lognormal(60.0, 0.05))
    true = law_of(model, 1000.0)
    give_light(model, true)
    far = true.scale_e_per_nm2 / (SHEET.exposure_s * 1e3) * 1e-13
    model.sized.profile = SimpleNamespace(brightness_e_per_ms_nm2=far)
    assert not seeks_index(model, 1.59)
    assert seeks_index(model, None)
    found = brightness_law(model, 1.59)
    assert found.scale_source == "this run"
    assert np.log(found.scale_e_per_nm2 / true.scale_e_per_nm2) == pytest.approx(0, abs=0.1)
