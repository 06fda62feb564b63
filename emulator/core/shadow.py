# SPDX-License-Identifier: GPL-2.0-only
"""The shadow stack of a task: the return addresses that the graph tracer has taken, newest last.

Up to 6.12 it is an array of 50 entries. Since then it is a page of longs: an entry is a struct ftrace_ret_stack, a
word with a bit for each fgraph_ops that wants to hear of the return, and whatever they have reserved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.core.release import Release
from emulator.description import Ability

RETFUNC_DEPTH = 50
"""FTRACE_RETFUNC_DEPTH."""
SHADOW_STACK_SIZE = 4096
"""Bytes: PAGE_SIZE."""
MAX_DATA_WORDS = 32
"""Longs that an entry function may reserve (FGRAPH_MAX_DATA_SIZE)."""


@dataclass(slots=True, eq=False)
class RetStack:
    """struct ftrace_ret_stack, and since 6.12 what lies above it."""

    ret: int
    """The address that the function would have returned to."""
    func: int
    fp: int
    retp: int | None
    """Where that address was taken from; not kept by all."""
    bitmap: int = 0
    """The fgraph_ops, by index, whose retfunc is to be called."""
    data: list[tuple[int, bytearray]] = field(default_factory=list)
    """(index of an fgraph_ops, what it reserved); the newest last."""


class ShadowStack:
    """current->ret_stack. `trace_overrun` counts what did not fit."""

    def __init__(self, release: Release, abilities: Ability, word: int) -> None:
        self.entries: list[RetStack] = []
        self.trace_overrun = 0
        self._word = word
        self._paged = release.graph_users > 1
        self._frame = frame_words(abilities, word)
        self._max_offset = SHADOW_STACK_SIZE // word - (self._frame + 1 + release.graph_users)

    def full(self) -> bool:
        """Whether there is no room for one more; the last place of either kind stays empty."""
        if not self._paged:
            return len(self.entries) == RETFUNC_DEPTH
        return self.offset + self._frame + 1 >= self._max_offset

    @property
    def offset(self) -> int:
        """curr_ret_stack of 6.12, in longs."""
        data = sum(len(reserved) // self._word + 1 for entry in self.entries for _, reserved in entry.data)
        return len(self.entries) * (self._frame + 1) + data

    def reserve(self, index: int, size: int) -> bytearray | None:
        """fgraph_reserve_data(): `size` bytes, in whole longs, in the newest entry. None where there is no room.

        A negative size is compared as if it had no sign, and so is too long.
        """
        words = -(-size // self._word)
        if size < 0 or words > MAX_DATA_WORDS or self.offset + words + 1 >= self._max_offset:
            return None
        reserved = bytearray(words * self._word)
        self.entries[-1].data.append((index, reserved))
        return reserved

    def retrieve(self, index: int) -> bytearray | None:
        """fgraph_retrieve_data(): what that fgraph_ops has reserved last in the newest entry."""
        newest_first = reversed(self.entries[-1].data)
        return next((reserved for owner, reserved in newest_first if owner == index), None)


def frame_words(abilities: Ability, word: int) -> int:
    """FGRAPH_FRAME_OFFSET: longs of a struct ftrace_ret_stack {ret, func, calltime, [fp], retp} without profiler.

    calltime is 8 bytes, and 8-aligned in every ABI here, so the struct is as well.
    """
    pointers = 3 + (Ability.FUNCTION_GRAPH_FP_TEST in abilities)
    size = pointers * word + 8
    return -(-size // 8) * 8 // word
