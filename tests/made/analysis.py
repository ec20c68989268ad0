"""An analysis without frames: tracks made from known diffusion, everything after them by the real stages.

It is what the report and the result files are tested with: every noun is the real one, at the size of a short recording.
"""

from __future__ import annotations

import numpy as np

from made.brownian_world import make_scene
from nta.assessment import Kind, assess_recording
from nta.calibration import SampleConditions, load_profile
from nta.diffusion import estimate_diffusion, mean_squared_displacement
from nta.frames import CameraState, RecordingReport
from nta.physics import diffusion_um2_s
from nta.pipeline import Analysis
from nta.provenance import Provenance
from nta.settings import AnalysisSettings
from nta.sized_tracks import SizedTracks
from nta.sizes import SizingSettings, size_distribution
from nta.spots import CameraModel, SpotFlag, Spots
from nta.tracks import Linking, Tracks

WIDTH, HEIGHT, PIXEL_UM, INTERVAL_S, EXPOSURE_S = 640, 480, 0.25, 1 / 30, 0.001
CAMERA = CameraState(
    width_px=WIDTH,
    height_px=HEIGHT,
    bit_depth=12,
    frame_rate_hz=1 / INTERVAL_S,
    exposure_s=EXPOSURE_S,
    pixel_size_um=PIXEL_UM,
)
CONDITIONS = SampleConditions(
    temperature_c=23.4, sample="EV prep 7, 1:200 in PBS", dilution=200.0, medium="pbs"
)


def make_analysis(
    rng,
    *,
    n_tracks: int = 900,
    n_frames: int = 300,
    median_nm: float = 105.0,
    spread: float = 0.35,
    stuck_share: float = 0.03,
    loose_spots: int = 500,
    settings: AnalysisSettings | None = None,
    dark: bool = False,
    with_profile: bool = True,
    name: str = "2026-11-20 EV prep 7 run 2.h5",
    kind: Kind = "sample",
) -> Analysis:
    """Make tracks of log-normal particles and analyse them."""
    settings = settings or AnalysisSettings(sizing=SizingSettings(repeats=50, min_points=6))
    tracks, diameter = _points(rng, n_tracks, n_frames, median_nm, spread, stuck_share)
    table = _spots_and_tracks(rng, tracks, diameter, n_frames, loose_spots, dark)
    spots, linked = table
    profile = load_profile("simulated") if with_profile else None
    diffusion = estimate_diffusion(
        linked,
        pixel_size_um=PIXEL_UM,
        frame_interval_s=INTERVAL_S,
        exposure_s=EXPOSURE_S,
        settings=settings.diffusion,
    )
    sizes, _ = size_distribution(diffusion, linked, CONDITIONS, settings.sizing, profile=profile)
    report = RecordingReport(
        claimed_frames=n_frames + 2, found_frames=n_frames, lost_frames=2, notes=("two frames are missing",)
    )
    sized = SizedTracks(
        tracks=linked,
        diffusion=diffusion,
        sizes=sizes,
        camera=CAMERA,
        conditions=CONDITIONS,
        profile=profile,
        sizing=settings.sizing,
    )
    assessment = assess_recording(sized, spots, report, {}, settings.assessment, kind=kind)
    return Analysis(
        spots=spots,
        tracks=linked,
        diffusion=diffusion,
        msd=mean_squared_displacement(linked, diffusion),
        sizes=sizes,
        assessment=assessment,
        camera=CAMERA,
        conditions=CONDITIONS,
        profile=profile,
        settings=settings,
        recording=report,
        provenance=Provenance(
            recording=name,
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            date="2026-11-24T08:30:00+00:00",
            command="nta analyze 'EV prep 7 run 2.h5' -o results",
            versions={"python": "3.11.9", "numpy": "2.3.0", "nta-lab": "0.1.0"},
            sources={"frame_rate_hz": "the recording", "exposure_s": "the user"},
        ),
    )


def _points(rng, n_tracks, n_frames, median_nm, spread, stuck_share):
    """Rows of (track, frame, y, x) in the frame, and the diameter of every track; stuck ones have none."""
    diameter = median_nm * np.exp(spread * rng.standard_normal(n_tracks))
    diameter[rng.random(n_tracks) < stuck_share] = np.nan
    life = 2 + rng.geometric(1 / 22, n_tracks)
    first = rng.integers(-15, n_frames - 2, n_tracks)  # some were there before the recording began
    rows = []
    for k in range(n_tracks):
        n = max(2, min(life[k], n_frames - first[k]) + min(first[k], 0))
        first[k] = max(first[k], 0)
        d = 0.0 if np.isnan(diameter[k]) else diffusion_um2_s(diameter[k], 23.4, 0.95e-3)
        step = np.sqrt(2 * d * INTERVAL_S) / PIXEL_UM
        start = rng.uniform((10, 10), (HEIGHT - 10, WIDTH - 10))
        walk = start + np.cumsum(step * rng.standard_normal((n, 2)), axis=0)
        rows.append(np.column_stack([np.full(n, k), first[k] + np.arange(n), walk]))
    return (np.concatenate(rows) if rows else np.empty((0, 4))), diameter


