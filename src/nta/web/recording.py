"""A recording that was ordered on the page: carried out with a live analysis, whose last sizes follow its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nta.acquisition import Recorded
from nta.calibration import InstrumentProfile, SampleConditions
from nta.devices import Instrument
from nta.errors import NtaError
from nta.io.recordings import new_recording
from nta.io.results import RECORDING_FILE
from nta.live import LiveAnalysis, LiveSettings, Snapshot, give_way, record_watched
from nta.settings import AnalysisSettings
from nta.web.look import Order
from nta.web.view import NewestFrames


class Recording:
    """An ordered recording, from its order to its last sizes.

    `stop` ends it as if it had reached its length, also before it has begun. `snapshot` may be called from any thread.
    """

    def __init__(
        self,
        order: Order,
        folder: Path,
        *,
        profile: InstrumentProfile | None,
        settings: AnalysisSettings,
    ) -> None:
        self.order, self.folder = order, folder
        self.said = SampleConditions(**order.conditions)
        self.stop = threading.Event()
        self._live_settings = LiveSettings(until_d50_within=order.until_d50_within)
        self._profile, self._settings = profile, settings
        self._live: LiveAnalysis | None = None
        self._seen = Snapshot()
        self._finishing: threading.Thread | None = None

    @property
    def longest_s(self) -> float:
        """Longest duration."""
        return self._live_settings.usual_s if self.order.duration_s is None else self.order.duration_s

    def snapshot(self) -> Snapshot:
        """Return the state of the recording, also after its end."""
        live = self._live
        return self._seen if live is None else live.snapshot()

    def carry_out(
        self, instrument: Instrument, view: NewestFrames, on_reading: Callable[[str, float], None]
    ) -> Recorded:
        """Record into the folder; `finish` must follow, whatever comes of it."""
        state = instrument.camera.state()
        self._live = live = LiveAnalysis(
            state, self.said, self._profile, self._settings, self._live_settings, found=view.found
        )
        writer = new_recording(self.folder / RECORDING_FILE, instrument, self.said, self.order.about)
        return record_watched(
            instrument,
            writer,
            live,
            duration_s=self.longest_s,
            stop=self.stop,
            on_frame=view.show,
            on_reading=on_reading,
        )

    def finish(self, *, seen: bool = True) -> None:
        """Let the last sizes be inferred in a separate thread: the next sample can be previewed meanwhile.

        seen : whether somebody will see them; without, the live analysis is only ended.
        """
        if self._live is not None:
            self._finishing = threading.Thread(
                target=self._finish, args=(seen,), name="nta-web-last-sizes", daemon=True
            )
            self._finishing.start()

    def join(self) -> None:
        """Wait for the last sizes."""
        if self._finishing is not None:
            self._finishing.join()

    def _finish(self, seen: bool) -> None:
        live = self._live
        assert live is not None
        give_way()  # to the next recording
        with live, suppress(NtaError):  # the snapshot says what failed
            if seen and live.snapshot().frames:
                live.finish()
        self._seen, self._live = live.snapshot(), None  # frees the spots, of which there may be millions
