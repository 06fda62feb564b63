# SPDX-License-Identifier: GPL-2.0-only
"""Reading a source file that anybody may have written: bounded in size, text or an error, never a wait."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emulator.errors import InputError, Place

LIMIT = 1 << 20
"""The largest source that is read, in bytes; the kernel's own ftrace sources have less than 20,000."""


def read_source(path: Path, limit: int = LIMIT) -> str:
    """The text of the file at `path`, which is UTF-8 and not empty.

    Raises InputError, with the path, for what is missing, unreadable, not a regular file, larger than `limit` bytes,
    empty or binary.
    """
    place = Place(str(path))
    try:
        data = _read_regular(path, limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {reason}", place) from error
    if len(data) > limit:
        raise InputError(f"is larger than {limit} bytes", place)
    if not data.strip():
        raise InputError("is empty", place)
    return _decode(data, place)


def _read_regular(path: Path, size: int) -> bytes:
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a regular file")
        return file.read(size)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a FIFO would wait for its writer


def _decode(data: bytes, place: Place) -> str:
    if b"\0" in data:
        raise InputError("is binary, not assembler source: a NUL byte", _line_of(data, data.index(b"\0"), place))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise InputError(f"is not UTF-8: byte {byte:#04x}", _line_of(data, error.start, place)) from error


def _line_of(data: bytes, offset: int, place: Place) -> Place:
    return Place(place.file, data.count(b"\n", 0, offset) + 1)
