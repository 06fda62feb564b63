# SPDX-License-Identifier: GPL-2.0-only
"""Operands and macro arguments; the macro splits are those of GNU as 2.40."""

from __future__ import annotations

import pytest

from emulator.assembly.arguments import split_arguments, split_operands, string_bytes, unquote

X86, ARM = "*%-([{}", "[]{}"


def test_operands() -> None:
    assert split_operands("8(%rax,%rbx,4), $1") == ["8(%rax,%rbx,4)", "$1"]
    assert split_operands('{r0, r1}, [r2, #4], "a,b", ,') == ["{r0, r1}", "[r2, #4]", '"a,b"', "", ""]
    assert split_operands("  ") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1 + 2) 3", "(1+2)3"),
        ("1 + 2, 3", "1+2|3"),
        ("1 2", "1|2"),
        ("1 -1", "1|-1"),
        ('"x y" z', '"x y"|z'),
        ('"a,b", c', '"a,b"|c'),
        ("(a,b) c", "(a|b)c"),
        ("((1 + x y)) z, a [b c]", "((1+x y))z|a|[b c]"),
        ("(a b] c", "(a b]c"),
        ("%rax, 8(%rsp)", "%rax|8(%rsp)"),
        ("8 (%rsp), %rax", "8|(%rsp)|%rax"),
        ("$1 %rax", "$1|%rax"),
        ("a : b c", "a:b|c"),
        ("1 , , 3", "1||3"),
        ("", ""),
        ('x "y"z', 'x|"y"z'),
    ],
)
def test_macro_arguments_of_x86(text: str, expected: str) -> None:
    assert "|".join(split_arguments(text, X86)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1 -1", "1-1"), ("[a, b] c", "[a|b]|c"), ("#1 2", "#1|2"), ("r1 , lsl #2", "r1|lsl#2")]
)
def test_macro_arguments_of_arm(text: str, expected: str) -> None:
    assert "|".join(split_arguments(text, ARM)) == expected


def test_the_last_argument_takes_the_rest() -> None:
    assert split_arguments("a, b, c d", X86, 2) == ["a", "b,c d"]


def test_strings() -> None:
    assert unquote('"a \\"b\\""') == 'a "b"'
    assert unquote('"a" "b"') == '"a" "b"'
    assert string_bytes('"a\\tb\\\\\\"\\101\\x41\\0é"') == b'a\tb\\"AA\0\xc3\xa9'
    with pytest.raises(ValueError, match="expected a string"):
        string_bytes("abc")
