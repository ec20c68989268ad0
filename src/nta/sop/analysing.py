"""Analyse the videos of a procedure: the sample against its blanks, with the findings of the controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nta.assessment import Finding
from nta.assessment.controls import bead_check, with_findings
from nta.beads import size_ratio
from nta.calibration import BeadCertificate
from nta.errors import RecordingError
from nta.io.atomic import new_folder
from nta.io.recordings import Recording, open_recording
from nta.io.results import ANALYSIS_FOLDER, RESULTS_FILE, load_analysis
from nta.measurements.identity import fingerprint
from nta.one_recording import Request, analyze_file
from nta.pipeline import Analysis, subtract_blank
from nta.progress import Progress, Tell
from nta.sop.files import ProcedureFiles
from nta.sop.outcome import PlannedVideo
from nta.sop.procedure import Procedure, Stage
from nta.visibility import mean_concentration

MakeBar = Callable[[str, int | None], AbstractContextManager[Progress]]
"""Makes a progress bar from a title and a number of frames."""

Keep = Callable[[Analysis, Path], None]
"""Writes an analysis, with tables and report, into an existing folder."""


@dataclass
class Analyses:
    """Makes the analyses of a procedure one by one, with the results of its controls so far.

    findings : of the controls, by name; every later video gets them.
    """

    procedure: Procedure
    files: ProcedureFiles
    folder: Path
    tell: Tell
    make_bar: MakeBar
    keep: Keep
    findings: dict[str, Finding] = field(default_factory=dict)
    _of_blank: list[Finding] = field(default_factory=list)  # one for each video of the sample
    # by whether the video is of beads, and the fingerprint
    _first_images: dict[tuple[bool, str], str] = field(default_factory=dict)
    _blanks: dict[str, Analysis] = field(default_factory=dict)  # by the name of the video
    _ratios: list[tuple[float, float]] = field(default_factory=list)
    _controls_anew: bool = (
        False  # a control was analysed in this session, so that kept ones of the sample hold no more
    )

    def of(self, video: PlannedVideo) -> Analysis:
        """Return the analysis of a recorded video, which is kept in its folder; one that is there is not repeated."""
        analysis = self._kept(video) or self._made(video)
        if video.stage == "sample" and self._blanks and analysis.visibility is not None:
            found = analysis.assessment.finding("blank")
            assert found is not None  # what subtracts a blank judges it
            self._of_blank.append(replace(found, evidence=f"{video.step.name} less {found.evidence}"))
        return analysis

    def use_control(self, video: PlannedVideo, analysis: Analysis) -> None:
        """Take a blank or beads for the videos after it; nothing happens for a sample.

        Raises
        ------
        NtaError
            The beads have no size to compare with that of their certificate.
        """
        if video.stage == "blank" and analysis.visibility is not None:
            self._blanks[video.step.name] = analysis
        if video.stage == "beads":
            self._ratios.append(size_ratio(analysis, self._certificate))

    def judge(self, stage: Stage) -> None:
        """Judge the beads when all their videos are analysed."""
        if stage == "beads" and self._ratios:
            certificate = self._certificate
            ratio, std = (float(np.mean(values)) for values in zip(*self._ratios, strict=True))
            words = f"{certificate.name}, lot {certificate.lot}"
            finding = bead_check(ratio - 1, std, len(self._ratios), words, self.files.limits)
            self.findings[finding.name] = finding
            self.tell(f"beads: {finding.evidence} ({finding.verdict})")

    def of_controls(self) -> tuple[Finding, ...]:
        """Return the findings of the controls; that of the blank is the worst over the videos of the sample."""
        return (*self.findings.values(), *worst_of(self._of_blank))

    def words(self, stage: Stage) -> dict[str, object]:
        """Return the stated conditions of the liquid; a control shares only the temperature with the sample."""
        said, control = dict(self.procedure.conditions), self.procedure.control(stage)
        if control is None:
            return said
        kept: dict[str, object] = {k: said[k] for k in ("temperature_c", "temperature_std_c") if k in said}
        medium = control.medium or (said.get("medium") if stage == "blank" else "water")
        return {**kept, "medium": medium, "sample": stage}

    def _kept(self, video: PlannedVideo) -> Analysis | None:
        """Return the analysis that was made before the run was resumed; None if there is none that still holds."""
        assert video.recording is not None
        path = self.folder / video.recording
        folder = path.parent / ANALYSIS_FOLDER
        if (video.stage == "sample" and self._controls_anew) or not (folder / RESULTS_FILE).is_file():
            return None
        with open_recording(path) as source:
            self._refuse_copy(video, source)
        try:
            analysis = load_analysis(folder)
        except RecordingError as error:
            self.tell(f"{video.step.name}: analysing again, what was kept cannot be read ({error})")
            return None
        self.tell(f"{video.step.name}: analysed before")
        return analysis

    def _made(self, video: PlannedVideo) -> Analysis:
        assert video.recording is not None
        self._controls_anew |= video.stage != "sample"
        path = self.folder / video.recording
        request = Request(
            conditions=self.words(video.stage),
            profile=self.files.profile,
            settings=self.files.settings,
            kind=video.stage,
            standard=str(self.procedure.beads.certificate)
            if video.stage == "beads" and self.procedure.beads
            else "",
        )

        def watch(source: Recording) -> AbstractContextManager[Progress]:
            self._refuse_copy(video, source)
            return self.make_bar(f"analysing {video.step.name}", source.report.claimed_frames)

        analysis, _ = analyze_file(path, request, watch=watch)
        if video.stage == "sample":
            analysis = self._against_blank(analysis)
        analysis = replace(analysis, assessment=with_findings(analysis.assessment, self.findings.values()))
        with new_folder(path.parent / ANALYSIS_FOLDER, replace=True) as partial:
            self.keep(analysis, partial)
        return analysis

    def _refuse_copy(self, video: PlannedVideo, source: Recording) -> None:
        """Refuse a video that begins with the same image as another: noise never repeats.

        Checksums do not show copies, because the files differ in their clocks. A blank that is the sample itself would
        remove the whole sample. Beads may be the sample, when a procedure is tried out.
        """
        image = next(source.frames()).image
        if image.min() == image.max():
            return  # a dark or white camera proves nothing
        name = video.step.name
        first = self._first_images.setdefault((video.stage == "beads", fingerprint(image)), name)
        if first != name:
            raise RecordingError(
                f"it begins with the same image as {first}, pixel by pixel: the device played one recording twice, which is "
                "one video however often it is played"
            )

    @property
    def _certificate(self) -> BeadCertificate:
        assert self.files.certificate is not None
        return self.files.certificate

    def _against_blank(self, analysis: Analysis) -> Analysis:
        """Subtract the mean of the blanks."""
        if not self._blanks or analysis.visibility is None:
            return analysis
        return subtract_blank(analysis, _as_one(self._blanks))


def worst_of(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return the worst of several findings of the same name; with equal verdicts, the one with the largest value."""
    ranked = sorted(findings, key=lambda f: (f.verdict.severity, f.value or 0.0))
    return tuple(ranked[-1:])


def _as_one(blanks: Mapping[str, Analysis]) -> Analysis:
    """Return one analysis for several blanks: the first, with the names of all and their mean concentration."""
    first = next(iter(blanks.values()))
    seen = [blank.visibility for blank in blanks.values() if blank.visibility is not None]
    concentration = mean_concentration([visible.concentration for visible in seen])
    return replace(
        first,
        visibility=replace(seen[0], concentration=concentration),
        provenance=replace(first.provenance, recording=", ".join(blanks)),
    )
