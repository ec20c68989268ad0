"""Spots: particles found in frames, with subpixel positions and their errors."""
