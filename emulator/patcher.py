# SPDX-License-Identifier: GPL-2.0-only
"""The architecture's half of ftrace over an image: sites, labels, variables and private copies as bytes in memory."""

from __future__ import annotations

import errno
from functools import lru_cache
from typing import NamedTuple

from emulator.assembly import fixups
from emulator.assembly.decode import disassemble
from emulator.copies import Original, originals
from emulator.core.layout import ftrace_ops
from emulator.core.ops import FtraceOps
from emulator.core.platform import TextError
from emulator.core.release import VARIABLES, Release
from emulator.description import Ability, Branch, Engine
from emulator.errors import InputError, UsageError
from emulator.image import Image
from emulator.placement import GRAPH_STUB, STUB, Placement

LIST_END = "ftrace_list_end"


class Settled(NamedTuple):
    """An ops with its struct and its function in memory."""

    ops: FtraceOps
    address: int
    func: int


class Patcher:
    """core.platform.Platform for an image: what arch/*/kernel/ftrace.c does.

    Raises InputError where the image's trampolines lack what will be patched, or where they cannot be copied.
    """

    def __init__(self, image: Image, release: Release) -> None:
        self.image, self.release, self.variant = image, release, image.variant
        self.abilities = self.variant.abilities
        self.insn_size = len(self.variant.site.call.opcode)
        self._memory, self._symbols = image.memory, image.symbols
        self.ops_layout = ftrace_ops(release, image.word, self.abilities)
        self._calls = patched_calls(image.placement)
        self._originals = originals(image.placement)
        self._settled: dict[str, Settled] = {}
        self._by_address: dict[int, FtraceOps] = {}
        self._by_func: dict[int, FtraceOps] = {}
        self._copied: dict[str, Original] = {}
        self._boot()

    # -- before the first ops -----------------------------------------------------------------------------------------

    def _boot(self) -> None:
        """Initial values of variables, and ftrace_init(): the compilers' calls become NOPs, but in static variants."""
        self.set_variable("ftrace_graph_return", self.address(STUB))
        self.set_variable("ftrace_graph_entry", self.address(GRAPH_STUB))
        self.compiled = {rec.ip: self._memory.read(rec.ip, len(self.variant.site.nop)) for rec in self.image.records}
        if Ability.DYNAMIC_FTRACE not in self.abilities:
            return
        mcount = self.address(self.variant.site.mcount)
        for rec in self.image.records:
            self.make_nop(rec.ip, mcount)

    # -- text ---------------------------------------------------------------------------------------------------------

    def address(self, symbol: str) -> int:
        """The address of a function or trampoline. Raises InputError where the source lacks it."""
        return self.image.placement.label(symbol)

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
        for label in self._calls:
            self._memory.write(label, self._call(label, func))

    def _call(self, ip: int, target: int) -> bytes:
        """The call from ip to target. Raises TextError EINVAL where that is out of reach."""
        try:
            return fixups.encode_branch(self.variant.site.call, ip, target)
        except fixups.FixupError as error:
            raise TextError(errno.EINVAL, str(error)) from error

    def _replace(self, ip: int, old: bytes, new: bytes) -> None:
        """Verify, then write. Raises TextError EINVAL where the bytes are not the expected ones."""
        found = self._memory.read(ip, len(old))
        if found != old:
            where = self._symbols.name(ip)
            raise TextError(errno.EINVAL, f"{where}: expected {old.hex(' ')}, found {found.hex(' ')}")
        self._memory.write(ip, new)

    # -- variables and ops --------------------------------------------------------------------------------------------

    def set_variable(self, name: str, value: int) -> None:
        """Write a variable of kernel/trace."""
        size = 4 if VARIABLES[name] == "int" else self.image.word
        self._memory.write_word(self._symbols.address(name), value, size)

    def settle(self, ops: FtraceOps) -> None:
        """Give an ops its struct and its func an address: the same ones each time it is registered here.

        An ops may take the place of one that had its name and is not registered. Raises UsageError for a name that is
        taken, InputError when room ends.
        """
        if not all(self.image.has_room_for_copy(original.size) for original in self._originals.values()):
            raise InputError("no room for another private trampoline")
        known = self._settled.get(ops.name)
        if known is None:
            self._expect_free(ops.name, function_name(ops))
        elif known.ops is not ops and known.ops.kernel is ops.kernel and known.ops.has("ENABLED"):
            raise UsageError(f"ops {ops.name!r}: another ops of that name is registered; choose another name")
        if known is None or known.ops.home != ops.home:
            known = self._take(ops)
        self._settled[ops.name] = known._replace(ops=ops)
        self._by_address = {settled.address: settled.ops for settled in self._settled.values()}
        self._by_func = {settled.func: settled.ops for settled in self._settled.values()}
        ops.address, ops.func_address = known.address, known.func

    def _expect_free(self, *names: str) -> None:
        taken = [name for name in names if name in self._symbols]
        if taken:
            raise UsageError(f"ops {names[0]!r}: this kernel has a symbol {taken[0]} already; choose another name")

    def _take(self, ops: FtraceOps) -> Settled:
        func = self.address(STUB) if ops.name == LIST_END else self.image.add_gate(function_name(ops), ops.home)
        return Settled(ops, self.image.add_ops(ops.name, self.ops_layout.size, ops.home), func)

    def ops_at(self, address: int) -> FtraceOps | None:
        """The ops whose struct is at an address."""
        return self._by_address.get(address)

    def ops_of(self, func: int) -> FtraceOps | None:
        """The ops whose function is at an address."""
        return self._by_func.get(func)

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
        entry = self.variant.regs if ops.has("SAVE_REGS") else self.variant.plain
        if entry is None or entry.symbol not in self._originals:
            return
        original = self._originals[entry.symbol]
        if not ops.trampoline or self._copied[ops.name] is not original:
            self._create(ops, original)
        label = ops.trampoline + original.call
        self._memory.write(label, self._call(label, func))

    def free_trampoline(self, ops: FtraceOps) -> None:
        """The copy's bytes are gone; its room is not given out again, so that a stale call is noticed."""
        if not ops.trampoline:
            return
        self._memory.write(ops.trampoline, bytes(ops.trampoline_size))
        ops.trampoline = ops.trampoline_size = 0
        ops.kernel_flags.discard("ALLOC_TRAMP")

    def _create(self, ops: FtraceOps, original: Original) -> None:
        """create_trampoline()."""
        copy = self.image.add_copy(original.size)
        self._memory.write(copy, original.copy(copy, ops.address))
        self._symbols.add_copy(copy_name(ops), copy, original.size, original.start)
        self._copied[ops.name] = original
        ops.trampoline, ops.trampoline_size = copy, original.size
        ops.kernel_flags.add("ALLOC_TRAMP")


