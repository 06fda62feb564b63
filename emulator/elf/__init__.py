# SPDX-License-Identifier: GPL-2.0-only
"""ELF files of anybody's making, read in place: nothing is believed before it is compared with the file's size.

`read_elf` takes an object into memory, because somebody may be about to overwrite it. Images of any size are mapped
(emulator.images.opening): an `Elf` looks only at what it is asked for. Every error names the file and an offset in it.
"""

from __future__ import annotations

from emulator.elf.layout import Relocation, Section, Segment, Symbol
from emulator.elf.opening import is_elf, read_elf
from emulator.elf.reader import Elf

__all__ = ["Elf", "Relocation", "Section", "Segment", "Symbol", "is_elf", "read_elf"]
