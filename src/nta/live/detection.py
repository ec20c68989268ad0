"""The detection curve of a growing recording, so that its sizes are corrected from the first on."""

from __future__ import annotations

from nta.circumstances import Circumstances
from nta.frames import Frame
from nta.spots import SpotDetector
from nta.tracks import Tracks
from nta.visibility import (
    DetectionCurve,
    FrameSample,
    VisibilitySettings,
    detection_curve,
    width_in_focus_px,
)

_LONGER = 2  # factor by which a recording has grown when its curve is measured again: the particles may have changed


class DetectionSoFar:
    """Keeps a sample of the frames, and the curve that was measured on it last.

    A measurement takes as long as the search of some 60 frames, in the threads of the detector, which search on meanwhile.
    It is repeated whenever the recording has become twice as long, thus rarely.
    """

    def __init__(
        self, detector: SpotDetector, settings: VisibilitySettings, circumstances: Circumstances
    ) -> None:
        self._detector, self._settings, self._circumstances = detector, settings, circumstances
        self._sample = FrameSample(settings.frames)
        self._curve: DetectionCurve | None = None
        self._frames_then = 0

    def take(self, frame: Frame) -> None:
        """Keep the next frame, or not."""
        self._sample.take(frame)

    def curve(self, tracks: Tracks, *, anew: bool = False) -> DetectionCurve | None:
        """Return the curve for the tracks so far; `anew`: measured on all frames so far, as at the end of a recording."""
        n_frames = tracks.scene.n_frames
        if anew or n_frames >= _LONGER * self._frames_then:
            self._frames_then = n_frames
            frames = list(self._sample.kept)  # frames go on to be taken
            known = self._circumstances
            width_px = width_in_focus_px(tracks.scene, known.profile, known.camera)
            self._curve = detection_curve(self._detector, tracks, frames, self._settings, width_px=width_px)
        return self._curve
