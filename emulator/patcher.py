# SPDX-License-Identifier: GPL-2.0-only
"""The architecture's half of ftrace over an image: sites, labels, variables and private copies as bytes in memory."""

from __future__ import annotations

import errno

from emulator.assembly import fixups
from emulator.assembly.decode import disassemble
from emulator.core.layout import ftrace_ops
from emulator.core.ops import FtraceOps
from emulator.core.platform import TextError
from emulator.core.release import VARIABLES, Release
from emulator.description import Ability, Branch, Copying, Entry
from emulator.errors import InputError
from emulator.image import Image


class Patcher:
    """core.platform.Platform for an image: what arch/*/kernel/ftrace.c does."""

    def __init__(self, image: Image, release: Release) -> None:
        self.image, self.release, self.variant = image, release, image.variant
        self.abilities = self.variant.abilities
        self._memory, self._symbols = image.memory, image.symbols
        direct = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in self.abilities
        self.ops_layout = ftrace_ops(release, image.word, direct)
        self.entries = [entry for entry in (self.variant.plain, self.variant.regs) if entry]
        self._check_labels()
        self._boot()

    # -- before the first ops -----------------------------------------------------------------------------------------

    def _check_labels(self) -> None:
        """Every label that will be patched holds a call. Raises InputError: with the label and the bytes there."""
        for entry in self.entries:
            self.image.label(entry.symbol)
            self._expect_call(entry.call)

    def _expect_call(self, label: str) -> None:
        address, call = self.image.label(label), self.variant.site.call
        there = self._memory.read(address, len(call.opcode))
        ours = disassemble(self.image.arch.engine, fixups.encode_branch(call, address, address), address)
        found = disassemble(self.image.arch.engine, there, address)
        if not found or found[0].mnemonic != ours[0].mnemonic:
            where = self._symbols.where(address)
            raise InputError(f"{where}: {label} must be a {ours[0].mnemonic}; the bytes there are {there.hex(' ')}")

    def _boot(self) -> None:
        """ftrace_init(): the compilers' calls become NOPs. Static variants keep theirs."""
        self.compiled = {rec.ip: self._memory.read(rec.ip, len(self.variant.site.nop)) for rec in self.image.records}
        if Ability.DYNAMIC_FTRACE not in self.abilities:
            return
        mcount = self.address(self.variant.site.mcount)
        for rec in self.image.records:
            self.make_nop(rec.ip, mcount)

    # -- text ---------------------------------------------------------------------------------------------------------

    def address(self, symbol: str) -> int:
        """The address of a function or trampoline. Raises InputError where the source lacks it."""
        return self.image.label(symbol)

    def make_call(self, ip: int, target: int) -> None:
        """The NOP at ip becomes a call."""
        self._replace(ip, self.variant.site.nop, self._call(ip, target))

    def modify_call(self, ip: int, old: int, target: int) -> None:
        """The call at ip goes elsewhere."""
        self._replace(ip, self._call(ip, old), self._call(ip, target))

    def make_nop(self, ip: int, old: int) -> None:
        """The call at ip becomes a NOP."""
        self._replace(ip, self._call(ip, old), self.variant.site.nop)

    def update_trace_func(self, func: int) -> None:
        """The labels of both trampolines begin to call func."""
        for entry in self.entries:
            label = self.address(entry.call)
            self._memory.write(label, self._call(label, func))

    def _call(self, ip: int, target: int) -> bytes:
        return encode(self.variant.site.call, ip, target)

    def _replace(self, ip: int, old: bytes, new: bytes) -> None:
        """Verify, then write. Raises TextError EINVAL where the bytes are not the expected ones."""
        found = self._memory.read(ip, len(old))
        if found != old:
            where = self._symbols.name(ip)
            raise TextError(errno.EINVAL, f"{where}: expected {old.hex(' ')}, found {found.hex(' ')}")
        self._memory.write(ip, new)

    # -- data ---------------------------------------------------------------------------------------------------------

    def set_variable(self, name: str, value: int) -> None:
        """Write a variable of kernel/trace."""
        size = 4 if VARIABLES[name] == "int" else self.image.word
        self._memory.write_word(self._symbols.address(name), value, size)

    def settle(self, ops: FtraceOps) -> None:
        """Give an ops its struct and its func an address, the first time it is seen here."""
        if ops.address and self._symbols.name(ops.address) == f"&{ops.name}":
            return
        if ops.name in self._symbols:
            raise InputError(f"ops name {ops.name!r} is already taken in this kernel")
        ops.address = self.image.add_ops(ops.name, self.ops_layout.size, ops.home)
        if ops.name == "ftrace_list_end":
            ops.func_address = self.address("ftrace_stub")
        else:
            ops.func_address = self.image.add_gate(f"{ops.name}_func", ops.home)

    def publish(self, ops: FtraceOps, following: FtraceOps) -> None:
        """Write the members that assembly or a debugger would look at."""
        values = {
            "func": ops.func_address,
            "next": following.address if following is not ops else 0,
            "flags": ops.word(self.release),
            "trampoline": ops.trampoline,
            "trampoline_size": ops.trampoline_size,
        }
        for member in self.ops_layout.members:
            if member.name in values:
                self._memory.write_word(ops.address + member.offset, values[member.name], member.size)

    # -- private copies -----------------------------------------------------------------------------------------------

    def update_trampoline(self, ops: FtraceOps, func: int) -> None:
        """arch_ftrace_update_trampoline(): a copy of the entry that the ops' flags ask for, calling func."""
        copying = self.variant.copying
        entry = self.variant.regs if ops.has("SAVE_REGS") else self.variant.plain
        if copying is None or entry is None:
            return
        if not ops.trampoline:
            self._create(ops, entry, copying)
        label = ops.trampoline + self.address(entry.call) - self.address(entry.symbol)
        self._memory.write(label, self._call(label, func))

    def free_trampoline(self, ops: FtraceOps) -> None:
        """The copy's bytes are gone; its pages are not given out again, so that a stale call is noticed."""
        if not ops.trampoline:
            return
        self._memory.write(ops.trampoline, bytes(ops.trampoline_size))
        self._symbols.remove_copy(copy_name(ops))
        ops.trampoline = ops.trampoline_size = 0
        ops.kernel_flags.discard("ALLOC_TRAMP")

    def _create(self, ops: FtraceOps, entry: Entry, copying: Copying) -> None:
        """create_trampoline(): code, ending, ops pointer; then what depends on where they stand."""
        start = self.address(entry.symbol)
        size = self.address(entry.end or entry.symbol) - start
        slot = size + copying.ending_size
        total = slot + self.image.word
        copy = self.image.add_copy(total)
        code = bytearray(self._memory.read(start, size) + copying.ending[: copying.ending_size])
        neutral = self._neutralise(code, start, entry, copying)
        self._rebase(code, start, size, copy, neutral)
        self._memory.write(copy, bytes(code))
        self._memory.write_word(copy + slot, ops.address)
        if entry.op_load:
            self._load_own_ops(copy, self.address(entry.op_load) - start, copy + slot, copying)
        ops.trampoline, ops.trampoline_size = copy, total
        ops.kernel_flags.add("ALLOC_TRAMP")
        self._symbols.add_copy(copy_name(ops), copy, total, start)

    def _neutralise(self, code: bytearray, start: int, entry: Entry, copying: Copying) -> range:
        """A copy never makes a direct call: the offsets of the jump that becomes a NOP.

        Raises InputError where no such jump stands at the label.
        """
        if entry.direct_jump is None:
            return range(0)
        at = self.address(entry.direct_jump) - start
        jump = range(at, at + len(copying.no_jump))
        found = bytes(code[jump.start : jump.stop])
        if not found.startswith(copying.jump):
            where = self._symbols.where(start + at)
            raise InputError(f"{where}: expected a jump ({copying.jump.hex()}), found {found.hex(' ')}")
        code[jump.start : jump.stop] = copying.no_jump
        return jump

    def _rebase(self, code: bytearray, start: int, size: int, copy: int, neutral: range) -> None:
        """What is relative to the instruction pointer and leaves the copy must reach as far as before."""
        for fixup in self.image.trampolines.fixups_between(start, start + size):
            offset = fixup.address - start
            if offset not in neutral and not start <= fixup.value < start + size:
                fixups.apply(fixup.kind, code, offset, symbol=fixup.value, addend=fixup.addend, place=copy + offset)

    def _load_own_ops(self, copy: int, at: int, slot: int, copying: Copying) -> None:
        """The load of function_trace_op becomes one of the pointer behind the code. Raises InputError."""
        opcode = copying.op_load
        found = self._memory.read(copy + at, len(opcode))
        if found != opcode:
            raise InputError(f"no load of the ops: expected {opcode.hex(' ')}, found {found.hex(' ')}")
        load = Branch(opcode + bytes(4), copying.op_fixup, at=len(opcode), addend=-4)
        self._memory.write(copy + at, encode(load, copy + at, slot))


def encode(branch: Branch, place: int, target: int) -> bytes:
    """The bytes of a call from `place` to `target`. Raises TextError EINVAL where it is out of reach."""
    try:
        return fixups.encode_branch(branch, place, target)
    except fixups.FixupError as error:
        raise TextError(errno.EINVAL, str(error)) from error


def copy_name(ops: FtraceOps) -> str:
    """The kernel calls them all ftrace_trampoline; here each also says whose it is."""
    return f"ftrace_trampoline[{ops.name}]"
