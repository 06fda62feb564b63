# SPDX-License-Identifier: GPL-2.0-only
"""The command `mcount-emulator`, which is `python -m emulator`, too."""

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from emulator.collector import collect_rarely


def script() -> NoReturn:
    """Run the command, and end at once: the interpreter would take all kernels apart first, one by one."""
    collect_rarely()
    for name in ("stdout", "stderr"):  # None where a shell has closed it (>&-): what is said there is lost
        setattr(sys, name, getattr(sys, name) or Path(os.devnull).open("w"))  # noqa: SIM115 - to the end
    from emulator.cli import main  # noqa: PLC0415 - not before that

    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - what an interpreter that ends calls first
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader went away, or it has been told already that nothing can be written
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    script()
