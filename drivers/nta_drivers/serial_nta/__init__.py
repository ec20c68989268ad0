"""The serial-attached NTA instrument: the driver for it, and the other end of the line to test it against.

`message` and `parser` hold the messages on the line, `vocabulary` the commands, `link` and `driver` the computer's
end, `interpreter`, `ring`, `ports` and `serving` the instrument's. The protocol: `docs/serial_protocol.md`.
"""

from nta_drivers.serial_nta.driver import SerialInstrument

__all__ = ["SerialInstrument"]
