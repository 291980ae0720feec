"""``python -m everyturn``."""

import sys

from everyturn.cli import main

sys.exit(main())
