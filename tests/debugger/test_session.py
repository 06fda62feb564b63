# SPDX-License-Identifier: GPL-2.0-only
"""What each packet is answered, over a socket pair and without gdb."""

from __future__ import annotations

import re

import pytest

from emulator import catalog
from emulator.debugger import packets
from emulator.debugger.features import target_xml
from emulator.debugger.files import Files
from gdb_client import FUNCTION, serving, target

STOPPED = b"T05thread:1;"
ENDED = b"T00thread:1;"


@pytest.fixture
def served():
    return target("x86_64")


@pytest.fixture
def client(served):
    with serving(served, b"an ELF file }#$*" * 4000) as connected:
        yield connected


def pc(served):
    return served.timeline.pc


def little(value, size=8):
    return value.to_bytes(size, "little").hex()


def test_a_session_begins_at_the_site(client, served):
    assert b"PacketSize=4000" in client.ask("qSupported:swbreak+;hwbreak+")
    assert client.ask("QStartNoAckMode") == b"OK"
    assert client.ask("?") == STOPPED
    assert pc(served) == served.lab.record(FUNCTION).ip
    assert client.ask("bs") == b"T05replaylog:begin;thread:1;"


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        ("!", b"OK"),
        ("Hg0", b"OK"),
        ("T1", b"OK"),
        ("qAttached", b"1"),
        ("qC", b"QC1"),
        ("qfThreadInfo", b"m1"),
        ("qsThreadInfo", b"l"),
        ("qSymbol::", b"OK"),
        ("vCont?", b"vCont;c;C;s;S;r"),
        ("vMustReplyEmpty", b""),
        ("qUnheardOf", b""),
        ("Y", b""),
        ("", b""),
        ("qXfer:features:write:target.xml:0:", b""),
        ("qXfer:auxv:read::0,100", b""),
        ("qThreadExtraInfo,1", b"vfs_read".hex().encode()),
    ],
)
def test_questions_with_one_answer(client, packet, answer):
    assert client.ask(packet) == answer


@pytest.mark.parametrize(
    "packet", ["m", "m0", "mx,1", "m-1,4", "p", "pff", "P1", "Z9,0,1", "Z0,0", "vCont;q", "qRcmd,z", "G00", "Mffff"]
)
def test_what_makes_no_sense_is_an_error(client, packet):
    assert client.ask(packet) == b"E01"


@pytest.mark.parametrize("arch", catalog.names())
def test_registers_by_name_and_number(arch):
    served = target(arch)
    with serving(served) as client:
        assert client.ask("g").decode() == served.read_registers()
        lab, number = served.lab, 0
        for feature in lab.arch.gdb.features:
            for register in feature.registers:
                got = client.ask(f"p{number:x}").decode()
                if register.holds is None:
                    assert set(got) == {"x"}
                else:
                    value = int.from_bytes(bytes.fromhex(got), "little")
                    assert value == lab.layout.get(served.timeline.registers, register.holds)
                number += 1


@pytest.mark.parametrize("arch", catalog.names())
def test_every_register_of_a_run_is_gdbs_and_its_numbers_are_in_order(arch):
    declared = catalog.load(arch)
    held = [register.holds for feature in declared.gdb.features for register in feature.registers if register.holds]
    assert sorted(held) == sorted(register.name for register in declared.registers)
    assert set(declared.gdb.dwarf) <= set(held)
    numbers = [int(number) for number in re.findall(r'regnum="(\d+)"', target_xml(declared))]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("arch", "names"),
    [
        ("arm", "r11 sp lr pc cpsr"),
        ("arm64", "x29 x30 sp pc cpsr"),
        ("i386", "esp ebp eip eflags"),
        ("x86_64", "rbp rsp rip eflags"),
    ],
)
def test_a_stop_brings_the_registers_that_lead_to_the_frame(arch, names):
    served = target(arch)
    with serving(served) as client:
        client.ask("vCont;s")
        assert [served.registers[number].name for number in client.registers] == names.split()
        assert client.registers == {number: client.ask(f"p{number:x}") for number in client.registers}


