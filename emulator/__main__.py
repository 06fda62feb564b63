# SPDX-License-Identifier: GPL-2.0-only
"""`python -m emulator` is the command `mcount-emulator`."""

import sys

from emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
