# SPDX-License-Identifier: GPL-2.0-only
"""A kernel for one exercise: ops whose callbacks behave badly in every way that is allowed, and calls of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from emulator.core.graph import FgraphOps
from emulator.core.ops import FtraceOps
from emulator.description import Member, Reg, Return
from emulator.errors import RunError
from emulator.lab import Lab
from emulator.recording import Recording
from emulator.subject import Subject

FUNCTION, OTHER = "vfs_read", "vfs_write"
"""The traced functions of most exercises; both are in every kernel.S."""
TARGET = "another_function"
"""A C function that control is sent to; the run ends there."""

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
        self.numbers = Random(f"exercise {seed}")
        self.regs: Any = None
        self._target = 0

    # -- users --------------------------------------------------------------------------------------------------------

    def ops(self, name: str, *flags: str, on: str = FUNCTION, act: Act | None = None) -> FtraceOps:
        """Register an ops on one function; where a release calls only a RECURSION_SAFE one directly, it is that."""
        safe = {"RECURSION_SAFE"} & {self.lab.release.protects_ops}

        def func(_ip: int, _parent_ip: int, _op: object, regs: object) -> None:
            self.regs = regs
            if act is not None:
                act(self)

        ops = FtraceOps(name, func, flags={*flags, *safe})
        if self.lab.core.dynamic:
            self.lab.set_filter(ops, on)
        self.lab.register(ops)
        return ops

    def graph(self, on: Iterable[str] = (), *, wanted: bool = True) -> FgraphOps:
        """Register a user of the graph tracer, who says yes, or no, to every function; on these functions or all."""
        gops = FgraphOps("graph", lambda _trace, _gops: wanted, lambda _trace, _gops: None)
        for name in on:
            if self.lab.release.graph_users > 1:
                self.lab.set_filter(gops.ops, name)
            else:
                self.lab.set_global_filter(name)
        self.lab.register_graph(gops)
        return gops

    def direct(self, on: str = FUNCTION) -> FtraceOps:
        """Register a direct call of TARGET."""
        ops = FtraceOps("direct")
        self.lab.set_filter(ops, on)
        self.lab.register_direct(ops, self.target)
        return ops

    @property
    def target(self) -> int:
        """The address of TARGET."""
        if not self._target:
            self._target = self.lab.add_function(TARGET, _arrived)
        return self._target

    # -- what callbacks do --------------------------------------------------------------------------------------------

    def loaded(self, entry_names: Iterable[str]) -> list[Member]:
        """The members of a record that stand for a register and are loaded back."""
        abi, names = self.arch.abi, set(entry_names)
        members = (member for member in self.arch.pt_regs.members if member.name in names)
        return [member for member in members if isinstance(member.holds, Reg) and member.holds.name != abi.flags]

    def write(self, member: Member) -> None:
        """Give a member of the record another value, at random."""
        self._store(member, self.numbers.getrandbits(8 * member.size))

    def toggle_flags(self) -> None:
        """Turn every arithmetic flag of the record over."""
        abi = self.arch.abi
        for member in self.arch.pt_regs.members:
            if member.holds == Reg(abi.flags):
                self._store(member, getattr(self.regs, member.name) ^ abi.arithmetic_flags)

    def _store(self, member: Member, value: int) -> None:
        address = self.record + member.offset
        self.lab.image.memory.write_word(address, value, member.size)

    @property
    def record(self) -> int:
        """The address of the record that the callback at hand has got."""
        record = self.lab.fregs or self.regs
        assert record is not None  # noqa: S101 - an exercise writes only where there is a record
        return int(record.address)

    def redirect(self) -> None:
        """Have control sent to TARGET."""
        if self.lab.fregs:
            self.lab.fregs.set_instruction_pointer(self.target)
        else:
            name = next(member.name for member in self.arch.pt_regs.members if isinstance(member.holds, Return))
            setattr(self.regs, name, self.target)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, function: str = FUNCTION, *arguments: int) -> Recording:
        """Call a function; how it ends is for the clauses to judge."""
        recording = self.lab.run(function, *arguments)
        if isinstance(recording.outcome, Arrived):
            recording.outcome = None
            recording.cut_short = True
        self.recordings.append(recording)
        return recording


def _arrived() -> int:
    raise Arrived("arrived")
