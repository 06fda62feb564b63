# SPDX-License-Identifier: GPL-2.0-only
"""Operands of AArch64 instructions in pieces: words to write as they are, and expressions between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emulator.assembly.expressions import Node
from emulator.assembly.grammar import parse_prefix

_START = re.compile(r"#?\s*:(\w+):|#|(?<![\w.])(?=\d)")
"""What an expression in the operands begins with; relocation operators stand before it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A word, or an expression with the relocation operator that stands before it, if any."""

    text: str
    operator: str = ""
    node: Node | None = None


@lru_cache(maxsize=8192)
def parts(operands: str) -> tuple[Part, ...]:
    """The operands in pieces. Raises ValueError."""
    found: list[Part] = []
    position = 0
    while match := _START.search(operands, position):
        found += _words(operands[position : match.start()])
        node, position = parse_prefix(operands, match.end())
        found.append(Part("", match[1] or "", node))
    return (*found, *_words(operands[position:]))


def _words(text: str) -> list[Part]:
    return [Part(word) for word in re.split(r"(\W+)", text)]
