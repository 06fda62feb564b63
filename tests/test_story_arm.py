# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, literally: who is called, with what, and the words at the site.

Read in arch/arm/kernel/entry-common.S of 3.6.5 and 3.7.2 and in entry-ftrace.S and ftrace.c of 6.12.117.
"""

from __future__ import annotations

import struct

import pytest

from emulator.core.ops import FtraceOps
from emulator.lab import Lab
from emulator.recording import Call

ORDER = "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 fp ip sp lr pc cpsr ORIG_r0".split()
DYNAMIC = ["3.6", "3.7", "6.12"]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str, *flags: str, on: str = "vfs_read") -> FtraceOps:
    ops = FtraceOps(name, ignore, flags=flags)
    lab.set_filter(ops, on)
    lab.register(ops)
    return ops


def alone(variant: str, *flags: str) -> Call:
    """What the only callback sees."""
    lab = Lab("arm", variant=variant)
    register(lab, "probe", *flags)
    (call,) = lab.call("vfs_read").callbacks
    return call


def test_3_6_calls_a_helper_that_tests_whether_tracing_was_stopped() -> None:
    assert alone("3.6").via == ("ftrace_caller", "ftrace_test_stop_func", "probe")


def test_3_7_calls_the_list_function_and_no_helper() -> None:
    call = alone("3.7")
    assert call.via == ("ftrace_caller", "ftrace_ops_list_func", "probe")
    assert call.op is call.ops


def test_3_7_takes_a_step_less_than_3_6() -> None:
    before, after = (alone(variant).arrival.recording for variant in ("3.6", "3.7"))
    costs = [recording.cost(recording.hit) for recording in (before, after)]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0].instructions - costs[1].instructions == 9  # ftrace_test_stop_func's
    assert costs[0].stores == costs[1].stores


@pytest.mark.parametrize("variant", ["3.6", "3.7"])
def test_3_x_passes_two_arguments(variant: str) -> None:
    call = alone(variant)
    assert (call.regs, call.fregs) == (None, None)
    assert call.arrival.record is None
    assert (call.op is None) == (variant == "3.6")  # from 3.7 on the list function passes it


@pytest.mark.parametrize("variant", ["3.6", "3.7"])
def test_who_asks_whether_tracing_was_stopped(variant: str) -> None:
    lab = Lab("arm", variant=variant)
    register(lab, "probe")
    running = lab.call("vfs_read")
    lab.stop = True
    stopped = lab.call("vfs_read")
    assert stopped.callbacks == []
    assert stopped.result == running.result
    called = [arrival.symbol for arrival in stopped.hit.arrivals]
    assert called == ([] if variant == "3.6" else ["ftrace_ops_list_func"])


def test_6_12_passes_its_op_and_null() -> None:
    call = alone("6.12")
    assert call.op is call.ops
    assert call.arrival.record == 0
    assert (call.regs, call.fregs) == (None, None)
    assert call.via == ("ftrace_caller", "probe")


def test_6_12_fills_all_but_cpsr() -> None:
    call = alone("6.12", "SAVE_REGS")
    assert call.regs is not None
    assert [seen.member.name for seen in call.regs] == ORDER
    assert "".join(seen.status.value for seen in call.regs) == "=============d=d.="
    assert call.regs.populated == 17
    assert call.regs["lr"].value == call.parent_ip
    assert call.regs["pc"].value == call.ip + 4
    assert call.regs["ORIG_r0"].value == call.regs["r0"].value
    hit = call.arrival.hit
    assert hit is not None
    assert call.regs["sp"].value == hit.lab.layout.get(hit.registers, "sp") + 4
    assert "return address of the traced function" in str(call.regs["lr"].origin)


def test_6_12_honours_everything_but_sp_cpsr_and_orig_r0() -> None:
    record = alone("6.12", "SAVE_REGS").regs
    assert record is not None
    assert [name for name in ORDER if not record.honoured(name)] == ["sp", "cpsr", "ORIG_r0"]
    assert record.honoured("pc").value == "goes there"
    assert record.honoured("lr").value == "yes"


@pytest.mark.parametrize(("variant", "flags"), [(name, []) for name in DYNAMIC] + [("6.12", ["SAVE_REGS"])])
def test_the_stack_is_a_multiple_of_eight_at_the_callback_since_6_12(variant: str, flags: list[str]) -> None:
    call = alone(variant, *flags)
    sp = call.arrival.recording.lab.layout.get(call.arrival.registers, "sp")
    assert sp % 8 == 0


@pytest.mark.parametrize(
    ("variant", "offset", "nop"),
    [("3.6", 0x14, 0xE8BD4000), ("3.7", 0x14, 0xE8BD4000), ("6.12", 0xC, 0xE28DD004)],
    ids=DYNAMIC,
)
def test_the_site(variant: str, offset: int, nop: int) -> None:
    """push {lr} behind the prologue, which is longer where frame pointers are set up, then the word that is patched."""
    lab = Lab("arm", variant=variant)
    rec, start = lab.record("vfs_read"), lab.image.symbols.address("vfs_read")
    assert rec.ip == start + offset
    assert lab.image.memory.read_word(rec.ip - 4) in (0xE52DE004, 0xE92D4000)
    assert lab.patcher.compiled[rec.ip] == bl(rec.ip, lab.image.symbols.address("__gnu_mcount_nc"))
    assert lab.image.memory.read_word(rec.ip) == nop
    register(lab, "probe")
    assert lab.image.memory.read(rec.ip, 4) == bl(rec.ip, lab.image.symbols.address("ftrace_caller"))


def bl(place: int, target: int) -> bytes:
    """ebxxxxxx: the distance in words from two instructions on."""
    return struct.pack("<I", 0xEB000000 | (target - (place + 8) >> 2) & 0xFFFFFF)
