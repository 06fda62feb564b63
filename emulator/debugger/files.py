# SPDX-License-Identifier: GPL-2.0-only
"""The files that gdb may read through the connection: those that it is given here, and no others. Nothing is written.

Numbers and structures are those of gdb's manual, "File-I/O Remote Protocol Extension".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from emulator.debugger.packets import SIZE
from emulator.errors import EmulatorError

ENOENT, EBADF, EACCES = 2, 9, 13
READ_ONLY = 0
MOST_OPEN = 16
PIECE = (SIZE - 64) // 2
"""The most data bytes that fit into a packet though each may be escaped."""

Opener = Callable[[], bytes]


class Files:
    """{path: how its content is made}; that is asked for once, when the file is first looked at."""

    def __init__(self, openers: Mapping[str, Opener]) -> None:
        self._openers = dict(openers)
        self._contents: dict[str, bytes] = {}
        self._open: dict[int, bytes] = {}

    def content(self, path: str) -> bytes | None:
        """A file's content, None where there is none of that name, or it cannot be made."""
        if path not in self._contents and path in self._openers:
            try:
                self._contents[path] = self._openers[path]()
            except EmulatorError:
                return None
        return self._contents.get(path)

    def handle(self, request: bytes) -> bytes:
        """The answer to a vFile packet, without the vFile: of both. Raises ValueError for what is not to be read."""
        operation, _, rest = request.partition(b":")
        arguments = rest.split(b",")
        match operation:
            case b"setfs":
                return _done(0)
            case b"open":
                return self._opened(bytes.fromhex(arguments[0].decode()).decode(), int(arguments[1], 16))
            case b"pread":
                number, count, offset = (int(argument, 16) for argument in arguments)
                return self._read(number, count, offset)
            case b"fstat":
                return self._stat(self._open.get(int(arguments[0], 16)))
            case b"close":
                return _done(0) if self._open.pop(int(arguments[0], 16), None) is not None else _failed(EBADF)
            case b"pwrite" | b"unlink" | b"readlink" | b"stat":
                return _failed(EACCES)
        return b""

    def _opened(self, path: str, flags: int) -> bytes:
        content = self.content(path)
        if content is None:
            return _failed(ENOENT)
        free = [number for number in range(3, 3 + MOST_OPEN) if number not in self._open]
        if flags != READ_ONLY or not free:
            return _failed(EACCES)
        self._open[free[0]] = content
        return _done(free[0])

    def _read(self, number: int, count: int, offset: int) -> bytes:
        content = self._open.get(number)
        if content is None or offset < 0:
            return _failed(EBADF)
        data = content[offset:][: min(max(count, 0), PIECE)]
        return b"%b;%b" % (_done(len(data)), data)

    def _stat(self, content: bytes | None) -> bytes:
        if content is None:
            return _failed(EBADF)
        # st_dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks, atime, mtime, ctime
        data = struct.pack(">7I3Q3I", 0, 0, 0o100444, 1, 0, 0, 0, len(content), 4096, -(-len(content) // 512), 0, 0, 0)
        return b"%b;%b" % (_done(len(data)), data)


def _done(result: int) -> bytes:
    return b"F%x" % result


def _failed(error: int) -> bytes:
    return b"F-1,%x" % error