@lru_cache(maxsize=16)
def patched_calls(placed: Placement) -> tuple[int, ...]:
    """The addresses of the calls that the core patches: ftrace_call, ftrace_regs_call.

    Raises InputError, with the bytes there, where a label does not hold a call that can be patched.
    """
    variant, engine = placed.subject.variant, placed.arch.engine
    labels = []
    for entry in (variant.plain, variant.regs):
        if entry:
            placed.label(entry.symbol)
            _expect_call(placed, entry.call, variant.site.call, engine)
            labels.append(placed.label(entry.call))
    return tuple(labels)


def _expect_call(placed: Placement, label: str, call: Branch, engine: Engine) -> None:
    address, size = placed.label(label), len(call.opcode)
    there = placed.bytes_at(address, size)
    (wanted,) = disassemble(engine, fixups.encode_branch(call, address, address), address)
    found = next(iter(disassemble(engine, there, address)), None)
    if found is None or (found.mnemonic, found.size) != (wanted.mnemonic, wanted.size):
        where = placed.symbols.where(address)
        raise InputError(f"{where}: {label} must be a {wanted.mnemonic} of {size} bytes; there is {there.hex(' ')}")


def function_name(ops: FtraceOps) -> str:
    """The symbol of an ops' func, which is Python's."""
    return f"{ops.name}_func"


def copy_name(ops: FtraceOps) -> str:
    """The kernel calls them all ftrace_trampoline; here each also says whose it is."""
    return f"ftrace_trampoline[{ops.name}]"
