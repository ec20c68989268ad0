"""Carry out a procedure: stage by stage, video by video; a video that fails is a row, and the others continue."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from nta.acquisition import record
from nta.assessment import Finding, Limit, load_limits
from nta.assessment.controls import bead_check, with_findings
from nta.beads import size_ratio
from nta.calibration import (
    BeadCertificate,
    InstrumentProfile,
    SampleConditions,
    load_certificate,
    load_profile,
)
from nta.circumstances import stated_conditions
from nta.devices import Instrument
from nta.errors import NtaError, RecordingError, SettingError, in_words, is_foreseen
from nta.io.atomic import new_folder
from nta.io.recordings import Recording, new_recording
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE
from nta.measurements.identity import fingerprint
from nta.one_recording import Request, analyze_file
from nta.pipeline import Analysis, subtract_blank
from nta.progress import Progress, Tell
from nta.settings import AnalysisSettings
from nta.sop.instrument import go_to, instrument_of, made, set_as_asked
from nta.sop.outcome import Numbers, PlannedVideo, ProcedureOutcome
from nta.sop.procedure import Procedure, Stage, Step
from nta.visibility import mean_concentration

Ask = Callable[[str], None]
"""Asks the operator to do something with the cell, and returns when it is done."""

MakeBar = Callable[[str, int | None], AbstractContextManager[Progress]]
"""Makes a progress bar from a title and a number of frames."""

Keep = Callable[[Analysis, Path], None]
"""Writes an analysis, with tables and report, into an existing folder."""

_REOPEN_S, _PAUSE_S = 20.0, 0.2
NOT_MEASURED = "not measured: the run was interrupted"
CUT_SHORT = "cut short: the run was interrupted; the {n_frames} frames up to it are kept"
NOT_ANALYSED = "recorded, not analysed: the run was interrupted"
_LOADED = {
    "beads": "Load the beads: {certificate}.",
    "blank": "Load the blank: the diluent alone, as it will be used.",
    "sample": "Load the sample.",
}


def carry_out(
    procedure: Procedure, folder: Path, *, tell: Tell, ask: Ask, make_bar: MakeBar, keep: Keep
) -> ProcedureOutcome:
    """Carry out a procedure into a new folder; each video has a folder of its own in it.

    Any failure of one video, also of the device, becomes the reason in its row. Ctrl-C ends the run: recordings are
    kept, and finished analyses are in the outcome.

    Parameters
    ----------
    procedure
        Procedure to carry out.
    folder
        Must not exist, or be empty.
    tell, ask, make_bar
        How to inform and ask the operator.
    keep
        How to store an analysis.

    Raises
    ------
    SettingError
        The folder is in use, the instrument cannot do what is asked, or a file named by the procedure is missing.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} is in use; choose another folder with -o")
    for stage in procedure.stages():
        made(procedure, stage)
    with instrument_of(procedure, "sample"):
        pass  # refuses, before the first control, settings that the sample cannot be measured with
    files = _ProcedureFiles.of(procedure)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(procedure.file, folder / "sop.toml")
    return _Execution(procedure, files, folder, tell, ask, make_bar, keep).outcome()


@dataclass(frozen=True, kw_only=True)
class _ProcedureFiles:
    """Files named by a procedure, read before its first video, so that later edits do not affect the run."""

    profile: InstrumentProfile | None
    settings: AnalysisSettings
    limits: Mapping[str, Limit]
    certificate: BeadCertificate | None

    @classmethod
    def of(cls, procedure: Procedure) -> _ProcedureFiles:
        settings = (
            AnalysisSettings.from_toml(procedure.settings) if procedure.settings else AnalysisSettings()
        )
        return cls(
            profile=load_profile(procedure.profile) if procedure.profile else None,
            settings=settings,
            limits=load_limits(settings.assessment.limits),
            certificate=load_certificate(procedure.beads.certificate) if procedure.beads else None,
        )


