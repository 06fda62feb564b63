# SPDX-License-Identifier: GPL-2.0-only
"""The laboratory: one kernel of one variant, with the kernel's own calls to trace it, and runs of its functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator import catalog
from emulator.core import release as releases
from emulator.core.dispatch import LIST_FUNC, ops_assist_func, ops_list_func
from emulator.core.ftrace import Ftrace
from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.core.release import FUNCTIONS
from emulator.description import Ability
from emulator.errors import Fault, TrapReached, UnknownName, UsageError
from emulator.image import Image
from emulator.machine.registers import Layout
from emulator.patcher import Patcher
from emulator.placement import GRAPH_STUB, STUB
from emulator.recording import Arrival, Call, Pointer, Recording, RecordSeen
from emulator.runner import LIMIT, Runner
from emulator.subject import Subject, load, select
from emulator.views import FtraceRegs


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
        self._passes_op = Ability.ARCH_SUPPORTS_FTRACE_OPS in self.variant.abilities
        self._arguments = self.layout.chooser(self.arch.abi.arguments[:3])
        self.release = releases.release(self.variant.release)
        self.image = Image(subject, seed)
        self.patcher = Patcher(self.image, self.release)
        self.core = Ftrace(self.release, self.patcher, self.image.records, self._deliver)
        self.fregs: FtraceRegs | None = None
        """During a callback since 5.11: the fourth argument as it was passed."""
        self._arrival: Arrival | None = None
        self.runner = Runner(self, self._arrive)

    # -- the kernel's calls -------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function(). Raises UsageError in a static variant, which is not run yet."""
        if Ability.DYNAMIC_FTRACE not in self.variant.abilities:
            raise UsageError(f"{self.variant.name} is static (!DYNAMIC_FTRACE): only its image is modelled so far")
        self.core.register(ops)

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
        """Act for the function that a run has come to. Raises RunError where nobody does, or not on such arguments."""
        ops = self.patcher.ops_of(arrival.address)
        if ops is None and arrival.symbol not in FUNCTIONS:
            if arrival.symbol not in (STUB, GRAPH_STUB):
                raise TrapReached(f"{arrival.symbol} was called, which nothing acts for here", self._from(arrival))
            return
        ip, parent_ip, op = (self.layout.get(arrival.registers, name) for name in self.arch.abi.arguments[:3])
        record = self._record(arrival)
        outer, self._arrival = self._arrival, arrival
        try:
            if ops:
                self._deliver(ops, ip, parent_ip, self._resolve(op), record)
            elif arrival.symbol == LIST_FUNC:
                ops_list_func(self.core, ip, parent_ip, record)
            else:
                ops_assist_func(self.core, ip, parent_ip, self._dereferenced(arrival, op), record)
        finally:
            self._arrival = outer

    def _dereferenced(self, arrival: Arrival, op: int) -> FtraceOps:
        """The ops at an address that C code is about to follow. Raises Fault where there is none."""
        ops = self.patcher.ops_at(op)
        if ops is None:
            raise Fault(f"{arrival.symbol} got {self.symbol(op)} for its op, which is no ops", self._from(arrival))
        return ops

    def _from(self, arrival: Arrival) -> str:
        """symbol+offset (file:line) of the call that led to an arrival, as far as the return address tells."""
        link, sp = self.arch.abi.link, self.layout.get(arrival.registers, self.arch.abi.sp)
        if link:
            back = self.layout.get(arrival.registers, link)
        elif self.image.memory.region(sp, self.arch.word):
            back = self.image.memory.read_word(sp)
        else:
            return ""
        return self.where(back - len(self.variant.site.call.opcode))

    # -- records ------------------------------------------------------------------------------------------------------

    def record_address(self, registers: bytes) -> int | None:
        """The argument that points to the record, out of packed registers; None where this variant passes none."""
        plain = self.variant.plain
        if plain is None or plain.record is None:
            return None
        return self.layout.get(registers, self.arch.abi.arguments[plain.record])

    def _record(self, arrival: Arrival) -> FtraceRegs | None:
        """The record as a view, None where none is passed or NULL. Raises Fault where it is not in writable memory."""
        arrival.record = self.record_address(arrival.registers)
        if not arrival.record:
            return None
        region = self.image.memory.region(arrival.record, self.arch.pt_regs.size)
        if region is None or not region.writable:
            what = f"{arrival.record:#x} for its record, which is not in writable memory"
            raise Fault(f"{arrival.symbol} got {what}", self._from(arrival))
        arrival.before = arrival.after = self._bytes(arrival)
        return FtraceRegs(self.arch, self.image.memory, arrival.record, self.variant.get_regs)

    def _bytes(self, arrival: Arrival) -> bytes:
        return self.image.memory.read(arrival.record, self.arch.pt_regs.size) if arrival.record else b""

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _resolve(self, op: int) -> FtraceOps | Pointer | None:
        """The op argument as Python sees it."""
        if not self._passes_op:
            return None
        return self.patcher.ops_at(op) or Pointer(op, self.symbol(op))

    def _deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: Any, record: FtraceRegs | None) -> None:
        """Call the user's function with what that release passes, and note what it saw."""
        arrival = self._arrival
        assert arrival is not None  # noqa: S101 - the core calls back only from within an arrival
        if not self.release.callback_gets_op:
            op = None
        regs = record.get_regs() if record else None
        call = Call(ops, ip, parent_ip, op, arrival, arrival.after)
        if record:
            seen = RecordSeen(call, full=regs is not None)
            call.regs = seen if regs is not None else None
            call.fregs = seen if self.release.callback_gets_fregs else None
        arrival.recording.callbacks.append(call)
        outer, self.fregs = self.fregs, record if self.release.callback_gets_fregs else None
        try:
            ops.func(ip, parent_ip, op, regs)
        finally:
            self.fregs = outer
        call.after = arrival.after = self._bytes(arrival)
