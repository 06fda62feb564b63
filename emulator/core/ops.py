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
"""The flags that a user may set and whose meaning is modelled."""
KERNELS = frozenset({"ENABLED", "INITIALIZED", "DELETED", "ADDING", "REMOVING", "MODIFYING", "ALLOC_TRAMP", "SUBOP"})
"""The flags that the kernel keeps for itself."""


class FtraceOps:
    """A user of the function tracer: `func(ip, parent_ip, op, regs)`, wanted on the functions of its hashes.

    `flags` are names, with or without FTRACE_OPS_FL_. An ops at home in a "module" becomes DYNAMIC at registration, as
    in the kernel. The addresses are those of this ops in the kernel that it was last used with, 0 before that.
    Raises UsageError for a func that cannot be called or flags in one string, UnknownName for a home that does not
    exist.
    """

    def __init__(self, name: str, func: Callable[..., Any], *, flags: Iterable[str] = (), home: str = "core") -> None:
        if not callable(func):
            raise UsageError(f"ops {name!r}: func is {func!r}, which cannot be called")
        if isinstance(flags, str):
            raise UsageError(f"ops {name!r}: flags is the string {flags!r}; expected a set of names")
        if home not in HOMES:
            raise UnknownName("home", home, HOMES)
        self.name = name
        self.func = func
        self.home = home
        self.kernel: object = None
        """The core that the members below belong to."""
        self.kernel_flags: set[str] = set()
        """What the core has set: ENABLED, DYNAMIC for a module's ops, ALLOC_TRAMP."""
        self.filter_hash: set[int] = set()
        self.notrace_hash: set[int] = set()
        self.address = 0
        self.func_address = 0
        self.trampoline = 0
        self.trampoline_size = 0
        self.flags = frozenset(flags)

    def __repr__(self) -> str:
        return f"<FtraceOps {self.spec}>"

    @property
    def flags(self) -> frozenset[str]:
        """The user's flags, without FTRACE_OPS_FL_. Setting raises UsageError while the ops is registered."""
        return self._flags

    @flags.setter
    def flags(self, flags: Iterable[str]) -> None:
        if "ENABLED" in self.kernel_flags:
            raise UsageError(f"ops {self.name!r}: the flags of a registered ops stay as they are")
        self._flags = frozenset(flag.removeprefix(PREFIX) for flag in flags)

    @property
    def spec(self) -> str:
        """NAME:FLAG:FLAG, as the command line would write it; without what the kernel set itself."""
        return ":".join([self.name, *sorted(self.flags)])

    def has(self, flag: str) -> bool:
        """Whether FTRACE_OPS_FL_<flag> is set."""
        return flag in self.kernel_flags or flag in self.flags

    def word(self, release: Release) -> int:
        """The flags member as that release writes it."""
        return sum(release.flags[flag] for flag in self.flags | self.kernel_flags)

    def wants(self, ip: int) -> bool:
        """hash_contains_ip(): an empty filter means every function, an empty notrace hash means none."""
        return (not self.filter_hash or ip in self.filter_hash) and ip not in self.notrace_hash

    def enter(self, kernel: object, release: Release) -> None:
        """ftrace_ops_init(): the first use in a kernel. What another one knew of this ops is forgotten.

        Raises UsageError while that other one still has it registered.
        """
        if self.kernel is kernel:
            return
        if self.has("ENABLED"):
            raise UsageError(f"ops {self.name!r} is registered in another kernel; unregister it there first")
        self.kernel = kernel
        self.kernel_flags = {"INITIALIZED"} & release.flags.keys()
        self.filter_hash, self.notrace_hash = set(), set()
        self.address = self.func_address = self.trampoline = self.trampoline_size = 0


def check_filters(ops: FtraceOps, kernel: object) -> None:
    """Refuse filters that hold another kernel's addresses. Raises UsageError."""
    if ops.kernel is not kernel and (ops.filter_hash or ops.notrace_hash):
        raise UsageError(f"ops {ops.name!r}: its filter was set in another kernel; set it in this one first")


def check_flags(ops: FtraceOps, release: Release) -> None:
    """Refuse flags that `release` does not have, or whose meaning is not modelled. Raises UsageError."""
    for flag in sorted(ops.flags):
        who, what = f"ops {ops.name!r}", PREFIX + flag
        if flag not in release.flags:
            raise UsageError(f"{who}: release {release.name} has no {what}")
        if flag in KERNELS:
            raise UsageError(f"{who}: {what} is set by the kernel itself, not by users")
        if flag not in USERS:
            raise UsageError(f"{who}: {what} of release {release.name} is not modelled yet")
