# SPDX-License-Identifier: GPL-2.0-only
"""Code that is changed while somebody looks: the stores, their order, and what a breakpoint's handler does."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Poke
from emulator.errors import Fault, RunError
from emulator.lab import Lab
from emulator.machine.memory import PAGE, Memory, Region
from emulator.poke import Change, Kind, Onward, Poker, stores

X86 = catalog.load("x86_64")
AT = 0x1000
CALL, OTHER, NOP = bytes.fromhex("e8fb000000"), bytes.fromhex("e9f60f0000"), X86.variant("6.12").site.nop
POKE_3, POKE_6, STOPPED = X86.variant("3.7").poke, X86.variant("6.12").poke, Poke()


class Seen:
    """A witness that keeps what it has seen."""

    def __init__(self, memory: Memory, poker: Poker) -> None:
        self.memory, self.poker = memory, poker
        self.texts: list[str] = []
        self.states: list[str] = []
        self.pending: list[bool] = []
        self.waits = 0

    def at_text(self, change: Change) -> None:
        self.texts.append(self.memory.read(AT, len(change.new)).hex())
        self.states.append("trapped" if change.trapped else "torn" if change.torn else "whole")
        self.pending.append(AT in self.poker.pending)

    def at_grace_period(self) -> None:
        self.waits += 1


def change(poke: Poke, old: bytes, new: bytes, kind: Kind = Kind.SITE) -> Seen:
    memory = Memory([Region("text", AT, PAGE, executable=True)], word=8, big_endian=False)
    memory.write(AT, old)
    poker = Poker(X86, poke, memory)
    poker.witness = seen = Seen(memory, poker)
    poker.change(kind, AT, new)
    assert memory.read(AT, len(new)) == new
    assert not poker.pending
    return seen


def test_a_breakpoint_first_then_the_tail_then_the_first_byte():
    seen = change(POKE_6, NOP, CALL)
    assert seen.texts == ["cc1f440000", "ccfb000000", "e8fb000000"]
    assert seen.states == ["trapped", "trapped", "whole"]
    assert all(seen.pending)


def test_nobody_sees_anything_where_everybody_is_stopped():
    assert change(STOPPED, NOP, CALL).texts == []


def test_up_to_3_12_the_handler_does_not_know_labels():
    assert change(POKE_3, NOP, CALL, Kind.LABEL).pending == [False] * 3
    assert change(POKE_3, NOP, CALL, Kind.SITE).pending == [True] * 3
    assert change(POKE_6, NOP, CALL, Kind.LABEL).pending == [True] * 3


def test_up_to_3_15_the_branch_to_the_graph_caller_is_a_plain_store():
    old, new = bytes.fromhex("e900010000"), bytes.fromhex("e952020000")
    seen = change(POKE_3, old, new, Kind.GRAPH)
    assert seen.texts == ["e900010000", "e952010000", "e952020000", "e952020000", "e952020000"]
    assert seen.states == ["whole", "torn", "whole", "whole", "whole"]


@pytest.mark.parametrize(("whole", "states"), [(4, ["whole"]), (2, ["torn", "whole"])])
def test_a_plain_store_is_seen_in_pieces_of_what_is_whole(whole, states):
    seen = change(Poke(stopped=False, whole=whole), bytes(4), bytes([1, 2, 3, 4]))
    assert seen.states == states


def test_a_store_writes_what_it_says():
    for poke in (POKE_3, POKE_6, Poke(stopped=False, whole=3)):
        text = bytearray(NOP)
        for store in stores(poke, Change(Kind.SITE, AT, NOP, CALL)):
            text[store.offset : store.offset + len(store.data)] = store.data
        assert bytes(text) == CALL


@pytest.mark.parametrize(
    ("poke", "new", "onward"),
    [
        (POKE_6, CALL, Onward(AT + 0x100, AT + 5)),
        (POKE_6, OTHER, Onward(AT + 0xFFB)),
        (POKE_6, NOP, Onward(AT + 5)),
        (POKE_3, CALL, Onward(AT + 5)),
    ],
)
def test_the_handler_sends_on_what_has_run_onto_a_breakpoint(poke, new, onward):
    poker = Poker(X86, poke, Memory([Region("text", AT, PAGE)], word=8, big_endian=False))
    assert poker.onward(AT + 1, {AT: new}) == onward
    assert poker.onward(AT + 2, {AT: new}) is None
    assert poker.onward(AT + 1, {}) is None


def test_a_private_copy_waits_for_those_who_run_in_it():
    lab = Lab("x86_64", release="6.12")
    ops = FtraceOps("probe", lambda *_: None, home="module")
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    copy, size = ops.trampoline, ops.trampoline_size
    lab.patcher.poker.witness = seen = Seen(lab.image.memory, lab.patcher.poker)
    there: list[bool] = []
    seen.at_grace_period = lambda: there.append(any(lab.image.memory.read(copy, size)))
    seen.at_text = lambda _change: None
    lab.unregister(ops)
    assert there == [True]
    assert not any(lab.image.memory.read(copy, size))


@pytest.mark.parametrize(("release", "called"), [("6.12", ["probe"]), ("3.7", [])])
def test_a_function_runs_over_a_breakpoint(release, called):
    """6.x acts as the call that is being written, 3.x as a NOP; then the function goes on as if there were none."""
    lab = Lab("x86_64", release=release)
    ops = FtraceOps("probe", lambda *_: None)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    plain = lab.call("vfs_read")
    ip = lab.record("vfs_read").ip
    lab.patcher.poker.pending[ip] = lab.image.memory.read(ip, 5)
    lab.image.memory.write(ip, b"\xcc")
    recording = lab.call("vfs_read")
    assert [call.ops.name for call in recording.callbacks] == called
    assert recording.result == plain.result
    if called:
        assert recording.callbacks[0].regs is None
        assert recording.callbacks[0].fregs["sp"].value == plain.callbacks[0].fregs["sp"].value
        assert recording.callbacks[0].fregs["r9"].origin == plain.callbacks[0].fregs["r9"].origin


def test_a_breakpoint_of_nobodys_is_a_fault():
    lab = Lab("x86_64", release="6.12")
    lab.image.memory.write(lab.record("vfs_read").ip, b"\xcc")
    with pytest.raises(Fault, match="CPU exception 3 at vfs_read"):
        lab.call("vfs_read")


def test_a_handler_without_a_stack_is_a_fault():
    """The emulated call pushes its return address where there is no memory."""
    lab = Lab("x86_64", release="6.12")
    ip = lab.record("vfs_read").ip
    lab.patcher.poker.pending[ip] = CALL
    lab.image.memory.write(ip, b"\xcc")
    registers = lab.layout.unpack(lab.runner.prepare(lab.runner.state()))
    sp = lab.arch.abi.sp

    def lose_stack(run, address):
        if address == ip:
            run.machine.registers.write(lab.layout.pack({**registers, sp: 0x10}))

    lab.runner.visitor = lose_stack
    with pytest.raises(RunError):
        lab.call("vfs_read")


@pytest.mark.parametrize("arch", ["x86_64", "arm"])
def test_declared_protocols_are_consistent(arch):
    for variant in catalog.load(arch).variants:
        poke = variant.poke
        assert poke.stopped == (not poke.breakpoint), variant.name
        assert len(poke.breakpoint) < len(variant.site.call.opcode)
