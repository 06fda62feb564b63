# SPDX-License-Identifier: GPL-2.0-only
"""ELF files of anybody's making, read in place: nothing is believed before it is compared with the file's size.

`map_elf` is for images of any size (memory is taken page by page, as it is looked at), `read_elf` for objects, which
somebody may be about to overwrite. Both give an `Elf`; every error names the file and an offset in it.
"""

from __future__ import annotations

from emulator.elf.layout import Relocation, Section, Segment, Symbol
from emulator.elf.opening import is_elf, map_elf, read_elf
from emulator.elf.reader import Elf

__all__ = ["Elf", "Relocation", "Section", "Segment", "Symbol", "is_elf", "map_elf", "read_elf"]
