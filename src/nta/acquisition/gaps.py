"""Frames that are missing between those that came, and to whom they are attributed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from nta.devices import Losses


@dataclass
class Gaps:
    """Numbers of frames missing in the index, by circumstances."""

    frames: int = 0
    while_full: int = 0
    while_gone: int = 0
    dropped: int = 0  # dropped from a queue that keeps the newest
    full: bool = False

    def note(self, missing: int) -> None:
        """Count frames that are missing now."""
        self.frames += missing
        if self.full:
            self.while_full += missing

    def losses(self, told: Losses, misnumbered: int) -> Losses:
        """Return the counts of lost frames, each attributed once.

        Those that the camera itself told come first. Other gaps count as lost in transport while the device was gone, by the
        host while the queue was full, and else by the device.
        """
        unexplained = max(0, self.frames - told.lost)
        unplugged = min(unexplained, self.while_gone)
        host = min(unexplained - unplugged, self.while_full)
        return told + Losses(
            lost_device=unexplained - unplugged - host,
            lost_transport=unplugged,
            lost_host=host + self.dropped,
            incomplete=misnumbered,
        )


def at_most(told: Losses, frames: int) -> Losses:
    """Return counts with at most as many lost frames as are missing."""
    left, shares = frames, {}
    for name in (field.name for field in fields(Losses) if field.name.startswith("lost_")):
        shares[name] = min(getattr(told, name), left)
        left -= shares[name]
    return replace(told, **shares, incomplete=min(told.incomplete, left))
