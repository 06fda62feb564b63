# SPDX-License-Identifier: GPL-2.0-only
"""Real functions in the place of the laboratory's own, whose other code (direct trampolines) stays."""

from __future__ import annotations

from dataclasses import replace

from emulator.assembly.piece import Fixup, Piece


def beside(real: Piece, own: Piece) -> Piece:
    """`own` with the functions, and the tables of sites and callers, of `real`.

    Where both define a name, own code refers to its own thing by section and offset, and the name is the real one's.
    """
    taken = real.symbols.keys()
    return replace(
        real,
        sections={**own.sections, **real.sections},
        symbols={**{name: symbol for name, symbol in own.symbols.items() if name not in taken}, **real.symbols},
        lines=own.lines,
        fixups=tuple(_by_section(fixup, own) for fixup in own.fixups if fixup.section not in real.sections),
    )


def _by_section(fixup: Fixup, own: Piece) -> Fixup:
    symbol = own.symbols.get(fixup.symbol)
    if symbol is None or symbol.section is None:
        return fixup
    return fixup._replace(symbol=symbol.section, addend=fixup.addend + symbol.value)
