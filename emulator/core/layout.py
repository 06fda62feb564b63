# SPDX-License-Identifier: GPL-2.0-only
"""Where the members of struct ftrace_ops lie, computed as a C compiler would from the release's list of them."""

from __future__ import annotations

from functools import cache

from emulator.core.release import Release
from emulator.description import Ability, Member, Struct


def _mutex(word: int) -> int:
    """sizeof(struct mutex) without lock debugging (6.12 mutex_types.h).

    owner is a long; wait_lock and osq are 4 bytes each; wait_list is two pointers.
    """
    return word + 4 + 4 + 2 * word


@cache
def ftrace_ops(release: Release, word: int, abilities: Ability) -> Struct:
    """struct ftrace_ops of `release` with longs of `word` bytes, as compiled for a kernel with these abilities.

    Every member is a row of longs and 4-byte locks that comes out long-aligned, so nothing is ever padded.
    """
    sizes = {"pointer": word, "long": word, "list_head": 2 * word, "ops_hash": 2 * word + _mutex(word)}
    members, offset = [], 0
    for name, kind, needed in release.ops_members:
        if needed in abilities:
            members.append(Member(name, offset, sizes[kind]))
            offset += sizes[kind]
    return Struct("ftrace_ops", offset, tuple(members))
