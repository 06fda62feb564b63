# SPDX-License-Identifier: GPL-2.0-only
"""monitor: each command, at every moment of a call."""

from __future__ import annotations

import re

import pytest

from emulator import Lab, catalog
from emulator.debugger.monitor import Monitor
from emulator.debugger.target import Target
from emulator.debugger.timeline import Timeline
from emulator.images.opening import opened
from gdb_client import FUNCTION, laboratory, serving, traced
from kernels import small_kernel

COMMANDS = ("regs", "why", "ops", "contract", "goto", "restart", "help")


def monitored(arch="x86_64", func=None, variant=None):
    """A target and its monitor."""
    target = Target(Timeline(laboratory(arch, variant, func), FUNCTION))
    return target, Monitor(target, lambda: laboratory(arch, variant))


def go_to(target, symbol):
    address = target.lab.address(symbol)
    while target.timeline.pc != address:
        assert target.timeline.forward() is None


def letters(text):
    """{member: the letter of its worth}."""
    return dict(re.findall(r"^ +\d+ (\w+) +(?:[0-9a-f]{2} )+ ([^ \n])", text, re.MULTILINE))


def test_help_lists_everything():
    _, monitor = monitored()
    assert all(f"\n  {name} " in monitor("help") for name in COMMANDS)
    assert monitor("") == monitor("help")
    assert "'nonsense': no such command" in monitor("nonsense 7")


@pytest.mark.parametrize("arch", catalog.names())
@pytest.mark.parametrize(
    "command", [*COMMANDS[:4], "why 0x10", "why pc", "why \0", "goto x", "goto -1", f"goto {'9' * 99}"]
)
def test_every_command_has_an_answer_at_every_moment(arch, command):
    target, monitor = monitored(arch)
    while not target.timeline.ended:
        assert monitor(command).endswith("\n")
        for _ in range(7):
            target.timeline.forward()
    assert monitor(command)


@pytest.mark.parametrize("arch", catalog.names())
def test_the_record_grows_member_by_member(arch):
    target, monitor = monitored(arch)
    lab = target.lab
    assert "nothing is built at the site yet" in monitor("regs")
    target.timeline.forward()
    written = -1
    while target.timeline.pc != lab.address("probe_func"):
        found = letters(monitor("regs"))
        assert list(found) == [member.name for member in lab.struct.members]
        done = sum(letter != "." for letter in found.values())
        assert done >= written
        written = done
        target.timeline.forward()
    final = letters(monitor("regs"))
    known = {quirk.what for quirk in lab.variant.quirks if quirk.clause == "C5"}
    entry = lab.variant.regs or lab.variant.plain
    assert {name for name in entry.promises if final[name] in ".!"} <= known


def test_a_byte_is_told_of_as_the_recording_tells_of_it():
    """Against provenance, which finds writers and origins by replays: the same instruction, the same register."""
    target, monitor = monitored()
    lab = target.lab
    recording = laboratory("x86_64").call(FUNCTION)
    go_to(target, "probe_func")
    for name in ("r15", "bx", "flags", "di"):
        seen, text = recording.callbacks[0].regs[name], monitor(f"why {name}")
        assert f"{lab.where(seen.writer)}:" in text
        assert f"which was {seen.origin.value.name} at the site" in text
    assert "$0x10" in monitor("why cs")


def test_without_source_lines_the_instruction_is_all_there_is_to_say(tmp_path):
    arch = catalog.load("x86_64")
    (tmp_path / "vmlinux").write_bytes(small_kernel(arch, arch.variant("6.12")).written())
    subject = opened(tmp_path / "vmlinux").subject(arch.variant("6.12"))
    target = Target(Timeline(traced(Lab(subject=subject)), FUNCTION))
    go_to(target, "probe_func")
    said = Monitor(target, lambda: traced(Lab(subject=subject)))("regs")
    assert re.search(r"^ +0 r15 .*: ftrace_trampoline\[probe\]\+0x[0-9a-f]+$", said, re.MULTILINE)


