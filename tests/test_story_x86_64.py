# SPDX-License-Identifier: GPL-2.0-only
"""x86_64, literally: which members each trampoline writes, what it calls with what, and the bytes at the site.

Read in arch/x86/kernel/entry_64.S of 3.6.5 and 3.7.2 and in arch/x86/kernel/ftrace_64.S and ftrace.c of 6.12.117.
"""

from __future__ import annotations

import struct

import pytest

from emulator.core.ops import FtraceOps
from emulator.lab import Lab
from emulator.recording import Call, Pointer

ORDER = "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss".split()
V612 = ["6.12", "6.12-ibt", "6.12-fp", "6.12-ibt-fp"]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str, *flags: str, on: str = "vfs_read") -> FtraceOps:
    ops = FtraceOps(name, ignore, flags=flags)
    lab.set_filter(ops, on)
    lab.register(ops)
    return ops


def alone(variant: str, *flags: str) -> Call:
    """What the only callback sees."""
    lab = Lab("x86_64", variant=variant)
    register(lab, "probe", *flags)
    (call,) = lab.call("vfs_read").callbacks
    return call


def letters(call: Call) -> str:
    """The statuses of the record's members, in the order of ORDER."""
    record = call.fregs or call.regs
    assert record is not None
    assert [seen.member.name for seen in record] == ORDER
    return "".join(seen.status.value for seen in record)


def test_3_6_passes_two_arguments() -> None:
    call = alone("3.6")
    assert (call.op, call.regs, call.fregs) == (None, None, None)
    assert call.arrival.record is None
    assert call.via == ("ftrace_caller", "probe")


@pytest.mark.parametrize("variant", ["3.7", "3.7-mcount"])
def test_3_7_passes_the_address_of_the_variable_and_null(variant: str) -> None:
    call = alone(variant, "RECURSION_SAFE")
    assert isinstance(call.op, Pointer)
    assert call.op.symbol == "&function_trace_op"
    assert call.arrival.record == 0
    assert call.regs is None
    assert call.via == ("ftrace_caller", "probe")


@pytest.mark.parametrize("variant", ["3.7", "3.7-mcount"])
def test_3_7_fills_all_but_orig_ax(variant: str) -> None:
    assert letters(alone(variant, "RECURSION_SAFE", "SAVE_REGS")) == "===============.dc==c"


def test_3_7_without_recursion_safe_goes_through_the_list_function() -> None:
    call = alone("3.7")
    assert call.via == ("ftrace_caller", "ftrace_ops_list_func", "probe")
    assert call.op is call.ops


@pytest.mark.parametrize("variant", V612)
def test_6_12_always_passes_a_record(variant: str) -> None:
    call = alone(variant)
    assert letters(call) == "....=...=======cdc.=."
    assert call.regs is None
    assert call.fregs is not None
    assert call.fregs.populated == 12
    values = {name: call.fregs[name].value for name in ("orig_ax", "cs")}
    assert values == {"orig_ax": 0, "cs": 0}
    assert call.op is call.ops


@pytest.mark.parametrize("variant", V612)
def test_6_12_fills_everything_for_save_regs(variant: str) -> None:
    call = alone(variant, "SAVE_REGS")
    assert letters(call) == "===============cdc==c"
    assert call.regs is not None
    values = {name: call.regs[name].value for name in ("orig_ax", "cs", "ss")}
    assert values == {"orig_ax": 0, "cs": 0x10, "ss": 0x18}


@pytest.mark.parametrize("variant", ["3.7", *V612])
def test_ip_in_the_record_is_behind_the_site_and_sp_is_the_parent_slot(variant: str) -> None:
    call = alone(variant, "SAVE_REGS", *({"RECURSION_SAFE"} if variant == "3.7" else ()))
    assert call.regs is not None
    assert call.regs["ip"].value == call.ip + 5
    hit = call.arrival.hit
    assert hit is not None
    assert call.regs["sp"].value == hit.lab.layout.get(hit.registers, "rsp")


@pytest.mark.parametrize(
    ("variant", "flags", "alignment"),
    [
        ("3.6", [], 0),
        ("3.7", ["RECURSION_SAFE"], 8),
        ("3.7-mcount", ["RECURSION_SAFE"], 0),
        ("3.7", ["RECURSION_SAFE", "SAVE_REGS"], 8),
        ("3.7-mcount", ["RECURSION_SAFE", "SAVE_REGS"], 0),
        ("6.12", [], 8),
        ("6.12-fp", [], 0),
        ("6.12", ["SAVE_REGS"], 0),
        ("6.12-fp", ["SAVE_REGS"], 8),
        ("6.12-ibt", [], 8),
        ("6.12-ibt-fp", ["SAVE_REGS"], 8),
    ],
)
def test_stack_alignment_at_the_call(variant: str, flags: list[str], alignment: int) -> None:
    call = alone(variant, *flags)
    pushed = 8  # the call's own return address
    rsp = call.arrival.recording.lab.layout.get(call.arrival.registers, "rsp") + pushed
    assert rsp % 16 == alignment


@pytest.mark.parametrize(
    ("variant", "flags", "consumed"),
    [("3.7", ["RECURSION_SAFE"], 168), ("6.12", [], 168), ("6.12-fp", [], 208), ("6.12", ["SAVE_REGS"], 176),
     ("6.12-fp", ["SAVE_REGS"], 216)],
)  # fmt: skip
def test_stack_consumed_by_the_trampoline(variant: str, flags: list[str], consumed: int) -> None:
    call = alone(variant, *flags)
    cost = call.arrival.recording.cost(call.arrival.recording.hit)
    assert cost is not None
    assert cost.stack == 8 + consumed + 8  # the site's call, the trampoline's frame, its call


