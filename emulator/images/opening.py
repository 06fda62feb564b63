# SPDX-License-Identifier: GPL-2.0-only
"""From a file to a KernelImage: vmlinux with its symbols, or without, or a vmlinuz, and a System.map."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

from emulator import catalog
from emulator.description import Arch
from emulator.elf import Elf
from emulator.elf.layout import EI_DATA, EI_NIDENT, ET_REL, MAGIC
from emulator.errors import InputError, Place
from emulator.images import labels
from emulator.images.contents import Contents, Extent, of_elf
from emulator.images.identity import BANNER
from emulator.images.kernel import KernelImage
from emulator.images.names import ElfNames, Names
from emulator.images.system_map import MapNames
from emulator.images.vmlinuz import SHOWN, Kernel, is_vmlinuz, unpacked
from emulator.regular import open_regular

TEXT, CODE_END, DATA_END, END = "_text", "_etext", "_edata", "_end"
"""include/asm-generic/sections.h: where a kernel begins, where its code ends, its data, and all of it."""
MOST = 1 << 32
"""The largest file, in bytes: with all its debug information a kernel has less than one of a thousand million."""


def is_image(path: Path) -> bool:
    """Whether a file begins as a kernel's image does: a linked ELF file, or a vmlinuz. Raises InputError."""
    with open_regular(path) as file:
        data = file.read(SHOWN)
    if data[: len(MAGIC)] != MAGIC:
        return is_vmlinuz(data)
    order: Literal["big", "little"] = "big" if data[EI_DATA : EI_DATA + 1] == b"\2" else "little"
    return int.from_bytes(data[EI_NIDENT : EI_NIDENT + 2], order) != ET_REL


def opened(path: Path, system_map: Path | None = None) -> KernelImage:
    """The image in a file. Only what is looked at takes memory; a compressed one is unpacked into a file of no name.

    Opened once, as long as the files stay as they are. Raises InputError for what is missing, damaged, of no
    architecture known here, or has no symbols.
    """
    return _opened(path, system_map, tuple(_state(file) for file in (path, system_map) if file))


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except (OSError, ValueError):  # open_regular() says what is wrong
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _opened(path: Path, system_map: Path | None, _states: tuple[tuple[int, ...], ...]) -> KernelImage:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not 0 < size < MOST:
            raise InputError("is empty" if not size else f"is larger than {MOST} bytes", Place(str(path)))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    names = MapNames(system_map) if system_map else None
    words = ("--vmlinux", str(path), *(("--system-map", str(system_map)) if system_map else ()))
    kernel = Kernel(data) if data[: len(MAGIC)] == MAGIC else unpacked(data, str(path))
    if kernel.machine is None:
        return _of_elf(Elf(kernel.data, str(path)), names, words)
    arch = _arch(lambda arch: arch.engine.elf_machine == kernel.machine)
    return _of_binary(kernel.data, str(path), arch, names, words)


def _arch(fits: Callable[[Arch], bool]) -> Arch | None:
    return next((arch for arch in map(catalog.load, catalog.names()) if fits(arch)), None)


def _of_elf(elf: Elf, names: Names | None, words: tuple[str, ...]) -> KernelImage:
    kind = elf.machine, elf.bits, elf.big_endian
    arch = _arch(lambda arch: kind == (arch.engine.elf_machine, 8 * arch.word, arch.big_endian))
    if arch is None:
        known = ", ".join(f"{item.name} ({item.engine.elf_machine})" for item in map(catalog.load, catalog.names()))
        raise elf.wrong(f"is for machine {elf.machine}, {elf.bits} bits, and not one known here: {known}", 0)
    if elf.type == ET_REL:
        raise elf.wrong("is an object file, not a kernel's image", 0)
    if names is None and elf.symbol_table is None:
        raise elf.wrong("has no symbols: --system-map says where they are", 0)
    found = names or ElfNames(elf)
    found.named([BANNER, *labels.every(arch)])  # one look at the table for most of what will be asked for
    return KernelImage(of_elf(elf), found, arch, words, elf)


def _of_binary(
    data: bytes | mmap.mmap, name: str, arch: Arch | None, names: Names | None, words: tuple[str, ...]
) -> KernelImage:
    """A kernel without any headers: as it stands in memory, from its first byte on."""
    if arch is None:
        raise InputError("is of an architecture that is not known here", Place(name))
    if names is None:
        raise InputError("has no symbols: --system-map says where they are", Place(name))
    at = {key: symbol.address for key, symbol in names.named([TEXT, CODE_END, DATA_END, END]).items()}
    if TEXT not in at:
        raise InputError(f"cannot be placed: the System.map has no {TEXT}", Place(name))
    start, size = at[TEXT], len(data)
    code = min(max(at.get(CODE_END, start + size) - start, 0), size)
    rest = max(min(at.get(END, start + size) - start, MOST), size) - code
    view = memoryview(data)
    extents = (
        Extent(start, code, view[:code], executable=True, name="code"),
        Extent(start + code, rest, view[code:], executable=False, name="data"),
    )
    return KernelImage(Contents(name, [extent for extent in extents if extent.size]), names, arch, words)