def test_what_python_has_written_is_pythons():
    def callback(ip, parent_ip, op, regs):
        regs.ax = 7

    target, monitor = monitored(func=callback)
    go_to(target, "probe_func")
    assert letters(monitor("regs"))["ax"] == "="
    target.timeline.forward()
    assert letters(monitor("regs"))["ax"] == "*"
    assert "probe_func, for which Python acts" in monitor("why ax")
    target.timeline.back()
    assert letters(monitor("regs"))["ax"] == "="


def test_memory_that_nobody_has_written_and_none():
    target, monitor = monitored()
    assert "nothing in this call has written it" in monitor(f"why {target.lab.image.stack.base:#x}")
    assert "there is no memory" in monitor("why 0x10")
    assert "neither an address" in monitor("why nobody")
    assert "has written it" in monitor("why function_trace_op")


def test_ops_and_records_are_listed():
    _, monitor = monitored()
    text = monitor("ops")
    assert re.search(r"probe +at 0x\w+, func probe_func, trampoline ftrace_trampoline\[probe\] .*SAVE_REGS", text)
    assert re.search(r"vfs_read +\(1\) R +calls ftrace_trampoline\[probe\]", text)
    assert "vfs_write" not in text


@pytest.mark.parametrize("arch", catalog.names())
def test_the_contract_as_far_as_it_can_be_judged(arch):
    target, monitor = monitored(arch)
    assert monitor("contract") == "the others are judged when the call has returned\n"
    go_to(target, "probe_func")
    target.timeline.forward()
    here = target.timeline.position
    text = monitor("contract")
    assert re.search(r"PASS +C1 ip", text)
    assert "T1" not in text
    assert target.timeline.position == here
    target.timeline.go_to(10**6)
    target.timeline.go_to(here)
    text = monitor("contract")
    assert re.search(r"PASS +T1 registers", text)
    assert "FAIL" not in text.replace("XFAIL", "")
    assert target.timeline.position == here


def test_a_broken_trampoline_is_told_of(tampered):
    lab = tampered("x86_64", "6.12", ("mov     %r13, PT_r13(%rsp)", "mov     %r12, PT_r13(%rsp)"))
    traced = laboratory("x86_64")
    again = Lab(subject=lab.subject)
    for kernel in (lab, again):
        ops = type(traced.users[0])("probe", lambda *_: None, flags={"SAVE_REGS"})
        kernel.set_filter(ops, FUNCTION)
        kernel.register(ops)
    target = Target(Timeline(lab, FUNCTION))
    monitor = Monitor(target, lambda: again)
    go_to(target, "probe_func")
    assert letters(monitor("regs"))["r13"] == "!"
    assert "which was r12 at the site" in monitor("why r13")
    target.timeline.go_to(10**6)
    assert re.search(r"FAIL +C5 the record +r13", monitor("contract"))


def test_elsewhere_in_time():
    target, monitor = monitored()
    assert monitor("goto 5").startswith("step 5: ftrace_trampoline[probe]+")
    assert target.timeline.position == target.timeline.start + 5
    assert monitor("goto 2").startswith("step 2: ")
    assert monitor("goto 99999").startswith("step ")
    assert target.timeline.ended
    assert "at the site of vfs_read" in monitor("restart")
    assert target.timeline.position == target.timeline.start


def test_a_step_that_cannot_be_gone_to_says_why():
    target, monitor = monitored()
    target.timeline.write(target.timeline.pc, b"\x0f\x0b")
    assert "Invalid instruction" in monitor("goto 3")
    assert target.stop.signal == 4


def test_answers_come_through_the_connection():
    target, monitor = monitored()
    with serving(target, command=monitor) as client:
        assert client.ask("qRcmd," + b"ops".hex()) == b"OK"
        assert "vfs_read" in client.said
