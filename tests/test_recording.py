# SPDX-License-Identifier: GPL-2.0-only
"""What a recording says of a run: passages of sites, their cost, the way to a callback, how it ended."""

from __future__ import annotations

import pytest

from emulator.core.ops import FtraceOps
from emulator.errors import Fault
from emulator.lab import Lab


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def lab_with_probe(variant: str = "6.12", *flags: str) -> Lab:
    lab = Lab("x86_64", variant=variant)
    ops = FtraceOps("probe", ignore, flags=flags)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return lab


def test_cost_counts_what_runs_between_the_site_and_the_landing() -> None:
    lab = lab_with_probe()
    recording = lab.call("vfs_read")
    cost = recording.cost(recording.hit)
    assert cost is not None
    assert recording.shape is not None
    ran = [pc for pc in recording.shape.pcs if lab.symbol(pc).startswith("ftrace_trampoline[probe]")]
    site_and_callback = 2
    assert cost.instructions == len(ran) + site_and_callback
    assert cost.stack == 184


def test_without_a_trace_there_is_no_cost_and_only_those_who_acted_are_on_the_way() -> None:
    recording = lab_with_probe("3.7").call("vfs_read", trace=False)
    assert recording.cost(recording.hit) is None
    assert recording.raw is None
    assert recording.callbacks[0].via == ("ftrace_ops_list_func", "probe")
    assert recording.hit.landing is not None


def test_changed_registers_are_named_with_what_they_should_be() -> None:
    lab = lab_with_probe()
    hit = lab.call("vfs_read").hit
    before = lab.layout.unpack(hit.registers)
    changed = hit.changed()
    assert set(changed) == {"r10", "r11", "eflags"}
    assert all(changed[name][0] == before[name] != changed[name][1] for name in changed)


def test_a_site_that_was_not_reached() -> None:
    lab = lab_with_probe()
    recording = lab.call("vfs_read")
    recording.function = "vfs_write"
    with pytest.raises(LookupError, match="never reached the site of vfs_write"):
        _ = recording.hit


def test_the_result_is_what_the_caller_returned() -> None:
    lab = lab_with_probe()
    recording = lab.call("vfs_read")
    assert recording.result == lab.layout.get(recording.registers, "rax")


def test_run_keeps_the_outcome_that_call_raises() -> None:
    def wild(_ip: int, _parent_ip: int, _op: FtraceOps, _regs: object) -> None:
        lab.fregs.set_instruction_pointer(0x1234)  # type: ignore[union-attr]

    lab = Lab("x86_64")
    ops = FtraceOps("probe", wild)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    recording = lab.run("vfs_read")
    assert isinstance(recording.outcome, Fault)
    assert recording.outcome.recording is recording
    assert len(recording.callbacks) == 1
    with pytest.raises(Fault, match=r"jump to unmapped memory .0x1234") as raised:
        lab.call("vfs_read")
    assert raised.value.recording is not None


def test_a_seen_record_can_be_read_like_a_mapping() -> None:
    record = lab_with_probe().call("vfs_read").callbacks[0].fregs
    assert record is not None
    assert len(record) == 21
    assert [seen.member.name for seen in record][:2] == ["r15", "r14"]
    assert record["ax"] is next(seen for seen in record if seen.member.name == "ax")
    with pytest.raises(KeyError):
        _ = record["eax"]
    with pytest.raises(KeyError):
        record.honoured("eax")
    assert record.address % 8 == 0