@pytest.mark.parametrize(
    ("variant", "offset", "before"),
    [
        ("3.6", 4, "55 48 89 e5"),
        ("3.7", 0, ""),
        ("3.7-mcount", 4, "55 48 89 e5"),
        ("6.12", 0, ""),
        ("6.12-ibt", 4, "f3 0f 1e fa"),
        ("6.12-fp", 0, ""),
        ("6.12-ibt-fp", 4, "f3 0f 1e fa"),
    ],
)
def test_the_site(variant: str, offset: int, before: str) -> None:
    """rec->ip is the address of the five bytes; what precedes them is what the compiler put there."""
    lab = Lab("x86_64", variant=variant)
    rec, start = lab.record("vfs_read"), lab.image.symbols.address("vfs_read")
    assert rec.ip == start + offset
    assert lab.image.memory.read(start, offset) == bytes.fromhex(before)
    assert lab.patcher.compiled[rec.ip] == call_bytes(rec.ip, lab.image.symbols.address(lab.variant.site.mcount or ""))
    assert lab.image.memory.read(rec.ip, 5) == bytes.fromhex("0f 1f 44 00 00")
    register(lab, "probe")
    assert lab.image.memory.read(rec.ip, 5) == call_bytes(rec.ip, rec.target)


def call_bytes(place: int, target: int) -> bytes:
    """e8 rel32."""
    return b"\xe8" + struct.pack("<i", target - (place + 5))


# -- 3.7: everybody through the list; 6.12: copies ---------------------------------------------------------------------


def test_3_7_disjoint_ops_share_the_list_function() -> None:
    lab = Lab("x86_64", variant="3.7")
    register(lab, "probe", "RECURSION_SAFE")
    register(lab, "other", "RECURSION_SAFE", on="vfs_write")
    (call,) = lab.call("vfs_read").callbacks
    assert call.via == ("ftrace_caller", "ftrace_ops_list_func", "probe")
    assert call.op is call.ops


@pytest.mark.parametrize("variant", V612)
def test_6_12_disjoint_ops_never_meet_the_list_function(variant: str) -> None:
    lab = Lab("x86_64", variant=variant)
    register(lab, "probe")
    other = register(lab, "other", on="vfs_write")
    list_func = lab.image.symbols.address("ftrace_ops_list_func")
    for function, name in (("vfs_read", "probe"), ("vfs_write", "other")):
        recording = lab.call(function)
        assert [call.via for call in recording.callbacks] == [(f"ftrace_trampoline[{name}]", name)]
        assert list_func not in {arrival.address for hit in recording.hits for arrival in hit.arrivals}
    third = register(lab, "third")
    assert lab.record("vfs_read").target == lab.image.symbols.address("ftrace_caller")
    assert lab.record("vfs_write").target == other.trampoline
    assert [call.ops.name for call in lab.call("vfs_read").callbacks] == ["third", "probe"]
    lab.unregister(third)
    assert [call.via for call in lab.call("vfs_read").callbacks] == [("ftrace_trampoline[probe]", "probe")]


@pytest.mark.parametrize(("variant", "stays"), [("3.7", True), ("6.12", False)])
def test_who_gets_regs_when_the_one_who_asked_is_gone(variant: str, stays: bool) -> None:
    lab = Lab("x86_64", variant=variant)
    register(lab, "probe")
    asked = register(lab, "asked", "SAVE_REGS")
    assert [call.regs is not None for call in lab.call("vfs_read").callbacks] == [True, True]
    lab.unregister(asked)
    (call,) = lab.call("vfs_read").callbacks
    assert (call.regs is not None) == stays


# -- function_trace_stop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "flags", "stores"),
    [("3.6", [], 1), ("3.7", ["RECURSION_SAFE"], 1), ("3.7", ["RECURSION_SAFE", "SAVE_REGS"], 2)],
)
def test_stopped_trampolines_return_before_they_save_anything(variant: str, flags: list[str], stores: int) -> None:
    lab = Lab("x86_64", variant=variant)
    register(lab, "probe", *flags)
    running = lab.call("vfs_read")
    lab.stop = True
    stopped = lab.call("vfs_read")
    assert stopped.callbacks == []
    assert stopped.result == running.result
    cost = stopped.cost(stopped.hit)
    assert cost is not None
    assert cost.stores == stores  # the site's call; pushfq where flags have to survive
    if "SAVE_REGS" in flags:
        assert stopped.hit.changed() == {}
    lab.stop = False
    assert len(lab.call("vfs_read").callbacks) == 1


# -- writes ------------------------------------------------------------------------------------------------------------


def test_what_6_12_loads_back() -> None:
    lab = Lab("x86_64", variant="6.12")
    register(lab, "probe", "SAVE_REGS")
    alone_record = lab.call("vfs_read").callbacks[0].regs
    register(lab, "second", "SAVE_REGS")
    shared_record = lab.call("vfs_read").callbacks[0].regs
    assert alone_record is not None
    assert shared_record is not None
    names = ("r11", "cs", "ss", "sp", "flags", "ip", "orig_ax")
    assert {name: alone_record.honoured(name).value for name in names} == {
        "r11": "no", "cs": "no", "ss": "no", "sp": "no", "flags": "yes", "ip": "goes there", "orig_ax": "no"
    }  # fmt: skip
    assert shared_record.honoured("orig_ax").value == "goes there"
    plain = alone("6.12").fregs
    assert plain is not None
    assert {name: plain.honoured(name).value for name in ("bx", "flags", "ip", "bp", "r10")} == {
        "bx": "no", "flags": "no", "ip": "goes there", "bp": "yes", "r10": "no"
    }  # fmt: skip
