# SPDX-License-Identifier: GPL-2.0-only
"""The C preprocessor: what comes out, on which lines; and that whatever goes in, it ends with a text or one error."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from emulator.assembly.lexer import lex
from emulator.errors import InputError, Place
from emulator.preprocess import Job, preprocess

SMALL = Path(__file__).parents[1] / "kernel_tree" / "small"


def text_of(text: str, folder: Path | None = None, **more: object) -> str:
    roots = [folder] if folder else []
    name = str(folder / "x.S") if folder else "x.S"
    return preprocess(Job(name=name, text=text, roots=roots, **more))  # type: ignore[arg-type]


def statements(text: str, folder: Path | None = None, **more: object) -> list[tuple[str, Place]]:
    """Statements with file and line, as the front end reads them."""
    found = lex("x.S", text_of(text, folder, **more), "@")
    return [(re.sub(r"\s+", " ", item.text), Place(Path(item.place.file).name, item.place.line)) for item in found]


def at(*wanted: tuple[str, int], file: str = "x.S") -> list[tuple[str, Place]]:
    return [(text, Place(file, line)) for text, line in wanted]


def test_what_it_expands_stays_on_its_line() -> None:
    text = """#define TWICE(x) x; x
#define LONG(a, b) \\
        a; \\
        b
/* a comment
   of two lines */ nop
        TWICE(ret)
        LONG(one,
             two)
#if 0
        never
#endif
        LONG(three, \\
             four)
        five          // to the end
"""
    assert statements(text) == at(
        ("nop", 6), ("ret", 7), ("ret", 7), ("one", 8), ("two", 8), ("three", 13), ("four", 13), ("five", 15)
    )  # fmt: skip


def test_lines_end_where_everybody_says_they_do() -> None:
    assert statements("one\n\f\n\x1c two \x85\u2028\nthree\r\nfour") == at(
        ("one", 1), ("two", 3), ("three", 4), ("four", 5)
    )


def test_headers_have_lines_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "x.h").write_text("\n\n\ninner\n")
    found = statements('before\n#include "x.h"\nafter\n', tmp_path)
    assert found == [*at(("before", 1)), *at(("inner", 4), file="x.h"), *at(("after", 3))]


def test_backslashes_of_a_stringized_argument() -> None:
    text = r"""#define str(x...) #x
