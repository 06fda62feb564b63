# SPDX-License-Identifier: GPL-2.0-only
"""The behaviour of a subject: the same with any seed, free of addresses, and true."""

from __future__ import annotations

import functools
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import catalog
from emulator.behaviour import behaviour, observed
from emulator.behaviour.varying import merged
from emulator.checks.exercises import EXERCISES
from emulator.checks.exercises.transitions import Transition
from emulator.description import Ability
from emulator.errors import InputError
from emulator.subject import Subject, load

ALL = [
    (arch, variant.name)
    for arch in catalog.names()
    for variant in catalog.load(arch).variants
    if Ability.KERNEL_IBT not in variant.abilities
]
"""Those with landing pads differ from those without in a landing pad."""
NUMBER = re.compile(r"0x[0-9a-f]{5,}|(?<![a-z])[0-9a-f]{7,}")
"""What looks like an address, or like a register's random value."""


def subject(arch: str, variant: str, source: Path | None = None) -> Subject:
    declared = catalog.load(arch)
    (made,) = load(declared, [declared.variant(variant)], source=source)
    return made


@functools.cache
def paths(arch: str, variant: str) -> dict[str, Any]:
    """The behaviour of a variant of ours, looked at once."""
    found: dict[str, Any] = behaviour(subject(arch, variant))["paths"]
    return found


