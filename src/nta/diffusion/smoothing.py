"""Are positions held back over frames? What displacements further apart than neighbours tell of the recording.

Displacements of free diffusion that do not touch are independent, whatever the localization error and the exposure: these
reach from one displacement to the next and no further (Berglund, Phys. Rev. E 82, 011917 (2010)). A codec that predicts
a frame from others, or a camera that averages frames to remove noise, holds moving spots back. Each position is then a
mean over several frames, displacements k frames apart are correlated up to the length of that mean, and D from successive
displacements is too small: of D T, the sum c_0 / 2 + c_1 + c_2 + ... of their covariances, it sees the first two terms.

The remedy needs no model of the codec. Beyond the length m of the mean the squared displacement grows with 2 D as ever, less
a constant, as it does beyond the exposure. So positions m frames apart are compared, and the constant stands as a blur that
is found from the tracks.

Flow that differs from place to place is in the positions even where the common drift is not. It correlates displacements,
too, but without end, and longer lags would only make more of it: it is reported (`NoiseModel.flow`), and left in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import BoolArray, FloatArray
from nta.diffusion.steps import Steps

_MOST_LAGS = 8  # frames over which positions may be held back; what lasts longer is flow
# share of the first correlations that later ones keep under flow, and hardly ever where positions are held back
_LASTING = 0.5
_LEAST = 0.01  # correlation that matters: it takes about 2 % of D away
_LEAST_TRACKS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class StepCorrelation:
    """Correlation of displacements of one frame with those k = 2, 3 ... frames later in the same track, all tracks together.

    correlation, std_err : (n_lags,) from k = 2 on; NaN where fewer than ten tracks can tell. The standard error is from the
        spread between tracks.
    held : (n_lags,) correlations that are there: beyond chance, and large enough to matter.
    beyond_sd : standard errors that are beyond chance.
    """

    correlation: FloatArray
    std_err: FloatArray
    held: BoolArray
    beyond_sd: float

    @property
    def lag_frames(self) -> int:
        """Frames between positions whose displacements are independent but for their neighbours.

        1 for an ordinary recording, and where the correlation has no end within eight frames: then it is not one of held
        positions but of flow, which longer lags do not cure.
        """
        last = self._first_not_held
        # displacements up to `last` + 1 frames apart are correlated
        return last + 2 if last and not self.of_flow else 1

    @property
    def of_flow(self) -> float:
        """Correlation without end within eight frames, as flow that is left in the positions makes it; 0: there is none.

        Of all lags together from the first that is not held on: chance makes one lag of many fall short.
        """
        rest, held = self.correlation[self._first_not_held :], self.correlation[: self._first_not_held]
        if not np.isfinite(rest).any():
            return 0.0
        weight = np.where(np.isfinite(rest), 1 / self.std_err[self._first_not_held :] ** 2, 0.0)
        mean = float(np.average(np.nan_to_num(rest), weights=weight))
        there = mean > self.beyond_sd / weight.sum() ** 0.5
        lasting = mean > _LASTING * float(held.mean()) if held.size else True
        return mean if there and lasting else 0.0

    @property
    def _first_not_held(self) -> int:
        return 0 if self.held.all() else int(np.argmin(self.held))


def step_correlation(steps: Steps, usable: BoolArray, false_alarm_rate: float) -> StepCorrelation:
    """Correlate displacements that do not touch, over the `usable` tracks.

    Every track's products are taken over its own mean square, so that fast particles count as slow ones do. By chance the
    first correlation passes for real in at most `false_alarm_rate` of the recordings.
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