@dataclass
class _Execution:
    """One procedure while it is carried out, with the results of its controls so far."""

    procedure: Procedure
    files: _ProcedureFiles
    folder: Path
    tell: Tell
    ask: Ask
    make_bar: MakeBar
    keep: Keep
    videos: list[PlannedVideo] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)
    of_blank: list[Finding] = field(default_factory=list)  # one for each video of the sample
    # by whether the video is of beads, and the fingerprint
    first_images: dict[tuple[bool, str], str] = field(default_factory=dict)
    blanks: dict[str, Analysis] = field(default_factory=dict)  # by the name of the video
    ratios: list[tuple[float, float]] = field(default_factory=list)
    interrupted: bool = False  # nothing more is recorded; existing recordings are analysed
    analysing: bool = True  # False: the analysis was interrupted as well

    def outcome(self) -> ProcedureOutcome:
        began = datetime.now(UTC).isoformat(timespec="seconds")
        for stage in self.procedure.stages():
            steps = self.procedure.steps(stage)
            recorded = _not_measured(stage, steps) if self.interrupted else self._recorded(stage, steps)
            for video in recorded:
                self.videos.append(self._analysed(video))
            self._judge(stage)
        return ProcedureOutcome(
            procedure=self.procedure,
            folder=self.folder,
            date=began,
            videos=tuple(self.videos),
            findings=(*self.findings.values(), *worst_of(self.of_blank)),
            notes=tuple(self._notes()),
            interrupted=self.interrupted,
        )

    def _recorded(self, stage: Stage, steps: Sequence[Step]) -> list[PlannedVideo]:
        """Record all videos of a stage one after the other, so that the cell is disturbed as little as possible."""
        done: list[PlannedVideo] = []
        try:
            certificate = self.procedure.beads.certificate if self.procedure.beads else ""
            self.ask(_LOADED[stage].format(certificate=certificate))
            with instrument_of(self.procedure, stage) as instrument:
                for step in steps:
                    done.append(self._record(stage, step, instrument))
                    if self.interrupted:
                        break
        except KeyboardInterrupt:
            self.interrupted = True
        except Exception as error:  # a failure of the instrument: none of the other videos can be recorded
            rest = (PlannedVideo(stage=stage, step=step) for step in steps[len(done) :])
            return [*done, *(self._failed(video, error) for video in rest)]
        return [*done, *_not_measured(stage, steps[len(done) :])]

    def _record(self, stage: Stage, step: Step, instrument: Instrument) -> PlannedVideo:
        path = Path(step.name) / RECORDING_FILE
        video = PlannedVideo(stage=stage, step=step)
        try:
            _open_patiently(self.procedure, instrument)
            go_to(self.procedure, step, instrument, self.tell)
            duration_s = self.procedure.duration_s(stage)
            rate = instrument.camera.state().frame_rate_hz
            writer = new_recording(self.folder / path, instrument, self._said(stage))
            with self.make_bar(
                f"recording {step.name}", round(duration_s * rate) if rate else None
            ) as progress:
                done = record(instrument, writer, duration_s=duration_s, progress=progress)
        except Exception as error:  # one video must not end the others, not even by a defect of nta
            there = (self.folder / path).exists()
            return self._failed(replace(video, recording=path if there else None), error)
        self.interrupted = done.stopped
        self.tell(f"{step.name}: {done.losses}")
        if done.fault is not None:
            _let_go(instrument)
        cut = CUT_SHORT.format(n_frames=done.n_frames) if self.interrupted else ""
        video = replace(
            video,
            recording=path if done.n_frames else None,
            n_frames=done.n_frames,
            n_lost=done.report.lost_frames,
            reason=done.shortfall or cut,
        )
        if video.reason:
            self.tell(f"{step.name}: {video.reason}")
        return video

    def _failed(self, video: PlannedVideo, error: Exception) -> PlannedVideo:
        """Return the video with the reason of its failure; for a defect of nta, the traceback is kept too."""
        self.tell(f"{video.step.name}: {in_words(error)}")
        detail = "" if is_foreseen(error) else traceback.format_exc()
        return replace(video, reason=in_words(error), detail=detail)

    def _analysed(self, video: PlannedVideo) -> PlannedVideo:
        """Analyse a complete recording; one that was cut short is kept but not analysed."""
        if video.recording is None or video.reason:
            return video
        if not self.analysing:
            return replace(video, reason=NOT_ANALYSED)
        try:
            analysis = self._analysis(video)
        except Exception as error:  # see `_record`
            return self._failed(video, error)
        except KeyboardInterrupt:
            self.interrupted, self.analysing = True, False
            return replace(video, reason=NOT_ANALYSED)
        if video.stage == "blank" and analysis.visibility is not None:
            self.blanks[video.step.name] = analysis
        if video.stage == "beads":
            try:
                self.ratios.append(size_ratio(analysis, self._certificate))
            except NtaError as error:
                return self._failed(replace(video, numbers=Numbers.of(analysis)), error)
        return replace(video, numbers=Numbers.of(analysis))

    def _analysis(self, video: PlannedVideo) -> Analysis:
        assert video.recording is not None
        path = self.folder / video.recording
        request = Request(
            conditions=self._words(video.stage),
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
            analysis = self._against_blank(analysis, video.step)
        analysis = replace(analysis, assessment=with_findings(analysis.assessment, self.findings.values()))
        with new_folder(path.parent / ANALYSIS_FOLDER) as partial:
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
        first = self.first_images.setdefault((video.stage == "beads", fingerprint(image)), name)
        if first != name:
            raise RecordingError(
                f"it begins with the same image as {first}, pixel by pixel: the device played one recording twice, which is "
                "one video however often it is played"
            )

    def _words(self, stage: Stage) -> dict[str, object]:
        """Return the stated conditions of the liquid; a control shares only the temperature with the sample."""
        said, control = dict(self.procedure.conditions), self.procedure.control(stage)
        if control is None:
            return said
        kept: dict[str, object] = {k: said[k] for k in ("temperature_c", "temperature_std_c") if k in said}
        medium = control.medium or (said.get("medium") if stage == "blank" else "water")
        return {**kept, "medium": medium, "sample": stage}

    def _said(self, stage: Stage) -> SampleConditions:
        return stated_conditions({}, **self._words(stage))

    @property
    def _certificate(self) -> BeadCertificate:
        assert self.files.certificate is not None
        return self.files.certificate

    def _against_blank(self, analysis: Analysis, step: Step) -> Analysis:
        """Subtract the mean of the blanks, and keep its finding for the whole procedure."""
        if not self.blanks or analysis.visibility is None:
            return analysis
        net = subtract_blank(analysis, _as_one(self.blanks))
        found = net.assessment.finding("blank")
        assert found is not None  # what subtracts a blank judges it
        self.of_blank.append(replace(found, evidence=f"{step.name}: {found.evidence}"))
        return net

    def _judge(self, stage: Stage) -> None:
        if stage == "beads" and self.ratios:
            certificate = self._certificate
            ratio, std = (float(np.mean(values)) for values in zip(*self.ratios, strict=True))
            words = f"{certificate.name}, lot {certificate.lot}"
            finding = bead_check(ratio - 1, std, len(self.ratios), words, self.files.limits)
            self.findings[finding.name] = finding
            self.tell(f"beads: {finding.evidence} ({finding.verdict})")

    def _notes(self) -> Iterator[str]:
        if self.interrupted:
            yield "the run was interrupted before its end"
        for stage, words in (("beads", "the sizes are not checked"), ("blank", "nothing is subtracted")):
            if stage in self.procedure.stages() and not any(
                v.numbers for v in self.videos if v.stage == stage
            ):
                yield f"no video of the {stage} could be used: {words}"
        if self.files.certificate is not None and self.files.certificate.is_example:
            yield "the bead certificate is an EXAMPLE: no such beads exist, and the check proves nothing"


def _not_measured(stage: Stage, steps: Sequence[Step]) -> list[PlannedVideo]:
    return [PlannedVideo(stage=stage, step=step, reason=NOT_MEASURED) for step in steps]


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


def _open_patiently(procedure: Procedure, instrument: Instrument) -> None:
    """Reopen devices lost in the previous video, and set them; reconnecting a plug takes a moment."""
    began = time.monotonic()
    while True:
        try:
            instrument.open()
            set_as_asked(procedure, instrument)
            return
        except Exception:  # a device that is just reconnecting may raise anything
            if time.monotonic() - began > _REOPEN_S:
                raise
            _let_go(instrument)
            time.sleep(_PAUSE_S)


def _let_go(instrument: Instrument) -> None:
    """Close a device that failed, so that it can be reopened; errors of a lost device are ignored."""
    with suppress(Exception):
        instrument.close()
