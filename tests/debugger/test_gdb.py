# SPDX-License-Identifier: GPL-2.0-only
"""Real gdb, in batch mode: what a user would do, for each architecture."""

from __future__ import annotations

import itertools
import re

import pytest

from emulator import Lab, catalog
from gdb_sessions import needs_gdb, session

pytestmark = [pytest.mark.gdb, needs_gdb]
FUNCTION = "vfs_read"
BEGINNING = "No more reverse-execution history|end of recorded history"  # gdb 13, gdb 18
ARCHS = [arch.name for arch in map(catalog.load, catalog.names()) if arch.variants]


@pytest.fixture(params=ARCHS)
def lab(request):
    """A kernel as the command makes it: the same addresses."""
    return Lab(request.param)


def user(lab):
    """The name of the ops that traces the function, and the trampoline that it gets."""
    return ("kprobe", lab.variant.regs) if lab.core.with_regs and lab.variant.regs else ("probe", lab.variant.plain)


def number(text):
    """What `p/x` has said."""
    return int(re.search(r"= (0x[0-9a-f]+)", text)[1], 16)


def test_it_stops_at_the_site_and_steps_into_the_trampoline_and_back(lab):
    site = lab.record(FUNCTION).ip
    said = session((lab.arch.name,), "p/x $pc", "stepi", "p/x $pc", "reverse-stepi", "p/x $pc", "reverse-stepi")
    assert number(said[1]) == site
    assert number(said[3]) != site
    assert number(said[5]) == site
    assert re.search(BEGINNING, said[6])


def test_hardly_a_step_asks_for_registers(lab):
    """Once on arm64, where a site has moved the return address to a register that no stop brings."""
    *_, steps, registers = session((lab.arch.name,), "set debug remote 1", "stepi 5", "info registers")
    assert len(re.findall(r"Sending packet: \$vCont;s", steps)) == 5
    assert len(re.findall(r"Sending packet: \$[gp]", steps)) <= 1
    assert re.search(r"Sending packet: \$[gp]", registers)


def test_registers_are_read_and_written(lab):
    names = [register.name for feature in lab.arch.gdb.features for register in feature.registers if register.holds]
    first = names[0]
    said = session(
        (lab.arch.name,), "info registers", f"set ${first} = 0x1234", f"p/x ${first}", "stepi", f"p/x ${first}"
    )
    assert {line.split()[0] for line in said[1].splitlines() if line.split()} >= set(names)
    assert number(said[3]) == number(said[5]) == 0x1234


def test_memory_is_read_and_written_and_there_is_none_elsewhere(lab):
    said = session((lab.arch.name,), "set *(int *)($sp - 64) = 0x1234567", "p/x *(int *)($sp - 64)", "x/x 0x10")
    assert number(said[2]) == 0x1234567
    assert "Cannot access memory at address 0x10" in said[3]


@pytest.mark.parametrize("command", ["break", "hbreak"])
def test_breakpoints_on_the_way_on_and_back(lab, command):
    landing = lab.record(FUNCTION).ip + len(lab.variant.site.call.opcode)
    said = session(
        (lab.arch.name,), f"{command} *{landing:#x}", "continue", "p/x $pc", "stepi 3", "reverse-continue", "p/x $pc",
        "reverse-continue", "p/x $pc",
    )  # fmt: skip
    assert number(said[3]) == number(said[6]) == landing
    assert re.search(BEGINNING, said[7])
    assert number(said[8]) == lab.record(FUNCTION).ip


def test_a_watchpoint_stops_with_both_values_on_the_way_on_and_back(lab):
    said = session(
        (lab.arch.name,), "set $word = (int *)($sp - 64)", "p *$word", "watch -location *$word", "continue", "p *$word",
        "reverse-continue", "p *$word",
    )  # fmt: skip
    before, after, again = (re.search(r"= (-?\d+)", said[index])[1] for index in (2, 5, 7))
    assert f"Old value = {before}\nNew value = {after}" in said[4]
    assert f"Old value = {after}\nNew value = {before}" in said[6]
    assert again == before


@pytest.mark.parametrize(("command", "says"), [("rwatch", "Value ="), ("awatch", "alue =")])
def test_reads_are_watched_too(lab, command, says):
    """The parent's return address, or what stands at sp, is read by everybody who tells parent_ip."""
    said = session((lab.arch.name,), f"{command} -location *(long *)$sp", "continue")
    assert says in said[2]


def test_the_end_is_shown_and_then_the_program_has_exited(lab):
    said = session((lab.arch.name,), "continue", "reverse-stepi", "continue", "continue")
    assert "The call has returned" in said[1]
    assert "Program stopped" in said[1]
    assert "exited normally" in said[4]


def test_a_fault_is_a_signal_at_its_instruction_and_there_is_a_way_back(lab):
    said = session((lab.arch.name,), "stepi", "set $sp = 0x10000", "p/x $pc", "continue", "reverse-stepi")
    assert "SIGSEGV" in said[4]
    assert "unmapped memory" in said[4]
    assert "SIGSEGV" not in said[5]


