"""nta: from frames to a size distribution with its uncertainty."""

from __future__ import annotations
