"""Are positions smoothed over several frames? Correlation of displacements that are not neighbours.

Displacements of free diffusion that share no position are independent: localization error and exposure correlate only
neighbouring displacements (Berglund, Phys. Rev. E 82, 011917 (2010)). A codec that predicts a frame
from others, or a camera that averages frames against noise, makes moving spots lag behind. Each position is then a mean over
several frames, displacements k frames apart are correlated up to the length of that mean, and D from successive
displacements is too small: D T is the sum c_0 / 2 + c_1 + c_2 + ... of their covariances, of which the estimate contains
only the first two terms.

The remedy needs no model of the codec. Beyond the length m of the mean, the squared displacement grows with 2 D as usual,
minus a constant, as it does beyond the exposure. So positions m frames apart are compared, and the constant is described as
a blur that is estimated from the tracks.

Flow that varies from place to place remains in the positions after the common drift is subtracted. It also correlates
displacements, but without decay, and longer lags would only enlarge its effect. It is reported (`NoiseModel.flow`), not
removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import BoolArray, FloatArray
from nta.diffusion.steps import Steps

_MOST_LAGS = 8  # frames over which positions may be smoothed; correlations that last longer are due to flow
# least ratio of later to first correlations under flow; smoothed positions hardly ever reach it
_LASTING = 0.5
_LEAST = 0.01  # least correlation that matters: it lowers D by about 2 %
_LEAST_TRACKS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class StepCorrelation:
    """Correlation of displacements of one frame with displacements k = 2, 3 ... frames later in the same track.

    correlation, std_err : (n_lags,) from k = 2 on, all tracks together; NaN with fewer than ten suitable tracks. The
        standard error is from the spread between tracks.
    held : (n_lags,) whether the correlation is significant and large enough to matter.
    beyond_sd : number of standard errors from which on a correlation is significant.
    """

    correlation: FloatArray
    std_err: FloatArray
    held: BoolArray
    beyond_sd: float

    @property
    def lag_frames(self) -> int:
        """Frames between positions such that only neighbouring displacements are correlated.

        1 for an ordinary recording, and if the correlation does not decay within eight frames: it is then due to flow, not
        to smoothed positions, and longer lags are no remedy.
        """
        last = self._first_not_held
        # displacements up to `last` + 1 frames apart are correlated
        return last + 2 if last and not self.of_flow else 1

    @property
    def of_flow(self) -> float:
        """Correlation that does not decay within eight frames, as residual flow causes; 0: none.

        Pools all lags from the first that is not `held` on: a single lag of many may fall short by chance.
        """
        rest, held = self.correlation[self._first_not_held :], self.correlation[: self._first_not_held]
        std_err = self.std_err[self._first_not_held :]
        known = np.isfinite(rest) & (std_err > 0)  # no spread where every frame is there twice: steps of 0
        if not known.any():
            return 0.0
        weight = 1 / std_err[known] ** 2
        mean = float(np.average(rest[known], weights=weight))
        there = mean > self.beyond_sd / weight.sum() ** 0.5
        lasting = mean > _LASTING * float(held.mean()) if held.size else True
        return mean if there and lasting else 0.0

    @property
    def _first_not_held(self) -> int:
        return 0 if self.held.all() else int(np.argmin(self.held))


def step_correlation(steps: Steps, usable: BoolArray, false_alarm_rate: float) -> StepCorrelation:
    """Correlate displacements that share no position, over the `usable` tracks.

    Every track's products are divided by its mean square, so that fast and slow particles have equal weight. By chance, the
    first correlation is significant in at most a share `false_alarm_rate` of recordings.
    """
    from scipy.special import ndtri

    of_one_frame = (steps.wait_frames == 1) & usable[steps.track]
    dy, dx = (np.append(np.diff(axis), 0.0)[: axis.size] for axis in (steps.y_um, steps.x_um))
    square = np.bincount(steps.track, (dy**2 + dx**2) * of_one_frame, minlength=steps.n_tracks)
    n_steps = np.bincount(steps.track, of_one_frame, minlength=steps.n_tracks)
    moved = square > 0
    mean_square = np.where(moved, square, 1.0) / np.maximum(n_steps, 1)
    value, std_err = np.full(_MOST_LAGS - 1, np.nan), np.full(_MOST_LAGS - 1, np.nan)
    run = of_one_frame[:-1] & of_one_frame[1:]
    for k in range(2, _MOST_LAGS + 1):
        if run.size < 2:
            break
        run = run[:-1] & of_one_frame[k:]  # every displacement from the first to the one k later
        track = steps.track[:-k]
        product = (dy[:-k] * dy[k:] + dx[:-k] * dx[k:]) * run
        sums = np.bincount(track, product, minlength=steps.n_tracks) / mean_square
        pairs = np.bincount(track, run, minlength=steps.n_tracks) * moved
        if (pairs > 0).sum() < _LEAST_TRACKS:
            break
        value[k - 2] = sums.sum() / pairs.sum()
        std_err[k - 2] = np.sqrt(np.sum((sums - value[k - 2] * pairs) ** 2)) / pairs.sum()
    beyond_sd = float(ndtri(1 - false_alarm_rate))
    held = (value > beyond_sd * std_err) & (value > _LEAST)
    return StepCorrelation(correlation=value, std_err=std_err, held=held, beyond_sd=beyond_sd)