def test_detach_and_kill(lab):
    assert "detached" in session((lab.arch.name,), "detach")[1]
    assert "killed" in session((lab.arch.name,), "kill")[1]


def test_jump_to_another_function(lab):
    other = lab.address("vfs_write")
    said = session((lab.arch.name,), f"break *{other:#x}", f"jump *{other:#x}", "p/x $pc")
    assert number(said[3]) == other


# -- with the ELF file that gdb gets by itself -------------------------------------------------------------------------


def test_source_and_symbols_are_there_from_the_first_moment(lab):
    said = session((lab.arch.name,), "bt", "info line", "list", "x/i $pc", "info symbol $pc")
    assert re.search(rf"vfs_read \(\) at trampolines/{lab.arch.name}/kernel\.S:\d+", said[0])
    assert [re.search(r"(\w+) \(\)", line)[1] for line in said[1].splitlines()] == [FUNCTION, "ksys_read"]
    assert "<vfs_read" in said[2]
    line = int(re.search(r"kernel\.S:(\d+)", said[0])[1])
    assert f"\n{line}\t" in said[3]
    assert "=> " in said[4]
    assert "vfs_read" in said[5]


def test_at_every_instruction_bt_leads_to_the_caller(lab):
    """gdb itself, instruction by instruction, as far as the call goes.

    At a ret of x86 it does not look at what the file says, and finds the exit behind ksys_read. At the last instruction
    of a trampoline that has given its caller the link register back, it finds that caller, and nobody behind it.
    """
    said = session((lab.arch.name,), "set backtrace limit 9", *(["stepi", "bt"] * 60))
    every = [re.findall(r"^#\d+ .*?(?:in )?(\S+) \(\)", text, re.MULTILINE) for text in said[3::2]]
    whole = itertools.takewhile(lambda stack: stack[0] != "[exit]", every)
    stacks = [[name for name in stack if name != "??"] for stack in whole]
    assert len(stacks) > 30
    cut = [stack for stack in stacks if stack[-1] == FUNCTION]
    assert len(cut) <= (1 if lab.variant.site.parent_slot is None else 0)
    assert {stack[-1] for stack in stacks if stack not in cut} == {"ksys_read"}
    assert {stack[-2] for stack in stacks if len(stack) > 1 and stack not in cut} == {FUNCTION}
    assert any(len(stack) == 4 for stack in stacks)


def test_the_record_is_a_struct_and_variables_have_types(lab):
    ops, _ = user(lab)
    said = session(
        (lab.arch.name,), "ptype struct pt_regs", "p function_trace_op->flags", "p sizeof(struct pt_regs)",
        f"p &{ops}", f"p {ops}.func", "info types ftrace",
    )  # fmt: skip
    assert all(f" {member.name};" in said[1] for member in lab.arch.pt_regs.members)
    assert re.search(r"= \d+", said[2])
    assert f"= {lab.arch.pt_regs.size}" in said[3]
    assert "(ftrace_ops *)" in said[4]
    assert f"<{ops}_func>" in said[5]
    assert "ftrace_ops" in said[6]


def test_lines_of_the_source_are_stepped_and_broken_at_in_every_copy(lab):
    source = lab.variant.source
    entry = user(lab)[1].symbol
    placed = lab.image.placement.trampolines
    line = placed.line(lab.address(entry)).place.line
    name = placed.line(lab.address(entry)).place.file.rpartition("/")[2]
    said = session(
        (lab.arch.name,), f"break {name}:{line}", "continue", "bt", "step", "step", "reverse-step", "info source"
    )
    assert source
    assert "Breakpoint 1" in said[1]
    assert f"{name}:{line}" in said[2] or f"{line}\t" in said[2]
    assert "vfs_read" in said[3]
    assert name in said[7]


def test_a_callback_is_a_function_that_can_be_finished(lab):
    func = f"{user(lab)[0]}_func"
    said = session((lab.arch.name,), f"break {func}", "continue", "bt 1", "finish", "bt 1", "reverse-stepi", "bt 1")
    assert f"{func} ()" in said[2]
    assert func not in said[5]
    assert func in said[7]


def test_a_member_of_the_record_is_watched(lab):
    """From the site on, at the address that the callback will get."""
    ops, entry = user(lab)
    number_of = entry.record
    arguments = lab.arch.abi.arguments
    where = f"${arguments[number_of]}" if number_of < len(arguments) else "*(long *)($sp + 4)"
    member = lab.struct.members[0].name
    said = session(
        (lab.arch.name,), f"break {ops}_func", "continue", f"set $regs = (struct {lab.struct.name} *){where}",
        "reverse-continue", f"watch -location $regs->{member}", "continue", "bt 1", f"p/x $regs->{member}",
    )  # fmt: skip
    assert "Hardware watchpoint" in said[5]
    assert "New value" in said[6]
    assert "caller" in said[7] or "trampoline" in said[7]
