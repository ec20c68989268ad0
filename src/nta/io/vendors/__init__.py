"""Results of other programs: NanoSight and ZetaView exports, read as printed, in our units."""

from __future__ import annotations

from pathlib import Path

from nta.io.vendors import nanosight, zetaview
from nta.io.vendors.result import Histogram, PercentileConvention, VendorFileError, VendorResult, VendorRun
from nta.io.vendors.text import read_text

__all__ = ["Histogram", "PercentileConvention", "VendorFileError", "VendorResult", "VendorRun", "read_vendor"]


def read_vendor(path: str | Path) -> VendorResult:
    """Read a vendor's size export, recognised by its content.

    Raises
    ------
    VendorFileError
        Not an export that is understood; the message says what is, and what to do with look-alikes.
    """
    path = Path(path)
    text, _ = read_text(path)
    if nanosight.is_summary(text):
        return nanosight.read_summary(path)
    if zetaview.is_size(text):
        return zetaview.read_size(path)
    if zetaview.is_positions(text) or zetaview.is_profile(text):
        kind = "table of positions" if zetaview.is_positions(text) else "zeta-potential run"
        raise VendorFileError(
            f"{path}: a ZetaView {kind} holds no size distribution; give the _size_ file beside it"
        )
    raise VendorFileError(
        f"{path}: no size export that nta understands (NanoSight ExperimentSummary or Summary, ZetaView _size_); "
        f"its first line is {text.splitlines()[0][:60]!r}"
    )
