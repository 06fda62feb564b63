# SPDX-License-Identifier: GPL-2.0-only
"""What a pair of hashes includes, and what the hashes of several ops make together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.hashes import OpsHash, append_hashes, intersect_hashes

EVERY = {1, 2, 3, 4}
SETS = st.sets(st.sampled_from(sorted(EVERY)))


@pytest.mark.parametrize(
    ("filter_hash", "notrace", "included"),
    [
        (set(), set(), EVERY),
        ({1, 2}, set(), {1, 2}),
        (set(), {1, 2}, {3, 4}),
        ({1, 2}, {2, 3}, {1}),
        ({1}, {1}, set()),
    ],
)
def test_an_empty_filter_is_everything_and_an_empty_notrace_hash_nothing(
    filter_hash: set[int], notrace: set[int], included: set[int]
) -> None:
    hashes = OpsHash(filter_hash, notrace)
    assert {ip for ip in EVERY if hashes.contains(ip)} == included


def test_a_copy_stays_as_it_is() -> None:
    hashes = OpsHash({1}, {2})
    old = hashes.copy()
    hashes.filter.add(3)
    hashes.notrace.clear()
    assert (old.filter, old.notrace) == ({1}, {2})


def test_hashes_of_two_new_ops_are_two() -> None:
    one, other = OpsHash(), OpsHash()
    one.filter.add(1)
    assert other.filter == set()


@pytest.mark.parametrize(
    ("filters", "together"),
    [([{1}], {1}), ([{1}, {2}], {1, 2}), ([{1}, set(), {2}], set()), ([set()], set()), ([], set())],
)
def test_one_that_wants_everything_wants_it_for_all(filters: list[set[int]], together: set[int]) -> None:
    assert append_hashes(filters) == together


@pytest.mark.parametrize(
    ("notraces", "together"),
    [([{1, 2}], {1, 2}), ([{1, 2}, {2, 3}], {2}), ([{1}, set()], set()), ([{1, 2}, {2, 3}, {3}], set())],
)
def test_only_what_nobody_wants_is_left_out_for_all(notraces: list[set[int]], together: set[int]) -> None:
    assert intersect_hashes(notraces) == together


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=4))
def test_together_they_include_whatever_one_of_them_includes(pairs: list[tuple[set[int], set[int]]]) -> None:
    each = [OpsHash(*pair) for pair in pairs]
    together = OpsHash(append_hashes(one.filter for one in each), intersect_hashes(one.notrace for one in each))
    assert {ip for one in each for ip in EVERY if one.contains(ip)} <= {ip for ip in EVERY if together.contains(ip)}


def test_what_goes_in_is_not_changed() -> None:
    one, other = {1}, {1, 2}
    append_hashes([one, other]).add(9)
    intersect_hashes([one, other]).add(9)
    assert (one, other) == ({1}, {1, 2})
