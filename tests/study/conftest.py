"""Studies with known verdicts are drawn in tests/assessment; they serve here as well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "assessment"))
sys.path.insert(0, str(Path(__file__).parent))
