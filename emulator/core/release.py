# SPDX-License-Identifier: GPL-2.0-only
"""The differences between the kernel releases as data. The rules that use them stand once, in the other modules here.

Sources: include/linux/ftrace.h and kernel/trace/ftrace.c of 3.6.5, 3.7.2 and 6.12.117.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.description import Ability
from emulator.errors import UnknownName

VARIABLES: Mapping[str, str] = {
    "function_trace_op": "pointer",
    "ftrace_trace_function": "pointer",
    "__ftrace_trace_function": "pointer",
    "function_trace_stop": "int",
    "ftrace_graph_return": "pointer",
    "ftrace_graph_entry": "pointer",
}
"""The variables of kernel/trace that some trampoline of some release reads, and their C types."""

FUNCTIONS = ("ftrace_ops_list_func", "ftrace_ops_assist_func")
"""The functions of kernel/trace that trampolines call and that dispatch.py models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBits:
    """The layout of dyn_ftrace.flags: the reference count below, then one bit a flag; 0 where a release lacks it."""

    count: int
    """Mask of the reference count, which is also its largest value."""
    ENABLED: int
    REGS: int = 0
    REGS_EN: int = 0
    TRAMP: int = 0
    TRAMP_EN: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One kernel release, as far as the core differs."""

    name: str
    version: str
    """The stable release that was read."""
    flags: Mapping[str, int]
    """FTRACE_OPS_FL_* by name, without the prefix."""
    bits: RecordBits
    ops_members: tuple[tuple[str, str, Ability], ...]
    """struct ftrace_ops: (member, kind, what it is compiled in for) in order; core/layout.py makes offsets of kinds."""
    callback_gets_op: bool = True
    """Whether func has the prototype of the June 2012 series, (ip, parent_ip, op, regs)."""
    callback_gets_fregs: bool = False
    """Since 5.11 the fourth argument is struct ftrace_regs, and ftrace_get_regs() makes pt_regs or NULL of it."""
    has_trace_stop: bool = False
    """function_trace_stop exists (up to 3.16)."""
    list_func_tests_stop: bool = False
    """__ftrace_ops_list_func() tests function_trace_stop for the architectures that do not (3.7 to 3.16)."""
    protects_ops: str | None = None
    """The flag by which a single ops says whether it needs the list (3.7) or the assist function (5.11)."""
    list_unless: Ability = Ability.NONE
    """FTRACE_FORCE_LIST_FUNC: the trampoline calls the list function unless the architecture has all of these."""
    transition_bit: bool = False
    """One recursion into each context is let through (trace_recursion.h since 5.10); before, none is."""
    tests_regs: bool = False
    """ftrace_ops_test() skips a SAVE_REGS ops where regs is NULL (since 3.19)."""
    regs_outlive_ops: bool = False
    """REGS is cleared only when nobody is left on a record (3.7), not when the last SAVE_REGS ops goes."""
    labels_go_through_list: bool = False
    """While sites are patched the labels call the list function (since 3.13), so that no site runs an old callback."""
    has_filter_ip: bool = False
    """ftrace_set_filter_ip() exists (since 3.7)."""
    location_maps_entry: bool = False
    """ftrace_location() takes a function's first byte for its site, and filters hold what it finds (since 5.18)."""
    full_globs: bool = False
    """Filters know ?, [...] and * anywhere (since 4.10), and a number for the n-th record (since 5.1)."""


_3_6_FLAGS = {"ENABLED": 1 << 0, "GLOBAL": 1 << 1, "DYNAMIC": 1 << 2, "CONTROL": 1 << 3}
_3_7_FLAGS = {**_3_6_FLAGS, "SAVE_REGS": 1 << 4, "SAVE_REGS_IF_SUPPORTED": 1 << 5, "RECURSION_SAFE": 1 << 6}
_6_12_NAMES = (
    "ENABLED DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB INITIALIZED DELETED ADDING REMOVING MODIFYING "
    "ALLOC_TRAMP IPMODIFY PID RCU TRACE_ARRAY PERMANENT DIRECT SUBOP"
)
_6_12_FLAGS = {name: 1 << bit for bit, name in enumerate(_6_12_NAMES.split())}

_ALWAYS = Ability.NONE
_DYNAMIC = Ability.DYNAMIC_FTRACE

_3_X_MEMBERS = (
    ("func", "pointer", _ALWAYS),
    ("next", "pointer", _ALWAYS),
    ("flags", "long", _ALWAYS),
    ("disabled", "pointer", _ALWAYS),
    ("notrace_hash", "pointer", _DYNAMIC),
    ("filter_hash", "pointer", _DYNAMIC),
)
_6_12_MEMBERS = (
    ("func", "pointer", _ALWAYS),
    ("next", "pointer", _ALWAYS),
    ("flags", "long", _ALWAYS),
    ("private", "pointer", _ALWAYS),
    ("saved_func", "pointer", _ALWAYS),
    ("local_hash", "ops_hash", _DYNAMIC),
    ("func_hash", "pointer", _DYNAMIC),
    ("old_hash", "ops_hash", _DYNAMIC),
    ("trampoline", "long", _DYNAMIC),
    ("trampoline_size", "long", _DYNAMIC),
    ("list", "list_head", _DYNAMIC),
    ("subop_list", "list_head", _DYNAMIC),
    ("ops_func", "pointer", _DYNAMIC),
    ("managed", "pointer", _DYNAMIC),
    ("direct_call", "long", Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS),
)

RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        Release(
            name="3.6",
            version="3.6.5",
            flags=_3_6_FLAGS,
            bits=RecordBits(count=(1 << 30) - 1, ENABLED=1 << 30),
            ops_members=_3_X_MEMBERS,
            callback_gets_op=False,
            has_trace_stop=True,
        ),
        Release(
            name="3.7",
            version="3.7.2",
            flags=_3_7_FLAGS,
            bits=RecordBits(count=(1 << 29) - 1, ENABLED=1 << 29, REGS=1 << 30, REGS_EN=1 << 31),
            ops_members=_3_X_MEMBERS,
            has_trace_stop=True,
            list_func_tests_stop=True,
            protects_ops="RECURSION_SAFE",
            list_unless=Ability.FUNCTION_TRACE_MCOUNT_TEST | Ability.ARCH_SUPPORTS_FTRACE_OPS,
            regs_outlive_ops=True,
            has_filter_ip=True,
        ),
        Release(
            name="6.12",
            version="6.12.117",
            flags=_6_12_FLAGS,
            bits=RecordBits(
                count=(1 << 19) - 1,
                ENABLED=1 << 31,
                REGS=1 << 30,
                REGS_EN=1 << 29,
                TRAMP=1 << 28,
                TRAMP_EN=1 << 27,
            ),
            ops_members=_6_12_MEMBERS,
            callback_gets_fregs=True,
            protects_ops="RECURSION",
            list_unless=Ability.ARCH_SUPPORTS_FTRACE_OPS,
            transition_bit=True,
            tests_regs=True,
            labels_go_through_list=True,
            has_filter_ip=True,
            location_maps_entry=True,
            full_globs=True,
        ),
    )
}


def release(name: str) -> Release:
    """The release called `name`. Raises UnknownName."""
    try:
        return RELEASES[name]
    except KeyError:
        raise UnknownName("release", name, RELEASES) from None
