"""From spots, tracks and sizes to the visibility of a recording: read `measure_visibility` from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nta.errors import SettingError
from nta.frames import Frame
from nta.quantity import Z_95, Quantity, unknown
from nta.scattering import Collection
from nta.sized_tracks import SizedTracks
from nta.spots import SpotDetector
from nta.tracks import Tracks
from nta.visibility.brightness_law import LightModel, brightness_law, seeks_index
from nta.visibility.concentration import (
    REFERENCE_NM,
    concentration,
    concentration_of_few,
    uncounted,
)
from nta.visibility.curve import DetectionCurve, fit_curve
from nta.visibility.defocus import as_seen
from nta.visibility.in_view import shares_in_view
from nta.visibility.indices import track_indices
from nta.visibility.injection import injection_trials
from nta.visibility.light import (
    CrossSections,
    LightSheet,
    collection,
    light_sheet,
    width_in_focus_px,
    with_typical_optics,
)
from nta.visibility.settings import VisibilitySettings
from nta.visibility.suspension import in_suspension, least_counted_nm
from nta.visibility.table import BrightnessLaw, Concentration, LitVolume, Visibility, VisibleVolume
from nta.visibility.volume import FollowedVolume, followed_volume, view_of

_DIAMETERS = 50  # diameters at which the visible volume is simulated; it is interpolated between them
_MOST_FRAMES = 3000  # largest number of frames simulated to count tracks: few tracks of so many begin with the first frame
_WELL_SEEN = 10.0  # light of well visible particles, relative to the light at which half are found


def detection_curve(
    detector: SpotDetector,
    tracks: Tracks,
    frames: Sequence[Frame],
    settings: VisibilitySettings,
    *,
    width_px: float,
) -> DetectionCurve | None:
    """Measure the detection curve on some frames of the recording, with the detector that searched all of them.

    tracks : tracks of the recording; some simulated spots copy their bright spots. width_px : width of a spot in focus.
    """
    if not settings.frames or not frames:
        return None
    rng = np.random.default_rng(settings.seed)
    trials = injection_trials(detector, tracks, width_px, frames, settings.spots_per_frame, rng)
    return fit_curve(trials, width_px)


def measure_visibility(
    sized: SizedTracks, curve: DetectionCurve | None, settings: VisibilitySettings | None = None
) -> Visibility:
    """Compute detection limit and visible volume, and from them the distribution in suspension and the concentration.

    Needs the detection curve, and from the profile the wavelength, the numerical aperture and the width of the light sheet.
    Results that cannot be computed without them are left out, with the reason in `notes`. The shape of populations in view,
    which depends little on them, then comes from the optics of a typical instrument.
    """
    settings = settings or VisibilitySettings()
    width_px = width_in_focus_px(sized.tracks.scene, sized.profile, sized.camera)
    try:
        sheet, light = _optics(sized, width_px)
    except SettingError as error:  # for example, the refractive index of the liquid is not known
        return _not_known(curve, uncounted(sized, str(error)), str(error))
    why = _missing(sized, curve, sheet)
    if curve is None or sheet is None or light is None:
        typical = None if curve is None else _by_typical_optics(sized, curve, settings, width_px)
        return _not_known(curve, uncounted(sized, why), why, typical)
    if sized.sizes.distribution is None:
        return _not_known(curve, concentration_of_few(sized, _reference(sized, curve, sheet, settings)), why)
    model = _light_model(sized, curve, sheet, light)
    law = brightness_law(model, settings.refractive_index)
    if law is None:
        note = (
            "no refractive index explains the light of the tracks with the brightness of the profile"
            if seeks_index(model, settings.refractive_index)
            else "no brightness scale explains both the light of the tracks and the light at which particles are found"
        )
        return _not_known(curve, uncounted(sized, note), note)
    limit = _limit(model, law)
    volume = _volume(model, law, limit.value, settings)
    least_nm = least_counted_nm(sized.sizes.distribution, volume, curve, limit.value)
    suspension = None if least_nm is None else in_suspension(sized, volume, curve, law, least_nm)
    return Visibility(
        curve=curve,
        law=law,
        limit_nm=limit,
        share_below_limit=_share_below(sized, volume, curve, limit.value),
        volume=volume,
        suspension=suspension.distribution if suspension else None,
        suspension_numbers=suspension.numbers if suspension else {},
        concentration=concentration(sized, suspension, least_nm, sheet),
        indices=track_indices(model, law),
    )


def _optics(sized: SizedTracks, width_px: float) -> tuple[LightSheet | None, Collection | None]:
    """Return the light sheet, with the defocus that the tracks show, and what collects the light; None: not stated."""
    sheet = light_sheet(sized.profile, sized.conditions, sized.camera, width_px)
    light = collection(sized.profile, sized.conditions)
    return None if sheet is None else as_seen(sheet, sized.tracks, sized.diffusion), light


def _light_model(
    sized: SizedTracks, curve: DetectionCurve, sheet: LightSheet, light: Collection
) -> LightModel:
    sections = CrossSections.of(light, sized.sizing.grid_low_nm, sized.sizing.grid_high_nm)
    return LightModel(sized, curve, sheet, sections)


def _missing(sized: SizedTracks, curve: DetectionCurve | None, sheet: LightSheet | None) -> str:
    if sheet is None:
        return (
            "not calibrated: the instrument profile must state the depth of the light sheet, the wavelength and the "
            "numerical aperture, and the exposure must be known"
        )
    if curve is None:
        return (
            "no detection curve: of the simulated spots too few were found or missed, or none were asked for"
        )
    return "too few tracks for a size distribution" if sized.sizes.distribution is None else ""


def _reference(
    sized: SizedTracks, curve: DetectionCurve, sheet: LightSheet, settings: VisibilitySettings
) -> FollowedVolume:
    """Simulate well visible particles: their volume serves recordings with too few tracks for a size distribution."""
    light = _WELL_SEEN * float(curve.light_50_e[0])
    diffusion = sized.scale_nm_um2_s() / REFERENCE_NM
    # with few particles the search range cannot be estimated, and is not needed
    view = replace(view_of(sized), search_range_px=math.inf)
    frames = min(view.n_frames, _MOST_FRAMES)
    return followed_volume(curve, sheet, view, light, diffusion, settings.walkers, settings.seed, frames)


def _by_typical_optics(
    sized: SizedTracks, curve: DetectionCurve, settings: VisibilitySettings, width_px: float
) -> LitVolume | None:
    """Return volume and law by the optics of a typical instrument; an exposure that is not stated is that of the tracks."""
    if sized.sizes.distribution is None:
        return None
    camera = sized.camera
    if camera.exposure_s is None:
        camera = replace(camera, exposure_s=sized.diffusion.noise.exposure_s)
    sized = replace(sized, profile=with_typical_optics(sized.profile), camera=camera)
    sheet, light = _optics(sized, width_px)
    if sheet is None or light is None:
        return None
    model = _light_model(sized, curve, sheet, light)
    law = brightness_law(model, settings.refractive_index)
    if law is None:
        return None
    return LitVolume(volume=_volume(model, law, _limit(model, law).value, settings), law=law)


def _not_known(
    curve: DetectionCurve | None, counted: Concentration, why: str, typical: LitVolume | None = None
) -> Visibility:
    return Visibility(
        curve=curve,
        law=None,
        limit_nm=unknown(why, "nm"),
        share_below_limit=None,
        volume=None,
        suspension=None,
        concentration=counted,
        indices=None,
        notes=(why,),
        typical=typical,
    )


def _volume(
    model: LightModel, law: BrightnessLaw, limit_nm: float | None, settings: VisibilitySettings
) -> VisibleVolume:
    """Simulate particles of every diameter, closer together just above the limit, where the volume rises steeply."""
    sheet, curve = model.sheet, model.curve
    low, high = float(model.table.diameter_nm[0]), float(model.table.diameter_nm[-1])
    middle = min(1.4 * (limit_nm or low), 0.9 * high)
    steep = np.geomspace(0.8 * (limit_nm or low), middle, _DIAMETERS // 2, endpoint=False)
    diameter = np.concatenate([steep, np.geomspace(middle, high, _DIAMETERS // 2)])
    electrons = model.electrons(law, diameter)
    diffusion = model.sized.scale_nm_um2_s() / diameter
    view = view_of(model.sized)
    seen = [
        followed_volume(curve, sheet, view, float(e), float(d), settings.walkers, settings.seed)
        for e, d in zip(electrons, diffusion, strict=True)
    ]
    return VisibleVolume(
        diameter_nm=diameter,
        electrons=electrons,
        probability=curve.probability(electrons, sheet.width_px(np.zeros(1), diffusion)),
        volume_ml=np.array([s.volume_ml for s in seen]),
    )


def _limit(model: LightModel, law: BrightnessLaw) -> Quantity:
    """Return the diameter of which half is found in the middle of the sheet, with the interval of the 50 % light."""
    d = np.geomspace(model.table.diameter_nm[0], model.table.diameter_nm[-1], 2000)
    electrons = model.electrons(law, d)
    width = model.sheet.width_px(np.zeros(1), model.sized.scale_nm_um2_s() / d)
    ends = []
    for sigmas in (0.0, Z_95, -Z_95):
        brighter = np.exp(sigmas * model.curve.rel_std[0])
        above = np.flatnonzero(model.curve.probability(electrons * brighter, width) >= 0.5)
        ends.append(float(d[above[0]]) if above.size else None)
    words = (
        f"found in half of the frames, in focus in the middle of the sheet, refractive index {law.refractive_index:.3f} "
        f"({law.index_source}); {model.curve.trials} simulated spots in the run's own frames"
    )
    return Quantity(ends[0], ends[1], ends[2], "nm", words)


def _share_below(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, limit_nm: float | None
) -> float | None:
    if limit_nm is None or sized.sizes.distribution is None:
        return None
    weight, _ = shares_in_view(sized, volume, curve)
    return float(weight[sized.sizes.distribution.diameter_nm < limit_nm].sum())
