# SPDX-License-Identifier: GPL-2.0-only
"""How much fits on the shadow stack, and what users of the graph tracer can keep there."""

from __future__ import annotations

import pytest

from emulator.core.releases import RELEASES
from emulator.core.shadow import RetStack, ShadowStack, frame_words
from emulator.description import Ability

FP = Ability.FUNCTION_GRAPH_FP_TEST


def stack(release: str, word: int = 8, abilities: Ability = Ability.NONE) -> ShadowStack:
    return ShadowStack(RELEASES[release], abilities, word)


def push(shadow: ShadowStack) -> RetStack:
    entry = RetStack(0x9000, 0x1004, 0, 0x7FF0)
    shadow.entries.append(entry)
    return entry


def capacity(shadow: ShadowStack) -> int:
    while not shadow.full():
        push(shadow)
    return len(shadow.entries)


@pytest.mark.parametrize(
    ("abilities", "word", "words"),
    [
        (Ability.NONE, 8, 4),  # ret, func, calltime, retp
        (FP, 8, 5),
        (Ability.NONE, 4, 6),  # calltime is 8 bytes, and the struct is a multiple of them: 20 bytes become 24
        (FP, 4, 6),
    ],
)
def test_the_longs_of_a_frame(abilities: Ability, word: int, words: int) -> None:
    assert frame_words(abilities, word) == words


@pytest.mark.parametrize("release", ["3.6", "3.7", "6.1"])
def test_fifty_in_an_array(release: str) -> None:
    """FTRACE_RETFUNC_DEPTH: the push is refused at index 49."""
    assert capacity(stack(release)) == 50


@pytest.mark.parametrize(
    ("word", "abilities", "frames"),
    [
        (8, Ability.NONE, 98),
        (8, FP, 81),
        (4, FP, 142),
        (4, Ability.NONE, 142),
    ],
)
def test_a_page_of_longs(word: int, abilities: Ability, frames: int) -> None:
    """SHADOW_STACK_MAX_OFFSET, 6.12: a page less a frame, its bitmap, and a long for each of 16 users."""
    shadow = stack("6.12", word, abilities)
    assert capacity(shadow) == frames
    longs, frame = 4096 // word, frame_words(abilities, word)
    limit = longs - (frame + 1 + 16)
    assert (frames - 1) * (frame + 1) + frame + 1 < limit <= frames * (frame + 1) + frame + 1


# -- storage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "room"), [(1, 8), (8, 8), (9, 16), (256, 256)])
def test_whole_longs_are_reserved(size: int, room: int) -> None:
    shadow = stack("6.12")
    push(shadow)
    reserved = shadow.reserve(3, size)
    assert reserved is not None
    assert len(reserved) == room
    assert shadow.offset == 5 + room // 8 + 1


@pytest.mark.parametrize("size", [257, 1 << 20, -1])
def test_too_much_is_not_reserved(size: int) -> None:
    """FGRAPH_MAX_DATA_SIZE: 32 longs."""
    shadow = stack("6.12")
    push(shadow)
    assert shadow.reserve(0, size) is None
    assert shadow.offset == 5
    assert shadow.retrieve(0) is None


def test_each_user_finds_its_own() -> None:
    shadow = stack("6.12")
    push(shadow)
    one, other = shadow.reserve(0, 8), shadow.reserve(1, 8)
    assert one is not None
    assert other is not None
    one[:], other[:] = b"1" * 8, b"2" * 8
    assert (shadow.retrieve(0), shadow.retrieve(1), shadow.retrieve(2)) == (one, other, None)


def test_an_outer_functions_data_is_not_found() -> None:
    shadow = stack("6.12")
    push(shadow)
    shadow.reserve(0, 8)
    push(shadow)
    assert shadow.retrieve(0) is None
    shadow.entries.pop()
    assert shadow.retrieve(0) is not None


def test_data_takes_the_room_of_frames() -> None:
    shadow = stack("6.12")
    while not shadow.full():
        push(shadow)
        shadow.reserve(0, 64)
    assert len(shadow.entries) < 98 / 2
    assert shadow.offset + 5 >= 512 - 21


def test_no_room_is_left_for_data_where_the_limit_would_be_reached() -> None:
    shadow = stack("6.12")
    capacity(shadow)  # 98 frames of 5 longs: the limit is 491
    assert shadow.offset == 490
    assert shadow.reserve(0, 1) is None
    shadow.entries.pop()
    assert shadow.reserve(0, 8 * 5) is None
    assert shadow.reserve(0, 8 * 4) is not None
