# SPDX-License-Identifier: GPL-2.0-only
"""struct ftrace_ops_hash: which functions an ops wants, and what the kernel makes of an empty hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class OpsHash:
    """The addresses in the filter, and those in the notrace hash. Ops may share one."""

    filter: set[int] = field(default_factory=set)
    notrace: set[int] = field(default_factory=set)

    def contains(self, ip: int) -> bool:
        """hash_contains_ip(): an empty filter means every function, an empty notrace hash means none."""
        return (not self.filter or ip in self.filter) and ip not in self.notrace

    def copy(self) -> OpsHash:
        """What ops->old_hash keeps while code is patched."""
        return OpsHash(set(self.filter), set(self.notrace))


def append_hashes(filters: Iterable[set[int]]) -> set[int]:
    """The filter of a manager of several ops: all that any of them wants; an empty filter among them wants all."""
    found: set[int] = set()
    for each in filters:
        if not each:
            return set()
        found |= each
    return found


def intersect_hashes(notraces: Iterable[set[int]]) -> set[int]:
    """The notrace hash for several ops: what none of them wants; an empty hash among them excludes nothing."""
    first, *others = notraces
    return first.intersection(*others)
