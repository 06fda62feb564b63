# SPDX-License-Identifier: GPL-2.0-only
"""Unicorn engines, kept for the life of the process and each lent to one guest memory at a time."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from emulator.description import Arch
from emulator.machine.memory import PAGE, Memory, Region
from emulator.machine.registers import RegisterFile, constant, number
from emulator.machine.trace import Disturber, StateTracer, Tracer

Handler = Callable[[int], None]
Trap = Callable[["Machine"], int | None]
"""Handles an exception: where to go on, or None."""

# The interpreter's lock stays held: most runs take microseconds, and each gate would have to get it back.
_start = ctypes.PYFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t
)(("uc_emu_start", uclib))
_NOWHERE = 0x7FFF_5A5A_5A5A_5A5B
"""Where unicorn shall end a run by itself: never. With 0 it would end at a jump to NULL, without a word."""
_TRANSLATIONS = 32 << 20
"""Bytes of address space for translated code; unicorn's default is 1 GiB, of which every nested call would take one."""
_STOP = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
_GateHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)
_ExceptionHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32)
_FaultHook = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int)
_FAULTS = {
    unicorn.UC_MEM_READ_UNMAPPED: "a read of unmapped memory",
    unicorn.UC_MEM_WRITE_UNMAPPED: "a write to unmapped memory",
    unicorn.UC_MEM_FETCH_UNMAPPED: "a jump to unmapped memory",
    unicorn.UC_MEM_READ_PROT: "a read of protected memory",
    unicorn.UC_MEM_WRITE_PROT: "a write to protected memory",
    unicorn.UC_MEM_FETCH_PROT: "a jump into data",
}


class Gate(NamedTuple):
    """Python's ear at the addresses [first, last]: called before the instruction there runs, with its address."""

    first: int
    last: int
    handler: Handler


class Cause(enum.Enum):
    """What kind of thing the CPU ran into."""

    NOTHING = enum.auto()
    MEMORY = enum.auto()
    INSTRUCTION = enum.auto()
    EXCEPTION = enum.auto()


class Stop(NamedTuple):
    """How a run ended: what the CPU ran into ("" is nothing), and all registers, packed."""

    error: str
    registers: bytes


class Stepped(NamedTuple):
    """What one instruction ran into; "" is nothing."""

    cause: Cause
    error: str


FINE = Stepped(Cause.NOTHING, "")


