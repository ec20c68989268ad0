"""Camera and sample conditions from all sources, in order of precedence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions, load_profile
from nta.errors import MissingInputError, SettingError
from nta.frames import CAMERA_CALIBRATION, CameraState, FrameSource
from nta.stated import refuse_other


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Camera, sample and instrument of a recording: what its sizes need besides its tracks.

    camera : missing values are those of the profile. profile : at the binning of the camera; None: none was given.
    """

    camera: CameraState
    conditions: SampleConditions
    profile: InstrumentProfile | None = None

    @classmethod
    def of(
        cls,
        source: FrameSource,
        conditions: SampleConditions | None = None,
        profile: InstrumentProfile | str | Path | None = None,
    ) -> Self:
        """Gather the circumstances of a recording, and refuse those that no size can be made with.

        conditions : None: those that the recording states. profile : may be given by name or file.

        Raises
        ------
        MissingInputError
            Pixel size, frame rate, temperature or viscosity is not stated anywhere.
        SettingError
            An argument is of the wrong type, or there is no such profile.
        """
        conditions = known_conditions(source.metadata) if conditions is None else conditions
        refuse_other(
            "conditions", conditions, SampleConditions, "give nta.SampleConditions(temperature_c=25.0)"
        )
        profile = load_profile(profile) if isinstance(profile, str | Path) else profile
        if profile is not None:
            refuse_other(
                "profile", profile, InstrumentProfile, 'give its name, or nta.load_profile("simulated")'
            )
        known = cls.completed(source.camera, conditions, profile)
        refuse_missing(known.camera, conditions)
        conditions.viscosity_pa_s()  # refuses a medium of unknown viscosity
        return known

    @classmethod
    def completed(
        cls, camera: CameraState, conditions: SampleConditions, profile: InstrumentProfile | None = None
    ) -> Self:
        """Bring the profile to the binning of the camera, and take from it what the camera does not state."""
        if profile is None:
            return cls(camera=camera, conditions=conditions)
        profile = profile.at_binning(camera.binning)
        names = ("pixel_size_um", *CAMERA_CALIBRATION)
        given = {name: getattr(profile, name) for name in names if getattr(camera, name) is None}
        return cls(camera=replace(camera, **given), conditions=conditions, profile=profile)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Factors that convert pixels and frames into micrometres and seconds."""

    pixel_size_um: float
    frame_interval_s: float
    exposure_s: float | None

    @classmethod
    def of(cls, camera: CameraState) -> Scale:
        """Take the scale from the camera; refuse with the names of the missing values."""
        refuse_missing(camera)
        assert camera.pixel_size_um is not None
        assert camera.frame_rate_hz is not None
        return cls(
            pixel_size_um=camera.pixel_size_um,
            frame_interval_s=1 / camera.frame_rate_hz,
            exposure_s=camera.exposure_s,
        )


def refuse_missing(camera: CameraState, conditions: SampleConditions | None = None) -> None:
    """Refuse with the names of all values that a size needs and nobody says; None: do not ask for the conditions.

    Raises
    ------
    MissingInputError
        A value is missing.
    """
    missing, profile = [], ""
    if camera.pixel_size_um is None:
        missing.append("pixel size (--pixel-size-um, in the sample plane)")
        profile = "; a pixel size may also stand in an instrument profile (--profile)"
    if camera.frame_rate_hz is None:
        missing.append("frame rate (--frame-rate, in Hz)")
    if conditions is not None and conditions.temperature_c is None:
        missing.append("temperature of the sample (--temperature, in °C)")
    if missing:
        raise MissingInputError(
            f"a size needs the {', the '.join(missing[:-1])}{' and the ' if missing[:-1] else ''}{missing[-1]}, and neither "
            f"the recording nor anybody else says it; give it on the command line or in a side-car TOML{profile}"
        )


def known_conditions(metadata: Mapping[str, Any], **said: Any) -> SampleConditions:
    """Return the known sample conditions: those in `said`, else of a side-car, else measured, else stated by the file.

    said : fields of `SampleConditions`; None counts as not said.

    Raises
    ------
    SettingError
        There is no such condition, or its value is impossible.
    """
    refuse_other("metadata", metadata, Mapping, "give those of a recording, recording.metadata")
    names = [f.name for f in fields(SampleConditions)]
    if unknown := sorted(set(said) - set(names)):
        raise SettingError(f"there is no condition {unknown[0]!r}; there are {', '.join(names)}")
    recorded = {name: metadata[name] for name in names if metadata.get(name) is not None}
    measured_c = measured_temperature_c(metadata)
    if measured_c is not None:
        recorded["temperature_c"] = measured_c
    return SampleConditions(
        **{**recorded, **{key: value for key, value in said.items() if value is not None}}
    )


def measured_temperature_c(metadata: Mapping[str, Any]) -> float | None:
    """Return the mean of the temperature log; None if there is no log, or a side-car states the temperature."""
    log = np.asarray(metadata.get("temperature_log_c", ()), dtype=float)
    by_hand = metadata.get("sources", {}).get("temperature_c") == "side-car"
    return None if by_hand or not np.isfinite(log).any() else float(np.nanmean(log))
