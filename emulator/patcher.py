# SPDX-License-Identifier: GPL-2.0-only
"""The architecture's half of ftrace over an image: sites, labels, variables and private copies as bytes in memory."""

from __future__ import annotations

import errno
from collections import defaultdict, deque
from functools import lru_cache
from typing import NamedTuple

from emulator.assembly import fixups
from emulator.assembly.decode import disassemble
from emulator.copies import Original, originals
from emulator.core.layout import ftrace_ops
from emulator.core.ops import FtraceOps, KernelOps
from emulator.core.platform import TextError
from emulator.core.release import VARIABLES, Release
from emulator.description import Ability, Branch, Engine, ops_literal
from emulator.errors import Fault, InputError, UsageError
from emulator.image import Image
from emulator.placement import STUB, Placement
from emulator.poke import Kind, Poker

MODIFIES = Ability.DYNAMIC_FTRACE_WITH_REGS | Ability.DYNAMIC_FTRACE_WITH_CALL_OPS | Ability.ARCH_REPLACE_CODE
"""What an architecture has a ftrace_modify_call(), or no need of one, for."""
RETURN_STUB, ENTRY_STUB = "ftrace_stub_graph", "ftrace_graph_entry_stub"
"""What ftrace_graph_return and ftrace_graph_entry are while there is no graph tracer."""


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
        self.poker = Poker(image.arch, self.variant.poke, image.memory)
        self.ops_layout = image.subject.ops or ftrace_ops(release, image.word, self.abilities)
        self._calls = patched_calls(image.placement)
        self._originals = originals(image.placement)
        self._settled: dict[str, Settled] = {}
        self._by_address: dict[int, FtraceOps] = {}
        self._copied: dict[str, Original] = {}
        self._freed: dict[tuple[str, Original], deque[int]] = defaultdict(deque)
        """Where copies were, by the name of their ops and what they were copied from."""
        self._boot()

    # -- before the first ops -----------------------------------------------------------------------------------------

    def _boot(self) -> None:
        """Initial values of variables, and ftrace_init(): the compilers' calls become NOPs, but in static variants."""
        self.set_variable("ftrace_graph_return", self.function(RETURN_STUB))
        self.set_variable("ftrace_graph_entry", self.function(ENTRY_STUB))
        self.compiled = {rec.ip: self._memory.read(rec.ip, len(self.variant.site.nop)) for rec in self.image.records}
        mcount = self.address(self.variant.site.mcount) if self.variant.site.mcount else 0
        for rec in self.image.records:
            if Ability.DYNAMIC_FTRACE in self.abilities:
                self._init_nop(rec.ip, mcount)
            else:
                rec.target = mcount

    def _init_nop(self, ip: int, mcount: int) -> None:
        """ftrace_init_nop(). Raises InputError where the site is not what the compiler should have left."""
        try:
            if mcount:
                self.make_nop(ip, mcount)
            else:
                self._init_prologue(ip)
        except TextError as error:
            raise InputError(f"a site cannot be disabled at boot: {error}") from error

    def _init_prologue(self, ip: int) -> None:
        """Of NOPs alone the first ones become what has to be before a call. Raises TextError EINVAL."""
        site = self.variant.site
        self._expect(ip, site.nop)
        nops = site.nop * (len(site.prologue) // len(site.nop))
        self._replace(Kind.SITE, ip - len(site.prologue), nops, site.prologue)

    # -- text ---------------------------------------------------------------------------------------------------------

    def address(self, symbol: str) -> int:
        """The address of a function or trampoline. Raises InputError where the source lacks it."""
        return self.image.placement.label(symbol)

    def function(self, symbol: str) -> int:
        """The address of a C function, which is made when it is first asked for.

        Where an architecture has no ftrace_stub_graph the linker script makes it ftrace_stub.
        """
        known = self._symbols.get(symbol)
        if known is not None:
            return known
        return self.address(STUB) if symbol == RETURN_STUB else self.image.add_gate(symbol)

    def verify(self, ip: int, old: int) -> None:
        """Raises TextError EINVAL where the site is not as expected."""
        self._expect(ip, self._site_call(ip, old) if old else self.variant.site.nop)

    def make_call(self, ip: int, target: int) -> None:
        """The NOP at ip becomes a call."""
        self._replace(Kind.SITE, ip, self.variant.site.nop, self._site_call(ip, target))

    def modify_call(self, ip: int, old: int, target: int) -> None:
        """The call at ip goes elsewhere. Raises TextError EINVAL where the configuration cannot do that.

        The default ftrace_modify_call() only refuses; an architecture with a replace_code of its own needs none.
        """
        if not self.abilities & MODIFIES:
            raise TextError(errno.EINVAL, f"{self._symbols.name(ip)}: this kernel has no ftrace_modify_call()")
        self._replace(Kind.SITE, ip, self._site_call(ip, old), self._site_call(ip, target))

    def make_nop(self, ip: int, old: int) -> None:
        """The call at ip becomes a NOP."""
        self._replace(Kind.SITE, ip, self._site_call(ip, old), self.variant.site.nop)

    def update_trace_func(self, func: int) -> None:
        """The labels of both trampolines begin to call func."""
        for label in self._calls:
            self.poker.change(Kind.LABEL, label, self._call(label, func))

    def callable(self, ip: int, target: int) -> int:
        """What the site has to call to get to target: with CALL_OPS ftrace_caller finds a direct trampoline by its ops,
        however far that is.
        """
        if Ability.DYNAMIC_FTRACE_WITH_CALL_OPS not in self.abilities or self._reaches(ip, target):
            return target
        return self.address(self.variant.plain.symbol)

    def _reaches(self, ip: int, target: int) -> bool:
        try:
            self._call(ip, target)
        except TextError:
            return False
        return True

    def set_site_ops(self, ip: int, ops: int) -> None:
        """The site's own pointer leads to an ops."""
        address = ops_literal(self.variant.site, ip, self.word)
        assert address is not None  # noqa: S101 - a variant with CALL_OPS says where it is
        self.poker.change(Kind.OPS, address, ops.to_bytes(self.word, self.image.arch.order))

    def _site_call(self, ip: int, target: int) -> bytes:
        return self._call(ip, self.callable(ip, target))

    def _call(self, ip: int, target: int) -> bytes:
        return self._branch(self.variant.site.call, ip, target)

    def _branch(self, branch: Branch, ip: int, target: int) -> bytes:
        """The call or jump from ip to target. Raises TextError EINVAL where that is out of reach."""
        try:
            return fixups.encode_branch(branch, ip, target)
        except fixups.FixupError as error:
            raise TextError(errno.EINVAL, str(error)) from error

    def _replace(self, kind: Kind, ip: int, old: bytes, new: bytes) -> None:
        """Verify, then write. Raises TextError EINVAL where the bytes are not the expected ones."""
        self._expect(ip, old)
        self.poker.change(kind, ip, new)

    def _expect(self, ip: int, old: bytes) -> None:
        found = self._memory.read(ip, len(old))
        if found != old:
            where = self._symbols.name(ip)
            raise TextError(errno.EINVAL, f"{where}: expected {old.hex(' ')}, found {found.hex(' ')}")

    # -- the graph caller, and return addresses -----------------------------------------------------------------------

    @property
    def graph_is_ops(self) -> bool:
        """Whether the architecture has ftrace_graph_func()."""
        return self.variant.graph is not None and self.variant.graph.is_ops

    @property
    def graph_finds_frames(self) -> bool:
        """Whether it tells taken returns apart by frame pointers."""
        return self.variant.graph is not None and self.variant.graph.found_by == "frame_pointer"

    @property
    def graph_beside_func(self) -> bool:
        """Whether static mcount goes to the graph tracer behind a callback, too."""
        return self.variant.graph is not None and self.variant.graph.beside

    @property
    def graph_trampoline(self) -> int:
        """FTRACE_GRAPH_TRAMP_ADDR, or 0."""
        graph = self.variant.graph
        return self.address(graph.entry.symbol) if graph and graph.entry else 0

    @property
    def word(self) -> int:
        """sizeof(long)."""
        return self.image.word

    def switch_graph_caller(self, *, on: bool) -> None:
        """Each label gets its branch to the graph caller, or what stands there otherwise. Raises TextError EINVAL."""
        for call in self.variant.graph.calls if self.variant.graph else ():
            place = self.address(call.label)
            branch = self._branch(call.jump, place, self.address(call.caller))
            off = call.off if isinstance(call.off, bytes) else self._branch(call.jump, place, self.address(call.off))
            old, new = (off, branch) if on else (branch, off)
            if self._memory.read(place, len(new)) != new:
                self._replace(Kind.GRAPH, place, old, new)

    def read_word(self, address: int) -> int:
        """A word on the stack. Raises Fault where there is none."""
        self._expect_stack(address)
        return self._memory.read_word(address)

    def write_word(self, address: int, value: int) -> None:
        """Change it. Raises Fault where there is none."""
        self._expect_stack(address)
        self._memory.write_word(address, value)

    def _expect_stack(self, address: int) -> None:
        region = self._memory.region(address, self.word)
        if region is None or not region.writable:
            raise Fault(f"the address of a return address is {address:#x}, which is not in writable memory")

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
        known = self._settled.get(ops.name)
        if known is None:
            self._expect_free(ops.name, function_name(ops))
        elif known.ops is not ops and known.ops.kernel is ops.kernel:
            if known.ops.has("ENABLED"):
                raise UsageError(f"ops {ops.name!r}: another ops of that name is registered; choose another name")
            self.free_trampoline(known.ops)
        self._expect_room(ops)
        if known is None or not _fits(known, ops):
            known = self._take(ops)
        self._settled[ops.name] = known._replace(ops=ops)
        self._by_address = {settled.address: settled.ops for settled in self._settled.values()}
        ops.address, ops.own_func = known.address, known.func if _has_func(ops) else 0
        ops.func_address = ops.saved_func = ops.own_func

    def _expect_room(self, ops: FtraceOps) -> None:
        """Raises InputError where a private copy that the ops needs would not fit."""
        original = self._original(ops)
        if original is None or not _has_func(ops) or (ops.trampoline and self._copied.get(ops.name) is original):
            return
        if not self.image.has_room_for_copy(original.size) and not self._freed[ops.name, original]:
            raise InputError("no room for another private trampoline")

    def _expect_free(self, *names: str) -> None:
        taken = [name for name in names if name in self._symbols]
        if taken:
            raise UsageError(f"ops {names[0]!r}: this kernel has a symbol {taken[0]} already; choose another name")

    def _take(self, ops: FtraceOps) -> Settled:
        if isinstance(ops, KernelOps):
            func = self.address(ops.symbol)
        else:
            func = self.image.add_gate(function_name(ops), ops.home) if _has_func(ops) else 0
        return Settled(ops, self.image.add_ops(ops.name, self.ops_layout.size, ops.home), func)

    def ops_at(self, address: int) -> FtraceOps | None:
        """The ops whose struct is at an address."""
        return self._by_address.get(address)

    def publish(self, ops: FtraceOps, following: FtraceOps) -> None:
        """Write the members that assembly or a debugger would look at."""
        values = {
            "func": ops.func_address,
            "next": following.address if following is not ops else 0,
            "flags": ops.word(self.release),
            "saved_func": ops.saved_func,
            "trampoline": ops.trampoline,
            "trampoline_size": ops.trampoline_size,
            "direct_call": ops.direct_call,
        }
        for member in self.ops_layout.members:
            if member.name in values:
                self._memory.write_word(ops.address + member.offset, values[member.name], member.size)

    # -- private copies -----------------------------------------------------------------------------------------------

    def update_trampoline(self, ops: FtraceOps, func: int) -> None:
        """arch_ftrace_update_trampoline(): a copy of the entry that the ops' flags ask for, calling func."""
        original = self._original(ops)
        if original is None:
            return
        if ops.trampoline and self._copied[ops.name] is original:
            label = ops.trampoline + original.call
            self.poker.change(Kind.LABEL, label, self._call(label, func))
        else:
            self._create(ops, original)
            label = ops.trampoline + original.call
            self._memory.write(label, self._call(label, func))

    def _original(self, ops: FtraceOps) -> Original | None:
        """What a copy for the ops is made of, None where none are made."""
        entry = self.variant.regs if ops.has("SAVE_REGS") else self.variant.plain
        return self._originals.get(entry.symbol) if entry else None

    def free_trampoline(self, ops: FtraceOps) -> None:
        """The copy's bytes are gone; the same ops gets its room again when there is no other, else nobody does.

        So a stale call is noticed, and what was recorded of it can still be read.
        """
        if not ops.trampoline:
            return
        if ops.has("ALLOC_TRAMP"):
            self._freed[ops.name, self._copied[ops.name]].append(ops.trampoline)
        self.poker.grace_period()
        self._memory.write(ops.trampoline, bytes(ops.trampoline_size))
        ops.trampoline = ops.trampoline_size = 0
        ops.kernel_flags.discard("ALLOC_TRAMP")

    def _create(self, ops: FtraceOps, original: Original) -> None:
        """create_trampoline()."""
        if self.image.has_room_for_copy(original.size):
            copy = self.image.add_copy(original.size)
            self._symbols.add_copy(copy_name(ops), copy, original.size, original.start)
        else:
            if not self._freed[ops.name, original]:
                raise InputError("no room for another private trampoline")
            copy = self._freed[ops.name, original].popleft()
            self._symbols.add_label(copy_name(ops), copy)
        self._memory.write(copy, original.copy(copy, ops.address))
        self._copied[ops.name] = original
        ops.trampoline, ops.trampoline_size = copy, original.size
        ops.kernel_flags.add("ALLOC_TRAMP")


@lru_cache(maxsize=16)
def patched_calls(placed: Placement) -> tuple[int, ...]:
    """The addresses of the calls that the core patches: ftrace_call, ftrace_regs_call.

    Raises InputError, with the bytes there, where a label holds neither a call that can be patched nor what the variant
    declares to be there before.
    """
    variant, engine = placed.subject.variant, placed.arch.engine
    labels = []
    for entry in variant.entries:
        placed.label(entry.symbol)
        if entry.call:
            there = placed.bytes_at(placed.label(entry.call), len(entry.uncalled))
            if not entry.uncalled or there != entry.uncalled:
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


def _fits(known: Settled, ops: FtraceOps) -> bool:
    """Whether an ops may have the struct and the function that were made for another one of its name."""
    alike = known.ops.home == ops.home and isinstance(known.ops, KernelOps) == isinstance(ops, KernelOps)
    return alike and bool(known.func or not ops.func)


def _has_func(ops: FtraceOps) -> bool:
    """Whether it is called; a direct ops is not, and gets no private copy."""
    return ops.func is not None or isinstance(ops, KernelOps)


def function_name(ops: FtraceOps) -> str:
    """The symbol of an ops' func, which is Python's."""
    return f"{ops.name}_func"


def copy_name(ops: FtraceOps) -> str:
    """The kernel calls them all ftrace_trampoline; here each also says whose it is."""
    return f"ftrace_trampoline[{ops.name}]"
