"""What a batch has to do, one `Job` a recording, and the key by which a finished one is known again."""

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

    name : of the recording within the batch, as in the table; unique. folder : of its results.
    trouble : why it is not even tried; it gets its row all the same. skipped : by its name it is no recording.
    settled : take the result also from a process that compiled for it, see `work`.
    """

    name: str
    recording: Path
    folder: Path
    request: Request = field(default_factory=Request)
    about: About = field(default_factory=About)
    trouble: str = ""
    skipped: bool = False
    settled: bool = False

    def key(self, sha256: str) -> str:
        """Return the digest of all that the result depends on."""
        request = self.request
        return analysis_key(
            self.recording,
            sha256,
            camera=request.camera,
            conditions=request.conditions,
            profile=request.profile,
            settings=request.settings,
            blank=request.blank,
            beads=request.beads,
        )


def result_folder(output: Path, name: str) -> Path:
    """Return the folder of a recording's results: its own name, so that recordings that join later move nothing."""
    return output / BATCH_RESULTS / name
