# SPDX-License-Identifier: GPL-2.0-only
"""Opening what a user names: a regular file, or an error; never a wait."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from emulator.errors import InputError, Place


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """The file at `path`, open for reading. Raises InputError, with the path, for what is missing, or no such file."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            if regular:
                yield file
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {reason}", Place(str(path))) from error
    if not regular:
        raise InputError("cannot be read: not a regular file", Place(str(path)))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a FIFO would wait for its writer
