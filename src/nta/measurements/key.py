"""The key that identifies an analysis, so that it need not be repeated."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from nta.calibration import known_certificate
from nta.calibration.folder import calibration_folder
from nta.io.recordings import checksum
from nta.io.recordings.sidecar import sidecar_files
from nta.io.results import results_file
from nta.io.results.summary import digest, for_json
from nta.one_recording import Request
from nta.version import own_version


def analysis_key(recording: Path, sha256: str, request: Request) -> str:
    """Return the digest of all that a result depends on: input, side-car, request, calibration, version.

    sha256 : checksum of the recording.
    """
    settings = request.settings.as_mapping()
    settings["detection"].pop("threads")  # the number of threads does not change the result
    words: dict[str, Any] = {
        "input": sha256,
        "sidecar": [_sha256(file) for file in sidecar_files(recording)],
        "camera": {key: str(value) for key, value in request.camera.items()},
        "conditions": request.conditions,
        "profile": request.profile,
        "settings": settings,
        "blank": None if request.blank is None else checksum(results_file(request.blank)),
        "calibration": _digests("media", "limits"),  # which any analysis may use
        "version": own_version(),
    }
    if request.kind != "sample":  # only then, so that the keys of existing results of samples stay valid
        words["kind"] = request.kind
    if request.kind == "beads":  # without a certificate of this name, a side-car may name any of the shelf
        words["certificate"] = request.standard, known_certificate(request.standard) or _digests("beads")
    return digest(for_json(words))


def _digests(*shelves: str) -> list[str]:
    """Return the digests of the files on shelves of the calibration folder."""
    folder = calibration_folder()
    return [_sha256(file) for shelf in shelves for file in sorted((folder / shelf).glob("*.toml"))]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
