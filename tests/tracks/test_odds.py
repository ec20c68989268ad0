"""The odds of a link: the law of step variances, and how likely a change of light is."""

import math

import numpy as np
import pytest
from scipy import special, stats

from nta.tracks.kernels.candidates import log_density_of_change
from nta.tracks.motion import Motion
from nta.tracks.odds import learn_odds


@pytest.mark.parametrize("log_variance", [0.06, 0.2, 0.7, 1.5])
def test_the_law_of_step_variances_has_the_moments_of_the_motion(log_variance):
    """Two classes of particles, one standard deviation of the logarithm to both sides of its mean."""
    motion = Motion(
        variance_px2=np.exp(1.3 + math.sqrt(log_variance) * np.array([-1.0, 1.0])),
        weight=np.array([0.5, 0.5]),
        fastest_px=0.0,
        density_per_px2=1e-3,
        flow_y_px=0.0,
        flow_x_px=0.0,
    )
    one_track, frame, even = np.zeros(6, np.int64), np.arange(6), np.zeros(6)
    odds = learn_odds(motion, one_track, frame, even, even, memory_frames=2, area_px2=1e5)
    assert special.polygamma(1, odds.shape) == pytest.approx(log_variance, rel=0.01)
    assert math.log(odds.scale_px2) - special.digamma(odds.shape) == pytest.approx(1.3, abs=0.01)


def test_the_density_of_a_change_of_light_is_students():
    for change in (-3.0, 0.0, 0.4):
        expected = stats.t.logpdf(change, df=4, scale=0.3)
        assert log_density_of_change(change, 0.09) == pytest.approx(expected, abs=1e-9)
    assert log_density_of_change(float("nan"), 0.09) == 0.0
