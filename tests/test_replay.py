# SPDX-License-Identifier: GPL-2.0-only
"""Replays: the same way again with the same inputs, other inputs that keep what points into the stack, and edits."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Const, Reg, Return, Sum, Word
from emulator.lab import Lab
from emulator.machine import engine
from emulator.recording import Arrival, Hit, Recording
from emulator.replay import STEP, Inputs, Replay, recorded, varied

NEWEST = list(catalog.names())


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def recording_of(arch: str) -> Recording:
    lab = Lab(arch)
    ops = FtraceOps("probe", ignore, flags={"SAVE_REGS"} if lab.variant.regs else ())
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return lab.call("vfs_read")


def parts(recording: Recording) -> tuple[Hit, Arrival]:
    return recording.hit, recording.hit.arrivals[0]


@pytest.mark.parametrize("arch", NEWEST)
def test_the_recorded_inputs_give_the_recorded_run(arch: str) -> None:
    hit, arrival = parts(recording_of(arch))
    replay = Replay(arrival, recorded(hit)).run(engine.plain(hit.lab.arch))
    assert replay.record == arrival.before
    assert replay.landing is None
    onwards = Replay(arrival, recorded(hit), edit={}).run(engine.plain(hit.lab.arch))
    assert hit.landing is not None
    assert onwards.landing == hit.lab.layout.unpack(hit.landing)


@pytest.mark.parametrize("arch", NEWEST)
def test_other_inputs_differ_wherever_they_may(arch: str) -> None:
    hit, _ = parts(recording_of(arch))
    was, other = recorded(hit), varied(hit, 2)
    abi = hit.lab.arch.abi
    assert other.registers[abi.sp] == was.registers[abi.sp] - 2 * STEP
    for name in was.registers:
        if name not in (abi.sp, abi.flags, abi.pc):
            assert other.registers[name] != was.registers[name]
    assert varied(hit, 2) == other != varied(hit, 3)
    below = was.registers[abi.sp] - 2 * STEP - was.base
    assert other.stack[below - 256 : below] != was.stack[below - 256 : below]


@pytest.mark.parametrize("arch", NEWEST)
def test_what_points_into_the_stack_goes_on_pointing_to_the_same_place(arch: str) -> None:
    hit, _ = parts(recording_of(arch))
    stack = hit.lab.image.stack
    was = recorded(hit)
    sp = was.registers[hit.lab.arch.abi.sp]
    words = [Word(hit.lab.arch.abi.sp, was.word * index) for index in range(8)]
    for number in (1, 4):
        other = varied(hit, number)
        for word in words:
            before, after = was.evaluate(word, 0), other.evaluate(word, 0)
            assert before is not None
            assert after is not None
            inside = stack.base <= before < stack.end
            assert (after == before - STEP * number) == inside
    assert sp % was.word == 0


def test_values_of_the_vocabulary() -> None:
    inputs = Inputs({"sp": 0x1008, "r0": 0xFFFFFFFF}, bytes(range(16)), 0x1000, 4, "little")
    assert inputs.evaluate(Reg("r0"), 0) == 0xFFFFFFFF
    assert inputs.evaluate(Sum("r0", 1), 0) == 0
    assert inputs.evaluate(Word("sp", 4), 0) == 0x0F0E0D0C
    assert inputs.evaluate(Word("sp", 8), 0) is None
    assert inputs.evaluate(Word("sp", -12), 0) is None
    assert inputs.evaluate(Return(), 0x42) == 0x42
    assert inputs.evaluate(Const(-1), 0) == 0xFFFFFFFF


def test_a_replay_that_does_not_come_back_says_so() -> None:
    hit, arrival = parts(recording_of("x86_64"))
    ip = hit.lab.arch.pt_regs.member("ip")
    edit = {ip.offset: (0x1234).to_bytes(8, "little")}
    replay = Replay(arrival, recorded(hit), edit=edit).run(engine.plain(hit.lab.arch))
    assert replay.landing is None
    assert "jump to unmapped memory (0x1234" in replay.error


def test_an_edit_that_leads_elsewhere_is_noticed() -> None:
    hit, arrival = parts(recording_of("x86_64"))
    ip = hit.lab.arch.pt_regs.member("ip")
    edit = {ip.offset: hit.lab.runner.elsewhere.to_bytes(8, "little")}
    replay = Replay(arrival, recorded(hit), edit=edit).run(engine.plain(hit.lab.arch))
    assert replay.elsewhere
    assert replay.landing is None
