"""Settings of all stages of the analysis, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from nta.assessment.settings import AssessmentSettings
from nta.diffusion import DiffusionSettings
from nta.errors import SettingError
from nta.sizes import SizingSettings
from nta.spots import DetectionSettings
from nta.stated import build, read_toml, refuse_other
from nta.tracks import LinkingSettings
from nta.visibility import VisibilitySettings


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings:
    """The settings of every stage; each is documented beside the function that uses it."""

    detection: DetectionSettings = field(default_factory=DetectionSettings)
    linking: LinkingSettings = field(default_factory=LinkingSettings)
    diffusion: DiffusionSettings = field(default_factory=DiffusionSettings)
    sizing: SizingSettings = field(default_factory=SizingSettings)
    visibility: VisibilitySettings = field(default_factory=VisibilitySettings)
    assessment: AssessmentSettings = field(default_factory=AssessmentSettings)

    def __post_init__(self) -> None:
        for stage in fields(self):
            refuse_other(
                stage.name,
                getattr(self, stage.name),
                get_type_hints(AnalysisSettings)[stage.name],
                "plain data becomes settings by AnalysisSettings.from_mapping",
            )

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any], origin: str = "settings") -> AnalysisSettings:
        """Build from nested plain data, e.g. ``{"detection": {"threshold_sd": 5}}``; missing settings keep their default.

        Raises
        ------
        SettingError
            A stage or key is unknown, or a value is of the wrong type or out of range; the message names `origin`.
        """
        return build(cls, table, origin)

    @classmethod
    def from_toml(cls, path: str | Path) -> AnalysisSettings:
        """Read from a TOML file with one table per stage."""
        path = Path(path)
        try:
            table = read_toml(path)
        except FileNotFoundError:
            raise SettingError(f"{path}: no such settings file") from None
        return cls.from_mapping(table, str(path))

    def as_mapping(self) -> dict[str, dict[str, Any]]:
        """Return nested plain data; the inverse of `from_mapping`."""
        return {f.name: dict(vars(getattr(self, f.name))) for f in fields(self)}

    def changed(self) -> dict[str, dict[str, Any]]:
        """Return only the settings that differ from their defaults."""
        default = AnalysisSettings().as_mapping()
        mine = self.as_mapping()
        differing = {s: {k: v for k, v in mine[s].items() if v != default[s][k]} for s in mine}
        return {stage: values for stage, values in differing.items() if values}
