"""How far the size distribution is from the truth: ours, a plain trackpy pipeline, and ours on the true tracks.

    python tests/benchmarks/bench_accuracy.py [SCENARIO ...] [--seeds 3] [--frames 900]

The truth is the distribution of ln diameter of the particles in view: every particle weighted by the time during which it
could be detected. The distance is Wasserstein-1 of ln diameter, so 0.01 means that sizes are off by 1 % on average.

plain   trackpy.batch, link, per-track mean squared displacement with a line through three lags, histogram
true    our inference on the true tracks (true identity, positions with the noise of the Cramer-Rao bound)
ours    the whole pipeline on the frames
"""

from __future__ import annotations

import argparse
import logging
import warnings

import numpy as np

from nta.diffusion import estimate_diffusion
from nta.physics import diameter_nm
from nta.pipeline import Scale, analyze, stated_conditions
from nta.simulation import list_scenarios, simulate
from nta.sizes import size_distribution
from nta.spots import CameraModel, Scene
from nta.tracks import Linking, Tracks

DETECTABLE_SNR = 5.0
GRID = np.linspace(np.log(10), np.log(3000), 3000)


def main() -> None:
    """Print one line per scenario and seed, then the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", default=[n for n in list_scenarios() if n != "blank"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--no-trackpy", action="store_true", help="leave the plain pipeline out")
    options = parser.parse_args()
    print(
        f"{'scenario':22} seed | W1 plain   true   ours | ours/plain ours/true |"
        "  D50 truth plain true ours (interval) | tracks true ours"
    )
    for name in options.scenarios:
        for seed in range(1, options.seeds + 1):
            print(_line(name, seed, options.frames, trackpy=not options.no_trackpy), flush=True)


def _line(name: str, seed: int, frames: int, *, trackpy: bool) -> str:
    simulation = simulate(name, seed=seed, n_frames=frames)
    spots, particles = simulation.truth.spots, simulation.truth.particles
    rows = np.searchsorted(particles.particle, spots.particle)
    seen = (spots.snr >= DETECTABLE_SNR) & (particles.population[rows] >= 0)
    truth = particles.diameter_nm[rows[seen]]
    conditions = stated_conditions(simulation.metadata)
    ours = analyze(simulation, conditions)
    limit = _on_true_tracks(simulation, conditions)
    plain = _plain(simulation, conditions) if trackpy else np.array([np.nan])
    distances = {
        "plain": _distance(plain, None, truth) if trackpy else np.nan,
        "true": _distance(limit.distribution.diameter_nm, limit.distribution.weight, truth),
        "ours": _distance(ours.sizes.distribution.diameter_nm, ours.sizes.distribution.weight, truth),
    }
    d50 = ours.sizes.summary["d50_nm"]
    return (
        f"{name:22} {seed:4} | {distances['plain']:8.4f} {distances['true']:6.4f} {distances['ours']:6.4f} |"
        f" {distances['ours'] / distances['plain']:10.2f} {distances['ours'] / distances['true']:9.2f} |"
        f" {np.median(truth):7.1f} {np.median(plain):6.1f} {limit.summary['d50_nm'].value:6.1f} {d50.value:6.1f}"
        f" ({d50.low:.1f} to {d50.high:.1f}) | {limit.n_tracks_used} {ours.sizes.n_tracks_used}"
    )


def _distance(diameters: np.ndarray, weights: np.ndarray | None, truth: np.ndarray) -> float:
    """Wasserstein-1 between two distributions of ln diameter."""
    return float(np.trapezoid(np.abs(_cdf(diameters, weights) - _cdf(truth, None)), GRID))


def _cdf(diameters: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    order = np.argsort(diameters)
    share = np.ones(diameters.size) if weights is None else weights[order]
    below = np.concatenate([[0.0], np.cumsum(share) / share.sum()])
    return below[np.searchsorted(np.log(diameters[order]), GRID, side="right")]


def _plain(simulation, conditions) -> np.ndarray:  # type: ignore[no-untyped-def]
    """What a careful user of trackpy gets: one diameter per track of ten frames and more, each counted once."""
    import trackpy

    logging.getLogger("trackpy").setLevel(logging.WARNING)
    scale = Scale.of(simulation.camera)
    images = [frame.image for frame in simulation.frames()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        noise = float(np.median(np.abs(np.diff(images[0].astype(float), axis=0)))) / 0.6745 / np.sqrt(2)
        # a Gaussian spot of width 1.6 px at signal over noise 5 holds 28 sd; trackpy's band-pass keeps about two thirds
        found = trackpy.batch(images, 9, minmass=19 * noise, processes=1)
        linked = trackpy.link(found, 10, memory=2, adaptive_stop=3, adaptive_step=0.9)
        linked = trackpy.filter_stubs(linked, 10)
        msd = trackpy.imsd(linked, scale.pixel_size_um, 1 / scale.frame_interval_s, max_lagtime=3)
    lags, values = msd.index.to_numpy(), msd.to_numpy()
    slope = ((lags - lags.mean())[:, None] * values).sum(axis=0) / ((lags - lags.mean()) ** 2).sum()
    slope = slope[np.isfinite(slope) & (slope > 0)]
    return diameter_nm(slope / 4, conditions.known_temperature_c(), conditions.viscosity_pa_s())


def _on_true_tracks(simulation, conditions):  # type: ignore[no-untyped-def]
    tracks = true_tracks(simulation)
    scale = Scale.of(simulation.camera)
    diffusion = estimate_diffusion(tracks, **vars(scale))
    return size_distribution(diffusion, tracks, conditions)


def true_tracks(simulation, seed: int = 0) -> Tracks:  # type: ignore[no-untyped-def]
    """Tracks with the true identity, of the spots that could be detected, positions blurred by their Cramer-Rao bound."""
    rng = np.random.default_rng(seed)
    spots = simulation.truth.spots
    spots = spots.select(spots.snr >= DETECTABLE_SNR)
    order = np.lexsort((spots.frame, spots.particle))
    spots = spots.select(order)
    new = np.ones(len(spots), bool)
    new[1:] = (np.diff(spots.particle) != 0) | (
        np.diff(spots.frame) > 3
    )  # a memory of two frames, as by default
    track = np.cumsum(new) - 1
    keep = np.bincount(track)[track] >= 2
    track = np.unique(track[keep], return_inverse=True)[1]
    spots = spots.select(keep)
    n, camera = simulation.scenario.n_frames, simulation.camera
    frame_index = np.arange(n)
    scene = Scene(
        width_px=camera.width_px, height_px=camera.height_px, bit_depth=camera.bit_depth, contrast="bright",
        camera=CameraModel(gain_e_per_adu=camera.gain_e_per_adu, offset_adu=camera.offset_adu,
                           read_noise_e=camera.read_noise_e, source="recording"),
        spot_width_px=1.6, threshold_sd=DETECTABLE_SNR, frame_index=frame_index,
        frame_time_s=frame_index / camera.frame_rate_hz, example_image=np.zeros((2, 2), np.uint16),
        background=np.zeros((2, 2), np.float32), saturated_fraction=0.0,
    )  # fmt: skip
    linking = Linking(
        search_range_px=0.0, memory_frames=2, drift_y_px=np.zeros(n), drift_x_px=np.zeros(n),
        drift_std_err_px=np.zeros(n), links_cut=0,
    )  # fmt: skip
    return Tracks(
        track=track, frame=spots.frame, spot=np.arange(len(spots)),
        y_px=spots.y_px + spots.crlb_px * rng.standard_normal(len(spots)),
        x_px=spots.x_px + spots.crlb_px * rng.standard_normal(len(spots)),
        intensity=spots.electrons, width_px=spots.width_px, snr=spots.snr, localization_error_px=spots.crlb_px,
        flags=np.zeros(len(spots)), linking=linking, scene=scene,
    )  # fmt: skip


if __name__ == "__main__":
    main()