class Machine:
    """An engine with its registers. `tracer` is None in an engine that observes nothing but its gates."""

    def __init__(self, arch: Arch, make_tracer: Callable[[RegisterFile], Tracer] | None) -> None:
        self.arch = arch
        self._uc: Any = unicorn.Uc(*_kind(arch))
        self._uc.ctl_set_tcg_buffer_size(_TRANSLATIONS)
        self._uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)  # kernel addresses: the default TLB drops high bits
        self.handle: ctypes.c_void_p = self._uc._uch  # noqa: SLF001 - what the binding passes to the library itself
        load_segments(self._uc, arch)
        self.registers = RegisterFile(arch, self.handle)
        self._pc = next(constant(arch, register) for register in arch.registers if register.name == arch.abi.pc)
        self.tracer = make_tracer(self.registers) if make_tracer else None
        self._memory: Memory | None = None
        self._owner: object = None
        self._forgotten = 0
        self._handlers: list[Handler] = []
        self._places: tuple[tuple[int, int], ...] = ()
        self._hooks: list[int] = []
        self._keep: list[object] = []
        self._trap: Trap | None = None
        self._failure: BaseException | None = None
        self._cause, self._fault = Cause.NOTHING, ""
        self.running = False

    # -- a guest ------------------------------------------------------------------------------------------------------

    def attach(
        self, owner: object, memory: Memory, gates: Iterable[Gate], exit_address: int, trap: Trap | None = None
    ) -> None:
        """Map a guest's memory and put its gates in place; does nothing where `owner` is already attached."""
        self._trap = trap
        if self._owner is not owner:
            self._detach()
            for region in memory.regions:
                self._uc.mem_map_ptr(region.base, region.size, _access(region), region.pointer)
            self._owner, self._memory, self._forgotten = owner, memory, len(memory.patches)
            self._listen(tuple(gates), exit_address)
            self._uc.ctl_flush_tb()
        self.forget_patches()

    def _detach(self) -> None:
        if self._memory is None:
            return
        for region in self._memory.regions:
            self._uc.mem_unmap(region.base, region.size)
        self._memory, self._owner = None, None

    def forget_patches(self) -> None:
        """Drop the translations of code that Python has changed; for gates whose handler may have done so."""
        patches = self._memory.patches if self._memory else []
        if self._forgotten < len(patches):
            for first, end in patches[self._forgotten :]:
                self._uc.ctl_remove_cache(first, end)
            self._forgotten = len(patches)

    # -- hooks --------------------------------------------------------------------------------------------------------

    def _listen(self, gates: Sequence[Gate], exit_address: int) -> None:
        """Have the gates' handlers called; the hooks of a guest that had its gates at the same addresses will do."""
        self._handlers = [gate.handler for gate in gates]
        places = (*((gate.first, gate.last) for gate in gates), (exit_address, exit_address))
        if places != self._places:
            for hook in self._hooks:
                uclib.uc_hook_del(self.handle, hook)
            self._hooks, self._keep, self._places = [], [], places
            self._add_hooks(gates, exit_address)

    def _add_hooks(self, gates: Sequence[Gate], exit_address: int) -> None:
        if self.tracer is not None:
            self._add(unicorn.UC_HOOK_CODE, self.tracer.code_hook)
            self._add(unicorn.UC_HOOK_MEM_WRITE, self.tracer.write_hook)
            if self.tracer.read_hook is not None:
                self._add(unicorn.UC_HOOK_MEM_READ, self.tracer.read_hook)
        self._add(unicorn.UC_HOOK_MEM_INVALID, _FaultHook(self._at_fault))
        self._add(unicorn.UC_HOOK_INTR, _ExceptionHook(self._at_exception))
        for index, gate in enumerate(gates):
            self._add(unicorn.UC_HOOK_CODE, self._gate_hook(index), gate.first, gate.last)
        self._add(unicorn.UC_HOOK_CODE, _STOP, exit_address, exit_address)

    def _add(self, kind: int, function: Any, first: int = 1, last: int = 0) -> None:
        """Register a C function for the addresses [first, last]; the default is unicorn's way to say "all"."""
        hook = ctypes.c_size_t()
        bounds = ctypes.c_uint64(first), ctypes.c_uint64(last)
        pointer = ctypes.cast(function, ctypes.c_void_p)
        error = uclib.uc_hook_add(self.handle, ctypes.byref(hook), kind, pointer, None, *bounds)
        if error:
            raise unicorn.UcError(error)
        self._hooks.append(hook.value)
        self._keep.append(function)

    def _gate_hook(self, index: int) -> object:
        """A bare C callback, for the handler of that number."""
        return _GateHook(lambda _uc, address: self.guarded(self._handlers[index], address))

    def guarded(self, handler: Callable[[Any], None], argument: object) -> None:
        """Within a hook: what goes wrong is kept, and raised when the run has ended, for C code cannot pass it on."""
        if self._failure is not None:
            return
        try:
            handler(argument)
        except BaseException as failure:  # noqa: BLE001 - run() raises it
            self._failure = failure
            self.stop()

    def _at_fault(self, _uc: int, kind: int, address: int, size: int) -> bool:
        """Note what unicorn's error number does not say; nothing is mapped, so that the run ends."""
        self._cause = Cause.MEMORY
        self._fault = f"{_FAULTS.get(kind, 'a memory fault')} ({address:#x}, {size} bytes)"
        return False

    def _at_exception(self, _uc: int, number: int) -> None:
        """The number is the CPU's vector, or QEMU's where the CPU has none. The trap may move registers as it likes."""
        self.guarded(self._handle, number)

    def _handle(self, number: int) -> None:
        onward = self._trap(self) if self._trap else None
        if onward is None:
            self._cause, self._fault = Cause.EXCEPTION, f"CPU exception {number}"
            self.stop()
        else:
            self._uc.reg_write(self._pc, onward)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the run after the instruction at hand."""
        uclib.uc_emu_stop(self.handle)

    def run(self, start: int, packed: bytes, limit: int) -> Stop:
        """Run from `start` with these registers until the exit address, a fault, or `limit` instructions.

        What a handler raised is raised. Raises RuntimeError within a run of the same engine: unicorn, back from an
        inner run, obeys neither uc_emu_stop() nor the limit of the outer one.
        """
        if self.running:
            raise RuntimeError("this engine is running: a run within a run needs another one")
        self.registers.write(packed)
        return Stop(self._start(start, limit).error, self.registers.read())

    def step(self, start: int) -> Stepped:
        """Run the one instruction at `start` with the registers as they are. Raises as run() does."""
        return self._start(start, 1)

    def _start(self, start: int, limit: int) -> Stepped:
        self.running = True
        try:
            error = _start(self.handle, start, _NOWHERE, 0, limit)
        finally:
            self.running = False
        if not error and not self._fault and self._failure is None:
            return FINE
        return self._stopped(error)

    def _stopped(self, error: int) -> Stepped:
        """What a run has run into. Raises what a handler raised."""
        fault, self._fault = self._fault, ""
        cause, self._cause = self._cause, Cause.NOTHING
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        if fault or not error:
            return Stepped(cause, fault)
        return Stepped(Cause.INSTRUCTION, str(unicorn.UcError(error)))


def load_segments(uc: Any, arch: Arch) -> None:
    """Put the table of segments, if there is one, beside every guest's memory, and load the code segment."""
    segments = arch.segments
    if segments is None:
        return
    uc.mem_map(segments.table, PAGE, unicorn.UC_PROT_READ)
    uc.mem_write(segments.table, segments.descriptors)
    uc.reg_write(number(arch, segments.limit), (0, segments.table, len(segments.descriptors) - 1, 0))
    uc.reg_write(number(arch, segments.code[0]), segments.code[1])


