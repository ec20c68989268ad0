"""Calibration of an instrument by certified beads: size bias, brightness scale, depth, spot width, camera."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nta.assessment import Finding, Verdict, load_limits
from nta.assessment.controls import bead_check, with_findings
from nta.calibration import BeadCertificate, InstrumentProfile, known_certificate
from nta.calibration.profile import ANCHORED
from nta.errors import MissingInputError, NtaError
from nta.pipeline import Analysis
from nta.quantity import Z_95, coverage_factor, with_power
from nta.visibility import Visibility, VisibilitySettings, measure_visibility
from nta.visibility.brightness_law import LIGHT_STD

_ENOUGH_LIGHT_SNR = 20.0  # least SNR of spots whose width is known to a few per cent
_IN_FOCUS_QUANTILE = 0.1  # quantile of the widths of bright spots, most of which are slightly out of focus
_LIGHT_POWER = 5.5  # d ln(cross-section) / d ln(diameter) of beads of 50 to 200 nm
_ANCHOR_STEPS, _ANCHORED = 4, 0.01


class CalibrationError(NtaError):
    """The bead run cannot calibrate the instrument."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number of the profile, with its relative standard uncertainty and the evidence for it."""

    value: float
    rel_std: float | None
    evidence: str


@dataclass(frozen=True, kw_only=True)
class BeadRun:
    """Result of a calibration by beads; `numbers` are fields of an `InstrumentProfile`.

    size_ratio : measured divided by certified diameter; size_ratio_std : its standard uncertainty (tracks, certificate,
        temperature, viscosity).
    """

    certificate: BeadCertificate
    date: datetime.date
    recording: str
    size_ratio: float
    size_ratio_std: float
    numbers: Mapping[str, Measured]

    @property
    def agrees(self) -> bool:
        """Whether measured and certified diameter agree within two standard uncertainties."""
        return _agree(self.size_ratio, self.size_ratio_std)

    @property
    def pixel_size_factor(self) -> float:
        """Factor on the pixel size that would make the sizes agree: the diameter is proportional to 1 / pixel size²."""
        return math.sqrt(self.size_ratio)


def _agree(ratio: float, ratio_std: float) -> bool:
    return abs(ratio - 1) <= 2 * ratio_std


def measure_beads(
    analysis: Analysis, certificate: BeadCertificate, concentration_per_ml: float | None = None
) -> BeadRun:
    """Calibrate an instrument from the analysis of a bead run.

    Parameters
    ----------
    analysis
        Analysis of the beads with the profile to be completed, which must state wavelength and numerical aperture.
    certificate
        Certificate of the beads.
    concentration_per_ml
        Concentration of the beads in the cell, if known: it anchors the depth of the light sheet.

    Raises
    ------
    CalibrationError
        Too few tracks for a size distribution.
    MissingInputError
        Wavelength, numerical aperture or another number that the light of the beads needs is not stated.
    """
    ratio, ratio_std = size_ratio(analysis, certificate)
    about = f"{analysis.sizes.n_tracks_used} tracks of {certificate.name}, lot {certificate.lot}"
    numbers = {
        **_geometry(analysis, ratio, ratio_std, about),
        **_camera(analysis),
        **_light(analysis, certificate, concentration_per_ml, about),
    }
    return BeadRun(
        certificate=certificate,
        date=datetime.date.fromisoformat(analysis.provenance.date[:10]),
        recording=analysis.provenance.recording,
        size_ratio=ratio,
        size_ratio_std=ratio_std,
        numbers=numbers,
    )


def size_ratio(analysis: Analysis, certificate: BeadCertificate) -> tuple[float, float]:
    """Return measured divided by certified diameter, and its standard uncertainty: tracks, certificate, systematic budget.

    Raises
    ------
    CalibrationError
        Too few tracks for a size distribution.
    """
    d50 = analysis.sizes.summary["d50_nm"]
    half = d50.half_width
    if d50.value is None or half is None:
        raise CalibrationError(f"the beads have no size: {d50.method}")
    ratio = d50.value / certificate.diameter_nm
    assert analysis.sizes.distribution is not None
    factor = coverage_factor(analysis.sizes.distribution.confidence)
    spread = half / (factor * d50.value)
    ratio_std = ratio * math.hypot(spread, certificate.diameter_std_nm / certificate.diameter_nm)
    return ratio, ratio_std


