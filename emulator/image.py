# SPDX-License-Identifier: GPL-2.0-only
"""The fake kernel: a subject's code in memory, with variables, ops, a module area and a stack of its own."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase
from functools import lru_cache

from emulator.core.records import DynFtrace
from emulator.core.release import VARIABLES
from emulator.machine.memory import PAGE, Memory, Region
from emulator.placement import DATA_SIZE, GATE_SIZE, OPS_OFFSET, SUBJECT_DATA_OFFSET, TEXT_SIZE, Room, placement
from emulator.subject import Subject

STACK_SIZE = 8 * PAGE
MODULE_SIZE = 16 * PAGE
COPY_ALIGN = 512
"""The kernel begins a page for each private copy; less makes room for hundreds of them."""


class Image:
    """One subject in memory. Everything in it has a name; `symbols` knows them all.

    Text and data are as emulator.placement lays them out; modules = a page of the functions of modules, then private
    copies; module data = the ops of modules. Raises InputError where the subject cannot be placed.
    """

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject, self.arch, self.variant = subject, subject.arch, subject.variant
        self.placement = placement(subject)
        self.symbols = self.placement.symbols.copy()
        self.word = self.arch.word
        self.memory = self._memory()
        self.exit, self.gates, self.module_gates = self.placement.exit, self.placement.exit - PAGE, self.modules.base
        self._rooms()
        self.poison = _poison(seed)
        self._load()
        self.records = [DynFtrace(ip, function) for ip, function in self.placement.sites]
        self.callers = self.placement.callers

    def _memory(self) -> Memory:
        where = self.placement.memory
        self.text = Region("text", where.text, TEXT_SIZE, executable=True)
        self.data = Region("data", where.data, DATA_SIZE, writable=True)
        self.stack = Region("stack", where.stack, STACK_SIZE, writable=True, scratch=True)
        self.modules = Region("modules", where.modules, MODULE_SIZE, executable=True)
        self.module_data = Region("module data", where.modules + MODULE_SIZE, PAGE, writable=True)
        code = [Region(f"text {at:#x}", at, end - at, executable=True) for at, end in self.placement.own_text]
        data = [Region(f"data {at:#x}", at, end - at, writable=True) for at, end in self.placement.own_data]
        self.code, self.variables = (self.text, *code, self.modules), (self.data, *data)
        regions = (self.text, self.data, self.stack, self.modules, self.module_data, *code, *data)
        return Memory(regions, word=self.word, big_endian=self.arch.big_endian)

    def _rooms(self) -> None:
        functions = self.placement.gate_room
        self._functions = {
            "core": Room(functions.start, functions.end),
            "module": Room(self.module_gates, self.module_gates + PAGE),
        }
        self._ops = {
            "core": Room(self.data.base + OPS_OFFSET, self.data.base + SUBJECT_DATA_OFFSET),
            "module": Room(self.module_data.base, self.module_data.end),
        }
        self._copies = Room(self.module_gates + PAGE, self.modules.end)

    def _load(self) -> None:
        for chunk in (*self.placement.trampolines.chunks, *self.placement.kernel.chunks):
            self.memory.write(chunk.address, chunk.data)
        for gate in self.placement.gates:
            self.memory.write(gate, self.arch.function_return)
        self.memory.write(self.exit, self.arch.exit)
        for name, kind in VARIABLES.items():
            if kind == "int":  # what a wider load would find behind it
                self.memory.write(self.symbols.address(name) + 4, b"\xa5" * (self.word - 4))

    # -- room ---------------------------------------------------------------------------------------------------------

    def add_gate(self, name: str, home: str = "core") -> int:
        """A C function that Python acts for: an address with a return instruction. Raises InputError when room ends."""
        address = self._functions[home].take(f"another function ({name})", GATE_SIZE, GATE_SIZE)
        self.memory.write(address, self.arch.function_return)
        self.symbols.add_function(name, address, GATE_SIZE)
        return address

    def is_gate(self, address: int) -> bool:
        """Whether a C function is there."""
        page = address - address % PAGE
        made = page in (self.gates, self.module_gates) and address % GATE_SIZE == 0
        return made or address in self.placement.own_gates

    def is_thunk(self, address: int) -> bool:
        """Whether the code there stands for a return or an indirect branch."""
        function = self.symbols.function(address)
        return function is not None and any(fnmatchcase(function.name, thunk) for thunk in self.arch.thunks)

    def in_trampoline(self, address: int) -> bool:
        """Whether code of a trampoline, or of a private copy of one, is there."""
        if self.module_gates + PAGE <= address < self.modules.end:
            return True
        return any(chunk.address <= address < chunk.end for chunk in self.placement.trampolines.chunks)

    def add_ops(self, name: str, size: int, home: str = "core") -> int:
        """Room for a struct ftrace_ops. Raises InputError when it ends."""
        address = self._ops[home].take(f"another ops ({name})", size, 8)
        self.symbols.add_data(name, address)
        return address

    def has_room_for_copy(self, size: int) -> bool:
        """Whether a private copy of that many bytes would fit."""
        return self._copies.has(size, COPY_ALIGN)

    def add_copy(self, size: int) -> int:
        """Room in the module area for a private copy. Raises InputError when it ends."""
        return self._copies.take("another private trampoline", size, COPY_ALIGN)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def fill_stack(self) -> None:
        """Poison the whole stack, so that every byte that nobody writes can be told."""
        self.stack.data[:] = self.poison


@lru_cache(maxsize=8)
def _poison(seed: int) -> bytes:
    """What a stack holds that nobody has used."""
    return random.Random(f"poison {seed}").randbytes(STACK_SIZE)
