"""Account for each frame of a run, on the host's side."""

from __future__ import annotations

from nta.devices import Losses
from nta_drivers.serial_nta.message import Header


class Account:
    """Counts of delivered and lost frames of a run."""

    def __init__(self) -> None:
        self.delivered = 0
        self.after = -1  # the next requested frame is the first after this one
        self._last = -1  # last delivered frame
        self._dropped = 0  # as stated by the instrument with the last frame
        self._tries = self._given_up = 0  # since the last delivered frame
        self._lost = Losses()

    def is_new(self, header: Header) -> bool:
        """Return whether a frame was not delivered yet."""
        return header.sequence > self._last

    def note_damage(self, sequence: int | None, resends: int) -> None:
        """Note that the frame that is due arrived damaged; its number is None if unknown."""
        self._tries += 1
        if self._tries > resends:
            self._given_up += 1
            self._tries = 0
            self.after = max(self.after + 1, self.after if sequence is None else sequence)

    def note_frame(self, header: Header) -> None:
        """Note a frame that arrived complete, and attribute the missing frames before it."""
        missing = header.sequence - self._last - 1
        device = min(missing, header.dropped - self._dropped)
        incomplete = min(missing - device, self._given_up)
        resent = self._tries > 0 or self._given_up > incomplete
        self._lost += Losses(
            lost_device=device,
            incomplete=incomplete,
            lost_transport=missing - device - incomplete,
            resent=int(resent),
        )
        self._last = self.after = header.sequence
        self._dropped = header.dropped
        self._tries = self._given_up = 0
        self.delivered += 1

    def losses(self) -> Losses:
        """Return the counts; a last frame that arrived only damaged is incomplete."""
        return self._lost + Losses(delivered=self.delivered, incomplete=self._given_up + (self._tries > 0))
