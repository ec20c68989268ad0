"""Estimates of one coordinate against those of another program (lumicks.pylake), to 1e-6."""

import json

import numpy as np
import pytest

from nta.diffusion import cve, gls, ols, optimal_lags
from nta.errors import SettingError

pytestmark = pytest.mark.real
N_CASES = {"ols": 8, "gls": 7, "cve": 4, "cve_with_gaps": 4}


@pytest.fixture(scope="module")
def cases(real_data):
    return json.loads((real_data / "pylake_reference" / "expected.json").read_text())["cases"]


def found(case):
    frame, position, p = np.array(case["frame"]), np.array(case["position"]), case["parameters"]
    if case["kind"] == "ols":
        return ols(frame, position, p["dt"], max_lag=p["max_lag"])
    if case["kind"] == "gls":
        # the reference ends its iteration where intercept and slope change by less than 1e-4
        return gls(frame, position, p["dt"], max_lag=p["max_lag"], tolerance_um2=1e-4)
    return cve(
        frame, position, p["dt"], blur=p["blur_R"], localization_variance_um2=p["known_localization_var"],
        variance_of_localization_variance_um4=p["var_of_localization_var"],
    )  # fmt: skip


@pytest.mark.parametrize("kind", N_CASES)
def test_estimates_are_those_of_the_reference(cases, kind):
    chosen = [case for case in cases if case["kind"] == kind]
    assert len(chosen) == N_CASES[kind]
    for case in chosen:
        result, expected = found(case), case["expected"]
        assert result.diffusion_um2_s == pytest.approx(expected["D"], rel=1e-6, abs=1e-12)
        assert result.localization_variance_um2 == pytest.approx(
            expected["localization_variance"], rel=1e-6, abs=1e-12
        )
        if "var_D" in expected:
            assert result.variance_um4_s2 == pytest.approx(expected["var_D"], rel=1e-6)
        else:
            assert result.std_err_um2_s == pytest.approx(expected["std_err"], rel=1e-6, abs=1e-12)


def test_what_no_estimator_can_use_is_refused():
    frame, x = np.arange(10), np.zeros(10)
    with pytest.raises(SettingError, match="equal length"):
        cve(frame, x[:-1], 0.1)
    with pytest.raises(SettingError, match="3 positions or more"):
        cve(frame[:2], x[:2], 0.1)
    with pytest.raises(SettingError, match="ascend"):
        ols(np.array([0, 1, 1, 2, 3]), x[:5], 0.1)
    with pytest.raises(SettingError, match="every frame"):
        gls(np.array([0, 1, 3, 4, 5]), x[:5], 0.1)
    with pytest.raises(SettingError, match="blur"):
        cve(frame, x, 0.1, blur=0.5)
    with pytest.raises(SettingError, match="max_lag"):
        ols(frame, x, 0.1, max_lag=40)
    with pytest.raises(SettingError, match="5 positions"):
        optimal_lags([1, 2], [1.0, 2.0], 4)
