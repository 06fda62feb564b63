# SPDX-License-Identifier: GPL-2.0-only
"""The laboratory: one kernel of one variant, with the kernel's own calls to trace it, and runs of its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import catalog
from emulator.cfunctions import CFunctions
from emulator.core import releases
from emulator.core.fgraph_ops import FgraphOps
from emulator.core.ftrace import Ftrace
from emulator.core.given import expect
from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.core.task import Task
from emulator.description import Ability
from emulator.errors import UnknownName, UsageError
from emulator.image import Image
from emulator.machine.registers import Layout
from emulator.patcher import Patcher
from emulator.recording import Arrival, Call, Pointer, Recording, RecordSeen
from emulator.replay import recorded
from emulator.runner import LIMIT, Runner
from emulator.subject import Subject, load, select
from emulator.views import FtraceRegs

if TYPE_CHECKING:
    from emulator.checks.finding import Finding

MOST = 1_000_000_000
"""The highest limit that a run can be given."""


class Lab:
    """A fake kernel of one variant, its ftrace core, and an engine to run it. Names are the kernel's without ftrace_.

    Raises UnknownName and InputError (AssemblyError) where that kernel cannot be made; the kernel's calls raise
    FtraceError where the kernel would refuse.
    """

    def __init__(
        self,
        arch: str = "x86_64",
        *,
        release: str | None = None,
        variant: str | None = None,
        seed: int = 1,
        source: str | Path | None = None,
        assembler: str | None = None,
        subject: Subject | None = None,
    ) -> None:
        if subject is None:
            declared = catalog.find(arch)
            chosen = select(declared, release, variant)
            (subject,) = load(declared, [chosen], source=Path(source) if source else None, assembler=assembler)
        self.subject, self.arch, self.variant, self.seed = subject, subject.arch, subject.variant, seed
        self.layout = Layout(self.arch)
        self.struct = self.arch.record(self.variant)
        """What a callback's fourth argument points to, as far as it does."""
        self.passes_op = Ability.ARCH_SUPPORTS_FTRACE_OPS in self.variant.abilities
        self.release = releases.release(self.variant.release)
        self.image = Image(subject, seed)
        self.patcher = Patcher(self.image, self.release)
        entries = reversed(self.variant.entries)  # where both stand at one address, it is ftrace_caller's
        self.trampolines = {self.image.symbols.address(entry.symbol): entry for entry in entries}
        self.core = Ftrace(self.release, self.patcher, self.image.records, self._deliver)
        self.users: list[FtraceOps] = []
        """Whom register() has accepted, newest first: kept beside the core's own lists, so that they can be checked."""
        self.fregs: FtraceRegs | None = None
        """During a callback since 5.11: the fourth argument as it was passed."""
        self._arrival: Arrival | None = None
        self.cfunctions = CFunctions(self)
        self.runner = Runner(self, self._arrive)

    # -- the kernel's calls -------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function()."""
        self.core.register(ops)
        self.users.insert(0, ops)

    def unregister(self, ops: FtraceOps) -> None:
        """unregister_ftrace_function()."""
        self.core.unregister(ops)
        self.users = [user for user in self.users if user is not ops]

    def set_filter(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_filter(): "vfs_*" adds, "!vfs_*" takes away, `reset` empties the filter first; None is NULL."""
        self.core.set_filter(ops, glob, reset=reset)

    def set_notrace(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_notrace()."""
        self.core.set_notrace(ops, glob, reset=reset)

    def set_filter_ip(self, ops: FtraceOps, ip: int, *, remove: bool = False, reset: bool = False) -> None:
        """ftrace_set_filter_ip(); `ip` is a record's."""
        self.core.set_filter_ip(ops, ip, remove=remove, reset=reset)

    def set_global_filter(self, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_global_filter(): of GLOBAL ops (3.x), and of the graph tracer up to 6.1."""
        self.core.set_global_filter(glob, reset=reset)

    def set_global_notrace(self, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_global_notrace()."""
        self.core.set_global_notrace(glob, reset=reset)

    def local_enable(self, ops: FtraceOps) -> None:
        """ftrace_function_local_enable(): a CONTROL ops (3.x), which is off at first, is called on this CPU."""
        self.core.local_enable(ops)

    def local_disable(self, ops: FtraceOps) -> None:
        """ftrace_function_local_disable(); the two nest."""
        self.core.local_enable(ops, enable=False)

    def register_direct(self, ops: FtraceOps | int, address: int) -> None:
        """register_ftrace_direct(ops, addr). At 6.1 that is ..._multi(); with the address of a function, (ip, addr)."""
        if isinstance(ops, FtraceOps):
            self.core.direct.register(ops, address)
        else:
            self.core.direct.register_ip(ops, address)

    def modify_direct(self, ops: FtraceOps | int, address: int, new: int | None = None) -> None:
        """modify_ftrace_direct(ops, addr); at 6.1, with the address of a function, (ip, old_addr, new_addr)."""
        if isinstance(ops, FtraceOps):
            if new is not None:
                raise UsageError("modify_ftrace_direct() of an ops takes the new direct trampoline alone")
            self.core.direct.modify(ops, address)
        elif new is None:
            raise UsageError("modify_ftrace_direct() by address takes the old and the new direct trampoline")
        else:
            self.core.direct.modify_ip(ops, address, new)

    def unregister_direct(self, ops: FtraceOps | int, address: int, *, free_filters: bool = False) -> None:
        """unregister_ftrace_direct(ops, addr, free_filters); at 6.1 (ip, addr) too."""
        if isinstance(ops, FtraceOps):
            self.core.direct.unregister(ops, address, free_filters=free_filters)
        else:
            self.core.direct.unregister_ip(ops, address)

    def register_graph(self, gops: FgraphOps) -> None:
        """register_ftrace_graph()."""
        self.core.graph.register(gops)

    def unregister_graph(self, gops: FgraphOps) -> None:
        """unregister_ftrace_graph()."""
        self.core.graph.unregister(gops)

    def kill(self) -> None:
        """ftrace_kill(): every later request gets ENODEV."""
        self.core.kill()

    @property
    def enabled(self) -> bool:
        """kernel.ftrace_enabled. Setting it to 0 disables all sites, to 1 enables those that are wanted."""
        return self.core.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self.core.set_enabled(enabled=enabled)

    @property
    def pids(self) -> frozenset[int]:
        """set_ftrace_pid: whom PID ops (6.x) and GLOBAL ops (3.x) are restricted to; empty: everybody."""
        return self.core.pids

    @pids.setter
    def pids(self, pids: Iterable[int]) -> None:
        self.core.set_pids(pids)

    @property
    def current(self) -> Task:
        """The running task: pid, context, rcu_watching, tracing_graph_pause."""
        return self.core.current

    @property
    def stop(self) -> bool:
        """function_trace_stop. Setting it is ftrace_stop() and ftrace_start(); UsageError where there is none."""
        return bool(self.core.function_trace_stop)

    @stop.setter
    def stop(self, stop: bool) -> None:
        if stop:
            self.core.stop()
        else:
            self.core.start()

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def functions(self) -> tuple[str, ...]:
        """The traced functions."""
        return tuple(rec.symbol for rec in self.core.records.values())

    def record(self, function: str) -> DynFtrace:
        """The dyn_ftrace of a traced function. Raises UnknownName."""
        for rec in self.core.records.values():
            if rec.symbol == function:
                return rec
        raise UnknownName("function", function, self.functions)

    def where(self, address: int) -> str:
        """symbol+offset (file:line)."""
        return self.image.symbols.where(address)

    def address(self, symbol: str) -> int:
        """Where a function, a trampoline, a label or a variable is. Raises UnknownName."""
        address = self.image.symbols.get(symbol)
        if address is None:
            raise UnknownName("symbol", symbol, self.image.symbols)
        return address

    def add_function(self, name: str, func: Callable[..., int | None], *, home: str = "core") -> int:
        """Make a C function that Python acts for: to be gone to by ip, or called directly. Its address, which is in the
        kernel's text, or where modules are.

        `func` gets as many arguments as it takes, as the C ABI passes them; what it returns is the return value.
        """
        return self.cfunctions.add(name, func, home)

    def implement(self, name: str, func: Callable[..., int | None]) -> None:
        """Act for a C function that code in the image calls: my_direct_func1() of the direct trampolines, say."""
        self.cfunctions.implement(name, func)

    def symbol(self, address: int) -> str:
        """symbol+offset, or &name of a variable or an ops."""
        return self.image.symbols.name(address)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def call(self, function: str, *arguments: int, trace: bool = True, limit: int = LIMIT) -> Recording:
        """Run a traced function, through its caller, to its real return; `limit` is in instructions.

        Its arguments are the seed's, but for the first ones if they are given.

        Raises RunError, whose `recording` is what had happened until then, where the run does not get to its end;
        UnknownName for a function that is not traced here; and whatever a callback raises.
        """
        recording = self.run(function, *arguments, trace=trace, limit=limit)
        if recording.outcome is not None:
            raise recording.outcome
        return recording

    def check(self, recording: Recording) -> list[Finding]:
        """Hold a run to the contract: a finding for each thing that is wrong with a clause, else one that says why not.

        Raises UsageError for a run that was not traced.
        """
        from emulator.checks.verdicts import findings  # noqa: PLC0415 - the exercises there are made of labs

        return findings(recording)

    def untraced(self, recording: Recording) -> Recording:
        """The same call in a kernel where nobody traces anything; made when it is first asked for."""
        kernel, runs = _untraced(self.subject, self.seed)
        key = recording.function, recording.first
        if key not in runs:
            arguments = [self.layout.get(recording.first, name) for name in self.arch.abi.arguments]
            runs[key] = kernel.run(recording.function, *arguments)
        return runs[key]

    def run(self, function: str, *arguments: int, trace: bool = True, limit: int = LIMIT) -> Recording:
        """The same for somebody who judges runs: how one ended stands in Recording.outcome, and is not raised.

        Raises UsageError for a limit that is none.
        """
        expect("limit", limit, int, "a number of instructions")
        if not 0 < limit <= MOST:
            raise UsageError(f"limit: {limit} is not a number of instructions from 1 to {MOST}")
        return self.runner.run(function, arguments, trace=trace, limit=limit)

    # -- records ------------------------------------------------------------------------------------------------------

    def record_address(self, registers: bytes) -> int | None:
        """The argument that points to the record, out of packed registers; None where this variant passes none."""
        number = self.variant.plain.record
        return None if number is None else self.argument(registers, number)

    def argument(self, registers: bytes, number: int) -> int:
        """An argument (from 0) at the entry of a C function that a run has just come to; 0 where there is no stack."""
        abi = self.arch.abi
        if number < len(abi.arguments):
            return self.layout.get(registers, abi.arguments[number])
        address = self.stack_argument(registers, number)
        return self.image.memory.read_word(address) if self.image.memory.region(address, self.arch.word) else 0

    def stack_argument(self, registers: bytes, number: int) -> int:
        """The address of an argument that is not in a register."""
        abi = self.arch.abi
        assert abi.stack_arguments is not None  # noqa: S101 - else an architecture passes none
        behind = number - len(abi.arguments)
        return self.layout.get(registers, abi.sp) + abi.stack_arguments + behind * self.arch.word

    def _bytes(self, arrival: Arrival) -> bytes:
        return self.image.memory.read(arrival.record, self.struct.size) if arrival.record else b""

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _arrive(self, arrival: Arrival) -> int | None:
        """Act for the C function that a run has come to; what it returns, None where nobody may look at it."""
        outer, self._arrival = self._arrival, arrival
        try:
            result = self.cfunctions.act(arrival)
        finally:
            self._arrival = outer
        arrival.after = self._bytes(arrival)
        return result

    def resolve(self, op: int) -> FtraceOps | Pointer | None:
        """The op argument as Python sees it."""
        if not self.passes_op:
            return None
        return self.patcher.ops_at(op) or Pointer(op, self.symbol(op))

    def _unwound(self, parent_ip: int, arrival: Arrival) -> int:
        """The return address behind return_to_handler, by what an unwinder has at hand."""
        graph, returns = self.variant.graph, self.core.graph.returns
        if arrival.hit is None or graph is None or not returns.hooked:
            return parent_ip
        told_by = graph.frame if graph.found_by == "frame_pointer" else self.variant.site.parent_slot
        retp = None if told_by is None else recorded(arrival.hit).evaluate(told_by, 0)
        return parent_ip if retp is None else returns.ftrace_graph_ret_addr(parent_ip, retp)

    def _deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: Any, record: FtraceRegs | None) -> None:
        """Call the user's function with what that release passes, and note what it saw."""
        arrival = self._arrival
        assert arrival is not None  # noqa: S101 - the core calls back only from within an arrival
        if not self.release.callback_gets_op:
            op = None
        regs = record.get_regs() if record else None
        call = Call(ops, ip, parent_ip, op, arrival, self._bytes(arrival), caller=self._unwound(parent_ip, arrival))
        if record:
            seen = RecordSeen(call, full=regs is not None)
            call.regs = seen if regs is not None else None
            call.fregs = seen if self.release.callback_gets_fregs else None
        arrival.recording.callbacks.append(call)
        outer, self.fregs = self.fregs, record if self.release.callback_gets_fregs else None
        try:
            if ops.func:
                ops.func(ip, parent_ip, op, regs)
        finally:
            self.fregs = outer
        call.after = arrival.after = self._bytes(arrival)


@lru_cache(maxsize=1)
def _untraced(subject: Subject, seed: int) -> tuple[Lab, dict[tuple[str, bytes], Recording]]:
    """A kernel in which nobody is registered, and its runs so far: {(function, registers at first): run}.

    Judges make many kernels of one subject and seed in a row.
    """
    return Lab(subject=subject, seed=seed), {}