.ascii str(mov \reg, "a\n" '\t'  b)"""
    assert r'"mov \reg, \"a\\n\" ' + r"'\\t' b" + '"' in text_of(text)


def test_a_header_that_only_a_build_has() -> None:
    folder = SMALL / "include"
    job = {"roots": [SMALL], "folders": [folder], "generated": ["asm/made.h"]}
    text = "#include <asm/stringify.h>\n#include <asm/made.h>\n#include <generated/any.h>\n__stringify(a b)\n"
    assert preprocess(Job(name="x.S", text=text, **job)).splitlines()[-1] == '"a b"'  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"x\.S:1: there is no header 'asm/mistyped\.h'"):
        preprocess(Job(name="x.S", text="#include <asm/mistyped.h>\n", **job))  # type: ignore[arg-type]


COMPLAINTS = {
    "#error broken": (1, "#error broken"),
    "\n#include <nothing.h>": (2, "there is no header 'nothing.h'"),
    "#include": (1, "#include without a file"),
    "#include <x": (1, "malformed #include"),
    "#include x": (1, "malformed #include"),
    "#if": (1, "#if without a condition"),
    "#if 1 +": (1, "Could not evaluate"),
    "#if 1/0\n#endif": (1, "Could not evaluate"),
    "#ifdef\n#endif": (1, "#ifdef without a name"),
    "#ifdef 1\n#endif": (1, "#ifdef without a name"),
    "\n\n#if 1\nnop": (3, "Unterminated"),
    "#endif": (1, "Misplaced #endif"),
    "#else": (1, "Misplaced #else"),
    "#if 0\n#else\n#else\n#endif": (3, "#else after #else"),
    "#if 0\n#else\n#elif 1\n#endif": (3, "#elif after #else"),
    "#define": (1, "#define without a name"),
    "#define 1": (1, "#define without a name"),
    "#define X(1) 1": (1, "Invalid macro argument"),
    "#define defined 1": (1, "cannot be defined"),
    "#undef": (1, "#undef without a name"),
    "#define X(a) a\n\nX(": (3, "have no end"),
    "#define X(a) a\nX(1, 2)": (2, "requires 1 arguments"),
    "#include_next <x.h>": (1, "#include_next is not supported"),
    '#line 3 "y.S"': (1, "#line is not supported"),
}


@pytest.mark.parametrize("text", COMPLAINTS)
def test_every_complaint_is_an_error_with_its_place(text: str, tmp_path: Path) -> None:
    line, message = COMPLAINTS[text]
    with pytest.raises(InputError) as caught:
        text_of(text, tmp_path)
    assert caught.value.place == Place(str(tmp_path / "x.S"), line)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["# no directive, a comment", "#warning careful", "#pragma once", "#", "#pragma"])
def test_no_complaint(text: str) -> None:
    assert "nop" in text_of(f"{text}\nnop\n")


def test_nothing_outside_of_the_roots(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("nop\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.h").symlink_to(tmp_path / "secret")
    for name in ("../secret", "link.h", str(tmp_path / "secret"), "/etc/passwd"):
        with pytest.raises(InputError, match=r"x\.S:1: .*lies outside of"):
            text_of(f'#include "{name}"\n', inside)


def test_what_is_no_header(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.h")
    (tmp_path / "folder.h").mkdir()
    (tmp_path / "loop.h").symlink_to(tmp_path / "loop.h")
    (tmp_path / "large.h").write_bytes(b"\n" * ((1 << 20) + 1))
    (tmp_path / "binary.h").write_bytes(b"\n\0")
    (tmp_path / "latin.h").write_bytes(b"\n\xff")
    reasons = {
        "fifo.h": r"x\.S:1: .*not a regular file",
        "folder.h": r"x\.S:1: .*not a regular file",
        "loop.h": r"x\.S:1: .*symbolic links",
        "large.h": r"x\.S:1: .*larger than",
        "binary.h": r"binary\.h:2: is binary",
        "latin.h": r"latin\.h:2: is not UTF-8",
        "a\\0b.h": r"x\.S:1: there is no header",
        "x" * 5000: r"x\.S:1: .*name too long",
    }
    for name, reason in reasons.items():
        with pytest.raises(InputError, match=reason):
            text_of(f'#include "{name}"\n', tmp_path)


GROWING = {
    "cyclic": '#include "x.h"\n',
    "doubling": "".join(f"#define A{n} A{n - 1} A{n - 1}\n" for n in range(1, 60)) + "A59\n",
    "doubling arguments": "#define D(x) x x\n" + "D(" * 60 + "nop" + ")" * 60 + "\n",
    "deep": "#if " + "(" * 100_000 + "1" + ")" * 100_000 + "\n#endif\n",
    "nested": "#define F(x) x\n" + "F(" * 2000 + ")" * 2000 + "\n",
    "shift": "#if 1 << 99999999999\n#endif\nnop\n",
    "long": "#define L " + "nop;" * 50_000 + "\n" + "L\n" * 100,
    "includes": '#include "y.h"\n' * 3000,
    "chain": "".join(f"#define C{n} C{n + 1}\n" for n in range(5000)) + "C0\n",
    "quotes": "'" * 50_000 + '"' * 50_001,
    "open comment": "/*" * 50_000,
    "backslashes": "\\\n" * 50_000,
}


@pytest.mark.parametrize("name", GROWING)
def test_what_grows_without_end_is_ended(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.h").write_text(GROWING[name])
    (tmp_path / "y.h").write_text("nop\n")
    start = time.monotonic()
    try:
        preprocess(Job(name=str(tmp_path / "x.S"), text=GROWING[name], roots=[tmp_path]), seconds=1)
    except InputError as error:
        said, place = str(error), error.place
        assert place
        assert "Error)" not in said
    assert time.monotonic() - start < 60


def test_a_path_that_cannot_be_told_in_a_marker() -> None:
    with pytest.raises(InputError, match="a quotation mark"):
        preprocess(Job(name='a"b.S', text="nop\n"))


PIECES = [
    "#if",
    "#endif",
    "#else\n",
    "#define",
    "(",
    ")",
    ",",
    "##",
    "#",
    '"',
    "'",
    "\\\n",
    "/*",
    "*/",
    "X",
    "...",
    "\0",
]


@pytest.mark.parametrize("seed", range(8))
def test_damaged_sources_end_in_a_text_or_an_error(seed: int) -> None:
    chance = random.Random(seed)
    name = chance.choice(("arch/x86/kernel/ftrace_64.S", "arch/arm/kernel/entry-ftrace.S", "include/linux/linkage.h"))
    text = (SMALL / name).read_text()
    for _ in range(chance.randint(1, 12)):
        start = chance.randrange(len(text))
        text = text[:start] + chance.choice(PIECES) + text[start + chance.choice((0, 0, 1, 5, 40)) :]
    folders = [SMALL / "arch/x86/include", SMALL / "include"]
    try:
        preprocess(Job(name="x.S", text=text, folders=folders, roots=[SMALL], made={"generated/autoconf.h": ""}))
    except InputError as error:
        assert error.place  # noqa: PT017 - see above
