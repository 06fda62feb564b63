# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that are changed while somebody may run them: one store after another, and what a breakpoint does.

Sources: arch/x86/kernel/ftrace.c of 3.7 (add_breakpoints() and what follows it, ftrace_int3_handler());
arch/x86/kernel/alternative.c of 6.x (text_poke_bp_batch(), poke_int3_handler()). Both go through all sites three times;
here each site takes its three steps by itself, because nobody runs at two places at once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from emulator.assembly.decode import Flow, disassemble, flow
from emulator.description import Arch, Poke
from emulator.machine.memory import Memory
from emulator.machine.registers import Layout, RegisterFile


class Kind(enum.Enum):
    """What is changed."""

    SITE = "site"
    LABEL = "label"
    """The call in a trampoline or in a private copy."""
    GRAPH = "graph"
    """The branch to the graph caller."""
    OPS = "ops"
    """A site's own pointer to an ops."""


class Change(NamedTuple):
    """An instruction on its way from its old bytes to the new ones."""

    kind: Kind
    address: int
    old: bytes
    new: bytes
    trapped: bool = False
    """Whether a breakpoint is there at this moment."""
    torn: bool = False
    """Whether part of the new bytes stands beside part of the old ones, and nothing keeps others away."""


class Witness(Protocol):
    """Somebody who looks at every state that text is in while it is changed."""

    def at_text(self, change: Change) -> None:
        """One store of several has been made, or the last one."""

    def at_grace_period(self) -> None:
        """synchronize_rcu_tasks(): a private copy goes when everybody who runs in it has left it."""


class Store(NamedTuple):
    """Bytes that are written at an offset into the instruction, all at once."""

    offset: int
    data: bytes


class Onward(NamedTuple):
    """Where the handler of a breakpoint sends the interrupted task, and the return address that it has pushed."""

    address: int
    pushed: int | None = None


def stores(poke: Poke, change: Change) -> Iterator[Store]:
    """The stores by which an instruction is changed, in their order, as others see them."""
    if not poke.breakpoint or (change.kind is Kind.GRAPH and not poke.graph):
        for offset in range(0, len(change.new), poke.whole):
            yield Store(offset, change.new[offset : offset + poke.whole])
    else:
        size = len(poke.breakpoint)
        yield Store(0, poke.breakpoint)
        yield Store(size, change.new[size:])
        yield Store(0, change.new[:size])


class Poker:
    """Changes instructions as the variant's kernel does. `pending` is what its breakpoint handler knows of."""

    def __init__(self, arch: Arch, poke: Poke, memory: Memory) -> None:
        self.pending: dict[int, bytes] = {}
        """{address: new instruction} while one is being changed."""
        self.witness: Witness | None = None
        self._arch, self._poke, self._memory = arch, poke, memory

    def change(self, kind: Kind, address: int, new: bytes) -> None:
        """Write an instruction; all at once, where nobody looks or everybody is stopped."""
        if self.witness is None or self._poke.stopped:
            self._memory.write(address, new)
            return
        change = Change(kind, address, self._memory.read(address, len(new)), new)
        if kind is not Kind.LABEL or self._poke.labels:
            self.pending[address] = new
        try:
            for store in stores(self._poke, change):
                self._memory.write(address + store.offset, store.data)
                self.witness.at_text(self._now(change))
        finally:
            self.pending.pop(address, None)

    def _now(self, change: Change) -> Change:
        now = self._memory.read(change.address, len(change.new))
        trapped = bool(self._poke.breakpoint) and now.startswith(self._poke.breakpoint)
        return change._replace(trapped=trapped, torn=not trapped and now not in (change.old, change.new))

    def grace_period(self) -> None:
        """Wait until nobody is in a trampoline any more."""
        if self.witness:
            self.witness.at_grace_period()

    def trap(self, registers: RegisterFile, layout: Layout, pending: Mapping[int, bytes]) -> int | None:
        """The breakpoint's handler: where to go on, None where it does not know the breakpoint or has no stack."""
        values = layout.unpack(registers.read())
        onward = self.onward(values[self._arch.abi.pc], pending)
        if onward is None or (onward.pushed is not None and not self._push(values, onward.pushed)):
            return None
        registers.write(layout.pack(values))
        return onward.address

    def _push(self, values: dict[str, int], returns_to: int) -> bool:
        """What a call does with its return address; whether there is a stack for it."""
        abi, word = self._arch.abi, self._arch.word
        if abi.link:
            values[abi.link] = returns_to
            return True
        values[abi.sp] -= word
        region = self._memory.region(values[abi.sp], word)
        if region is None or not region.writable:
            return False
        self._memory.write_word(values[abi.sp], returns_to)
        return True

    def onward(self, pc: int, pending: Mapping[int, bytes]) -> Onward | None:
        """Where a task goes on that has run onto a breakpoint, which ends at `pc`; None: nobody knows it."""
        address = pc - len(self._poke.breakpoint)
        new = pending.get(address)
        if new is None:
            return None
        behind = address + len(new)
        if not self._poke.emulates:
            return Onward(behind)
        kind, _ = flow(self._arch.engine, new)
        if kind is Flow.NONE:
            return Onward(behind)
        target = next(iter(disassemble(self._arch.engine, new, address))).target
        assert target is not None  # noqa: S101 - the kernel writes only branches that hold their target
        return Onward(target, behind if kind is Flow.CALL else None)