def test_a_register_is_written_and_the_whole_set_but_what_is_not_there(client, served):
    assert client.ask(f"P0={little(0x1234)}") == b"OK"
    assert served.lab.layout.get(served.timeline.registers, "rax") == 0x1234
    everything = client.ask("g").decode()
    assert client.ask(f"G{little(0x55)}{everything[16:]}") == b"OK"
    assert client.ask("g").decode() == little(0x55) + everything[16:]
    assert client.ask("P12=00000000") == b"E01"  # cs


def test_of_the_flags_only_those_of_arithmetic_are_written(client, served):
    flags = served.lab.layout.get(served.timeline.registers, "eflags")
    assert client.ask(f"P11={little(0xFFFFFFFF, 4)}") == b"OK"
    assert served.lab.layout.get(served.timeline.registers, "eflags") == flags | 0x8D5


def test_memory(client, served):
    sp = served.lab.layout.get(served.timeline.registers, "rsp")
    assert client.ask(f"M{sp:x},4:01020304") == b"OK"
    assert client.ask(f"X{sp + 4:x},3:".encode() + b"}#$") == b"OK"
    assert client.ask(f"m{sp:x},7") == b"010203047d2324"
    assert client.ask(f"X{sp:x},0:") == b"OK"
    assert client.ask(f"M{sp:x},4:01") == b"E01"
    assert client.ask("m10,4") == b"E0e"
    assert client.ask("M10,1:00") == b"E0e"
    assert client.ask("mffffffffffffffff,10") == b"E0e"


def test_memory_is_read_as_far_as_there_is_some(client, served):
    end = served.lab.image.stack.end
    assert len(client.ask(f"m{end - 3:x},10")) == 6
    assert len(client.ask(f"m{served.lab.image.text.base:x},ffffffff")) <= packets.SIZE


def test_steps_ranges_and_breakpoints(client, served):
    site = pc(served)
    target_of_call = served.lab.record(FUNCTION).target
    assert client.ask("vCont;s:1;c") == STOPPED
    assert pc(served) == target_of_call
    assert client.ask(f"vCont;r{target_of_call:x},{target_of_call + 12:x}:1") == STOPPED
    assert pc(served) == target_of_call + 13
    landing = site + 5
    assert client.ask(f"Z0,{landing:x},1") == b"OK"
    assert client.ask("vCont;c") == b"T05swbreak:;thread:1;"
    assert pc(served) == landing
    assert client.ask(f"z0,{landing:x},1") == b"OK"
    assert client.ask(f"Z1,{target_of_call:x},1") == b"OK"
    assert client.ask("bc") == b"T05hwbreak:;thread:1;"
    assert client.ask("bc") == b"T05replaylog:begin;thread:1;"
    assert pc(served) == site


def test_watchpoints_on_the_way_on_and_back(client, served):
    sp = served.lab.layout.get(served.timeline.registers, "rsp")
    slot = sp - 8  # where the site's call puts its return address, which ret reads
    assert client.ask(f"Z2,{slot:x},8") == b"OK"
    assert client.ask("c") == f"T05watch:{slot:x};thread:1;".encode()
    assert pc(served) == served.lab.record(FUNCTION).target
    assert client.ask(f"z2,{slot:x},8") == b"OK"
    assert client.ask(f"Z3,{slot + 7:x},1") == b"OK"
    assert client.ask("c") == f"T05rwatch:{slot + 7:x};thread:1;".encode()
    assert client.ask(f"z3,{slot + 7:x},1") == b"OK"
    assert client.ask(f"Z4,{slot:x},1") == b"OK"
    while (answer := client.ask("bc")).startswith(b"T05awatch"):
        pass
    assert answer.startswith(b"T05replaylog:begin")


def test_the_end_is_shown_before_the_program_is_gone(client, served):
    assert client.ask("c") == ENDED
    assert "The call has returned" in client.said
    assert client.ask("?") == ENDED
    assert client.ask("bs") == STOPPED
    assert client.ask("vCont;c") == ENDED
    assert client.ask("vCont;c") == b"W00"
    assert pc(served) == served.lab.record(FUNCTION).ip


def test_where_the_call_goes_on_can_be_said(client, served):
    assert client.ask(f"s{served.lab.address('vfs_write') + 5:x}") == STOPPED
    assert served.lab.symbol(pc(served)).startswith("vfs_write+")


