"""Carry out a procedure: stage by stage, video by video; a video that fails is a row, and the others continue."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nta.acquisition import record
from nta.circumstances import known_conditions
from nta.devices import Instrument
from nta.errors import NtaError, Terminated, in_words, is_foreseen
from nta.io.recordings import new_recording, open_recording
from nta.io.results import RECORDING_FILE
from nta.progress import Tell
from nta.sop.analysing import Analyses, Keep, MakeBar
from nta.sop.files import ProcedureFiles
from nta.sop.instrument import go_to, instrument_of, let_go, made, open_patiently
from nta.sop.outcome import Numbers, PlannedVideo, ProcedureOutcome
from nta.sop.procedure import Procedure, Stage, Step
from nta.sop.resuming import Run, begin, cut_short, put_aside, resume

Ask = Callable[[str], None]
"""Asks the operator to do something with the cell, and returns when it is done."""

NOT_MEASURED = "not measured: the run was interrupted"
CUT_SHORT = "cut short: the run was interrupted; the {n_frames} frames up to it are kept"
NOT_ANALYSED = "recorded, not analysed: the run was interrupted"
_LOADED = {
    "beads": "Load the beads: {certificate}.",
    "blank": "Load the blank: the diluent alone, as it will be used.",
    "sample": "Load the sample.",
}


def carry_out(
    procedure: Procedure,
    folder: Path,
    *,
    tell: Tell,
    ask: Ask,
    make_bar: MakeBar,
    keep: Keep,
    resumed: bool = False,
) -> ProcedureOutcome:
    """Carry out a procedure into a folder; each video has a folder of its own in it.

    Any failure of one video, also of the device, becomes the reason in its row. Ctrl-C ends the run: recordings are
    kept and analysed, and finished analyses are in the outcome.

    A run that ended before its time, by Ctrl-C, SIGTERM, a crash or a power cut, can be resumed: whole recordings and
    their analyses are taken as they are, what is missing is measured, and the outcome says so.

    Parameters
    ----------
    procedure
        Procedure to carry out.
    folder
        Must not exist, or be empty; that of the run if it is resumed.
    tell, ask, make_bar
        How to inform and ask the operator.
    keep
        How to store an analysis.
    resumed
        Go on with the run in the folder.

    Raises
    ------
    SettingError
        The folder is in use, the instrument cannot do what is asked, a file named by the procedure is missing; or the run
        to resume is one of another procedure.
    Terminated
        SIGTERM was received, or the terminal was closed: recordings are kept, and nothing more is analysed.
    """
    for stage in procedure.stages():
        made(procedure, stage)
    files = ProcedureFiles.of(procedure)
    run = resume(folder, procedure, files) if resumed else None
    if run is None or not all(run.has(folder, step) for step in procedure.steps("sample")):
        with instrument_of(procedure, "sample"):
            pass  # refuses, before the first control, settings that the sample cannot be measured with
    run = run or begin(folder, procedure, files)
    run.write(folder)
    analyses = Analyses(procedure, files, folder, tell, make_bar, keep)
    return _Execution(procedure, files, run, folder, tell, ask, make_bar, analyses).outcome()


@dataclass
class _Execution:
    """One procedure while it is carried out."""

    procedure: Procedure
    files: ProcedureFiles
    run: Run
    folder: Path
    tell: Tell
    ask: Ask
    make_bar: MakeBar
    analyses: Analyses
    videos: list[PlannedVideo] = field(default_factory=list)
    interrupted: bool = False  # nothing more is recorded; existing recordings are analysed
    analysing: bool = True  # False: the analysis was interrupted as well

    def outcome(self) -> ProcedureOutcome:
        for stage in self.procedure.stages():
            steps = self.procedure.steps(stage)
            for video in self._recorded(stage, steps):
                self.videos.append(self._analysed(video))
            self.analyses.judge(stage)
        return ProcedureOutcome(
            procedure=self.procedure,
            folder=self.folder,
            date=self.run.sessions[0].began,
            videos=tuple(self.videos),
            findings=self.analyses.of_controls(),
            notes=tuple(self._notes()),
            interrupted=self.interrupted,
        )

    def _recorded(self, stage: Stage, steps: Sequence[Step]) -> list[PlannedVideo]:
        """Record all videos of a stage one after the other, so that the cell is disturbed as little as possible.

        What was recorded before the run was resumed is not recorded again.
        """
        there = {step.name: self._there(stage, step) for step in steps if self.run.has(self.folder, step)}
        missing = [step for step in steps if step.name not in there]
        new = _not_measured(stage, missing) if self.interrupted else self._recorded_now(stage, missing)
        by_name = {**there, **{video.step.name: video for video in new}}
        return [by_name[step.name] for step in steps]

    def _there(self, stage: Stage, step: Step) -> PlannedVideo:
        """Return a video that was recorded before the run was resumed."""
        path = Path(step.name) / RECORDING_FILE
        self.tell(f"{step.name}: recorded before")
        with open_recording(self.folder / path) as source:
            return PlannedVideo(stage=stage, step=step, recording=path, n_frames=source.report.claimed_frames)

    def _recorded_now(self, stage: Stage, steps: Sequence[Step]) -> list[PlannedVideo]:
        if not steps:
            return []
        done: list[PlannedVideo] = []
        try:
            certificate = self.procedure.beads.certificate if self.procedure.beads else ""
            self.ask(_LOADED[stage].format(certificate=certificate))
            with instrument_of(self.procedure, stage) as instrument:
                for step in steps:
                    done.append(self._record(stage, step, instrument))
                    if self.interrupted:
                        break
        except Terminated:
            raise
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
            open_patiently(self.procedure, instrument)
            go_to(self.procedure, step, instrument, self.tell)
            duration_s = self.procedure.duration_s(stage)
            rate = instrument.camera.state().frame_rate_hz
            put_aside(self.folder, step)
            said = known_conditions({}, **self.analyses.words(stage))
            writer = new_recording(self.folder / path, instrument, said)
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
            let_go(instrument)
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
        else:
            self.run = self.run.with_recorded(step)
            self.run.write(self.folder)
        if done.terminated:
            raise Terminated
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
            analysis = self.analyses.of(video)
        except Exception as error:  # see `_record`
            return self._failed(video, error)
        except Terminated:
            raise
        except KeyboardInterrupt:
            self.interrupted, self.analysing = True, False
            return replace(video, reason=NOT_ANALYSED)
        lost = analysis.recording.lost_frames if video.n_lost is None else video.n_lost
        video = replace(video, n_lost=lost, numbers=Numbers.of(analysis))
        try:
            self.analyses.use_control(video, analysis)
        except NtaError as error:
            return self._failed(video, error)
        return video

    def _notes(self) -> Iterator[str]:
        yield from self.run.notes()
        for video in self.videos:
            if pieces := cut_short(self.folder, video.step):
                yield f"{video.step.name} was cut short before; what was recorded of it is kept in {', '.join(pieces)}"
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
