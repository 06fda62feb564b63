# SPDX-License-Identifier: GPL-2.0-only
"""Expressions: the numbers are those of GNU as 2.40."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulator.assembly.expressions import SIZE_LIMIT, Name, Node, Value, to_bytes
from emulator.assembly.grammar import DEPTH_LIMIT, parse, parse_prefix


class Labels:
    """Labels at fixed offsets of one section; `outside` is elsewhere."""

    def __init__(self, offsets: Mapping[str, int]) -> None:
        self.offsets = offsets

    def value(self, name: str) -> Value:
        return Value(0, name)

    def distance(self, one: str, other: str) -> int | None:
        return self.offsets[one] - self.offsets[other] if {one, other} <= self.offsets.keys() else None


SCOPE = Labels({"a": 0x10, "b": 0x18})
MEASURED = """
    2==1+1:-1 1+2==3:-1 1|2+4:7 6&3<<1:6 1<<2+1:5 10-3-2:5 -7/2:-3 -7%3:-1 -1>>60:15 1<<63:-0x8000000000000000 1<<64:0
    1&&2:1 0||3:1 !5:0 !0:1 ~1:-2 1!2:-3 2^3:1 1<2:-1 1>2:0 1<>1:0 1!=2:-1 3>=3:-1 -1<1:-1 'a:97 'a':97 '\\n:10 0b11:3
    017:15 0x1F:31 1<2==1:0 4-1<2:0 1||0&&0:1 2*3%4:2 0xffffffffffffffff:-1 -(1):-1 (2)+(3):5 1+-1:0
    0xffffffffffffffff>1:0 0xffffffffffffffff/2:0 'a+1:98 '":34 7&-8:0 5--5:10 3-~2:6 b-a:8 a-b+16:8 a<b:-1 a==a:-1
    (b-a)*2:16 -(a-b):8 +3:3
""".split()


@pytest.mark.parametrize("case", MEASURED)
def test_numbers(case: str) -> None:
    text, _, expected = case.rpartition(":")
    assert parse(text).evaluate(SCOPE) == Value(int(expected, 0))


def test_addresses() -> None:
    assert parse("outside + 4 - 6").evaluate(SCOPE) == Value(-2, "outside")
    assert parse("outside - a").evaluate(SCOPE) == Value(0, "outside", "a")
    assert parse("outside - a + b").evaluate(SCOPE) == Value(8, "outside")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected an expression"),
        ("1 +", "expected an expression"),
        ("(1", r"'\)' is missing"),
        ("1 2", "behind the expression"),
        ("08", "is no number"),
        ("0x10000000000000000", "more than 64 bits"),
        ("9" * 5000, "more than 64 bits"),
        ("1/0", "division by zero"),
        ("outside * 2", "'outside' is not a constant"),
        ("outside + a", "cannot be added"),
        ("~a", "'a' is not a constant"),
        ("(" * (DEPTH_LIMIT + 1) + "1" + ")" * (DEPTH_LIMIT + 1), "nests too deep"),
        ("-" * 100_000 + "1", "nests too deep"),
        ("+".join(["a"] * (SIZE_LIMIT + 2)), "too large"),
        ("1.5", "expected an expression"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text).evaluate(SCOPE)


def test_the_deepest_expression() -> None:
    assert parse("(" * DEPTH_LIMIT + "1" + ")" * DEPTH_LIMIT).evaluate(SCOPE) == Value(1)


def test_a_prefix_ends_where_the_expression_does() -> None:
    node, end = parse_prefix("[sp, #4 + 4]!", 6)
    assert (node.evaluate(SCOPE).number, end) == (8, 11)


def test_binding_replaces_names() -> None:
    def resolve(name: str) -> Node:
        return parse("5") if name == "five" else Name(name)

    assert parse("five * 2 + 1").bind(resolve).evaluate(SCOPE) == Value(11)
    assert parse("1f - five").bind(resolve).evaluate(SCOPE) == Value(-5, "1f")


@pytest.mark.parametrize(
    ("number", "size", "expected"), [(-1, 1, "ff"), (255, 1, "ff"), (-128, 1, "80"), (1, 4, "01000000")]
)
def test_to_bytes(number: int, size: int, expected: str) -> None:
    assert to_bytes(number, size).hex() == expected


@pytest.mark.parametrize("number", [256, -129])
def test_to_bytes_refuses_what_does_not_fit(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        to_bytes(number, 1)
