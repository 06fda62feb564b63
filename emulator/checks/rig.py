# SPDX-License-Identifier: GPL-2.0-only
"""A kernel for one exercise: ops whose callbacks behave badly in every way that is allowed, and calls of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from emulator.core.fgraph_ops import FgraphOps
from emulator.core.ops import FtraceOps
from emulator.description import Entry, Member, Reg, Return, loaded_into
from emulator.errors import RunError
from emulator.lab import Lab
from emulator.placement import GATE_SIZE
from emulator.recording import Recording
from emulator.seeding import random_value
from emulator.subject import Subject

FUNCTION, OTHER = "vfs_read", "vfs_write"
"""The traced functions of most exercises; both are in every kernel.S."""
SPOILT = "schedule"
"""One that is not called once its site is spoilt."""
TARGET = "another_function"
"""A C function that control is sent to; the run ends there."""

LIMIT = 5_000
"""Instructions that one call may take: enough by far, and few enough for one that never comes back, time and again."""

Act = Callable[["Rig"], None]
"""What a callback does to its record, which is rig.lab.fregs, or rig.regs."""


class Arrived(RunError):
    """The run has come to where it was sent, and need not go on."""


class Rig:
    """One kernel, from registration to the recordings of its calls.

    C functions overwrite all registers that they may, and the stack below sp.
    """

    def __init__(self, subject: Subject, seed: int, *, disturbed: bool = False) -> None:
        self.lab = Lab(subject=subject, seed=seed)
        self.lab.runner.hostile = True
        self.lab.runner.disturbed = disturbed
        self.variant, self.arch = self.lab.variant, self.lab.arch
        self.recordings: list[Recording] = []
        self.calls = 0
        """How many have ended, those within others not counted."""
        self.numbers = Random(f"exercise {seed}")
        self.regs: Any = None
        self.spoilt: tuple[int, bytes] | None = None
        """(address, bytes) of a site that somebody else has changed."""
        self.asked_direct: int | None = None
        self.refuses = False
        """Whether the user of the graph tracer says no."""
        self.nesting = False
        """Whether a callback has called a function."""
        self._target = 0

    # -- users --------------------------------------------------------------------------------------------------------

    def ops(self, name: str, *flags: str, on: str = FUNCTION, act: Act | None = None, home: str = "core") -> FtraceOps:
        """Register an ops on one function; where a release calls only a RECURSION_SAFE one directly, it is that."""
        safe = {"RECURSION_SAFE"} & {self.lab.release.protects_ops}

        def func(_ip: int, _parent_ip: int, _op: object, regs: object) -> None:
            self.regs = regs
            if act is not None:
                act(self)

        ops = FtraceOps(name, func, flags={*flags, *safe}, home=home)
        if self.lab.core.dynamic:
            self.lab.set_filter(ops, on)
        self.lab.register(ops)
        return ops

    def fullest(self, name: str, *, on: str = FUNCTION, act: Act | None = None) -> FtraceOps:
        """Register an ops that gets as much of a record as there can be: with SAVE_REGS, where that is possible."""
        return self.ops(name, *(["SAVE_REGS"] if self.variant.regs else []), on=on, act=act)

    def graph(self, on: Iterable[str] = (), *, wanted: bool = True) -> FgraphOps:
        """Register a user of the graph tracer, who says yes, or no, to every function; on these functions or all."""
        self.refuses = not wanted
        gops = FgraphOps("graph", lambda _trace, _gops: wanted, lambda _trace, _gops: None)
        for name in on:
            if self.lab.release.graph_users > 1:
                self.lab.set_filter(gops.ops, name)
            else:
                self.lab.set_global_filter(name)
        self.lab.register_graph(gops)
        return gops

    def direct(self) -> FtraceOps:
        """Register a direct call of TARGET."""
        return self.direct_to(self.target)

    def direct_code(self) -> FtraceOps:
        """Register a direct trampoline that is code, and comes back."""
        self.lab.implement("my_direct_func1", lambda: None)
        return self.direct_to(self.lab.address("my_tramp1"))

    def direct_to(self, address: int, on: str = FUNCTION) -> FtraceOps:
        """Register a direct call for one function, or several."""
        ops = FtraceOps("direct")
        self.lab.set_filter(ops, on)
        self.lab.register_direct(ops, address)
        return ops

    def expect_direct(self, address: int) -> None:
        """From now on every function that is called is to call `address` directly; 0: nothing."""
        self.asked_direct = address

    @property
    def target(self) -> int:
        """The address of TARGET."""
        if not self._target:
            self._target = self.lab.add_function(TARGET, _arrived)
        return self._target

    @property
    def far_target(self) -> int:
        """A function like TARGET that a module has."""
        return self.lab.add_function(f"{TARGET}_of_a_module", _arrived, home="module")

    def another_target(self) -> None:
        """TARGET is at the next address from now on."""
        self._target = self.lab.add_function(f"{TARGET}_at_{self.target + GATE_SIZE:x}", _arrived)

    # -- what callbacks do --------------------------------------------------------------------------------------------

    def loaded(self, entry_names: Iterable[str]) -> Iterator[Member]:
        """The members of a record that stand for a register and are loaded back."""
        abi, names, parent = self.arch.abi, set(entry_names), self.variant.site.parent
        for member in self.lab.struct.members:
            register = isinstance(member.holds, Reg) and member.holds.name != abi.flags
            if member.name in names and (register or (abi.link and member.holds == parent)):
                yield member

    def write_loaded(self, entry: Entry | None) -> None:
        """Give every such member of an entry's record another value."""
        for member in self.loaded(entry.honours if entry else ()):
            self.write(member)

    def leads_to_frame(self, member: Member) -> bool:
        """Whether the function finds its own frame by it, if it has one, or its return address."""
        abi, site = self.arch.abi, self.variant.site
        returns = site.parent_slot is None and loaded_into(member, site, abi) == abi.link
        return returns or member.holds in (Reg(abi.frame_pointer or ""), Reg(abi.sp))

    def write(self, member: Member) -> None:
        """Give a member of the record another value, at random; to sp, that of a push."""
        if member.holds == Reg(self.arch.abi.sp):
            self._store(member, lambda old: old - self.arch.word)
        else:
            register = member.holds.name if isinstance(member.holds, Reg) else ""
            self._store(member, random_value(self.arch, register, self.numbers))

    def toggle_flags(self) -> None:
        """Turn every arithmetic flag of the record over."""
        abi = self.arch.abi
        for member in self.lab.struct.members:
            if member.holds == Reg(abi.flags):
                self._store(member, lambda old: old ^ abi.arithmetic_flags)

    def _store(self, member: Member, value: int | Callable[[int], int]) -> None:
        """A number, or what becomes of the old one. Without a record, which C4 tells of, nothing can be written."""
        record, memory = self.lab.fregs or self.regs, self.lab.image.memory
        if record is not None:
            address = int(record.address) + member.offset
            new = value(memory.read_word(address, member.size)) if callable(value) else value
            memory.write_word(address, new, member.size)

    def redirect(self) -> None:
        """Have control sent to TARGET."""
        members = self.lab.struct.members
        self._store(next(member for member in members if isinstance(member.holds, Return)), self.target)

    def spoil(self, function: str) -> None:
        """Put something at a site that the kernel did not, and will not write over."""
        ip, nop = self.lab.record(function).ip, self.variant.site.nop
        self.spoilt = ip, bytes(byte ^ 0xFF for byte in nop)
        self.lab.image.memory.write(*self.spoilt)

    def unpatch(self) -> None:
        """Give the site of FUNCTION the call that the compiler has put there."""
        rec, patcher = self.lab.record(FUNCTION), self.lab.patcher
        self.lab.image.memory.write(rec.ip, patcher.compiled[rec.ip])
        mcount = self.variant.site.mcount
        rec.target = patcher.address(mcount) if mcount else 0

    def nest(self) -> None:
        """Call another function, once."""
        if not self.nesting:
            self.nesting = True
            self.call(OTHER)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, function: str = FUNCTION, *arguments: int) -> Recording:
        """Call a function; how it ends is for the clauses to judge."""
        return self.keep(self.lab.run(function, *arguments, limit=LIMIT))

    def keep(self, recording: Recording) -> Recording:
        """Have a recording judged."""
        recording.graph_refused, recording.spoilt = self.refuses, self.spoilt
        recording.asked_direct = self.asked_direct
        if isinstance(recording.outcome, Arrived):
            recording.outcome = None
            recording.cut_short = True
        self.recordings.append(recording)
        self.calls += not recording.nested
        return recording


def _arrived() -> int:
    raise Arrived("arrived")