def test_a_fault_is_a_signal_with_a_sentence(client):
    assert client.ask(f"P7={little(0x10000)}") == b"OK"
    assert client.ask("c") == b"T0bthread:1;"
    assert "a write to unmapped memory" in client.said
    assert client.ask("?") == b"T0bthread:1;"


def test_an_illegal_instruction_and_an_exception(client, served):
    assert client.ask(f"M{pc(served):x},2:0f0b") == b"OK"
    assert client.ask("s") == b"T04thread:1;"
    assert client.ask(f"M{pc(served):x},1:cc") == b"OK"
    assert client.ask("s") == b"T05thread:1;"
    assert "CPU exception 3" in client.said


def test_an_endless_loop_is_interrupted(client, served):
    assert client.ask(f"M{pc(served):x},2:ebfe") == b"OK"
    client.send(b"$c#63")
    client.send(b"\x03")
    assert client.reply() == b"T02thread:1;"
    client.send(b"\x03")
    assert client.reply() == b"T02thread:1;"


def test_the_program_is_read_in_pieces(client):
    assert client.ask("qXfer:exec-file:read:1:0,fff") == b"l/program"
    assert client.ask(b"vFile:setfs:0") == b"F0"
    assert client.ask(b"vFile:open:" + b"/program".hex().encode() + b",0,1ff") == b"F3"
    head, _, stat = client.ask("vFile:fstat:3").partition(b";")
    assert (head, len(stat), int.from_bytes(stat[28:36], "big")) == (b"F40", 64, 64000)
    found = b""
    while (piece := client.ask(f"vFile:pread:3,ffff,{len(found):x}").partition(b";")[2]) != b"":
        found += piece
    assert found == b"an ELF file }#$*" * 4000
    assert client.ask("vFile:close:3") == b"F0"
    assert client.ask("vFile:close:3") == b"F-1,9"
    assert client.ask("vFile:pread:3,10,0") == b"F-1,9"


@pytest.mark.parametrize("path", ["/etc/passwd", "program", "/program/../etc/passwd", "", "/program\0"])
def test_no_other_file_is_served(client, path):
    assert client.ask(f"vFile:open:{path.encode().hex()},0,0") == b"F-1,2"


def test_nothing_is_written_for_a_client(client):
    assert client.ask(f"vFile:open:{b'/program'.hex()},1,0") == b"F-1,d"
    assert client.ask(f"vFile:unlink:{b'/program'.hex()}") == b"F-1,d"
    assert client.ask("vFile:pwrite:3,0,x") == b"F-1,d"


def test_no_more_files_are_open_than_there_is_room_for():
    files = Files({"/program": lambda: b"x"})
    request = b"open:" + b"/program".hex().encode() + b",0,0"
    answers = [files.handle(request) for _ in range(17)]
    assert answers[-2:] == [b"F12", b"F-1,d"]


def test_monitor_commands_are_passed_on(client):
    assert client.ask("qRcmd," + b"regs".hex()) == b"OK"
    assert client.said == "regs?\n"


def test_who_comes_back_finds_all_as_it_was_left(served):
    with serving(served) as client:
        site = pc(served)
        client.ask("vCont;s")
        client.ask("vCont;s")
        client.ask(f"Z0,{site:x},1")
        assert client.ask("D") == b"OK"
    here = pc(served)
    with serving(served) as client:
        assert client.ask("?") == STOPPED
        assert pc(served) == here
        assert client.ask("bc") == b"T05replaylog:begin;thread:1;"  # and no breakpoint is left


def test_restart_and_kill(served):
    site = pc(served)
    with serving(served) as client:
        client.ask("!")
        client.ask("vCont;s")
        client.send(b"$R00#b2")
        assert client.ask("?") == STOPPED
        assert pc(served) == site
        client.ask("vCont;s")
        assert client.ask("vKill;1") == b"OK"
        assert pc(served) == site
        assert client.ask("vRun;") == STOPPED
    with serving(served) as client:
        client.ask("vCont;s")
        assert client.ask("vKill;1") == b"OK"
        with pytest.raises((EOFError, ConnectionError)):
            client.ask("?")
