"""Localization errors and blur of a recording, estimated from all its tracks together.

Reported localization errors are lower bounds: codecs, defocus and vibration add to them. The likelihood uses the variances
`scale * reported + floor`, and an unknown exposure is one number between 0 and the frame interval. These few parameters
maximise the likelihood of all tracks, whose diffusion coefficients are drawn from free populations, one for each class of
reported errors. (Using each track's own best D instead would bias them: Neyman and Scott, Econometrica 16, 1 (1948).)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nta.columns import BoolArray, Float32Array, FloatArray, IntArray
from nta.diffusion.gaussian import Displacements, likelihood_table
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.population import best_population
from nta.diffusion.steps import Steps

# spots used to fit the noise: its parameters are then far more precise than any track's D
_MOST_POINTS = 40_000
_SCALE_SPREAD = 1.0  # prior standard deviation of ln(scale): a factor of 3 either way is plausible
_FLOOR_PX = 0.05  # prior standard deviation of the floor's square root, in pixels
# spacing of the population's nodes in ln D, where most pieces are and elsewhere. The likelihood of a piece is 0.13 wide, but
# all pieces of particles of one size together tell D to 0.005: with nodes 0.05 apart the noise moved to meet one of them,
# and D of particles that are seen only while they move little was up to 2 % too small
_FINE, _COARSE = 0.03, 0.12
_MOST_FINE = 80  # fine nodes; a population that needs more is broad, and its nodes need not be so near
_PIECE = 60  # spots per piece of a track: its likelihood is then a few nodes wide
_MOST_CLASSES, _LEAST_ALIKE = 8, 50  # most populations, and fewest pieces in each
_STILL_NODES = 12
_NEWTON_STEPS, _LONGEST_STEP, _SHORTEST_STEP = 8, 0.5, 0.01
_LEAST_FLOOR = 0.3  # least start value of the floor, in `_FLOOR_PX`
_LEAST_CURVATURE = 0.3  # of the prior, about
# gain of the log posterior that ends the search: far below the uncertainty of the parameters
_NO_BETTER = 0.02


def guess_diffusion(steps: Steps, variance_um2: FloatArray, blur_s: float) -> FloatArray:
    """Return the start value of D for every track: mean squared displacement minus noise, at least a twentieth of it."""
    row = steps.row_of_step
    square = np.bincount(steps.track_of_step, steps.dy_um**2 + steps.dx_um**2, minlength=steps.n_tracks)
    noise = np.bincount(
        steps.track_of_step, variance_um2[row] + variance_um2[row + 1], minlength=steps.n_tracks
    )
    time = np.bincount(steps.track_of_step, steps.dt_s - blur_s, minlength=steps.n_tracks)
    with np.errstate(divide="ignore", invalid="ignore"):
        guess = np.maximum(square - 2 * noise, 0.05 * square) / (4 * time)
    tiny = (1e-6 * steps.pixel_size_um) ** 2 / steps.frame_interval_s
    return np.where(np.isfinite(guess), np.maximum(guess, tiny), tiny)


def fit_noise(
    steps: Steps,
    usable: BoolArray,
    exposure_s: float | None,
    believe_spots: bool,
    near: NoiseModel | None = None,
) -> NoiseModel:
    """Estimate the noise of a recording from its `usable` tracks.

    believe_spots : use the errors as reported; only an unknown exposure is then estimated.
    near : noise estimated from nearly the same steps, as a start; None: global search.
    """
    if believe_spots and exposure_s is not None:
        return NoiseModel(exposure_s=exposure_s)
    problem = NoiseProblem.of(steps, usable, exposure_s, believe_spots)
    if problem.steps.n_tracks == 0:
        start = problem.start()
        return problem.model(start, np.full(start.size, np.inf), 0.0)
    start = problem.of_model(near) if near else _searched(steps, usable, exposure_s, believe_spots)
    if not believe_spots:
        # the floor enters by its square: at 0 it has no slope, and Newton's method would stay there
        start[1] = max(abs(start[1]), _LEAST_FLOOR)
    theta, covariance, effect = _minimised(problem, start)
    rel_std = max(float(effect @ covariance @ effect), 0.0) ** 0.5
    return problem.model(theta, np.sqrt(np.diag(covariance)), rel_std)


def fit_noise_apart(steps: Steps, usable: BoolArray, believe_spots: bool, lag_frames: int) -> NoiseModel:
    """Estimate the noise of positions `lag_frames` apart; their blur exceeds that of the exposure and is estimated too."""
    found = fit_noise(steps.apart(lag_frames, one_chain=True), usable, None, believe_spots)
    return replace(found, lag_frames=lag_frames)


def _searched(steps: Steps, usable: BoolArray, exposure_s: float | None, believe_spots: bool) -> FloatArray:
    """Return the approximate minimum, found with a quarter of the points."""
    from scipy.optimize import minimize

    coarse = NoiseProblem.of(steps, usable, exposure_s, believe_spots, most_points=_MOST_POINTS // 4)
    found = minimize(
        lambda theta: coarse(theta)[0],
        coarse.start(),
        method="Nelder-Mead",
        options={"xatol": 0.1, "fatol": 0.1, "maxiter": 100, "initial_simplex": coarse.simplex()},
    )
    return np.asarray(found.x)


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseProblem:
    """Minus log posterior of (ln scale, floor, logit of exposure over interval), without the parameters that are known."""

    steps: Steps
    exposure_s: float | None
    believe_spots: bool
    grid: FloatArray
    still: FloatArray  # (n_pieces, n) log-likelihood of rest, with errors of n sizes
    alike: list[IntArray]  # pieces with similar errors, class by class

    @classmethod
    def of(
        cls,
        steps: Steps,
        usable: BoolArray,
        exposure_s: float | None,
        believe_spots: bool,
        *,
        most_points: int = _MOST_POINTS,
    ) -> NoiseProblem:
        """State the problem for pieces of the usable tracks."""
        steps = _pieces(steps, usable, most_points)
        plain = NoiseModel(exposure_s=steps.frame_interval_s / 2 if exposure_s is None else exposure_s)
        guess = guess_diffusion(steps, plain.variance_um2(steps), plain.blur_s)
        grid = _nodes(guess, steps.n_points)
        still = _standing_still(steps)
        return cls(
            steps=steps,
            exposure_s=exposure_s,
            believe_spots=believe_spots,
            grid=grid,
            still=still,
            alike=_alike(steps),
        )

    def start(self) -> FloatArray:
        """Return start values: errors as reported with a small floor; exposure half of the interval."""
        noise = [] if self.believe_spots else [0.0, 0.3]
        return np.array(noise + ([0.0] if self.exposure_s is None else []))

    def simplex(self) -> FloatArray:
        """Return the initial simplex of the search."""
        start = self.start()
        return np.concatenate([start[None], start + 0.7 * np.eye(start.size)])

    def of_model(self, model: NoiseModel) -> FloatArray:
        """Return the parameters of a noise model."""
        floor_px = np.sqrt(model.variance_floor_um2) / self.steps.pixel_size_um
        noise = [] if self.believe_spots else [np.log(model.variance_scale), floor_px / _FLOOR_PX]
        share = np.clip(model.exposure_s / self.steps.frame_interval_s, 1e-6, 1 - 1e-6)
        return np.array(noise + ([np.log(share / (1 - share))] if self.exposure_s is None else []))

    def model(self, theta: FloatArray, std: FloatArray, rel_std: float) -> NoiseModel:
        """Noise model at these parameters, which have these standard errors."""
        interval = self.steps.frame_interval_s
        scale, scale_std, floor = 1.0, 0.0, 0.0
        if not self.believe_spots:
            scale, floor = float(np.exp(theta[0])), float(theta[1] ** 2)
            scale_std = min(float(std[0]), _SCALE_SPREAD)
        exposure, exposure_std = self.exposure_s, 0.0
        if exposure is None:
            share = float(1 / (1 + np.exp(-theta[-1])))
            exposure = share * interval
            no_wider = 12**-0.5  # than a uniform prior
            exposure_std = interval * min(share * (1 - share) * float(std[-1]), no_wider)
        return NoiseModel(
            variance_scale=scale,
            variance_floor_um2=floor * (_FLOOR_PX * self.steps.pixel_size_um) ** 2,
            exposure_s=exposure,
            exposure_std_s=exposure_std,
            variance_scale_rel_std=scale_std,
            diffusion_rel_std=rel_std,
            source="reported" if self.believe_spots else "recording",
        )

    def __call__(self, theta: FloatArray) -> tuple[float, float]:
        """Return minus the log posterior, and the population's mean of ln D."""
        s, model = self.steps, self.model(theta, np.zeros(theta.size), 0.0)
        table, peak = _of_all(Displacements.of(s, model), self.grid, np.zeros(self.grid.size))
        top = np.maximum(peak, self.still.max(axis=1))
        table += (peak - top)[:, None].astype(np.float32)
        # columns beyond the grid are resting particles: part of the population, so that they need not be excluded first
        moving_or_still = np.exp(np.hstack([table, (self.still - top[:, None]).astype(np.float32)]))
        evidence, mean, ln_grid = 0.0, 0.0, np.log(self.grid)
        for alike in self.alike:
            of_these, weight = best_population(moving_or_still, alike)
            evidence += of_these
            moving = weight[: self.grid.size]
            share = alike.size / s.n_tracks
            mean += share * float(moving @ ln_grid / max(float(moving.sum()), 1e-12))
        penalty = 0.0
        if not self.believe_spots:
            penalty += 0.5 * (theta[0] / _SCALE_SPREAD) ** 2 + 0.5 * theta[1] ** 2
        if self.exposure_s is None:
            penalty += 2 * float(np.logaddexp(0, theta[-1])) - theta[-1]  # uniform prior over the interval
        return penalty - evidence - float(np.sum(top)), mean


