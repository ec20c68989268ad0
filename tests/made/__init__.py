"""What the tests are made of: tracks, frames, files, studies and instruments whose truth is known.

Whatever tests import by name is here, since no folder of tests is on the path: ``from made.analysis import make_analysis``.
"""
