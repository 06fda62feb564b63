# SPDX-License-Identifier: GPL-2.0-only
"""Ranges of addresses, and their pages."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from emulator.machine.memory import PAGE
from emulator.spans import Span, inside, merged, overlap, pages

SPANS = st.lists(st.tuples(st.integers(0, 40 * PAGE), st.integers(1, 3 * PAGE)).map(lambda at: Span(at[0], sum(at))))


def test_a_span_holds_what_lies_within() -> None:
    span = Span(4, 8)
    assert [address for address in range(12) if address in span] == [4, 5, 6, 7]
    assert span.size == 4
    assert span.holds(Span(5, 8))
    assert not span.holds(Span(5, 9))


@given(SPANS)
def test_pages_are_whole_apart_and_hold_everything(spans: list[Span]) -> None:
    found = pages(spans)
    assert all(start % PAGE == end % PAGE == 0 and start < end for start, end in found)
    assert all(sooner.end < later.start for sooner, later in pairwise(found))
    assert all(any(run.holds(span) for run in found) for span in spans)
    touched = {page for start, end in spans for page in range(start // PAGE, (end - 1) // PAGE + 1)}
    assert sum(run.size for run in found) == len(touched) * PAGE


@given(SPANS, st.integers(0, PAGE))
def test_merged_ones_hold_the_same_and_lie_further_apart_than_the_gap(spans: list[Span], gap: int) -> None:
    found = merged(spans, gap)
    assert all(later.start - sooner.end > gap for sooner, later in pairwise(found))
    assert all(any(run.holds(span) for run in found) for span in spans)
    assert {run.start for run in found} <= {span.start for span in spans}
    assert {run.end for run in found} <= {span.end for span in spans}


@given(SPANS)
def test_overlaps_are_found_where_there_are_any(spans: list[Span]) -> None:
    found = overlap(spans)
    every = [set(range(start, end, 1)) for start, end in spans] if len(spans) < 4 else []
    if found is None:
        assert len(set().union(*every)) == sum(map(len, every))
    else:
        assert found.size > 0
        assert sum(span.start < found.end and found.start < span.end for span in spans) > 1


@given(SPANS, st.integers(0, 45 * PAGE))
def test_many_ranges_are_looked_through_at_once(spans: list[Span], address: int) -> None:
    for place in (address, *(edge for span in spans for edge in (span.start - 1, span.start, span.end - 1, span.end))):
        assert inside(spans)(place) == any(place in span for span in spans)