def _std_without_pixel_size(analysis: Analysis, ratio: float, ratio_std: float) -> float:
    """Return the standard uncertainty of the size ratio without what the profile said of the pixel size.

    Beads measure the pixel size; its uncertainty before them is no part of that measurement, or calibrating would never
    improve on it.
    """
    before = ratio * analysis.sizes.budget.get("pixel size", 0.0)
    return math.sqrt(max(ratio_std**2 - before**2, 0.0))


def against_certificate(analysis: Analysis, standard: str) -> Analysis:
    """Return the analysis of beads with a finding that compares their size with the certified diameter.

    standard : name of the certificate, or its file; empty if not stated.

    Raises
    ------
    SettingError
        The certificate is not valid, or its file does not exist.
    """
    certificate = known_certificate(standard)
    found = _unchecked(standard) if certificate is None else _checked(analysis, certificate)
    return replace(analysis, assessment=with_findings(analysis.assessment, [found]))


def _checked(analysis: Analysis, certificate: BeadCertificate) -> Finding:
    limits = load_limits(analysis.settings.assessment.limits)
    example = " (an EXAMPLE, no such beads exist)" if certificate.is_example else ""
    words = f"{certificate.name}, lot {certificate.lot}{example}"
    try:
        ratio, ratio_std = size_ratio(analysis, certificate)
    except CalibrationError as error:
        return _not_assessed(f"{words}: {error}", "record longer or more videos of the beads")
    return bead_check(ratio - 1, ratio_std, 1, words, limits)


def _unchecked(standard: str) -> Finding:
    if not standard:
        return _not_assessed("nobody said which beads these are", "name their certificate with --standard")
    return _not_assessed(
        f"there is no certificate of {standard!r}, so nothing says how large these beads are",
        "write one into calibration/beads, as its README says",
    )


def _not_assessed(evidence: str, advice: str) -> Finding:
    return Finding(
        name="bead_check",
        title="Size standard",
        verdict=Verdict.NOT_ASSESSED,
        evidence=evidence,
        advice=advice,
    )


def calibrated_profile(beads: BeadRun, base: InstrumentProfile, name: str) -> InstrumentProfile:
    """Return the base profile with the numbers measured by the beads, each with its evidence."""
    day = beads.date.isoformat()
    fields = {field: number.value for field, number in beads.numbers.items()}
    stds = {f: n.rel_std for f, n in beads.numbers.items() if n.rel_std is not None}
    return replace(
        base,
        name=name,
        date=beads.date,
        source=f"nta calibrate: {beads.recording}, {beads.certificate.name}, lot {beads.certificate.lot}",
        sources={**base.sources, **{f: f"{n.evidence} ({day})" for f, n in beads.numbers.items()}},
        rel_stds={**base.rel_stds, **stds},
        pixel_size_rel_std=stds.get("pixel_size_um", base.pixel_size_rel_std),
        **fields,  # type: ignore[arg-type]
    )


def _geometry(analysis: Analysis, ratio: float, ratio_std: float, about: str) -> dict[str, Measured]:
    """Return the pixel size as used, with the uncertainty that the beads allow, and the width of a spot in focus."""
    camera = analysis.camera
    assert camera.pixel_size_um is not None
    d50 = analysis.sizes.summary["d50_nm"].value
    assert d50 is not None
    diffusion = analysis.diffusion.diffusion_um2_s
    blur_px2 = float(np.nanmedian(diffusion)) * (camera.exposure_s or 0.0) / 3 / camera.pixel_size_um**2
    bright = analysis.spots.width_px[analysis.spots.snr > _ENOUGH_LIGHT_SNR]
    std = _std_without_pixel_size(analysis, ratio, ratio_std)
    found = {
        "pixel_size_um": Measured(
            value=camera.pixel_size_um,
            rel_std=(std if _agree(ratio, std) else math.hypot(std, ratio - 1)) / 2,
            evidence=f"as used; {about} came out at {ratio:.3f} times their diameter",
        ),
    }
    if bright.size:
        width = float(np.quantile(bright, _IN_FOCUS_QUANTILE))
        found["spot_width_px"] = Measured(
            value=math.sqrt(max(width**2 - blur_px2, 0.25 * width**2)),
            rel_std=0.05,
            evidence=f"narrowest tenth of {bright.size} bright spots, motion blur taken off",
        )
    return found


