# SPDX-License-Identifier: GPL-2.0-only
"""struct ftrace_ops: a callback, its flags, and the hashes that say which functions it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.core.release import Release
from emulator.errors import UnknownName, UsageError

PREFIX = "FTRACE_OPS_FL_"
HOMES = ("core", "module")

USERS = frozenset({"SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION", "RECURSION_SAFE", "DYNAMIC"})
"""The flags that a user may set and whose meaning is modelled; the kernel sets ENABLED and the like itself."""


class FtraceOps:
    """A user of the function tracer: `func(ip, parent_ip, op, regs)`, wanted on the functions of its hashes.

    `flags` are names, with or without FTRACE_OPS_FL_. An ops at home in a "module" becomes DYNAMIC at registration, as
    in the kernel. The addresses are those of this ops in the image that it was registered with, 0 before that.
    Raises UsageError for a func that cannot be called, UnknownName for a home that does not exist.
    """

    def __init__(self, name: str, func: Callable[..., Any], *, flags: Iterable[str] = (), home: str = "core") -> None:
        if not callable(func):
            raise UsageError(f"ops {name!r}: func is {func!r}, which cannot be called")
        if home not in HOMES:
            raise UnknownName("home", home, HOMES)
        self.name = name
        self.func = func
        self.flags = {flag.removeprefix(PREFIX) for flag in flags}
        self.kernel_flags: set[str] = set()
        """What the core has set: ENABLED, DYNAMIC for a module's ops, ALLOC_TRAMP."""
        self.home = home
        self.filter_hash: set[int] = set()
        self.notrace_hash: set[int] = set()
        self.address = 0
        self.func_address = 0
        self.trampoline = 0
        self.trampoline_size = 0

    def __repr__(self) -> str:
        return f"<FtraceOps {self.spec}>"

    @property
    def spec(self) -> str:
        """NAME:FLAG:FLAG, as the command line would write it; without what the kernel set itself."""
        return ":".join([self.name, *sorted(self.flags)])

    def has(self, flag: str) -> bool:
        """Whether FTRACE_OPS_FL_<flag> is set."""
        return flag in self.flags or flag in self.kernel_flags

    def word(self, release: Release) -> int:
        """The flags member as that release writes it."""
        return sum(release.flags[flag] for flag in self.flags | self.kernel_flags)

    def wants(self, ip: int) -> bool:
        """hash_contains_ip(): an empty filter means every function, an empty notrace hash means none."""
        return (not self.filter_hash or ip in self.filter_hash) and ip not in self.notrace_hash


def check_flags(ops: FtraceOps, release: Release) -> None:
    """Refuse flags that `release` does not have, or whose meaning is not modelled. Raises UsageError."""
    for flag in sorted(ops.flags):
        if flag not in release.flags:
            raise UsageError(f"ops {ops.name!r}: release {release.name} has no {PREFIX}{flag}")
        if flag not in USERS:
            raise UsageError(f"ops {ops.name!r}: {PREFIX}{flag} is not for users to set, or not modelled")
