"""Make the helpers of this folder importable: with import-mode importlib no test folder is on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
