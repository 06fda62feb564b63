# SPDX-License-Identifier: GPL-2.0-only
"""Reading a source file that anybody may have written: bounded in size, text or an error, never a wait."""

from __future__ import annotations

from pathlib import Path

from emulator.errors import InputError, Place
from emulator.regular import open_regular

LIMIT = 1 << 20
"""The largest source that is read, in bytes; the kernel's own ftrace sources have less than 20,000."""


def read_source(path: Path, limit: int = LIMIT) -> str:
    """The text of the file at `path`, which is UTF-8 and not empty.

    Raises InputError, with the path, for what is missing, unreadable, not a regular file, larger than `limit` bytes,
    empty or binary.
    """
    place = Place(str(path))
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"is larger than {limit} bytes", place)
    if not data.strip():
        raise InputError("is empty", place)
    return _decode(data, place)


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
