"""What the analyst chose: the settings of all stages together, read from and written to TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nta.assessment.settings import AssessmentSettings
from nta.diffusion import DiffusionSettings
from nta.errors import SettingError
from nta.sizes import SizingSettings
from nta.spots import DetectionSettings
from nta.stated import is_number, read_toml
from nta.tracks import LinkingSettings
from nta.visibility import VisibilitySettings


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings:
    """The settings of every stage; each is documented beside the function it steers."""

    detection: DetectionSettings = field(default_factory=DetectionSettings)
    linking: LinkingSettings = field(default_factory=LinkingSettings)
    diffusion: DiffusionSettings = field(default_factory=DiffusionSettings)
    sizing: SizingSettings = field(default_factory=SizingSettings)
    visibility: VisibilitySettings = field(default_factory=VisibilitySettings)
    assessment: AssessmentSettings = field(default_factory=AssessmentSettings)

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any], origin: str = "settings") -> AnalysisSettings:
        """Build from nested plain data, e.g. ``{"detection": {"threshold_sd": 5}}``; what is not named keeps its default.

        Raises
        ------
        SettingError
            A stage or key is unknown, or a value is of the wrong type or out of range; the message names `origin`.
        """
        stages = {f.name for f in fields(cls)}
        unknown = sorted(set(table) - stages)
        if unknown:
            raise SettingError(
                f"{origin}: unknown section [{unknown[0]}]; there are {', '.join(sorted(stages))}"
            )
        default = cls()
        return replace(
            default,
            **{
                name: _updated(getattr(default, name), section, f"{origin} [{name}]")
                for name, section in table.items()
            },
        )

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
        """Return only what differs from the defaults."""
        default = AnalysisSettings().as_mapping()
        mine = self.as_mapping()
        differing = {s: {k: v for k, v in mine[s].items() if v != default[s][k]} for s in mine}
        return {stage: values for stage, values in differing.items() if values}


def _updated(section: Any, values: Any, origin: str) -> Any:
    """Return the stage's settings with `values` put in, each checked against the field's declared type."""
    if not isinstance(values, Mapping):
        raise SettingError(f"{origin}: expected a table of settings, got {values!r}")
    hints = get_type_hints(type(section))
    known = {f.name for f in fields(section)} if is_dataclass(section) else set()
    for key, value in values.items():
        if key not in known:
            raise SettingError(f"{origin}: unknown setting {key!r}; there are {', '.join(sorted(known))}")
        if not _fits(value, hints[key]):
            raise SettingError(f"{origin}: {key} = {value!r} is not of type {_spelled(hints[key])}")
    try:
        return replace(section, **{key: _as_declared(value, hints[key]) for key, value in values.items()})
    except ValueError as error:
        raise SettingError(f"{origin}: {error}") from None


def _fits(value: Any, hint: Any) -> bool:
    """Say whether a TOML value can stand for the declared type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, arm) for arm in args)
    if origin is Literal:
        return value in args
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        arms = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
        return len(arms) == len(value) and all(map(_fits, value, arms))
    if hint is type(None):
        return value is None
    if hint is float:
        return is_number(value)
    if hint is int:
        return is_number(value, whole=True)
    return isinstance(value, hint)


def _as_declared(value: Any, hint: Any) -> Any:
    """Turn TOML lists into the tuples that frozen settings hold, and whole numbers into floats where these are meant."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return next(_as_declared(value, arm) for arm in args if _fits(value, arm))
    if origin is tuple:
        arms = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
        return tuple(map(_as_declared, value, arms))
    return float(value) if hint is float else value


def _spelled(hint: Any) -> str:
    return (
        getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint).replace("typing.", "")
    )
