# SPDX-License-Identifier: GPL-2.0-only
"""Where the members of struct ftrace_ops lie, computed as a C compiler would from the release's list of them."""

from __future__ import annotations

from functools import cache

from emulator.core.release import Release
from emulator.description import Member, Struct


def _mutex(word: int) -> int:
    """sizeof(struct mutex) without lock debugging: owner, wait_lock and osq of 4 bytes each, wait_list (6.12 mutex_types.h)."""
    return word + 4 + 4 + 2 * word


@cache
def ftrace_ops(release: Release, word: int, direct_calls: bool) -> Struct:
    """struct ftrace_ops of `release` with longs of `word` bytes; direct_call exists only WITH_DIRECT_CALLS."""
    sizes = {"pointer": word, "long": word, "list_head": 2 * word, "ops_hash": 2 * word + _mutex(word)}
    members, offset = [], 0
    for name, kind in release.ops_members:
        if name == "direct_call" and not direct_calls:
            continue
        members.append(Member(name, offset, sizes[kind]))
        offset += sizes[kind]
    return Struct("ftrace_ops", offset, tuple(members))
