# SPDX-License-Identifier: GPL-2.0-only
"""The text of integer expressions, with the precedence that GNU as gives its operators. Errors are ValueErrors."""

from __future__ import annotations

import re
from functools import lru_cache

from emulator.assembly.expressions import COMPARE, Name, Node, Number, binary, unary, wrap

DEPTH_LIMIT = 32
"""How deep parentheses and prefix operators nest."""

_RANK = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(COMPARE, 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("|&^!", 5),
    **dict.fromkeys(("*", "/", "%", "<<", ">>"), 6),
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<label>\d{1,9}[bf])(?![\w.$])
      | (?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)(?![\w.$])
      | (?P<name>[A-Za-z_.][\w.$]*)
      | '(?P<char>\\.|[^\\])'?
      | (?P<sign><<|>>|<>|==|!=|<=|>=|&&|\|\||[-+*/%&|^~!()<>])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class _Parser:
    """Precedence climbing over one text."""

    def __init__(self, text: str, position: int) -> None:
        self.text, self.position, self.depth = text, position, 0

    def expression(self, rank: int) -> Node:
        node = self.operand()
        while True:
            match = _TOKEN.match(self.text, self.position)
            sign = match["sign"] if match else None
            binding = _RANK.get(sign, 0) if sign else 0
            if match is None or sign is None or binding <= rank:
                return node
            self.position = match.end()
            node = binary(sign, node, self.expression(binding))

    def operand(self) -> Node:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise ValueError(f"expected an expression, found {self.text[self.position :].strip()[:20]!r}")
        self.position = match.end()
        token = match[match.lastgroup or 0]
        if match.lastgroup == "number":
            return Number(_number(token))
        if match.lastgroup in ("name", "label"):
            return Name(token)
        if match.lastgroup == "char":
            return Number(ord(_ESCAPES.get(token[1:], token[-1])))
        return self.prefixed(token)

    def prefixed(self, sign: str) -> Node:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise ValueError("the expression nests too deep")
        if sign == "(":
            node = self.expression(0)
            match = _TOKEN.match(self.text, self.position)
            if match is None or match["sign"] != ")":
                raise ValueError("a ')' is missing")
            self.position = match.end()
        elif sign in "-~!":
            node = unary(sign, self.operand())
        elif sign == "+":
            node = self.operand()
        else:
            raise ValueError(f"expected an expression, found {sign!r}")
        self.depth -= 1
        return node


def _number(token: str) -> int:
    if len(token) > 70:
        raise ValueError(f"the number {token[:20]}... has more than 64 bits")
    try:
        number = int(token, 8) if token[0] == "0" and token.isdigit() else int(token, 0)
    except ValueError:
        raise ValueError(f"{token!r} is no number") from None
    if number >> 64:
        raise ValueError(f"the number {token} has more than 64 bits")
    return wrap(number)


@lru_cache(maxsize=4096)
def parse_prefix(text: str, position: int = 0) -> tuple[Node, int]:
    """The longest expression at `position`, and where it ends. Raises ValueError."""
    parser = _Parser(text, position)
    return parser.expression(0), parser.position


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The expression that `text` is. Raises ValueError."""
    node, end = parse_prefix(text)
    if rest := text[end:].strip():
        raise ValueError(f"{rest[:20]!r} behind the expression")
    return node
