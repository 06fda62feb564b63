# SPDX-License-Identifier: GPL-2.0-only
"""What a user names: a regular file, or an error; never a wait."""

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
    """The file at `path`, open for reading. Raises InputError, with the path, for what is missing, or no such file.

    What cannot be read of it while it is open is the same; any other error is its reader's own.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - closed below, its opening fails in its own way
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _unreadable(path, "not a regular file")
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error


def is_file(path: Path) -> bool:
    """Whether a regular file is there; nothing is where a path is too long, or no path at all."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """The same for a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"cannot be read: {reason}", Place(str(path)))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a FIFO would wait for its writer
