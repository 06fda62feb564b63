# SPDX-License-Identifier: GPL-2.0-only
"""What a callback holds in its hands: struct pt_regs and struct ftrace_regs as live views of emulated memory."""

from __future__ import annotations

from typing import Any

from emulator.description import Arch, Entry, Member, Reg, Return, Struct, Variant
from emulator.errors import UsageError
from emulator.machine.memory import Memory


class PtRegs:
    """struct pt_regs at an address: members are attributes, and what is written to them is in memory at once.

    An unknown member is an AttributeError that lists the known ones. With `entry`, the trampoline that will load it
    back, a write to a member that is not loaded is a UsageError: the traced function would never see it.
    """

    __slots__ = ("_entry", "_layout", "_memory", "address")
    _entry: Entry | None
    _layout: Struct
    _memory: Memory
    address: int

    def __init__(self, layout: Struct, memory: Memory, address: int, entry: Entry | None = None) -> None:
        object.__setattr__(self, "_entry", entry)
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_memory", memory)
        object.__setattr__(self, "address", address)

    def __getattr__(self, name: str) -> Any:
        member = self._member(name)
        return self._memory.read_word(self.address + member.offset, member.size)

    def __setattr__(self, name: str, value: int) -> None:
        member, entry = self._member(name), self._entry
        if entry and name not in entry.honours:
            lost = f"{entry.symbol} does not load it back, and the traced function would never see it"
            raise UsageError(f"{self._layout.name}->{name} = {value:#x}: {lost}")
        self._memory.write_word(self.address + member.offset, value, member.size)

    def __dir__(self) -> list[str]:
        return [member.name for member in self._layout.members]

    def __repr__(self) -> str:
        return f"<struct {self._layout.name} at {self.address:#x}>"

    def _member(self, name: str) -> Member:
        try:
            return self._layout.member(name)
        except KeyError:
            known = ", ".join(dir(self))
            raise AttributeError(f"struct {self._layout.name} has no {name!r} (known: {known})") from None


class FtraceRegs:
    """struct ftrace_regs at an address, with the kernel's accessors (include/linux/ftrace_regs.h) less ftrace_regs_."""

    __slots__ = ("_arch", "_mark", "_memory", "_regs", "_struct", "_variant", "address")

    def __init__(self, variant: Variant, arch: Arch, memory: Memory, address: int, entry: Entry | None = None) -> None:
        self._variant, self._arch, self._memory = variant, arch, memory
        self._struct = arch.record(variant)
        self._mark = arch.pt_regs.member(variant.get_regs) if variant.get_regs else None
        self._regs = PtRegs(self._struct, memory, address, entry)
        self.address = address

    def __repr__(self) -> str:
        return f"<struct ftrace_regs at {self.address:#x}>"

    def get_regs(self) -> PtRegs | None:
        """ftrace_get_regs(): the whole pt_regs, or None where this is a partial record, or no pt_regs at all."""
        if self._variant.fregs is not None:
            return None
        if self._mark is None or self._memory.read_word(self.address + self._mark.offset, self._mark.size):
            return self._regs
        return None

    def get_instruction_pointer(self) -> int:
        """Where the traced function will go on."""
        return int(getattr(self._regs, self._instruction_pointer))

    def set_instruction_pointer(self, ip: int) -> None:
        """Let it go on elsewhere: what livepatch does."""
        setattr(self._regs, self._instruction_pointer, ip)

    def get_argument(self, n: int) -> int:
        """The traced function's n-th argument, from 0. Raises UsageError for one that is not in a register."""
        arguments = self._arch.abi.arguments
        if not 0 <= n < len(arguments):
            raise UsageError(f"argument {n} is not in a register ({self._arch.name} has {len(arguments)} there)")
        return int(getattr(self._regs, self._holder(arguments[n])))

    def get_return_value(self) -> int:
        """The register of the return value."""
        return int(getattr(self._regs, self._holder(self._arch.abi.returns[0])))

    def set_return_value(self, value: int) -> None:
        """What a function that is skipped shall return (see override_function_with_return)."""
        setattr(self._regs, self._holder(self._arch.abi.returns[0]), value)

    def get_stack_pointer(self) -> int:
        """The stack pointer as the traced function sees it."""
        return int(getattr(self._regs, "sp"))  # noqa: B009 - every architecture's pt_regs calls it so

    def get_frame_pointer(self) -> int:
        """The frame pointer, 0 where this architecture has no such register."""
        register = self._arch.abi.frame_pointer
        return int(getattr(self._regs, self._holder(register))) if register else 0

    def get_parent_slot(self) -> int:
        """Where ftrace_graph_func() finds the return address of the traced function: on the stack, or in here."""
        graph = self._variant.graph
        if graph is None or graph.kept_in is None:
            return self.get_stack_pointer()
        return self.address + self._struct.member(graph.kept_in).offset

    def set_direct_caller(self, address: int) -> None:
        """arch_ftrace_set_direct_caller(). Raises UsageError where the architecture makes no direct calls.

        Where none of its trampolines looks at the member, the kernel writes it all the same (i386).
        """
        direct = self._variant.direct
        if direct is None:
            raise UsageError(f"{self._arch.name} {self._variant.name} makes no direct calls")
        shared = self._variant.shares_direct_calls
        setattr(self._regs if shared else PtRegs(self._struct, self._memory, self.address), direct, address)

    @property
    def _instruction_pointer(self) -> str:
        return next(member.name for member in self._struct.members if isinstance(member.holds, Return))

    def _holder(self, register: str) -> str:
        """The first member that promises a register."""
        return next(member.name for member in self._struct.members if member.holds == Reg(register))
