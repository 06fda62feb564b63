# SPDX-License-Identifier: GPL-2.0-only
"""A kernel without a machine: its text is a dict of call targets, its trampolines are a few lines of Python.

What is called is found the way a CPU would: from the site, through the trampoline's label and the variables, all of
them read from the plain memory that the core has written.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from emulator.core import dispatch
from emulator.core.ftrace import Ftrace
from emulator.core.ops import FtraceOps
from emulator.core.platform import TextError
from emulator.core.records import DynFtrace
from emulator.core.release import RELEASES
from emulator.description import Ability

FUNCTIONS = ("vfs_read", "vfs_write", "do_exit")
TEXT, STEP, SITE_OFFSET, SITE_SIZE = 0x1000, 0x100, 4, 5
"""Functions begin at 0x1000, 0x1100, ..., their sites four bytes on, as behind an endbr64."""
PARENT = 0x9000

DYNAMIC = Ability.FUNCTION_TRACER | Ability.DYNAMIC_FTRACE
OPS = DYNAMIC | Ability.ARCH_SUPPORTS_FTRACE_OPS
REGS = OPS | Ability.DYNAMIC_FTRACE_WITH_REGS
STOPS = Ability.FUNCTION_TRACE_MCOUNT_TEST


class Config(NamedTuple):
    """A release on an architecture with certain abilities."""

    release: str
    abilities: Ability


CONFIGS = {
    "3.6": Config("3.6", DYNAMIC | STOPS),
    "3.6-helper": Config("3.6", DYNAMIC),
    "3.7": Config("3.7", REGS | STOPS),
    "3.7-no-regs": Config("3.7", OPS | STOPS),
    "3.7-list": Config("3.7", DYNAMIC),
    "6.12": Config("6.12", REGS | Ability.TRAMPOLINE_PER_OPS | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS),
    "6.12-shared": Config("6.12", REGS),
    "6.12-list": Config("6.12", DYNAMIC),
}


class Record(NamedTuple):
    """The fourth argument: a pointer that is not NULL."""

    full: bool

    def get_regs(self) -> object | None:
        return "regs" if self.full else None


class Seen(NamedTuple):
    """What a callback was called with."""

    ops: str
    ip: int
    op: str | None
    regs: bool


class Copy(NamedTuple):
    """A private trampoline: what it calls, with which op, and whether it saves all registers."""

    ops: FtraceOps
    func: int
    regs: bool


class Plain:
    """core.platform.Platform over dicts. `log` lists every write of text and variables, in order, by names."""

    def __init__(self, abilities: Ability) -> None:
        self.abilities, self.insn_size = abilities, SITE_SIZE
        self.sites: dict[int, int] = {}
        self.label = 0
        self.variables: Counter[str] = Counter()
        self.copies: dict[int, Copy] = {}
        self.structs: dict[str, tuple[str, str, frozenset[str]]] = {}
        """What was last written into each ops: func, next, the kernel's flags."""
        self.at: dict[int, FtraceOps] = {}
        self.log: list[tuple[str, ...]] = []
        self.broken: set[int] = set()
        """Sites whose bytes somebody has changed."""
        self._symbols = {name: TEXT + index * STEP for index, name in enumerate(FUNCTIONS)}
        self._next = 0x100000

    def address(self, symbol: str) -> int:
        return self._symbols.setdefault(symbol, self._allocate())

    def _allocate(self) -> int:
        self._next += 0x10
        return self._next

    def name(self, address: int) -> str:
        if address in self.at:
            return f"&{self.at[address].name}"
        names = {number: name for name, number in self._symbols.items()}
        return names.get(address) or names.get(address - SITE_OFFSET) or f"{address:#x}"

    def settle(self, ops: FtraceOps) -> None:
        ops.address, ops.func_address = self.address(f"struct {ops.name}"), self.address(f"{ops.name}_func")
        if ops.name == "ftrace_list_end":
            ops.func_address = self.address("ftrace_stub")
        self.at[ops.address] = ops

    def publish(self, ops: FtraceOps, following: FtraceOps) -> None:
        self.structs[ops.name] = self.name(ops.func_address), self.name(following.address), frozenset(ops.kernel_flags)

    def set_variable(self, name: str, value: int) -> None:
        self.variables[name] = value
        self.log.append((name, str(value) if name == "function_trace_stop" else self.name(value)))

    def make_call(self, ip: int, target: int) -> None:
        self._patch(ip, 0, target)

    def modify_call(self, ip: int, old: int, target: int) -> None:
        assert old, "a disabled site is not modified"
        self._patch(ip, old, target)

    def make_nop(self, ip: int, old: int) -> None:
        assert old, "a disabled site is not disabled again"
        self._patch(ip, old, 0)

    def _patch(self, ip: int, old: int, new: int) -> None:
        if ip in self.broken or self.sites.get(ip, 0) != old:
            raise TextError(errno.EINVAL, f"{ip:#x} is not as expected")
        self.sites[ip] = new
        self.log.append((self.name(ip), self.name(new) if new else "nop"))

    def update_trace_func(self, func: int) -> None:
        self.label = func
        self.log.append(("label", self.name(func)))

    def update_trampoline(self, ops: FtraceOps, func: int) -> None:
        if not ops.trampoline:
            ops.trampoline, ops.trampoline_size = self.address(f"copy of {ops.name}"), 0x10
            ops.kernel_flags.add("ALLOC_TRAMP")
        self.copies[ops.trampoline] = Copy(ops, func, ops.has("SAVE_REGS"))

    def free_trampoline(self, ops: FtraceOps) -> None:
        self.copies.pop(ops.trampoline, None)
        ops.trampoline = ops.trampoline_size = 0
        ops.kernel_flags.discard("ALLOC_TRAMP")


