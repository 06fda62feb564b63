# SPDX-License-Identifier: GPL-2.0-only
"""What kernels are compressed with, undone piece by piece, so that nothing grows beyond a limit.

gzip, xz, lzma and bzip2 are in Python's library; lz4 and zstd need the packages of that name. Formats by their magic:
scripts/extract-vmlinux; lz4 is its legacy frame (lib/decompress_unlz4.c).
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

CHUNK = 1 << 16
"""Bytes fed at a time."""
PIECE = 1 << 20
"""Bytes of output at a time."""
MOST_MEMORY = 1 << 27
"""Bytes that a decompressor may take: xz has 32 MiB of window in a kernel, zstd 128."""
ZSTD_CHUNK = 1 << 9
"""The same for zstd, whose decompressor returns all at once what it makes of them: 4 bytes can become 128 KiB."""
LZ4_BLOCK = 8 << 20
"""Bytes that a block of the legacy format becomes at most."""


class Corrupt(Exception):
    """The data is not what its magic says, or ends too early."""


class Missing(Exception):
    """There is no decompressor: the argument says which package has it."""


class Format(NamedTuple):
    """A way to compress: what it begins with, and how it is undone."""

    name: str
    magic: bytes
    pieces: Callable[[memoryview], Iterator[bytes]]


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _bounded(data: memoryview, decompressor: _Decompressor) -> Iterator[bytes]:
    """From a decompressor of Python's library that keeps what it has not used (lzma, bz2)."""
    for start in range(0, len(data), CHUNK):
        piece = decompressor.decompress(bytes(data[start : start + CHUNK]), PIECE)
        while piece:
            yield piece
            piece = b"" if decompressor.eof else decompressor.decompress(b"", PIECE)
        if decompressor.eof:
            return
    raise Corrupt("it ends too early")


def _xz(data: memoryview) -> Iterator[bytes]:
    try:
        yield from _bounded(data, lzma.LZMADecompressor(memlimit=MOST_MEMORY))
    except lzma.LZMAError as error:
        raise Corrupt(str(error)) from None


def _bzip2(data: memoryview) -> Iterator[bytes]:
    try:
        yield from _bounded(data, bz2.BZ2Decompressor())
    except OSError as error:
        raise Corrupt(str(error)) from None


def _gzip(data: memoryview) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        for start in range(0, len(data), CHUNK):
            rest: bytes = bytes(data[start : start + CHUNK])
            while rest and not decompressor.eof:
                yield decompressor.decompress(rest, PIECE)
                rest = decompressor.unconsumed_tail
            if decompressor.eof:
                return
    except zlib.error as error:
        raise Corrupt(str(error)) from None
    raise Corrupt("it ends too early")


def _lz4(data: memoryview) -> Iterator[bytes]:
    """Blocks with their compressed sizes before them; behind the last one stands the size of all, or nothing."""
    block: Any = _package("lz4.block")
    at, done = 4, 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if at + size > len(data):
            if at == len(data) and size == done:
                return
            raise Corrupt(f"a block of {size} bytes at {at:#x} goes beyond the end")
        try:
            piece: bytes = block.decompress(data[at : at + size], uncompressed_size=LZ4_BLOCK)
        except (ValueError, RuntimeError, block.LZ4BlockError) as error:
            raise Corrupt(f"the block at {at:#x}: {error}") from None
        yield piece
        at, done = at + size, done + len(piece)
    if not done:
        raise Corrupt("it ends too early")


def _zstd(data: memoryview) -> Iterator[bytes]:
    zstandard: Any = _package("zstandard")
    decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_MEMORY).decompressobj()
    try:
        for start in range(0, len(data), ZSTD_CHUNK):
            yield decompressor.decompress(bytes(data[start : start + ZSTD_CHUNK]))
            if decompressor.eof:
                return
    except zstandard.ZstdError as error:
        raise Corrupt(str(error)) from None
    raise Corrupt("it ends too early")


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Missing(name.partition(".")[0]) from None


GZIP = Format("gzip", b"\x1f\x8b\x08", _gzip)
FORMATS = (
    GZIP,
    Format("xz", b"\xfd7zXZ\0", _xz),
    Format("lzma", b"\x5d\0\0", _xz),
    Format("bzip2", b"BZh", _bzip2),
    Format("lz4", b"\x02\x21\x4c\x18", _lz4),
    Format("zstd", b"\x28\xb5\x2f\xfd", _zstd),
)


def format_of(data: memoryview) -> Format | None:
    """By what it begins with."""
    return next((form for form in FORMATS if bytes(data[: len(form.magic)]) == form.magic), None)
