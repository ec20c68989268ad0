"""From a scenario to frames and truth: a simulated recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nta.frames import CameraState, Frame, RecordingReport
from nta.simulation.scenario import Scenario
from nta.simulation.scenario_files import load_scenario, scenario_to_toml
from nta.simulation.truth import Truth

if TYPE_CHECKING:
    from nta.simulation.live import View


def simulate(
    scenario: Scenario | str | Path, *, seed: int | None = None, n_frames: int | None = None
) -> Simulation:
    """Simulate a scenario, given as object, name or TOML file; frames and truth are computed only when requested.

    Parameters
    ----------
    scenario
        Scenario to simulate; `list_scenarios` names the scenarios included in nta.
    seed, n_frames
        Replace the scenario's values.

    Raises
    ------
    SettingError
        The scenario is unknown or impossible.
    """
    chosen = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    if n_frames is not None:
        chosen = replace(chosen, n_frames=n_frames)
    return Simulation(chosen)


class Simulation:
    """A simulated recording: a `FrameSource`, and the truth.

    `frames()` may be called again and gives the same frames, bit for bit. Frames are not kept in memory, so a recording may
    be of any length. `truth` follows the same particles through noise-free pictures, once, and is kept.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._report = RecordingReport(claimed_frames=scenario.n_frames)
        self._truth: Truth | None = None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.scenario.name

    @property
    def camera(self) -> CameraState:
        """State of the simulated camera."""
        return self.scenario.camera_state()

    @property
    def metadata(self) -> dict[str, Any]:
        """Conditions and origin, as a recording would carry them."""
        sample, optics = self.scenario.sample, self.scenario.optics
        known = {
            "temperature_c": sample.temperature_c,
            "medium": sample.medium,
            "viscosity_mpas": sample.viscosity_mpas,
            "dilution": sample.dilution,
            "sample": self.scenario.description or self.scenario.name,
            "simulated": True,
            "seed": self.scenario.seed,
            "wavelength_nm": optics.wavelength_nm,
            "numerical_aperture": optics.numerical_aperture,
            "scenario_toml": scenario_to_toml(self.scenario),
        }
        return {key: value for key, value in known.items() if value is not None}

    @property
    def report(self) -> RecordingReport:
        """Count of frames; complete once `frames` is exhausted."""
        return self._report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def frames(self) -> Iterator[Frame]:
        """Yield the frames one by one."""
        from nta.simulation.live import developed

        for view in self._views():
            image = developed(view, self.scenario)
            self._report = RecordingReport(claimed_frames=self.scenario.n_frames, found_frames=view.index + 1)
            yield Frame(image, view.index, view.index * self.scenario.camera.interval_s)

    @property
    def truth(self) -> Truth:
        """Truth of the frames."""
        if self._truth is None:
            from nta.simulation.recorder import record_truth

            self._truth = record_truth(self.scenario)
        return self._truth

    def _views(self) -> Iterator[View]:
        from nta.simulation.live import LiveCell

        cell = LiveCell(self.scenario)
        for _ in range(self.scenario.n_frames):
            yield cell.view()