def passage(arch: str, variant: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = paths(arch, variant)[path]["passages"]["vfs_read"]
    return found


# -- one and the same --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), ALL)
def test_two_seeds_show_the_same(arch: str, variant: str) -> None:
    made = subject(arch, variant)
    assert observed(made, 3) == observed(made, 4)


@pytest.mark.parametrize("arch", catalog.names())
@settings(max_examples=2)
@given(seed=st.integers(0, 1 << 64))
def test_any_seed_shows_the_same(arch: str, seed: int) -> None:
    made = subject(arch, "6.12")
    assert observed(made, seed) == observed(made, 1)


@pytest.mark.parametrize(("arch", "variant"), ALL)
def test_nothing_in_it_is_an_address_or_a_random_number(arch: str, variant: str) -> None:
    told = json.dumps(paths(arch, variant))
    assert NUMBER.findall(told) == []
    assert json.loads(told) == paths(arch, variant)


def test_every_exercise_that_the_variant_has_is_a_path() -> None:
    made = subject("x86_64", "6.12")
    possible = {item.name for item in EXERCISES.values() if item.possible(made.variant)}
    changing = {item.name for item in EXERCISES.values() if isinstance(item, Transition)}
    assert set(paths("x86_64", "6.12")) == possible - changing


def test_it_takes_less_than_two_seconds() -> None:
    made = subject("x86_64", "6.12")
    taken = []
    for _ in range(2):
        began = time.process_time()
        behaviour(made)
        taken.append(time.process_time() - began)
    assert min(taken) < 2


# -- true --------------------------------------------------------------------------------------------------------------


def test_a_partial_record() -> None:
    told = passage("x86_64", "6.12", "one")
    assert told["entry"] == "a copy of ftrace_caller"
    assert told["callbacks"] == ["probe"]
    assert told["arguments"] == {
        "probe": {"ip": "rec->ip", "parent_ip": "parent", "op": "&probe", "regs": "partial"},
    }
    stale = {name for name, what in told["record"].items() if what == "stale"}
    assert stale == {"r15", "r14", "r13", "r12", "bx", "r11", "r10", "flags", "ss"}
    assert (told["record"]["ip"], told["record"]["sp"], told["record"]["cs"]) == ("landing", "rsp", "0x0")
    assert told["loaded_back"]["ip"] == "goes there"
    assert told["registers"] == {"r10": "lost", "r11": "lost", "eflags": "lost"}
    assert told["cost"]["stack"] == 168 + 2 * 8  # the record, and the two return addresses


def test_quirks_of_the_series_of_june_2012() -> None:
    told = passage("x86_64", "3.7", "regs")
    assert told["arguments"]["kprobe"]["op"] == "&function_trace_op"
    assert told["record"]["orig_ax"] == "stale"
    assert told["registers"] == {"r11": "lost"}
    assert passage("arm", "6.12", "regs")["record"]["cpsr"] == "stale"


def test_ways_out() -> None:
    assert passage("x86_64", "6.12", "disabled") == {
        "entry": "nothing",
        "goes_to": "the function",
        "cost": {"instructions": 1, "stores": 0, "stack": 0},
    }
    assert passage("x86_64", "6.12", "ip")["goes_to"] == "the ip that a callback wrote"
    direct = passage("x86_64", "6.12", "direct-shared")
    assert direct["goes_to"] == "the direct trampoline"
    assert direct["registers"]["rsp"] == "rsp-8"
    assert passage("x86_64", "6.12", "graph")["stack"] == {"returns through": "return_to_handler"}


def test_a_return_through_the_graph_tracer() -> None:
    told = paths("x86_64", "6.12")["graph"]["returns"]["return 1"]
    assert told["goes_to"] == "what ftrace_return_to_handler() returned"
    assert told["argument"] == {"ax": "rax", "dx": "rdx", "bp": "rbp", "sp": "rsp"}
    assert "registers" not in told
    plain = paths("arm", "6.12")["graph"]["returns"]["return 1"]
    assert plain["argument"] == {"frame_pointer": "sp"}


RETPOLINE = """
        .globl  {thunk}
{thunk}: call 2f
1:      pause
        jmp     1b
2:      mov     %ecx, (%esp)
        ret
"""


@pytest.mark.parametrize(
    ("thunk", "own", "goes_to"),
    [
        ("__x86_indirect_thunk_ecx", "", "what ftrace_return_to_handler() returned"),
        ("__x86_indirect_thunk_ecx", RETPOLINE, "what ftrace_return_to_handler() returned"),
        ("my_thunk_ecx", RETPOLINE, "my_thunk_ecx"),
    ],
)
def test_a_return_through_a_thunk(tmp_path: Path, thunk: str, own: str, goes_to: str) -> None:
    text = catalog.source_text(catalog.load("i386"), "ftrace-6.12.S")
    path = tmp_path / "mine.S"
    path.write_text(text.replace("        jmp     *%ecx\n", f"        jmp     {thunk}\n") + own.format(thunk=thunk))
    told = behaviour(subject("i386", "6.12", path))["paths"]["graph"]["returns"]["return 1"]
    assert told["goes_to"] == goes_to


def test_frames() -> None:
    assert passage("x86_64", "6.12-fp", "one")["unwinds"][1:] == ["rec->ip+5", "parent"]
    assert passage("x86_64", "6.12-fp", "regs")["unwinds"] == ["the record | 1"]
    assert "unwinds" not in passage("x86_64", "6.12", "one")


# -- astray ------------------------------------------------------------------------------------------------------------

CALL = "LABEL ftrace_call\n"


@pytest.mark.parametrize(
    ("instruction", "goes_to"),
    [
        ("1: jmp 1b", "no end in ftrace_caller"),
        ("ud2", "a fault in ftrace_caller"),
        ("add $168+8, %rsp; ret", "its end without coming back to the function"),
    ],
)
def test_a_trampoline_that_goes_astray(tmp_path: Path, instruction: str, goes_to: str) -> None:
    text = catalog.source_text(catalog.load("x86_64"), "ftrace-6.12.S")
    path = tmp_path / "mine.S"
    path.write_text(text.replace(CALL, f"        {instruction}\n{CALL}"))
    began = time.process_time()
    told = behaviour(subject("x86_64", "6.12", path))["paths"]
    assert time.process_time() - began < 5
    assert told["one"]["passages"]["vfs_read"]["goes_to"] == goes_to
    assert "cost" not in told["one"]["passages"]["vfs_read"]
    assert told["disabled"]["passages"] == paths("x86_64", "6.12")["disabled"]["passages"]


def test_a_source_without_a_trampoline_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.S"
    path.write_text("        nop\n")
    with pytest.raises(InputError, match="lacks the label"):
        behaviour(subject("x86_64", "6.12", path))


# -- values at hand ----------------------------------------------------------------------------------------------------


def test_what_depends_on_values_is_said_to_do_so() -> None:
    one = {"title": "t", "passages": {"f": {"calls": ["a"], "cost": {"stores": 1}, "record": {"bx": "rbx"}}}}
    other = {"title": "t", "ends": "a fault", "passages": {"f": {"calls": [], "cost": {"stores": 2}}, "g": {}}}
    told = merged(one, other)
    assert told["passages"]["f"] == {"calls": "a or none", "cost": {"stores": "1 or 2"}, "record": {"bx": "rbx"}}
    assert told["passages"]["g"] == {"reached": "not with all values"}
    assert told["ends"] == "none or a fault"
    assert merged(one, one) == one
