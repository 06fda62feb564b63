# SPDX-License-Identifier: GPL-2.0-only
"""The command `mcount-emulator`, which is `python -m emulator`, too."""

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn

from emulator.collector import collect_rarely


def script() -> NoReturn:
    """Run the command, and end at once: the interpreter would take all kernels apart first, one by one."""
    collect_rarely()
    from emulator.cli import main  # noqa: PLC0415 - not before that

    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - what an interpreter that ends calls first
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader went away
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    script()