class Kernel:
    """A core over a Plain platform, and calls of its functions."""

    def __init__(self, config: str) -> None:
        self.release, abilities = RELEASES[CONFIGS[config].release], CONFIGS[config].abilities
        self.plain = Plain(abilities)
        self.ip = {name: TEXT + index * STEP + SITE_OFFSET for index, name in enumerate(FUNCTIONS)}
        self.seen: list[Seen] = []
        records = [DynFtrace(ip, name) for name, ip in self.ip.items()]
        self.core = Ftrace(self.release, self.plain, records, self.deliver)
        self.plain.log.clear()

    def ops(self, name: str, *flags: str, on: Iterable[str] = (), home: str = "core", func: Any = None) -> FtraceOps:
        ops = FtraceOps(name, func or (lambda *_: None), flags=flags, home=home)
        for function in on:
            self.core.set_filter(ops, function)
        return ops

    def register(
        self, name: str, *flags: str, on: Iterable[str] = (), home: str = "core", func: Any = None
    ) -> FtraceOps:
        ops = self.ops(name, *flags, on=on, home=home, func=func)
        self.core.register(ops)
        return ops

    def record(self, function: str) -> DynFtrace:
        return self.core.records[self.ip[function]]

    def target(self, function: str) -> str:
        """What the site calls, by name."""
        address = self.plain.sites.get(self.ip[function], 0)
        return self.plain.name(address) if address else "nop"

    def label(self) -> str:
        return self.plain.name(self.plain.label)

    def variable(self, name: str) -> str:
        return self.plain.name(self.plain.variables[name])

    def letters(self, function: str) -> str:
        """The count and the flags of a record."""
        rec, bits = self.record(function), self.release.bits
        names = ("ENABLED", "REGS", "REGS_EN", "TRAMP", "TRAMP_EN")
        return " ".join([str(rec.count(bits)), *(name for name in names if rec.flags & getattr(bits, name))])

    # -- the machine --------------------------------------------------------------------------------------------------

    def call(self, function: str) -> list[Seen]:
        """Run a traced function; what callbacks saw, in order."""
        before = len(self.seen)
        ip, target = self.ip[function], self.plain.sites.get(self.ip[function], 0)
        if target in self.plain.copies:
            ops, func, regs = self.plain.copies[target]
            self._call(func, ip, ops, self._record(full=regs))
        elif target:
            op = self.plain.at.get(self.plain.variables["function_trace_op"])
            full = target == self.plain.address("ftrace_regs_caller")
            assert full or target == self.plain.address("ftrace_caller")
            if not (STOPS in self.plain.abilities and self.plain.variables["function_trace_stop"]):
                self._call(self.plain.label, ip, op, self._record(full=full))
        return self.seen[before:]

    def _record(self, *, full: bool) -> Record | None:
        """3.7 passes NULL or pt_regs, 6.12 always an ftrace_regs, which may be a full one."""
        if Ability.ARCH_SUPPORTS_FTRACE_OPS not in self.plain.abilities:
            return None
        return Record(full) if full or self.release.callback_gets_fregs else None

    def _call(self, func: int, ip: int, op: FtraceOps | None, record: Record | None) -> None:
        match self.plain.name(func):
            case "ftrace_stub":
                pass
            case "ftrace_ops_list_func":
                dispatch.ops_list_func(self.core, ip, PARENT, record)
            case "ftrace_ops_assist_func":
                assert op is not None
                dispatch.ops_assist_func(self.core, ip, PARENT, op, record)
            case "ftrace_test_stop_func":
                if not self.plain.variables["function_trace_stop"]:
                    self._call(self.plain.variables["__ftrace_trace_function"], ip, op, record)
            case _:
                (ops,) = [ops for ops in self.plain.at.values() if ops.func_address == func]
                self.deliver(ops, ip, PARENT, op, record)

    def deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: FtraceOps | None, record: Record | None) -> None:
        passed = op if self.release.callback_gets_op else None
        regs = record.get_regs() if record else None
        self.seen.append(Seen(ops.name, ip, passed.name if passed else None, regs is not None))
        ops.func(ip, parent_ip, passed, regs)


@pytest.fixture(scope="session")
def boot() -> Callable[[str], Kernel]:
    """Makes a kernel of one of CONFIGS."""
    return Kernel


@pytest.fixture(params=CONFIGS)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """A kernel of each configuration."""
    return Kernel(request.param)