def _camera(analysis: Analysis) -> dict[str, Measured]:
    model = analysis.spots.scene.camera
    if model.source == "estimated":  # an estimate is made anew for each recording and is no calibration
        return {}
    words = f"camera model, {model.source}"
    if model.source == "gain stated":  # the other numbers are estimates
        return {"gain_e_per_adu": Measured(value=model.gain_e_per_adu, rel_std=None, evidence=words)}
    return {
        "gain_e_per_adu": Measured(value=model.gain_e_per_adu, rel_std=None, evidence=words),
        "offset_adu": Measured(value=model.offset_adu, rel_std=None, evidence=words),
        "read_noise_e": Measured(value=model.read_noise_e, rel_std=None, evidence=words),
    }


def _light(
    analysis: Analysis, certificate: BeadCertificate, concentration_per_ml: float | None, about: str
) -> dict[str, Measured]:
    """Return the brightness scale, and the depth of the sheet if the concentration of the beads is known."""
    if certificate.refractive_index is None:
        raise MissingInputError(
            f"the certificate of {certificate.name} says no refractive_index; the brightness scale needs it"
        )
    found: dict[str, Measured] = {}
    seen = _seen(analysis, certificate, analysis.profile)
    if concentration_per_ml is not None:
        profile, seen = _anchored(analysis, certificate, seen, concentration_per_ml)
        assert profile.sheet_width_um is not None
        per_frame = seen.concentration.per_frame
        counting = 1.0
        if per_frame.value and per_frame.high is not None:
            counting = (per_frame.high - per_frame.value) / Z_95 / per_frame.value
        found["sheet_width_um"] = Measured(
            value=profile.sheet_width_um,
            rel_std=math.hypot(counting, 0.05),
            evidence=f"{ANCHORED} {with_power(concentration_per_ml)} beads per ml: {about}",
        )
    assert seen.law is not None
    assert analysis.camera.exposure_s is not None
    u_diameter = certificate.diameter_std_nm / certificate.diameter_nm
    found["brightness_e_per_ms_nm2"] = Measured(
        value=seen.law.scale_e_per_nm2 / (1e3 * analysis.camera.exposure_s),
        rel_std=math.hypot(_LIGHT_POWER * u_diameter, LIGHT_STD),
        evidence=f"mean light of {about}, refractive index {certificate.refractive_index:.4g}",
    )
    return found


def _seen(analysis: Analysis, certificate: BeadCertificate, profile: InstrumentProfile | None) -> Visibility:
    """Compute the visibility again, with the certified index of the beads and this profile."""
    settings = VisibilitySettings(refractive_index=certificate.refractive_index)
    seen = measure_visibility(replace(analysis.sized, profile=profile), analysis.detection, settings)
    if seen.law is None:
        raise MissingInputError(f"the light of the beads says nothing: {'; '.join(seen.notes)}")
    return seen


def _anchored(
    analysis: Analysis, certificate: BeadCertificate, seen: Visibility, concentration_per_ml: float
) -> tuple[InstrumentProfile, Visibility]:
    """Adjust the width of the sheet, to which the volume is proportional, until the concentration of the beads is right."""
    assert analysis.profile is not None
    profile = analysis.profile
    for _ in range(_ANCHOR_STEPS):
        found = seen.concentration.in_cell_per_ml.value
        assert profile.sheet_width_um is not None
        if not found or abs(found / concentration_per_ml - 1) < _ANCHORED:
            break
        width = profile.sheet_width_um * found / concentration_per_ml
        profile = replace(profile, sheet_width_um=width)
        seen = _seen(analysis, certificate, profile)
    return profile, seen
