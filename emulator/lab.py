# SPDX-License-Identifier: GPL-2.0-only
"""The laboratory: one kernel of one variant, with the kernel's own calls to trace it, and runs of its functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator import catalog
from emulator.core import release as releases
from emulator.core.dispatch import ops_assist_func, ops_list_func
from emulator.core.ftrace import Ftrace
from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.description import Ability
from emulator.errors import TrapReached, UnknownName, UsageError
from emulator.image import Image
from emulator.machine.registers import Layout
from emulator.patcher import Patcher
from emulator.recording import Arrival, Call, Pointer, Recording, RecordSeen
from emulator.runner import LIMIT, Runner
from emulator.subject import Subject, load, select
from emulator.views import FtraceRegs, PtRegs


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
        self.release = releases.release(self.variant.release)
        self.image = Image(subject, seed)
        self.patcher = Patcher(self.image, self.release)
        self.core = Ftrace(self.release, self.patcher, self.image.records, self._deliver)
        self.fregs: FtraceRegs | None = None
        """During a callback since 5.11: the fourth argument as it was passed."""
        self._ops: dict[int, FtraceOps] = {}
        self._arrival: Arrival | None = None
        self.runner = Runner(self, self._arrive)

    # -- the kernel's calls -------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function(). Raises UsageError in a static variant, which is not run yet."""
        if Ability.DYNAMIC_FTRACE not in self.variant.abilities:
            raise UsageError(f"{self.variant.name} is static (!DYNAMIC_FTRACE): only its image is modelled so far")
        self.core.register(ops)
        self._ops[ops.address] = self._ops[ops.func_address] = ops

    def unregister(self, ops: FtraceOps) -> None:
        """unregister_ftrace_function()."""
        self.core.unregister(ops)

    def set_filter(self, ops: FtraceOps, glob: str, *, reset: bool = False) -> None:
        """ftrace_set_filter(): "vfs_*" adds, "!vfs_*" takes away, `reset` empties the filter first."""
        self.core.set_filter(ops, glob, reset=reset)

    def set_notrace(self, ops: FtraceOps, glob: str, *, reset: bool = False) -> None:
        """ftrace_set_notrace()."""
        self.core.set_notrace(ops, glob, reset=reset)

    def set_filter_ip(self, ops: FtraceOps, ip: int, *, remove: bool = False, reset: bool = False) -> None:
        """ftrace_set_filter_ip(); `ip` is a record's."""
        self.core.set_filter_ip(ops, ip, remove=remove, reset=reset)

    @property
    def stop(self) -> bool:
        """function_trace_stop. Setting it is ftrace_stop() and ftrace_start(); UsageError where the release has none."""
        return self.core.function_trace_stop

    @stop.setter
    def stop(self, stop: bool) -> None:
        self.core.set_stop(stop)

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

    def symbol(self, address: int) -> str:
        """symbol+offset, or &name of a variable or an ops."""
        return self.image.symbols.name(address)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def call(self, function: str, *, trace: bool = True, limit: int = LIMIT) -> Recording:
        """Run a traced function, through its caller, to its real return; `limit` is in instructions.

        Raises RunError, whose `recording` is what had happened until then, where the run does not get to its end;
        UnknownName for a function that is not traced here; and whatever a callback raises.
        """
        recording = self.run(function, trace=trace, limit=limit)
        if recording.outcome is not None:
            raise recording.outcome
        return recording

    def run(self, function: str, *, trace: bool = True, limit: int = LIMIT) -> Recording:
        """The same for somebody who judges runs: how one ended stands in Recording.outcome, and is not raised."""
        return self.runner.run(function, trace=trace, limit=limit)

    # -- C functions that trampolines call ----------------------------------------------------------------------------

    def _arrive(self, arrival: Arrival) -> None:
        """Act for the function that a run has come to. Raises TrapReached where nobody does."""
        names = self.arch.abi.arguments
        ip, parent_ip, op, fourth = (self.layout.get(arrival.registers, name) for name in names[:4])
        record = self._record(arrival, fourth)
        outer, self._arrival = self._arrival, arrival
        try:
            self._call(arrival.symbol, arrival.address, ip, parent_ip, op, record)
        finally:
            self._arrival = outer
        arrival.after = self._bytes(arrival)

    def _call(self, symbol: str, address: int, ip: int, parent_ip: int, op: int, record: FtraceRegs | None) -> None:
        match symbol:
            case "ftrace_ops_list_func":
                ops_list_func(self.core, ip, parent_ip, record)
            case "ftrace_ops_assist_func" if op in self._ops:
                ops_assist_func(self.core, ip, parent_ip, self._ops[op], record)
            case _ if address in self._ops:
                self._deliver(self._ops[address], ip, parent_ip, self._resolve(op), record)
            case _:
                caller = self._arrival.hit.symbol if self._arrival and self._arrival.hit else "nobody traced"
                raise TrapReached(f"{symbol}, which nothing models here, was called (from the site of {caller})")

    def _record(self, arrival: Arrival, fourth: int) -> FtraceRegs | None:
        """The fourth argument, where this variant passes one and it is not NULL."""
        plain = self.variant.plain
        if plain is None or plain.record is None:
            return None
        arrival.record = fourth
        if not fourth:
            return None
        arrival.before = self._bytes(arrival)
        return FtraceRegs(self.arch, self.image.memory, fourth, self.variant.get_regs)

    def _bytes(self, arrival: Arrival) -> bytes:
        if not arrival.record:
            return b""
        try:
            return self.image.memory.read(arrival.record, self.arch.pt_regs.size)
        except IndexError:
            raise TrapReached(
                f"{arrival.symbol} got {arrival.record:#x} for its record, where there is no memory"
            ) from None

    def _resolve(self, op: int) -> FtraceOps | Pointer | None:
        """The op argument as Python sees it."""
        if Ability.ARCH_SUPPORTS_FTRACE_OPS not in self.variant.abilities:
            return None
        return self._ops.get(op) or Pointer(op, self.symbol(op))

    def _deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: Any, record: FtraceRegs | None) -> None:
        """Call the user's function with what that release passes, and note what it saw."""
        arrival = self._arrival
        assert arrival is not None  # noqa: S101 - the core calls back only from within an arrival
        if not self.release.callback_gets_op:
            op = None
        regs = record.get_regs() if record else None
        call = Call(ops, ip, parent_ip, op, arrival, self._bytes(arrival))
        if record:
            seen = RecordSeen(call, full=regs is not None)
            call.regs = seen if regs is not None else None
            call.fregs = seen if self.release.callback_gets_fregs else None
        arrival.recording.callbacks.append(call)
        self._run_callback(call, record, regs)

    def _run_callback(self, call: Call, record: FtraceRegs | None, regs: PtRegs | None) -> None:
        outer = self.fregs, self._arrival
        self.fregs = record if self.release.callback_gets_fregs else None
        try:
            call.ops.func(call.ip, call.parent_ip, call.op, regs)
        finally:
            self.fregs, self._arrival = outer
        call.after = self._bytes(call.arrival)
