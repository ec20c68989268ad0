"""The key that identifies an analysis, so that it need not be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nta.assessment import Kind
from nta.calibration import InstrumentProfile, known_certificate
from nta.calibration.folder import calibration_folder
from nta.io.recordings import checksum
from nta.io.recordings.sidecar import sidecar_files
from nta.io.results import results_file
from nta.io.results.summary import digest, plain
from nta.settings import AnalysisSettings
from nta.version import own_version


def analysis_key(
    recording: Path,
    sha256: str,
    *,
    camera: Mapping[str, Any],
    conditions: Mapping[str, Any],
    profile: InstrumentProfile | None,
    settings: AnalysisSettings,
    blank: Path | None = None,
    kind: Kind = "sample",
    standard: str = "",
) -> str:
    """Return the digest of all that a result depends on: input, side-car, stated values, settings, calibration, version.

    sha256 : checksum of the recording. camera, conditions : stated values. blank : results of the diluent alone.
    kind : what the recording is of. standard : name of the certificate, for a recording of beads.
    """
    chosen = settings.as_mapping()
    chosen["detection"].pop("threads")  # the number of threads does not change the result
    words: dict[str, Any] = {
        "input": sha256,
        "sidecar": [_sha256(file) for file in sidecar_files(recording)],
        "camera": {key: str(value) for key, value in camera.items()},
        "conditions": conditions,
        "profile": profile,
        "settings": chosen,
        "blank": None if blank is None else checksum(results_file(blank)),
        "calibration": _calibration(),
        "version": own_version(),
    }
    if kind != "sample":  # only then, so that the keys of existing results of samples stay valid
        words[kind] = standard, known_certificate(standard)
    return digest(plain(words))


def _calibration() -> list[str]:
    """Return the digests of media and limits, which any analysis may use."""
    folder = calibration_folder()
    return [
        _sha256(file) for shelf in ("media", "limits") for file in sorted((folder / shelf).glob("*.toml"))
    ]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