def _alike(steps: Steps) -> list[IntArray]:
    """Group the pieces in classes by their reported errors; each class has a population of its own.

    Small particles are faint and fast: in a common population with bright ones their D would be too small, and the noise
    parameters would compensate with larger errors.
    """
    if not steps.n_tracks:
        return []
    error = np.bincount(steps.track, steps.error_variance_um2, steps.n_tracks) / np.maximum(steps.n_points, 1)
    n_classes = int(np.clip(steps.n_tracks // _LEAST_ALIKE, 1, _MOST_CLASSES))
    return [np.sort(part) for part in np.array_split(np.argsort(error, kind="stable"), n_classes)]


def _nodes(guess: FloatArray, n_points: IntArray) -> FloatArray:
    """Return values of D of a population, given those of its pieces, roughly, and the spots of each."""
    if not guess.size:
        return np.geomspace(0.025, 30.0, 64)
    order = np.argsort(guess)
    share = np.cumsum(n_points[order]) / n_points.sum()
    least, low, high, most = np.log(guess[order][np.searchsorted(share, [0.02, 0.05, 0.95, 0.98])])
    least, most = least - np.log(4), most + np.log(3)
    fine = np.linspace(low, high, min(_steps_of(_FINE, high - low), _MOST_FINE) + 1)
    below = np.linspace(least, low, _steps_of(_COARSE, low - least), endpoint=False)
    above = np.linspace(most, high, _steps_of(_COARSE, most - high), endpoint=False)[::-1]
    return np.asarray(np.exp(np.concatenate([below, fine, above])))


def _steps_of(length: float, distance: float) -> int:
    """Return the number of even steps, no longer than this, that cover a distance."""
    return max(int(np.ceil(distance / length)), 1)


def _of_all(of: Displacements, diffusion: FloatArray, extra: FloatArray) -> tuple[Float32Array, FloatArray]:
    """Return the log-likelihoods of all pieces at these nodes minus that of the best, and that of the best."""
    n = of.start.size - 1
    table, peak = np.empty((n, diffusion.size), dtype=np.float32), np.empty(n)
    likelihood_table(of, np.arange(n), diffusion, extra, table, peak)
    return table, peak


def _standing_still(steps: Steps) -> FloatArray:
    """Log-likelihood of every piece for a resting particle, with errors from a fiftieth to half a pixel."""
    variances = (np.geomspace(0.02, 0.5, _STILL_NODES) * steps.pixel_size_um) ** 2
    columns = []
    for y, x, creep in steps.frames_of_rest():
        table, peak = _of_all(Displacements.at_rest(steps, y, x), np.full(_STILL_NODES, creep), variances)
        columns.append(table + peak[:, None])
    return np.hstack(columns)


def _minimised(problem: NoiseProblem, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Newton's method on all points: return the minimum, its covariance and the slope of mean ln D in each parameter.

    Slopes cost many values of the problem. They are measured anew only where a step gained so much more or less than they
    foretold that there may be more to gain.
    """
    value = problem(theta)[0]
    for _ in range(_NEWTON_STEPS):
        gradient, hessian, effect = _slopes(problem, theta, value)
        curvature = _convex(hessian)
        whole = -np.linalg.solve(curvature, gradient)
        step = whole * min(1.0, _LONGEST_STEP / max(float(np.abs(whole).max()), 1e-12))
        foretold = -float(gradient @ step + 0.5 * step @ curvature @ step)
        if foretold < _NO_BETTER:
            break
        while (there := problem(theta + step)[0]) > value and np.abs(step).max() > _SHORTEST_STEP:
            step /= 2
        gained = value - there
        if gained < _NO_BETTER:
            break
        theta, value = theta + step, there
        # a cubic term that explains the difference c at the end of a whole step leaves 9 c^2 / (4 foretold) to be gained
        if np.array_equal(step, whole) and 2.25 * (gained - foretold) ** 2 < _NO_BETTER * foretold:
            break
    return theta, np.asarray(np.linalg.inv(curvature), np.float64), effect


def _slopes(
    problem: NoiseProblem, theta: FloatArray, value: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient and Hessian by central differences, and the slope of mean ln D; value : of the problem at `theta`.

    Mixed derivatives from two more values each (Abramowitz and Stegun 25.3.27).
    """
    n, h = theta.size, 0.1
    gradient, hessian, effect = np.empty(n), np.empty((n, n)), np.empty(n)
    both = np.empty(n)  # sums of the values on either side minus twice the middle
    for i in range(n):
        a = np.eye(n)[i] * h
        (up, mean_up), (down, mean_down) = problem(theta + a), problem(theta - a)
        effect[i] = (mean_up - mean_down) / (2 * h)
        gradient[i] = (up - down) / (2 * h)
        both[i] = up + down - 2 * value
        hessian[i, i] = both[i] / h**2
        for j in range(i):
            b = a + np.eye(n)[j] * h
            mixed = problem(theta + b)[0] + problem(theta - b)[0] - 2 * value
            hessian[i, j] = hessian[j, i] = (mixed - both[i] - both[j]) / (2 * h**2)
    return gradient, hessian, effect


def _convex(hessian: FloatArray) -> FloatArray:
    """Return the curvature; directions that the tracks do not constrain are no wider than the prior."""
    values, vectors = np.linalg.eigh(hessian)
    return np.asarray(vectors @ np.diag(np.maximum(values, _LEAST_CURVATURE)) @ vectors.T)


def _pieces(steps: Steps, usable: BoolArray, most_points: int) -> Steps:
    """Select every m-th usable track, with m set by `most_points`, and cut them into pieces of similar length.

    Cutting loses one displacement in sixty and keeps every piece's likelihood wider than the grid's spacing.
    """
    rows = np.flatnonzero(usable & (steps.n_steps >= 2))
    every = max(1, int(np.ceil(steps.n_points[rows].sum() / most_points)))
    return steps.select(rows[::every]).cut(_PIECE)
