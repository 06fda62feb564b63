# SPDX-License-Identifier: GPL-2.0-only
"""struct ftrace_ops, against offsets read off the header for 64 bits and a C compiler's rules (ctypes) for both."""

from __future__ import annotations

import ctypes

import pytest

from emulator.core.layout import ftrace_ops
from emulator.core.releases import RELEASES
from emulator.description import Ability

DYNAMIC = Ability.DYNAMIC_FTRACE
DIRECT = DYNAMIC | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS


def test_6_12_on_64_bits() -> None:
    layout = ftrace_ops(RELEASES["6.12"], 8, DIRECT)
    assert {member.name: member.offset for member in layout.members} == {
        "func": 0,
        "next": 8,
        "flags": 16,
        "private": 24,
        "saved_func": 32,
        "local_hash": 40,
        "func_hash": 88,
        "old_hash": 96,
        "trampoline": 144,
        "trampoline_size": 152,
        "list": 160,
        "subop_list": 176,
        "ops_func": 192,
        "managed": 200,
        "direct_call": 208,
    }
    assert layout.size == 216


def test_what_a_configuration_lacks_takes_no_room() -> None:
    new, old = RELEASES["6.12"], RELEASES["3.7"]
    assert ftrace_ops(new, 8, DYNAMIC).size == 208
    assert [member.name for member in ftrace_ops(new, 8, Ability.NONE).members][-1] == "saved_func"
    assert [member.name for member in ftrace_ops(old, 8, Ability.NONE).members][-1] == "disabled"


def c_structs(word: int) -> dict[str, type[ctypes.Structure]]:
    """The same structs declared to ctypes, with pointers and longs of `word` bytes."""
    long = ctypes.c_uint64 if word == 8 else ctypes.c_uint32

    class ListHead(ctypes.Structure):
        _fields_ = (("next", long), ("prev", long))

    class Mutex(ctypes.Structure):
        _fields_ = (
            ("owner", long),
            ("wait_lock", ctypes.c_uint32),
            ("osq", ctypes.c_uint32),
            ("wait_list", ListHead),
        )

    class Hash(ctypes.Structure):
        _fields_ = (("notrace_hash", long), ("filter_hash", long), ("regex_lock", Mutex))

    class Old(ctypes.Structure):
        _fields_ = tuple((name, long) for name in "func next flags disabled notrace_hash filter_hash".split())

    later = (
        *((name, long) for name in "func next flags private saved_func".split()),
        ("local_hash", Hash),
        ("func_hash", long),
        ("old_hash", Hash),
        ("trampoline", long),
        ("trampoline_size", long),
        ("list", ListHead),
    )

    class Later(ctypes.Structure):
        _fields_ = (*later, ("ops_func", long))

    class New(ctypes.Structure):
        _fields_ = (
            *later,
            ("subop_list", ListHead),
            ("ops_func", long),
            ("managed", long),
            ("direct_call", long),
        )

    return {"3.6": Old, "3.7": Old, "6.1": Later, "6.12": New}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("word", [4, 8])
def test_a_c_compiler_agrees(release: str, word: int) -> None:
    struct = c_structs(word)[release]
    ours = ftrace_ops(RELEASES[release], word, DIRECT)
    fields = {name: getattr(struct, name) for name, *_ in struct._fields_}
    assert {member.name: (member.offset, member.size) for member in ours.members} == {
        name: (field.offset, field.size) for name, field in fields.items()
    }
    assert ours.size == ctypes.sizeof(struct)