def _spots_and_tracks(rng, points, diameter, n_frames, loose_spots, dark):
    frame_index = np.arange(n_frames)
    drift_y, drift_x = 0.9 * np.sin(frame_index / 70), 0.012 * frame_index
    track, frame = points[:, 0].astype(np.int64), points[:, 1].astype(np.int64)
    relative = np.where(np.isnan(diameter), 120.0, diameter) / 100
    light = 900 * relative**3 * np.exp(0.35 * rng.standard_normal(diameter.size))
    light = (light[track] * np.exp(0.1 * rng.standard_normal(track.size))).astype(np.float32)
    snr = 6 + 25 * light / 900
    error = np.clip(1.6 / snr, 0.02, 0.3)
    y = points[:, 2] + error * rng.standard_normal(track.size)
    x = points[:, 3] + error * rng.standard_normal(track.size)
    flags = np.where(light > 12_000, int(SpotFlag.SATURATED), 0)

    loose = np.column_stack(
        [
            rng.integers(0, n_frames, loose_spots) if n_frames else np.empty(0),
            rng.uniform(0, HEIGHT, loose_spots),
            rng.uniform(0, WIDTH, loose_spots),
        ]
    )
    all_frames = np.concatenate([frame, loose[:, 0].astype(np.int64)])
    order = np.argsort(all_frames, kind="stable")
    row_of = np.empty(order.size, dtype=np.int64)
    row_of[order] = np.arange(order.size)

    def column(of_tracks, of_loose):
        return np.concatenate([of_tracks, np.broadcast_to(of_loose, loose_spots)])[order]

    spots_y = column(y + drift_y[frame], loose[:, 1])
    spots_x = column(x + drift_x[frame], loose[:, 2])
    spots_light = column(light, 300.0)
    image = _image(rng, spots_y, spots_x, spots_light, all_frames[order] == 0, dark)
    scene = make_scene(
        n_frames,
        HEIGHT,
        WIDTH,
        bit_depth=12,
        contrast="dark" if dark else "bright",
        camera=CameraModel(gain_e_per_adu=2.5, offset_adu=100.0, read_noise_e=2.5, source="stated"),
        spot_width_px=1.4,
        example_image=image,
        background=np.full((HEIGHT, WIDTH), 130, dtype=np.float32),
        saturated_fraction=float((flags > 0).mean()) if flags.size else 0.0,
    )
    spots = Spots(
        frame=all_frames[order],
        y_px=spots_y,
        x_px=spots_x,
        intensity=spots_light,
        background=np.full(order.size, 75.0),
        width_px=np.full(order.size, 1.4),
        snr=column(snr, 5.5),
        localization_error_px=column(error, 0.3),
        chi2=np.ones(order.size),
        flags=column(flags, 0),
        scene=scene,
    )
    tracks = Tracks(
        track=track,
        frame=frame,
        spot=row_of[: track.size],
        y_px=y,
        x_px=x,
        intensity=light,
        width_px=np.full(track.size, 1.4),
        snr=snr,
        localization_error_px=error,
        flags=flags,
        linking=Linking(
            search_range_px=11.5,
            memory_frames=2,
            drift_y_px=drift_y,
            drift_x_px=drift_x,
            drift_std_err_px=np.full(n_frames, 0.05),
            links_cut=17,
        ),
        scene=scene,
    )
    return spots, tracks


def _image(rng, y, x, light, here, dark):
    """Render the spots of the first frame as Gaussians on a noisy background, 12 bit."""
    image = np.full((HEIGHT, WIDTH), 2600.0 if dark else 130.0)
    rows, columns = np.arange(HEIGHT)[:, None], np.arange(WIDTH)
    for yy, xx, e in zip(y[here], x[here], light[here], strict=True):
        along_y, along_x = (
            np.exp(-((at - there) ** 2) / (2 * 1.4**2)) for at, there in ((rows, yy), (columns, xx))
        )
        spot = e / 2.5 / (2 * np.pi * 1.4**2) * along_y * along_x
        image += -spot if dark else spot
    image += rng.normal(0, 25.0 if dark else 5.0, image.shape)
    return np.clip(np.rint(image), 0, 4095).astype(np.uint16)
