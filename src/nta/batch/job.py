"""One `Job` for each recording of a batch, and the key that identifies a finished job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nta.catalogue import About
from nta.io.results import BATCH_RESULTS
from nta.measurements.key import analysis_key
from nta.one_recording import Request


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording of a batch.

    name : unique name of the recording in the batch. folder : folder of its results.
    trouble : reason why it is not analysed; it still gets a row. skipped : its file name shows that it is not a recording.
    """

    name: str
    recording: Path
    folder: Path
    request: Request = field(default_factory=Request)
    about: About = field(default_factory=About)
    trouble: str = ""
    skipped: bool = False

    def key(self, sha256: str) -> str:
        """Return the digest of everything that the result depends on."""
        return analysis_key(self.recording, sha256, self.request)


def result_folder(output: Path, name: str) -> Path:
    """Return the folder of a recording's results; it depends only on its name, so adding recordings moves no results."""
    return output / BATCH_RESULTS / name
