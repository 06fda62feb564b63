# SPDX-License-Identifier: GPL-2.0-only
"""vmlinuz: the kernel inside an x86 bzImage, an arm zImage, an EFI zboot image or a .gz, decompressed into a file of no
name; or an arm64 Image, which is a kernel as it stands in memory.

Documentation/arch/x86/boot.rst (the setup header); arch/arm/boot/compressed/head.S (the words at 0x24);
Documentation/arch/arm64/booting.rst (the Image); drivers/firmware/efi/libstub/zboot-header.S.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from emulator.elf.layout import MAGIC
from emulator.errors import InputError, Place
from emulator.images.compression import FORMATS, GZIP, Corrupt, Format, Missing, format_of

MOST = 1 << 30
"""The largest kernel, in bytes."""
RATIO, ROOM = 200, 1 << 24
"""How many times as large as the compressed one, and so many bytes more."""
ATTEMPTS = 16
"""How many places of a zImage may look like the beginning of its kernel."""

SETUP_SECTS, BOOT_FLAG, HEADER, PROTOCOL, PAYLOAD = 0x1F1, 0x1FE, 0x202, 0x206, 0x248
SECTOR = 512
DEFAULT_SECTS = 4
WITH_PAYLOAD = 0x0208
"""The boot protocol since which the header says where the payload is."""
ZIMAGE_AT, ZIMAGE_MAGIC, ZIMAGE_CODE = 0x24, 0x016F2818, 0x40
IMAGE_FLAGS, IMAGE_AT, IMAGE_MAGIC = 0x18, 0x38, b"ARM\x64"
BIG_ENDIAN = 1
"""The flag of an Image."""
ZBOOT_AT, ZBOOT_MAGIC, ZBOOT_PAYLOAD = 4, b"zimg", 8
EM_ARM, EM_AARCH64 = 40, 183
SHOWN = 0x250
"""Bytes of a file by which it can be told."""


class Kernel(NamedTuple):
    """What was inside. `machine` is e_machine where the kernel is no ELF file, which says itself what it is."""

    data: bytes | mmap.mmap
    machine: int | None = None


def is_vmlinuz(data: mmap.mmap | bytes) -> bool:
    """Whether a file begins as one does: SHOWN bytes tell."""
    return any(shape.fits(data) for shape in SHAPES)


def unpacked(data: mmap.mmap | bytes, name: str) -> Kernel:
    """The kernel inside a vmlinuz. Raises InputError, with the offset, where there is none or it is damaged."""
    for shape in SHAPES:
        if shape.fits(data):
            return shape.kernel(data, name)
    begin = data[:4].hex(" ")
    raise InputError(f"is no ELF file, bzImage, zImage or Image: it begins with {begin}", Place(name, at="0x0"))


def _is_bzimage(data: mmap.mmap | bytes) -> bool:
    return data[HEADER : HEADER + 4] == b"HdrS" and data[BOOT_FLAG : BOOT_FLAG + 2] == b"\x55\xaa"


def _is_zimage(data: mmap.mmap | bytes) -> bool:
    return data[ZIMAGE_AT : ZIMAGE_AT + 4] == struct.pack("<I", ZIMAGE_MAGIC)


def _is_image(data: mmap.mmap | bytes) -> bool:
    return data[IMAGE_AT : IMAGE_AT + 4] == IMAGE_MAGIC


def _is_zboot(data: mmap.mmap | bytes) -> bool:
    return data[:2] == b"MZ" and data[ZBOOT_AT : ZBOOT_AT + 4] == ZBOOT_MAGIC


def _is_gzip(data: mmap.mmap | bytes) -> bool:
    return data[: len(GZIP.magic)] == GZIP.magic


def _bzimage(data: mmap.mmap | bytes, name: str) -> Kernel:
    if len(data) < PAYLOAD + 8:
        raise InputError(f"ends within the setup header, after {len(data)} bytes", Place(name, at=f"{PAYLOAD:#x}"))
    (protocol,) = struct.unpack_from("<H", data, PROTOCOL)
    if protocol < WITH_PAYLOAD:
        raise InputError(f"has boot protocol {protocol >> 8}.{protocol & 255:02}, before 2.08", Place(name, at="0x206"))
    offset, length = struct.unpack_from("<II", data, PAYLOAD)
    start = ((data[SETUP_SECTS] or DEFAULT_SECTS) + 1) * SECTOR + offset
    return Kernel(_payload(data, start, length, Place(name, at=f"{PAYLOAD:#x}")))


def _zboot(data: mmap.mmap | bytes, name: str) -> Kernel:
    if len(data) < ZBOOT_PAYLOAD + 8:
        raise InputError(f"ends within the header, after {len(data)} bytes", Place(name, at=f"{ZBOOT_PAYLOAD:#x}"))
    start, length = struct.unpack_from("<II", data, ZBOOT_PAYLOAD)
    return _inner(_payload(data, start, length, Place(name, at=f"{ZBOOT_PAYLOAD:#x}")), name)


def _gzip(data: mmap.mmap | bytes, name: str) -> Kernel:
    return _inner(_payload(data, 0, len(data), Place(name, at="0x0")), name)


def _inner(data: mmap.mmap, name: str) -> Kernel:
    """What stands by itself, once it is decompressed: a kernel that is no vmlinuz again."""
    if _is_image(data):
        return _image(data, name)
    if data[: len(MAGIC)] == MAGIC:
        return Kernel(data)
    begin = data[:4].hex(" ")
    raise InputError(f"holds neither an ELF file nor an Image: that begins with {begin}", Place(name))


def _image(data: mmap.mmap | bytes, name: str) -> Kernel:
    if data[IMAGE_FLAGS] & BIG_ENDIAN:
        what = "is a big-endian Image: only little-endian ones are known"
        raise InputError(what, Place(name, at=f"{IMAGE_FLAGS:#x}"))
    return Kernel(data, EM_AARCH64)


def _payload(data: mmap.mmap | bytes, start: int, length: int, said: Place) -> mmap.mmap:
    """What a header, at the place `said`, says of the compressed kernel, decompressed."""
    if not length or start + length > len(data):
        what = f"the payload [{start:#x}, {start + length:#x}) is not within the file's {len(data):#x} bytes"
        raise InputError(what, said)
    payload, place = memoryview(data)[start : start + length], Place(said.file, at=f"{start:#x}")
    form = format_of(payload)
    if form is None:
        begin = bytes(payload[:4]).hex(" ")
        raise InputError(f"the payload is compressed in a way unknown here: {begin}", place)
    return _decompressed(payload, form, place)


def _zimage(data: mmap.mmap | bytes, name: str) -> Kernel:
    """The first thing behind the code that can be decompressed."""
    failed: InputError | None = None
    for start, form in _candidates(data):
        try:
            return Kernel(_decompressed(memoryview(data)[start:], form, Place(name, at=f"{start:#x}")), EM_ARM)
        except InputError as error:
            failed = failed or error
    raise failed or InputError("holds nothing that is compressed in a way known here", Place(name))


def _candidates(data: mmap.mmap | bytes) -> Iterator[tuple[int, Format]]:
    """Where a magic stands, in the order of the file; the shortest ones stand everywhere."""
    found = []
    for form in FORMATS:
        at = data.find(form.magic, ZIMAGE_CODE)
        for _ in range(ATTEMPTS):
            if at < 0:
                break
            found.append((at, form))
            at = data.find(form.magic, at + 1)
    yield from sorted(found, key=lambda candidate: candidate[0])[:ATTEMPTS]


def _decompressed(payload: memoryview, form: Format, place: Place) -> mmap.mmap:
    """Raises InputError for what is damaged, larger than any kernel, or lacks its decompressor."""
    most = min(MOST, RATIO * len(payload) + ROOM)
    with tempfile.TemporaryFile() as file:
        try:
            size = _write(form.pieces(payload), file, most)
        except Corrupt as error:
            raise InputError(f"cannot be decompressed ({form.name}): {error}", place) from None
        except Missing as error:
            what = f"is compressed by {form.name}: install the package {error}, or mcount-emulator[vmlinuz]"
            raise InputError(what, place) from None
        except OSError as error:
            raise InputError(f"cannot be decompressed: {error.strerror}", place) from error
        if size > most:
            raise InputError(f"becomes more than {most} bytes when it is decompressed ({form.name})", place)
        if not size:
            raise InputError(f"becomes nothing when it is decompressed ({form.name})", place)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _write(pieces: Iterator[bytes], file: BinaryIO, most: int) -> int:
    """How many bytes were written; more than `most` where there were too many."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            break
        file.write(piece)
    return size


class Shape(NamedTuple):
    """A kind of vmlinuz."""

    fits: Callable[[mmap.mmap | bytes], bool]
    kernel: Callable[[mmap.mmap | bytes, str], Kernel]
    """Raises InputError."""


SHAPES = (
    Shape(_is_bzimage, _bzimage),
    Shape(_is_zimage, _zimage),
    Shape(_is_zboot, _zboot),
    Shape(_is_image, _image),
    Shape(_is_gzip, _gzip),
)
