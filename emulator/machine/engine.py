# SPDX-License-Identifier: GPL-2.0-only
"""One unicorn engine for an architecture, kept for the life of the process and lent to one guest memory at a time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from emulator.description import Arch
from emulator.machine.memory import Memory
from emulator.machine.registers import RegisterFile
from emulator.machine.trace import Tracer

Handler = Callable[[int], None]

_STOP = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
_FaultHook = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p
)
_FAULTS = {
    unicorn.UC_MEM_READ_UNMAPPED: "a read of unmapped memory",
    unicorn.UC_MEM_WRITE_UNMAPPED: "a write to unmapped memory",
    unicorn.UC_MEM_FETCH_UNMAPPED: "a jump to unmapped memory",
    unicorn.UC_MEM_READ_PROT: "a read of protected memory",
    unicorn.UC_MEM_WRITE_PROT: "a write to protected memory",
    unicorn.UC_MEM_FETCH_PROT: "a jump into data",
}
_GateHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


class Gate(NamedTuple):
    """Python's ear at the addresses [first, last]: called before the instruction there runs, with its address."""

    first: int
    last: int
    handler: Handler


class Stop(NamedTuple):
    """How a run ended: what went wrong ("" is nothing), and all registers, packed."""

    error: str
    registers: bytes


class Machine:
    """An engine with its registers. `tracer` is None in an engine that observes nothing but its gates."""

    def __init__(self, arch: Arch, tracer: Tracer | None) -> None:
        self.arch = arch
        self.tracer = tracer
        name, modes = arch.engine.unicorn
        mode = 0
        for part in modes:
            mode |= getattr(unicorn, f"UC_MODE_{part}")
        self._uc = unicorn.Uc(getattr(unicorn, f"UC_ARCH_{name}"), mode)
        self._uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)  # kernel addresses: the default TLB drops high bits
        self.handle = self._uc._uch
        self.registers = RegisterFile(arch, self.handle)
        self._memory: Memory | None = None
        self._owner: object = None
        self._forgotten = 0
        self._hooks: list[int] = []
        self._keep: list[object] = []
        self._failure: BaseException | None = None
        self._fault = ""
        self._depth = 0

    def attach(self, owner: object, memory: Memory, gates: Iterable[Gate], exit_address: int) -> None:
        """Map a guest's memory and put its gates in place; does nothing where `owner` is already attached."""
        if self._owner is owner:
            self._forget_patches()
            return
        self._detach()
        for region in memory.regions:
            access = unicorn.UC_PROT_READ
            access |= unicorn.UC_PROT_WRITE if region.writable else 0
            access |= unicorn.UC_PROT_EXEC if region.executable else 0
            self._uc.mem_map_ptr(region.base, region.size, access, region.pointer)
        self._owner, self._memory = owner, memory
        self._add_hooks(gates, exit_address)
        self._uc.ctl_flush_tb()
        self._forgotten = len(memory.patches)

    def _detach(self) -> None:
        if self._memory is None:
            return
        for handle in self._hooks:
            uclib.uc_hook_del(self.handle, ctypes.c_size_t(handle))
        for region in self._memory.regions:
            self._uc.mem_unmap(region.base, region.size)
        self._hooks, self._keep, self._memory, self._owner = [], [], None, None

    def _add_hooks(self, gates: Iterable[Gate], exit_address: int) -> None:
        if self.tracer is not None:
            self._add(unicorn.UC_HOOK_CODE, ctypes.cast(self.tracer.code_hook, ctypes.c_void_p), 1, 0)
            self._add(unicorn.UC_HOOK_MEM_WRITE, ctypes.cast(self.tracer.write_hook, ctypes.c_void_p), 1, 0)
        fault = _FaultHook(self._at_fault)
        self._keep.append(fault)
        self._add(unicorn.UC_HOOK_MEM_INVALID, ctypes.cast(fault, ctypes.c_void_p), 1, 0)
        for gate in gates:
            hook = self._gate_hook(gate.handler)
            self._keep.append(hook)
            self._add(unicorn.UC_HOOK_CODE, ctypes.cast(hook, ctypes.c_void_p), gate.first, gate.last)
        self._add(unicorn.UC_HOOK_CODE, _STOP, exit_address, exit_address)

    def _add(self, kind: int, function: ctypes.c_void_p, first: int, last: int) -> None:
        handle = ctypes.c_size_t()
        bounds = ctypes.c_uint64(first), ctypes.c_uint64(last)
        error = uclib.uc_hook_add(self.handle, ctypes.byref(handle), kind, function, ctypes.c_void_p(), *bounds)
        if error:
            raise unicorn.UcError(error)
        self._hooks.append(handle.value)

    def _gate_hook(self, handler: Handler) -> object:
        """A bare C callback; what goes wrong inside is kept and raised when the run has ended."""

        def hook(_uc: int, address: int, _size: int, _data: int) -> None:
            if self._failure is not None:
                return
            try:
                handler(address)
            except BaseException as failure:
                self._failure = failure
                self.stop()

        return _GateHook(hook)

    def _at_fault(self, _uc: int, kind: int, address: int, size: int, _value: int, _data: int) -> bool:
        """Note what unicorn's error number does not say; nothing is mapped, so that the run ends."""
        self._fault = f"{_FAULTS.get(kind, 'a memory fault')} ({address:#x}, {size} bytes)"
        return False

    def _forget_patches(self) -> None:
        """Drop the translations of code that Python changed since the last run."""
        memory = self._memory
        if memory is None or self._forgotten == len(memory.patches):
            return
        for first, end in memory.patches[self._forgotten :]:
            self._uc.ctl_remove_cache(first, end)
        self._forgotten = len(memory.patches)

    def stop(self) -> None:
        """End the innermost run after the instruction at hand."""
        uclib.uc_emu_stop(self.handle)

    def run(self, start: int, packed: bytes, limit: int) -> Stop:
        """Run from `start` with these registers until the exit address, a fault, or `limit` instructions.

        May be called from within a gate; the outer run then goes on where it was. What a handler raised is raised.
        """
        if self._depth:
            context = self._uc.context_save()
            try:
                return self._run(start, packed, limit)
            finally:
                self._uc.context_restore(context)
                self._forget_patches()
        return self._run(start, packed, limit)

    def _run(self, start: int, packed: bytes, limit: int) -> Stop:
        self._depth += 1
        self._fault = ""
        try:
            self.registers.write(packed)
            error = uclib.uc_emu_start(
                self.handle, ctypes.c_uint64(start), ctypes.c_uint64(0), ctypes.c_uint64(0), ctypes.c_size_t(limit)
            )
        finally:
            self._depth -= 1
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        message = (self._fault or str(unicorn.UcError(error))) if error else ""
        return Stop(message, self.registers.read())


@cache
def plain(arch: Arch) -> Machine:
    """The engine that observes nothing but gates."""
    return Machine(arch, None)


@cache
def tracing(arch: Arch) -> Machine:
    """The engine that records every instruction and every write."""
    return Machine(arch, Tracer())
