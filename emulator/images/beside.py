# SPDX-License-Identifier: GPL-2.0-only
"""Real functions in the place of the laboratory's own, whose other code (direct trampolines) stays."""

from __future__ import annotations

from dataclasses import replace

from emulator.assembly.piece import Fixup, Line, Piece


def beside(real: Piece, own: Piece) -> Piece:
    """`own` with the functions, and the tables of sites and callers, of `real`.

    Where both define a name, it is the real one's. Own code that means its own thing by it refers to section and offset
    instead, and has no line any more: it does not do what its line says.
    """
    taken = real.symbols.keys() & own.symbols.keys()
    fixups = [fixup for fixup in own.fixups if fixup.section not in real.sections]
    moved = {(fixup.section, fixup.offset) for fixup in fixups if fixup.symbol in taken}
    return replace(
        real,
        sections={**own.sections, **real.sections},
        symbols={**{name: symbol for name, symbol in own.symbols.items() if name not in taken}, **real.symbols},
        lines=tuple(line for line in own.lines if not any(_within(line, place) for place in moved)),
        fixups=tuple(_by_section(fixup, own) if fixup.symbol in taken else fixup for fixup in fixups),
    )


def _within(line: Line, place: tuple[str, int]) -> bool:
    section, offset = place
    return line.section == section and line.offset <= offset < line.offset + line.size


def _by_section(fixup: Fixup, own: Piece) -> Fixup:
    symbol = own.symbols[fixup.symbol]
    return fixup._replace(symbol=symbol.section or fixup.symbol, addend=fixup.addend + symbol.value)
