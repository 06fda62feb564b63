# SPDX-License-Identifier: GPL-2.0-only
"""A kernel without a machine: its text is a dict of call targets, its trampolines are a few lines of Python.

What is called is found the way a CPU would: from the site, through the trampoline's label and the variables, all of
them read from the plain memory that the core has written. So is the way back: a return address is a word in a dict.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.ftrace import Ftrace
from emulator.core.ops import FtraceOps, KernelOps
from emulator.core.platform import TextError
from emulator.core.records import DynFtrace
from emulator.core.releases import RELEASES
from emulator.description import Ability
from emulator.errors import Fault

FUNCTIONS = ("vfs_read", "vfs_write", "do_exit")
TEXT, STEP, SITE_OFFSET, SITE_SIZE = 0x1000, 0x100, 4, 5
"""Functions begin at 0x1000, 0x1100, ..., their sites four bytes on, as behind an endbr64."""
ROOM = 0x100000
"""Everything else that has an address begins here."""
STACK, FRAME, PARENT = 0x8000, 0x10, 0x9000
"""The first return address is below STACK, each nested one a FRAME further down; all of them lead to PARENT."""
RESULT = 7
"""What every function returns."""

TRACER = Ability.FUNCTION_TRACER | Ability.FUNCTION_GRAPH_TRACER
DYNAMIC = TRACER | Ability.DYNAMIC_FTRACE
OPS = DYNAMIC | Ability.ARCH_SUPPORTS_FTRACE_OPS
REGS = OPS | Ability.DYNAMIC_FTRACE_WITH_REGS
STOPS = Ability.FUNCTION_TRACE_MCOUNT_TEST
VERIFIES = Ability.ARCH_REPLACE_CODE
FRAMES = Ability.FUNCTION_GRAPH_FP_TEST
COPIES = (
    REGS
    | VERIFIES
    | Ability.DYNAMIC_FTRACE_WITH_ARGS
    | Ability.TRAMPOLINE_PER_OPS
    | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
)
CALL_OPS = Ability.DYNAMIC_FTRACE_WITH_CALL_OPS
SITES_OPS = OPS | CALL_OPS | Ability.DYNAMIC_FTRACE_WITH_ARGS | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS


class Config(NamedTuple):
    """A release on an architecture with certain abilities."""

    release: str
    abilities: Ability
    graph_is_ops: bool = False


CONFIGS = {
    "3.6": Config("3.6", DYNAMIC | STOPS | VERIFIES | FRAMES),
    "3.6-helper": Config("3.6", DYNAMIC),
    "3.7": Config("3.7", REGS | STOPS | VERIFIES),
    "3.7-no-regs": Config("3.7", OPS | STOPS | VERIFIES),
    "3.7-list": Config("3.7", DYNAMIC),
    "6.1": Config("6.1", COPIES, graph_is_ops=True),
    "6.12": Config("6.12", COPIES | Ability.FUNCTION_GRAPH_RETVAL | Ability.STATIC_CALL, graph_is_ops=True),
    "6.12-shared": Config("6.12", REGS | FRAMES),
    "6.12-call-ops": Config("6.12", SITES_OPS, graph_is_ops=True),
    "6.12-list": Config("6.12", DYNAMIC | FRAMES),
}
STATIC = {
    "3.6-static": Config("3.6", TRACER | STOPS),
    "3.6-static-helper": Config("3.6", TRACER),
    "3.7-static": Config("3.7", TRACER | STOPS),
    "3.7-static-list": Config("3.7", TRACER),
    "6.1-static": Config("6.1", TRACER | FRAMES),
    "6.12-static": Config("6.12", Ability.FUNCTION_TRACER),
}
"""Without DYNAMIC_FTRACE: every site calls mcount for ever."""


class Record:
    """The fourth argument: a pointer that is not NULL."""

    def __init__(self, slot: int, *, full: bool) -> None:
        self.slot, self.full, self.direct = slot, full, 0

    def get_regs(self) -> object | None:
        return "regs" if self.full else None

    def get_parent_slot(self) -> int:
        return self.slot

    def get_frame_pointer(self) -> int:
        return 0

    def set_direct_caller(self, address: int) -> None:
        self.direct = address


class Seen(NamedTuple):
    """What a callback was called with."""

    ops: str
    ip: int
    op: str | None
    regs: bool


class Entered(NamedTuple):
    """What the entry function of a graph tracer was told."""

    gops: str
    function: str
    depth: int


class Returned(NamedTuple):
    """What its return function was told."""

    gops: str
    function: str
    depth: int
    overrun: int
    retval: int | None


class Directed(NamedTuple):
    """A direct trampoline was called."""

    address: int


Event = Seen | Entered | Returned | Directed


class Copy(NamedTuple):
    """A private trampoline: what it calls, with which op, and whether it saves all registers."""

    ops: FtraceOps
    func: int
    regs: bool


class Plain:
    """core.platform.Platform over dicts. `log` lists every write of text and variables, in order, by names."""

    def __init__(self, config: Config) -> None:
        self.abilities, self.graph_is_ops = config.abilities, config.graph_is_ops
        self.insn_size, self.word, self.graph_trampoline = SITE_SIZE, 8, 0
        self.graph_finds_frames = self.graph_beside_func = False
        self.site_ops: dict[int, int] = {}
        """Where each site's own pointer to an ops leads to."""
        self.sites: dict[int, int] = {}
        self.stack: dict[int, int] = {}
        self.label = 0
        self.graph_caller = False
        self.variables: Counter[str] = Counter()
        self.copies: dict[int, Copy] = {}
        self.structs: dict[str, tuple[str, str, frozenset[str]]] = {}
        """What was last written into each ops: func, next, the kernel's flags."""
        self.at: dict[int, FtraceOps] = {}
        self.log: list[tuple[str, ...]] = []
        self.broken: set[int] = set()
        """Sites whose bytes somebody has changed."""
        self._symbols = {name: TEXT + index * STEP for index, name in enumerate(FUNCTIONS)}
        self._names = {address + offset: name for name, address in self._symbols.items() for offset in (0, SITE_OFFSET)}

    def address(self, symbol: str) -> int:
        if symbol not in self._symbols:
            address = ROOM + STEP * len(self._symbols)
            self._symbols[symbol], self._names[address] = address, symbol
        return self._symbols[symbol]

    function = address

    def name(self, address: int) -> str:
        if address in self.at:
            return f"&{self.at[address].name}"
        return self._names.get(address) or f"{address:#x}"

    # -- return addresses ---------------------------------------------------------------------------------------------

    def read_word(self, address: int) -> int:
        if address not in self.stack:
            raise Fault(f"{address:#x} is on no stack")
        return self.stack[address]

    def write_word(self, address: int, value: int) -> None:
        self.read_word(address)
        self.stack[address] = value

    # -- ops and variables --------------------------------------------------------------------------------------------

    def settle(self, ops: FtraceOps) -> None:
        ops.address = self.address(f"struct {ops.name}")
        if isinstance(ops, KernelOps):
            ops.own_func = self.address(ops.symbol)
        else:
            ops.own_func = self.address(f"{ops.name}_func") if ops.func else 0
        ops.func_address = ops.saved_func = ops.own_func
        self.at[ops.address] = ops

    def publish(self, ops: FtraceOps, following: FtraceOps) -> None:
        self.structs[ops.name] = self.name(ops.func_address), self.name(following.address), frozenset(ops.kernel_flags)

    def set_variable(self, name: str, value: int) -> None:
        self.variables[name] = value
        self.log.append((name, str(value) if name == "function_trace_stop" else self.name(value)))

    # -- text ---------------------------------------------------------------------------------------------------------

    def verify(self, ip: int, old: int) -> None:
        if ip in self.broken or self.sites.get(ip, 0) != old:
            raise TextError(errno.EINVAL, f"{ip:#x} is not as expected")

    def callable(self, _ip: int, target: int) -> int:
        return target

    def set_site_ops(self, ip: int, ops: int) -> None:
        self.site_ops[ip] = ops
        self.log.append((f"ops of {self.name(ip)}", self.name(ops)))

    def make_call(self, ip: int, target: int) -> None:
        self._patch(ip, 0, target)

    def modify_call(self, ip: int, old: int, target: int) -> None:
        assert old, "a disabled site is not modified"
        if not self.abilities & (Ability.DYNAMIC_FTRACE_WITH_REGS | VERIFIES | CALL_OPS):
            raise TextError(errno.EINVAL, "there is no ftrace_modify_call()")
        self._patch(ip, old, target)

    def make_nop(self, ip: int, old: int) -> None:
        assert old, "a disabled site is not disabled again"
        self._patch(ip, old, 0)

    def _patch(self, ip: int, old: int, new: int) -> None:
        self.verify(ip, old)
        self.sites[ip] = new
        self.log.append((self.name(ip), self.name(new) if new else "nop"))

    def update_trace_func(self, func: int) -> None:
        self.label = func
        self.log.append(("label", self.name(func)))

    def switch_graph_caller(self, *, on: bool) -> None:
        self.graph_caller = on
        self.log.append(("graph caller", "on" if on else "off"))

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
        chosen = (CONFIGS | STATIC)[config]
        self.config, self.release = config, RELEASES[chosen.release]
        self.plain = Plain(chosen)
        self.ip = {name: TEXT + index * STEP + SITE_OFFSET for index, name in enumerate(FUNCTIONS)}
        self.events: list[Event] = []
        self.landed = PARENT
        """Where the last run has returned to."""
        self._sp = STACK
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

    def direct_ops(self, name: str, *, on: Iterable[str] = (), ops_func: Any = None) -> FtraceOps:
        """An ops for register_ftrace_direct()."""
        ops = FtraceOps(name, ops_func=ops_func)
        for function in on:
            self.core.set_filter_ip(ops, self.ip[function])
        return ops

    def gops(self, name: str, *, wanted: Any = None, on: Iterable[str] = (), flags: tuple[str, ...] = ()) -> FgraphOps:
        """A user of the graph tracer that notes all it hears; `wanted(trace, gops)` is its entry function then."""

        def enter(trace: GraphEnt, user: FgraphOps) -> object:
            self.events.append(Entered(user.name, self.function(trace.func), trace.depth))
            return wanted(trace, user) if wanted else True

        def leave(trace: GraphRet, user: FgraphOps) -> None:
            function = self.function(trace.func)
            self.events.append(Returned(user.name, function, trace.depth, trace.overrun, trace.retval))

        gops = FgraphOps(name, enter, leave, flags=flags)
        for function in on:
            self.core.set_filter(gops.ops, function)
        return gops

    def function(self, ip: int) -> str:
        """The traced function whose site is at ip."""
        return self.core.records[ip].symbol

    @property
    def seen(self) -> list[Seen]:
        """The callbacks that have run."""
        return [event for event in self.events if isinstance(event, Seen)]

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
        """The count and the flags of a record, but for those that stay when nobody is left."""
        rec, bits = self.record(function), self.release.bits
        names = ("ENABLED", "REGS", "REGS_EN", "TRAMP", "TRAMP_EN", "IPMODIFY", "DIRECT", "DIRECT_EN")
        return " ".join([str(rec.count(bits)), *(name for name in names if rec.flags & getattr(bits, name))])

    # -- the machine --------------------------------------------------------------------------------------------------

    def call(self, function: str) -> list[Seen]:
        """Run a traced function; what callbacks saw, in order."""
        return [event for event in self.run(function) if isinstance(event, Seen)]

    def run(self, function: str, body: Callable[[], object] = int) -> list[Event]:
        """Run a traced function to its real return; everything that was called on the way, in order."""
        before = len(self.events)
        with self._frame() as slot:
            self._site(function, slot)
            body()
            self._return(slot)
        return self.events[before:]

    def jump(self, function: str) -> None:
        """A tail call, for bodies: another function takes the place of the one that is being run."""
        self._site(function, self._sp)

    @contextmanager
    def _frame(self) -> Iterator[int]:
        """A return address on the stack; functions that a run leaves half-way are forgotten."""
        hooked = self.core.graph.returns.hooked
        self._sp -= FRAME
        self.plain.stack[self._sp] = PARENT
        try:
            yield self._sp
        finally:
            self.plain.stack.pop(self._sp, None)
            self._sp += FRAME
            self.core.graph.returns.forget(hooked)

    def _site(self, function: str, slot: int) -> None:
        ip, plain = self.ip[function], self.plain
        target = plain.sites.get(ip, 0)
        if Ability.DYNAMIC_FTRACE not in plain.abilities:
            self._mcount(ip, slot)
        elif target in plain.copies:
            ops, func, regs = plain.copies[target]
            self._call(func, ip, ops, self._record(slot, full=regs))
        elif target in (plain.address("ftrace_caller"), plain.address("ftrace_regs_caller")):
            self._trampoline(ip, slot, full=target == plain.address("ftrace_regs_caller"))
        elif target:
            self.events.append(Directed(target))

    @property
    def _stopped(self) -> bool:
        return STOPS in self.plain.abilities and bool(self.plain.variables["function_trace_stop"])

    def _trampoline(self, ip: int, slot: int, *, full: bool) -> None:
        """ftrace_caller, ftrace_regs_caller."""
        if self._stopped:
            return
        record = self._record(slot, full=full)
        if CALL_OPS in self.plain.abilities:
            op = self.plain.at[self.plain.site_ops[ip]]
            self._call(op.func_address, ip, op, record)
        else:
            self._call(self.plain.label, ip, self.plain.at.get(self.plain.variables["function_trace_op"]), record)
        if record and record.direct and (full or CALL_OPS in self.plain.abilities):
            self.events.append(Directed(record.direct))
        if self.plain.graph_caller and not self.plain.graph_is_ops:
            self.core.graph.returns.prepare_ftrace_return(slot, ip, slot)

    def _mcount(self, ip: int, slot: int) -> None:
        """mcount of a static kernel: the function tracer or the graph tracer."""
        if self._stopped:
            return
        if self.variable("ftrace_trace_function") != "ftrace_stub":
            self._call(self.plain.variables["ftrace_trace_function"], ip, None, None)
        elif (
            self.variable("ftrace_graph_return") != "ftrace_stub_graph" and self.plain.variables["ftrace_graph_return"]
        ):
            self.core.graph.returns.prepare_ftrace_return(slot, ip, slot)

    def _return(self, slot: int) -> None:
        address = self.plain.stack[slot]
        while address == self.plain.address("return_to_handler"):
            frame, value = (0, RESULT) if self.plain.graph_is_ops else (slot, None)
            address = self.core.graph.returns.ftrace_return_to_handler(frame, value)
        self.landed = address

    def _record(self, slot: int, *, full: bool) -> Record | None:
        """3.7 passes NULL or pt_regs, 6.x always an ftrace_regs, which may be a full one."""
        if Ability.ARCH_SUPPORTS_FTRACE_OPS not in self.plain.abilities:
            return None
        return Record(slot, full=full) if full or self.release.callback_gets_fregs else None

    def _call(self, func: int, ip: int, op: FtraceOps | None, record: Record | None) -> None:
        if self.plain.name(func) != "ftrace_test_stop_func":
            self.core.call(func, ip, self.plain.read_word(self._sp), op, record)
        elif not self.plain.variables["function_trace_stop"]:
            self._call(self.plain.variables["__ftrace_trace_function"], ip, op, record)

    def deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: FtraceOps | None, record: Record | None) -> None:
        passed = op if self.release.callback_gets_op else None
        regs = record.get_regs() if record else None
        self.events.append(Seen(ops.name, ip, passed.name if passed else None, regs is not None))
        if ops.func:
            ops.func(ip, parent_ip, passed, regs)


@pytest.fixture(scope="session")
def boot() -> Callable[[str], Kernel]:
    """Makes a kernel of one of CONFIGS and STATIC."""
    return Kernel


@pytest.fixture(params=CONFIGS)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """A kernel of each configuration that patches its sites."""
    return Kernel(request.param)


@pytest.fixture(params=STATIC)
def static(request: pytest.FixtureRequest) -> Kernel:
    """A kernel of each static configuration."""
    return Kernel(request.param)
