"""What a growing recording was able to see, so that its sizes are corrected from the first on."""

from __future__ import annotations

from nta.circumstances import Circumstances
from nta.frames import Frame
from nta.sized_tracks import SizedTracks
from nta.spots import SpotDetector
from nta.tracks import Tracks
from nta.visibility import (
    DetectionCurve,
    FrameSample,
    Visibility,
    VisibilitySettings,
    behind_volume,
    detection_curve,
    measure_visibility,
    width_in_focus_px,
)

_LONGER = 2  # factor by which a recording has grown when its curve is measured again: the particles may have changed


class DetectionSoFar:
    """Keeps a sample of the frames, the curve that was measured on it last, and the visible volume that follows from it.

    A measurement takes as long as the search of some 60 frames, in the threads of the detector, which search on meanwhile;
    the volume as long again, in the thread that asks. It is repeated whenever the recording has become twice as long, thus
    rarely.
    """

    def __init__(
        self, detector: SpotDetector, settings: VisibilitySettings, circumstances: Circumstances
    ) -> None:
        self._detector, self._settings, self._circumstances = detector, settings, circumstances
        self._sample = FrameSample(settings.frames)
        self.curve: DetectionCurve | None = None
        self._visibility: Visibility | None = None
        self._frames_then = 0

    def take(self, frame: Frame) -> None:
        """Keep the next frame, or not."""
        self._sample.take(frame)

    def measure(self, tracks: Tracks, *, anew: bool = False) -> None:
        """Measure the curve with the tracks so far if it is due; `anew`: in any case, as at the end of a recording."""
        n_frames = tracks.scene.n_frames
        if not anew and n_frames < _LONGER * self._frames_then:
            return
        self._frames_then = n_frames
        frames = list(self._sample.kept)  # frames go on to be taken
        known = self._circumstances
        width_px = width_in_focus_px(tracks.scene, known.profile, known.camera)
        self.curve = detection_curve(self._detector, tracks, frames, self._settings, width_px=width_px)
        self._visibility = None

    def in_view(self, sized: SizedTracks) -> SizedTracks:
        """Return the sizes with populations cut off by the visible volume, which is computed once for each curve."""
        if sized.sizes.distribution is None:
            return sized
        if self._visibility is None:
            self._visibility = measure_visibility(sized, self.curve, self._settings)
        return behind_volume(sized, self._visibility)
