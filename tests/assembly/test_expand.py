# SPDX-License-Identifier: GPL-2.0-only
"""Macros, loops, conditionals and includes, seen through the bytes of the data that they make (those of GNU as)."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Piece, Source
from emulator.errors import AssemblyError

X86 = catalog.load("x86_64")


def assemble(text: str, **defines: int) -> Piece:
    return KeystoneAssembler().assemble(X86, [Source("a.S", text, defines)])[0]


def code(text: str, **defines: int) -> str:
    return assemble(text, **defines).sections[".text"].data.hex()


CASES = {
    "arguments by place and by name": (
        ".macro m a, b=5; .byte \\a, \\b; .endm; m 1; m a=2, b=3; m b=4, a=3; m 7 8",
        "0105020303040708",
    ),
    "an empty argument is blank": (
        ".macro m a; .ifb \\a; .byte 255; .else; .byte \\a; .endif; .endm; m; m 1",
        "ff01",
    ),
    "vararg": (
        ".macro m x, y:vararg; .irp c,\\y; .byte \\c; .endr; .endm; m 1, 2, 3, 4; m 1 2 3",
        "0203040203",
    ),
    "the call counter": (
        ".macro c; .byte \\@; .endm; .macro n; c; .byte \\@; c; .endm; c; n; c",
        "0002010304",
    ),
    "recursion": ('.macro m n; .if \\n; .byte \\n; m "(\\n-1)"; .endif; .endm; m 3', "030201"),
    "a separator": (".macro m a; l\\a\\()_x: .byte l\\a\\()_x - .; .endm; m 5", "00"),
    "macros made by a loop": (".irpc c,ab; .macro m\\c x; .byte \\x; .endm; .endr; ma 1; mb 2", "0102"),
    "exitm leaves the loop": (
        ".macro m n; .rept 3; .byte 1; .if \\n; .exitm; .endif; .endr; .byte 2; .endm; m 1; m 0",
        "010201010102",
    ),
    "irp": (
        ".irp x, 1, 2,3; .byte \\x; .endr; .irp x 4 5; .byte \\x; .endr; .irp x,,1; .byte 0\\x; .endr",
        "01020304050001",
    ),
    "irpc": (".irpc c,12 3; .byte 0\\c; .endr; .irp x; .byte 9; .endr", "01020309"),
    "loops in loops": (".rept 2; .irp q,1,2; .byte \\q; .endr; .endr", "01020102"),
    "a count that changes": ("n=0; .rept 3; .byte n; n=n+1; .endr", "000102"),
    "a quoted argument with a semicolon": ('.macro m a; \\a; .endm; m ".byte 1; .byte 2"', "0102"),
    "a call with parentheses": (".macro M a; .byte \\a; .endm; m(3); M (1+2)*2", "0306"),
    "purgem": (".macro m; .byte 1; .endm; m; .purgem m; .macro m; .byte 2; .endm; m", "0102"),
    "nested conditionals": (
        ".if 0; .if 1; .byte 1; .else; .byte 2; .endif; .elseif 1; .byte 3; .else; .byte 4; .endif",
        "03",
    ),
    "what is defined": (
        "x: .ifdef x; .byte 1; .endif; .ifdef y; .byte 2; .endif; .ifndef y; .byte 3; .endif; y:",
        "0103",
    ),
    "text compared": (".ifc a , a; .byte 1; .endif; .ifnc a,b; .byte 2; .endif; .ifc a,b; .byte 3; .endif", "0102"),
    "strings compared": ('.ifeqs "a b","a b"; .byte 3; .endif; .ifnes "a","a"; .byte 4; .endif', "03"),
    "signs": (
        "".join(f".{op} -1; .byte {n}; .endif; " for n, op in enumerate("ifgt ifge iflt ifle ifeq ifne".split())),
        "020305",
    ),
    "skipped text is not read": ('.if 0; !garbage; ( here; "there"; .macro; .endif; .byte 1', "01"),
    "end": (".byte 1; .end; .byte 2", "01"),
}


@pytest.mark.parametrize("name", CASES)
def test_bytes(name: str) -> None:
    text, expected = CASES[name]
    assert code(text) == expected


def test_defines_are_symbols() -> None:
    assert code(".ifdef CONFIG_A\n.byte CONFIG_A\n.endif\n.ifdef CONFIG_B\n.byte 2\n.endif", CONFIG_A=7) == "07"


def test_lines_keep_the_body_and_the_calls() -> None:
    piece = assemble(".macro inner\n nop\n.endm\n.macro outer\n inner\n.endm\n  outer\n")
    (line,) = piece.lines
    assert (str(line.place), [str(call) for call in line.calls], line.text) == (
        "a.S:2:2",
        ["a.S:5:2", "a.S:7:3"],
        "nop",
    )


ERRORS = {
    "endless recursion": (".macro m\n m\n.endm\nm", r"a\.S:2:2: macros, loops and includes nest more than 100 deep"),
    "recursion that grows": (".macro m a\n m \\a\\a\n.endm\nm x", r"a\.S:2:2: "),
    "a bomb of loops": (".rept 1000\n.rept 1000\n.rept 1000\nnop\n.endr\n.endr\n.endr", "more than 200000 statements"),
    "a loop of nothing": (".rept 1000000000000\n.endr", r"a\.S:1:1: .* more than 200000 statements"),
    "a bomb of calls": (
        "".join(f".macro m{n}\n" + f"m{n + 1}\n" * 10 + ".endm\n" for n in range(9)) + ".macro m9\nnop\n.endm\nm0",
        "more than 200000 statements",
    ),
    "a bomb of symbols": ("a: .set x, a\n" + ".set x, x-y+x\n" * 60, r"a\.S:\d+:1: "),
    "required argument": (".macro m a:req\n.endm\n m", r"a\.S:3:2: macro 'm' needs a value for 'a'"),
    "too many arguments": (".macro m a\n.endm\nm 1, 2", "takes 1 arguments"),
    "no endm": ("nop\n.macro m\nnop", r"a\.S:2:1: no \.endm"),
    "no endr": (".rept 2\nnop", r"a\.S:1:1: no \.endr"),
    "no endif": ("nop\n .if 1\nnop", r"a\.S:2:2: no \.endif"),
    "no endif in a macro": (".macro m\n.if 1\n.endm\nm", r"(?s)a\.S:2:1: no \.endif.*macro called at a\.S:4:1"),
    "stray endif": (".endif", "without .if"),
    "endif of somebody else": (".macro m\n.endif\n.endm\n.if 1\nm", "without .if"),
    "else twice": (".if 1\n.else\n.else\n.endif", "behind .else"),
    "stray endm": (".endm", "without a beginning"),
    "condition on a label": ("a: .if b - a\n.endif\nb:", "is not a constant"),
    "error": ('.error "no such thing"', "no such thing"),
    "warning": ('.warning "look"', "look"),
    "err": (".err", ".err reached"),
    "macro twice": (".macro m\n.endm\n.macro m\n.endm", "is there already"),
    "purge nothing": (".purgem m", "there is no macro"),
    "exitm outside": (".exitm", "outside of a macro"),
    "negative count": (".rept -1\n.endr", "-1 times"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    text, message = ERRORS[name]
    with pytest.raises(AssemblyError, match=message):
        assemble(text)


def test_the_deepest_recursion() -> None:
    assert code('.macro m n\n.if \\n\n.byte 1\nm "(\\n-1)"\n.endif\n.endm\nm 20') == "01" * 20


# -- include -----------------------------------------------------------------------------------------------------------


def test_include_from_the_sources_folder_and_from_named_ones(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "named").mkdir()
    (tmp_path / "own" / "x.inc").write_text(".byte 1\n")
    (tmp_path / "named" / "y.inc").write_text("nop\n")
    source = Source(str(tmp_path / "own" / "a.S"), '.include "x.inc"\n.include "y.inc"', {}, (str(tmp_path / "named"),))
    (piece,) = KeystoneAssembler().assemble(X86, [source])
    assert piece.sections[".text"].data == b"\x01\x90"
    assert str(piece.lines[1].place) == f"{tmp_path}/named/y.inc:1:1"


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "no-such-file", "folder", "link", ""])
def test_include_stays_inside(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("nop\n")
    own = tmp_path / "own"
    (own / "folder").mkdir(parents=True)
    (own / "link").symlink_to(tmp_path / "secret")
    # a line marker does not move the source to another folder
    text = f'# 1 "{tmp_path}/x.S"\n.include "{name}"'
    with pytest.raises(AssemblyError, match=r"x\.S:1:1: "):
        KeystoneAssembler().assemble(X86, [Source(str(own / "a.S"), text)])


def test_endless_include(tmp_path: Path) -> None:
    (tmp_path / "x.inc").write_text('nop\n.include "x.inc"\n')
    with pytest.raises(AssemblyError, match="nest more than 100 deep"):
        KeystoneAssembler().assemble(X86, [Source(str(tmp_path / "a.S"), '.include "x.inc"')])
