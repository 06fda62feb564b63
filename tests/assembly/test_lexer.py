# SPDX-License-Identifier: GPL-2.0-only
"""Text to statements."""

from __future__ import annotations

import pytest

from emulator.assembly.lexer import TEXT_LIMIT, lex
from emulator.errors import AssemblyError


def texts(source: str, comment: str = "#") -> list[str]:
    return [statement.text for statement in lex("a.S", source, comment)]


def places(source: str, comment: str = "#") -> list[str]:
    return [str(statement.place) for statement in lex("a.S", source, comment)]


def test_comments_go_and_strings_stay() -> None:
    assert texts('nop # one\n/* two */ ret // three\n.ascii "# /* // ;" # four') == ["nop", "ret", '.ascii "# /* // ;"']
    assert texts('mov r0, #1 @ one\n  # two\n.ascii "@"', "@") == ["mov r0, #1", '.ascii "@"']


def test_a_hash_begins_a_comment_only_at_the_start_of_a_line_where_the_dialect_needs_it() -> None:
    assert texts("# comment\n  #comment\nadd r0, #1 ; # 2", "@") == ["add r0, #1", "# 2"]


def test_the_call_counter_of_macros_is_no_comment() -> None:
    assert texts("l\\@: nop @ comment", "@") == ["l\\@: nop"]


def test_semicolons_separate_outside_of_strings() -> None:
    assert texts("a; b ;; c 'x; .ascii \"p;q\"; d ';'") == ["a", "b", "c 'x", '.ascii "p;q"', "d ';'"]


def test_places_are_lines_and_columns() -> None:
    assert places("a\n\n  b; c\n/* \n */ d\ne \\\n f\n g") == [
        "a.S:1:1",
        "a.S:3:3",
        "a.S:3:6",
        "a.S:5:5",
        "a.S:6:1",
        "a.S:8:2",
    ]
    assert texts("e \\\n f") == ["e   f"]
    assert places("a\r\nb\rc") == ["a.S:1:1", "a.S:2:1", "a.S:3:1"]


def test_line_markers_of_a_preprocessor_are_obeyed() -> None:
    assert places('# 1 "x.S"\na\n# 40 "dir/y.h" 2\nb\n#line 7 "z.h"\nc') == ["x.S:1:1", "dir/y.h:40:1", "z.h:7:1"]


@pytest.mark.parametrize(
    "line",
    ["#define X 1", "#include <a.h>", '# include "a.h"', "#ifdef X", "#if 1", "#  ifndef X", "#endif", "#undef X"],
)
def test_a_source_that_needs_a_preprocessor_says_so(line: str) -> None:
    with pytest.raises(AssemblyError, match=r"a\.S:2:1: this source needs a C preprocessor"):
        texts(f"nop\n{line}\n")


@pytest.mark.parametrize(
    "line", ["# if this happens", "#comment", "# define the word", "# else branch", "#1", "# include it"]
)
def test_comments_that_begin_with_a_word_are_comments(line: str) -> None:
    assert texts(f"{line}\nnop") == ["nop"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nop\n  \0", r"a\.S:2:3: not a text file"),
        ("\x7fELF\x02", r"a\.S:1:1: not a text file"),
        ('nop\n .ascii "abc\n', r"a\.S:2:9: string without an end"),
        ("nop\n /* abc\n", r"a\.S:2:2: comment without an end"),
        ("\n" * (TEXT_LIMIT + 1), "longer than"),
    ],
)
def test_what_is_no_source(source: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        texts(source)


def test_other_alphabets_are_text() -> None:
    assert texts("nop # größer als √2") == ["nop"]
