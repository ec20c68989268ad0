"""A camera whose every pixel follows from the number of the frame, and an instrument with it behind a real port."""

import threading
from contextlib import contextmanager

import numpy as np

from nta.devices import Instrument, Limits
from nta.errors import SettingError
from nta.frames import CameraState
from nta_drivers.paced import PacedCamera
from nta_drivers.serial_nta.message import read_header
from nta_drivers.serial_nta.noise import Noise
from nta_drivers.serial_nta.serving import Serving


def numbered_image(index, shape=(48, 64), bit_depth=8):
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint32) * 2654435761 + index * 40503
    return (pixels >> 7).astype(np.uint8 if bit_depth == 8 else np.uint16).reshape(shape) & (2**bit_depth - 1)


class NumberedCamera(PacedCamera):
    def __init__(self, shape=(48, 64), *, rate_hz=100.0, bit_depth=8):
        super().__init__("numbered", buffer_frames=100_000)
        self._camera = {
            "width_px": shape[1],
            "height_px": shape[0],
            "bit_depth": bit_depth,
            "frame_rate_hz": rate_hz,
            "exposure_s": 0.5 / rate_hz,
        }
        self.shape = shape
        self.lost = ()  # frames that the sensor does not give

    def settings(self):
        return dict(self._camera)

    def state(self):
        return CameraState(**self._camera, pixel_size_um=0.25)

    def _set(self, **settings):
        changed = {**self._camera, **settings}
        if not (16 <= changed["width_px"] <= 4096 and changed["bit_depth"] in (8, 12)):
            raise SettingError("width_px must be between 16 and 4096")
        CameraState(**changed)
        self._camera = changed
        self.shape = changed["height_px"], changed["width_px"]

    def _connect(self):
        pass

    def _begin(self):
        self._index = 0

    def _next(self):
        while self._index in self.lost:
            self._index += 1
        return self._index, self._index / self._camera["frame_rate_hz"]

    def _take(self):
        index, time_s = self._next()
        self._index += 1
        return numbered_image(index, self.shape, self._camera["bit_depth"]), round(time_s * 1e9)

    def _skip(self):
        self._index += 1


class SteadyKnob:
    def __init__(self, value, limits):
        self.value, self._limits = value, limits

    def get(self):
        return self.value

    def set(self, value):
        self.value = self._limits.check("value", value)
        return self.value

    def limits(self):
        return self._limits


def numbered_instrument(**camera):
    return Instrument(
        "numbered",
        NumberedCamera(**camera),
        thermostat=SteadyKnob(25.0, Limits(15.0, 40.0, "°C")),
        laser=SteadyKnob(50.0, Limits(0.0, 100.0, "mW")),
    )


class CountedNoise(Noise):
    """Noise that notes the frames whose header or pixels it hit."""

    def __init__(self, rate, seed=0):
        super().__init__(rate, seed)
        self.sent, self.damaged_frames = [], []

    def damaged(self, data):
        arrived = super().damaged(data)
        if data.startswith(b"#") and len(data) > 200:
            digits = int(data[1:2])
            header = read_header(data[2 + digits : 2 + digits + 88])
            self.sent.append(header.sequence)
            if data[2 + digits : -1] not in arrived:
                self.damaged_frames.append(header.sequence)
        return arrived


@contextmanager
def served(instrument, port, **more):
    """Serve an instrument in a thread; yield what serves it."""
    with instrument:
        serving = Serving(instrument, port, identity="test,numbered,1,0", **more)
        thread = threading.Thread(target=serving.run)
        thread.start()
        try:
            yield serving
        finally:
            serving.stop()
            thread.join(10)
