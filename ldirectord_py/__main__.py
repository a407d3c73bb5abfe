"""``python -m ldirectord_py``: the command line."""

import sys

from ldirectord_py.cli import main

sys.exit(main())
