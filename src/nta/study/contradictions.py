"""Compare the statements of a study about a preparation with attached results; results that contradict are refused.

Recordings analysed for the study use its statements. Results and exports are finished: statements cannot change their
sizes any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nta.calibration import SampleConditions
from nta.errors import SettingError
from nta.io.vendors import VendorRun
from nta.pipeline import Analysis
from nta.study.study import Preparation, StatedInstrument, Study

_SAME_C = 0.5  # thermometer against set point; 1.2 % of a diameter
_SAME_VISCOSITY = 0.03  # programs print that of water as 0.9 mPa s
_SAME = 0.01  # tolerance of the other values, which are nominal and rounded


@dataclass(frozen=True, kw_only=True)
class Made:
    """Conditions under which a result was made, by the keys of the study; None if not stated."""

    temperature_c: float | None
    medium: str | None = None
    viscosity_mpas: float | None
    dilution: float | None
    pixel_size_um: float | None
    frame_rate_hz: float | None
    exposure_ms: float | None

    @classmethod
    def of_analysis(cls, analysis: Analysis) -> Made:
        """Take the conditions from an analysis by nta; a measured viscosity replaces the medium."""
        conditions, d = analysis.conditions, analysis.diffusion
        by_name = conditions.viscosity_mpas is None
        return cls(
            temperature_c=analysis.sizes.temperature_c,
            medium=conditions.medium if by_name else None,
            viscosity_mpas=conditions.viscosity_mpas,
            dilution=conditions.dilution,
            pixel_size_um=d.pixel_size_um,
            frame_rate_hz=1 / d.frame_interval_s,
            exposure_ms=None if d.exposure_s is None else 1e3 * d.exposure_s,
        )

    @classmethod
    def of_run(cls, run: VendorRun) -> Made:
        """Take the conditions from a run of a vendor's program, as far as its export states them."""
        return cls(
            temperature_c=run.temperature_c,
            viscosity_mpas=None if run.viscosity_pa_s is None else 1e3 * run.viscosity_pa_s,
            dilution=run.dilution,
            pixel_size_um=run.pixel_size_um,
            frame_rate_hz=run.frame_rate_hz,
            exposure_ms=None if run.exposure_s is None else 1e3 * run.exposure_s,
        )


def refuse_contradictions(
    what: str, made: Made, preparation: Preparation, instrument: StatedInstrument
) -> None:
    """Refuse a result made under other conditions than the study states.

    Raises
    ------
    SettingError
        The message names the result, and each differing value on both sides.
    """
    if apart := list(_apart(made, preparation, instrument)):
        raise SettingError(
            f"{what} contradicts the study: {'; '.join(apart)}. Its sizes and amounts stay what they are: correct the "
            "study, or attach the recording itself"
        )


def without_dilution(
    study: Study, dilutions: Mapping[str, Sequence[float | None]]
) -> tuple[tuple[str, ...], str]:
    """Return the preparations of unknown dilution if that of others is known, and a sentence that says so.

    dilutions : those of the videos of each preparation. If none is stated, amounts are compared as they are.
    """
    counted = [p.name for p in study.preparations if p.arm not in ("beads", "blank")]
    stated = [name for name in counted if dilutions[name] and None not in dilutions[name]]
    lacking = tuple(name for name in counted if None in dilutions[name])
    if not stated or not lacking:
        return (), ""
    return lacking, f"the dilution of {stated[0]} is stated, that of {', '.join(lacking)} is not"


def _apart(made: Made, preparation: Preparation, instrument: StatedInstrument) -> Iterator[str]:
    """Yield the differing values; a value that one side does not state is no contradiction."""
    stated = {
        "temperature_c": preparation.temperature_c,
        "dilution": preparation.dilution,
        "pixel_size_um": instrument.pixel_size_um,
        "frame_rate_hz": instrument.frame_rate_hz,
        "exposure_ms": instrument.exposure_ms,
    }
    for key, said in stated.items():
        found = getattr(made, key)
        near = {"abs_tol": _SAME_C} if key == "temperature_c" else {"rel_tol": _SAME}
        if found is not None and said is not None and not math.isclose(found, said, **near):
            yield f"made with {key} = {found:.6g}, stated is {said:.6g}"
    if made.medium and preparation.medium and made.medium.casefold() != preparation.medium.casefold():
        yield f"made in {made.medium}, stated is medium = {preparation.medium}"
    if made.viscosity_mpas is not None and made.temperature_c is not None and preparation.medium:
        medium = SampleConditions(temperature_c=made.temperature_c, medium=preparation.medium)
        has = 1e3 * medium.viscosity_pa_s()
        if not math.isclose(made.viscosity_mpas, has, rel_tol=_SAME_VISCOSITY):
            yield f"made with {made.viscosity_mpas:.4g} mPa s, the stated medium {preparation.medium} has {has:.4g}"
