# SPDX-License-Identifier: GPL-2.0-only
"""struct ftrace_ops: a callback, its flags, and the hashes that say which functions it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.core.given import expect, expect_name
from emulator.core.hashes import OpsHash
from emulator.core.release import Release
from emulator.errors import UnknownName, UsageError

PREFIX = "FTRACE_OPS_FL_"
HOMES = ("core", "module")

KERNELS = frozenset(
    {"ENABLED", "INITIALIZED", "DELETED", "ADDING", "REMOVING", "MODIFYING", "ALLOC_TRAMP", "TRACE_ARRAY", "SUBOP"}
)
"""The flags that the kernel keeps for itself; all others are for users to set."""

Func = Callable[..., Any]


class FtraceOps:
    """A user of the function tracer: `func(ip, parent_ip, op, regs)`, wanted on the functions of its hashes.

    `flags` are names, with or without FTRACE_OPS_FL_. An ops at home in a "module" becomes DYNAMIC at registration, as
    in the kernel. Without a func (NULL) it is for register_ftrace_direct(); `ops_func(ops, command)` then answers
    whether it can share its functions with IPMODIFY. The addresses are those of this ops in the kernel that it was
    last used with, 0 before that. Raises UsageError for a func that cannot be called or flags in one string,
    UnknownName for a home that does not exist.
    """

    def __init__(
        self,
        name: str,
        func: Func | None = None,
        *,
        flags: Iterable[str] = (),
        home: str = "core",
        ops_func: Func | None = None,
    ) -> None:
        expect_name("FtraceOps", name)
        for what, called in (("func", func), ("ops_func", ops_func)):
            if called is not None and not callable(called):
                raise UsageError(f"ops {name!r}: {what} is {called!r}, which cannot be called")
        if isinstance(flags, str):
            raise UsageError(f"ops {name!r}: flags is the string {flags!r}; expected a set of names")
        if home not in HOMES:
            raise UnknownName("home", home, HOMES)
        self.name = name
        self.func = func
        self.ops_func = ops_func
        self.home = home
        self.kernel: object = None
        """The core that the members below belong to."""
        self.kernel_flags: set[str] = set()
        """What the core has set: ENABLED, DYNAMIC for a module's ops, ALLOC_TRAMP, ..."""
        self.forget()
        self.flags = flags

    def __repr__(self) -> str:
        return f"<FtraceOps {self.spec}>"

    def forget(self) -> None:
        """Everything but what the user gave is as in a new ops."""
        self.local_hash = OpsHash()
        self.func_hash = self.local_hash
        """The hash that counts: local_hash, or one that is shared with another ops."""
        self.old_hash: OpsHash | None = None
        """While code is patched: what the sites are patched for still."""
        self.address = 0
        """Of the struct."""
        self.own_func = 0
        """Where `func` is."""
        self.func_address = 0
        """ops->func: what is called, own_func or something in its place."""
        self.saved_func = 0
        self.trampoline = 0
        self.trampoline_size = 0
        self.direct_call = 0
        self.disabled = 1
        """3.x, CONTROL: off on this CPU until ftrace_function_local_enable()."""
        self.subop_list: list[FtraceOps] = []
        """Newest first."""
        self.managed: FtraceOps | None = None
        """The ops that this one is a SUBOP of."""

    # -- flags --------------------------------------------------------------------------------------------------------

    @property
    def flags(self) -> frozenset[str]:
        """The user's flags, without FTRACE_OPS_FL_. Setting raises UsageError while the ops is registered."""
        return self._flags

    @flags.setter
    def flags(self, flags: Iterable[str]) -> None:
        if "ENABLED" in self.kernel_flags:
            raise UsageError(f"ops {self.name!r}: the flags of a registered ops stay as they are")
        names = tuple(flags)
        for flag in names:
            expect(f"ops {self.name!r}", flag, str, "the name of a flag")
        self._flags = frozenset(flag.removeprefix(PREFIX) for flag in names)

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

    # -- hashes -------------------------------------------------------------------------------------------------------

    @property
    def filter_hash(self) -> set[int]:
        """func_hash->filter_hash."""
        return self.func_hash.filter

    @property
    def notrace_hash(self) -> set[int]:
        """func_hash->notrace_hash."""
        return self.func_hash.notrace

    def wants(self, ip: int) -> bool:
        """Whether the hashes include a function."""
        return self.func_hash.contains(ip)

    # -- kernels ------------------------------------------------------------------------------------------------------

    def enter(self, kernel: object) -> None:
        """Belong to a kernel from now on; what another one knew of this ops is forgotten.

        Raises UsageError while that other one still has it registered.
        """
        if self.kernel is kernel:
            return
        if self.has("ENABLED"):
            raise UsageError(f"ops {self.name!r} is registered in another kernel; unregister it there first")
        self.kernel = kernel
        self.kernel_flags = set()
        self.forget()


class KernelOps(FtraceOps):
    """An ops of the core's own, whose func is a C function of the kernel: `symbol`."""

    def __init__(self, name: str, symbol: str, *flags: str) -> None:
        super().__init__(name, flags=flags)
        self.symbol = symbol


def check_filters(ops: FtraceOps, kernel: object) -> None:
    """Refuse filters that hold another kernel's addresses. Raises UsageError."""
    if ops.kernel is not kernel and (ops.filter_hash or ops.notrace_hash):
        raise UsageError(f"ops {ops.name!r}: its filter was set in another kernel; set it in this one first")


def check_flags(ops: FtraceOps, release: Release) -> None:
    """Refuse flags that `release` does not have, or that only the kernel sets. Raises UsageError."""
    for flag in sorted(ops.flags):
        who, what = f"ops {ops.name!r}", PREFIX + flag
        if flag not in release.flags:
            raise UsageError(f"{who}: release {release.name} has no {what}")
        if flag in KERNELS:
            raise UsageError(f"{who}: {what} is set by the kernel itself, not by users")
