"""Makes what stands beside this file, the synthetic tracks of the sizes and the analysis of the report importable."""

import sys
from pathlib import Path

for room in ("qc", "sizes", "report"):
    sys.path.insert(0, str(Path(__file__).parents[1] / room))
