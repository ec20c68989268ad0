"""`python -m nta` is `nta`."""

import sys

from nta.cli import main

sys.exit(main())
