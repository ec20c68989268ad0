"""Studies with known verdicts are drawn in tests/assessment, exports in tests/vendors; they serve here as well."""

import sys
from pathlib import Path

for room in ("assessment", "vendors"):
    sys.path.insert(0, str(Path(__file__).parents[1] / room))
sys.path.insert(0, str(Path(__file__).parent))
