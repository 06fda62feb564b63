# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that have no addresses yet, as text: what they refer to by name."""

from __future__ import annotations

import bisect
from collections import defaultdict

from emulator.assembly import fixups
from emulator.assembly.decode import Instruction, disassemble
from emulator.assembly.fixups.field import signed
from emulator.assembly.piece import Fixup, Piece
from emulator.description import Arch


class Targets:
    """The names in a piece, by section and offset."""

    def __init__(self, piece: Piece, arch: Arch) -> None:
        self._piece, self._engine, self._bits = piece, arch.engine, 8 * arch.word
        self._symbols: dict[str, list[tuple[int, bool, str]]] = defaultdict(list)
        for symbol in piece.symbols.values():
            if symbol.section is not None:
                self._symbols[symbol.section].append((symbol.value, symbol.binding != "local", symbol.name))
        for names in self._symbols.values():
            names.sort()
        self._fixups: dict[str, list[Fixup]] = defaultdict(list)
        for fixup in sorted(piece.fixups, key=lambda one: one.offset):
            self._fixups[fixup.section].append(fixup)

    def text(self, section: str, found: Instruction) -> str:
        """The instruction as a disassembler says it; a branch with the name of where it goes, <name> behind others."""
        filled = self._filled(section, found)
        if not filled:
            return str(found) if found.target is None else f"{found.mnemonic} {self.name(section, found.target)}"
        if found.target is not None and len(filled) == 1:
            return f"{found.mnemonic} {self._reached(section, found, filled[0])}"
        return " ".join([str(found), *(f"<{fixup.symbol}>" for fixup in filled)])

    def name(self, section: str, offset: int) -> str:
        """symbol, or symbol+0x10: the last one before an offset, global ones before local ones."""
        known = self._symbols[section]
        index = bisect.bisect_right(known, (offset, True, "\U0010ffff"))
        if not index:
            return f"{section}+{offset:#x}"
        value, _, name = known[index - 1]
        return _plus(name, offset - value)

    def _filled(self, section: str, found: Instruction) -> list[Fixup]:
        known = self._fixups[section]
        first = bisect.bisect_left(known, found.address, key=lambda fixup: fixup.offset)
        last = bisect.bisect_left(known, found.address + found.size, key=lambda fixup: fixup.offset)
        return known[first:last]

    def _reached(self, section: str, found: Instruction, fixup: Fixup) -> str:
        """Where a branch goes whose field is yet to be filled."""
        symbol = self._piece.symbols.get(fixup.symbol)
        home, base = (symbol.section or "", symbol.value) if symbol else (fixup.symbol, 0)
        code, at = bytearray(found.data), fixup.offset - found.address
        try:
            fixups.apply(fixup.kind, code, at, symbol=base, addend=fixup.addend, place=fixup.offset)
        except fixups.FixupError:
            return fixup.symbol
        target = disassemble(self._engine, bytes(code), found.address)[0].target or 0
        if home in self._piece.sections:
            return self.name(home, target)
        return _plus(fixup.symbol, signed(target - base, self._bits))


def _plus(name: str, offset: int) -> str:
    return f"{name}{offset:+#x}" if offset else name