def _kind(arch: Arch) -> tuple[int, int]:
    """Unicorn's numbers of the architecture and its mode."""
    name, modes = arch.engine.unicorn
    return getattr(unicorn, f"UC_ARCH_{name}"), sum(getattr(unicorn, f"UC_MODE_{mode}") for mode in modes)


def _access(region: Region) -> int:
    access = unicorn.UC_PROT_READ
    access |= unicorn.UC_PROT_WRITE if region.writable else 0
    access |= unicorn.UC_PROT_EXEC if region.executable else 0
    return int(access)


@cache
def _machines(_arch: Arch, _make_tracer: Callable[[RegisterFile], Tracer] | None) -> list[Machine]:
    """The engines of a kind that there are so far."""
    return []


def _idle(arch: Arch, make_tracer: Callable[[RegisterFile], Tracer] | None) -> Machine:
    """The first engine of a kind that is not running: within a run, one more than is."""
    machines = _machines(arch, make_tracer)
    for machine in machines:
        if not machine.running:
            return machine
    machines.append(Machine(arch, make_tracer))
    return machines[-1]


def plain(arch: Arch) -> Machine:
    """An idle engine that observes nothing but its gates."""
    return _idle(arch, None)


def tracing(arch: Arch) -> Machine:
    """An idle engine that records every instruction and every write."""
    return _idle(arch, Tracer)


def disturbing(arch: Arch) -> Machine:
    """An idle engine that records too, and lets somebody act before every instruction."""
    return _idle(arch, Disturber)


def stepping(arch: Arch) -> Machine:
    """An idle engine that also records all registers before every instruction."""
    return _idle(arch, StateTracer)
