"""Certificates of reference beads."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path

from nta.calibration.folder import calibration_folder, find_file
from nta.errors import SettingError
from nta.stated import Table


@dataclass(frozen=True, kw_only=True)
class BeadCertificate:
    """Certified diameter of a lot of reference beads.

    diameter_nm, diameter_std_nm : certified value and its standard uncertainty (expanded uncertainty / k).
    method : method of measurement, e.g. "TEM" or "DLS": a hydrodynamic diameter is a little larger than one from
        TEM.
    spread_nm : standard deviation of the sizes within the lot. is_example : invented to show the format.
    """

    name: str
    material: str
    diameter_nm: float
    diameter_std_nm: float
    method: str
    lot: str
    document: str
    date: datetime.date
    source: str
    spread_nm: float | None = None
    refractive_index: float | None = None
    density_g_cm3: float | None = None
    is_example: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.diameter_nm) and self.diameter_nm > 0):
            raise SettingError(f"diameter_nm must be > 0, got {self.diameter_nm}")
        if not (math.isfinite(self.diameter_std_nm) and self.diameter_std_nm >= 0):
            raise SettingError(f"diameter_std_nm must be >= 0, got {self.diameter_std_nm}")


def load_certificate(name_or_path: str | Path, folder: str | Path | None = None) -> BeadCertificate:
    """Read a bead certificate by name from ``calibration/beads`` or from a ``.toml`` file.

    Raises
    ------
    SettingError
        No such certificate, or one without source, date, lot, document, unit or uncertainty; names file, key.
    """
    table = Table.read(find_file(name_or_path, "beads", folder))
    diameter = table.number("diameter", "nm", {"um": 1e3}, required=True)
    spread = table.number("spread", "nm", {"um": 1e3})
    index = table.number("refractive_index", "1")
    density = table.number("density", "g/cm3")
    texts = {key: table.text(key) for key in ("name", "material", "method", "lot", "document")}
    table.has("example")
    is_example = table.values.get("example", False) is True
    table.close()
    if diameter is None or diameter.std is None:
        table.refuse("diameter has no uncertainty; give expanded_uncertainty and k, or std")
    try:
        return BeadCertificate(
            **texts,
            diameter_nm=diameter.value,
            diameter_std_nm=diameter.std,
            spread_nm=None if spread is None else spread.value,
            refractive_index=None if index is None else index.value,
            density_g_cm3=None if density is None else density.value,
            date=table.date(),
            source=table.source(),
            is_example=is_example,
        )
    except SettingError as error:
        table.refuse(str(error))


def list_certificates() -> tuple[str, ...]:
    """Return the names of the available certificates of beads."""
    return tuple(sorted(path.stem for path in (calibration_folder() / "beads").glob("*.toml")))


def known_certificate(standard: str) -> BeadCertificate | None:
    """Return the certificate of a standard, by file name or by the name in the file; None if there is none.

    Raises
    ------
    SettingError
        The ``.toml`` file does not exist, or the certificate is not valid.
    """
    shelf = calibration_folder() / "beads"
    if Path(standard).suffix == ".toml" or (shelf / f"{standard}.toml").is_file():
        return load_certificate(standard)
    for file in sorted(shelf.glob("*.toml")) if standard else ():
        if Table.read(file).values.get("name") == standard:
            return load_certificate(file)
    return None
