# SPDX-License-Identifier: GPL-2.0-only
"""Lines, tables, and the two ways to print them."""

from __future__ import annotations

import re

from emulator.report.lines import Span, coloured, heading, line, plain, table, wrap


def test_a_table_aligns_all_but_the_last_cell() -> None:
    rows = table([["a", "b", "c"], ["long", Span("x", "red"), "a very long last cell"]])
    assert plain(rows) == "a     b  c\nlong  x  a very long last cell\n"


def test_rows_may_be_shorter_than_others() -> None:
    assert (
        plain(table([["one", "two", "three"], ["only one that is long"]])) == "one  two  three\nonly one that is long\n"
    )


def test_plain_text_has_no_trailing_blanks() -> None:
    assert plain([line("x   "), [], heading("y")]) == "x\n\ny\n"


def test_colour_changes_no_text_even_where_a_line_is_long() -> None:
    lines = [line(Span("x" * 150, "bold red"), " [not markup] :warning:"), [], line("y")]
    printed = coloured(lines)
    assert "\x1b[" in printed
    assert re.sub(r"\x1b\[[0-9;]*m", "", printed) == plain(lines)


def test_words_are_wrapped_and_none_is_cut() -> None:
    assert wrap("one two  three", 7) == ["one two", "three"]
    assert wrap("unbreakable a", 4) == ["unbreakable", "a"]
    assert wrap("", 4) == [""]
