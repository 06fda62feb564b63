# SPDX-License-Identifier: GPL-2.0-only
"""The releases. Sources: include/linux/ftrace.h and kernel/trace/{ftrace,fgraph}.c of the versions named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.core.release import RecordBits, Release
from emulator.description import Ability
from emulator.errors import UnknownName

_3_6_FLAGS = {"ENABLED": 1 << 0, "GLOBAL": 1 << 1, "DYNAMIC": 1 << 2, "CONTROL": 1 << 3}
_3_7_FLAGS = {**_3_6_FLAGS, "SAVE_REGS": 1 << 4, "SAVE_REGS_IF_SUPPORTED": 1 << 5, "RECURSION_SAFE": 1 << 6}
_6_1_NAMES = (
    "ENABLED DYNAMIC SAVE_REGS SAVE_REGS_IF_SUPPORTED RECURSION STUB INITIALIZED DELETED ADDING REMOVING MODIFYING "
    "ALLOC_TRAMP IPMODIFY PID RCU TRACE_ARRAY PERMANENT DIRECT"
).split()
_6_1_FLAGS = {name: 1 << bit for bit, name in enumerate(_6_1_NAMES)}
_6_12_FLAGS = {**_6_1_FLAGS, "SUBOP": 1 << 18}

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
_6_1_MEMBERS = (
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
    ("ops_func", "pointer", _DYNAMIC),
)
_6_12_MEMBERS = (
    *_6_1_MEMBERS[:-1],
    ("subop_list", "list_head", _DYNAMIC),
    ("ops_func", "pointer", _DYNAMIC),
    ("managed", "pointer", _DYNAMIC),
    ("direct_call", "long", Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS),
)

_LIST = "ftrace_ops_list_func"
_3_X_FUNCTIONS = (_LIST, "ftrace_global_list_func", "ftrace_ops_control_func", "ftrace_pid_func")
_6_X_FUNCTIONS = (_LIST, "ftrace_ops_assist_func", "ftrace_pid_func", "ftrace_graph_func", "call_direct_funcs")

_6_X_BITS = {
    "ENABLED": 1 << 31,
    "REGS": 1 << 30,
    "REGS_EN": 1 << 29,
    "TRAMP": 1 << 28,
    "TRAMP_EN": 1 << 27,
    "IPMODIFY": 1 << 26,
    "DISABLED": 1 << 25,
    "DIRECT": 1 << 24,
    "DIRECT_EN": 1 << 23,
}

_3_6 = Release(
    name="3.6",
    version="3.6.5",
    flags=_3_6_FLAGS,
    bits=RecordBits(count=(1 << 30) - 1, ENABLED=1 << 30),
    ops_members=_3_X_MEMBERS,
    functions=_3_X_FUNCTIONS,
    callback_gets_op=False,
    has_trace_stop=True,
    sysctl_trusts_list=True,
    static_stays_enabled=True,
    notrace_counts_backwards=True,
    graph_asks_first=True,
)
_3_7 = replace(
    _3_6,
    name="3.7",
    version="3.7.2",
    flags=_3_7_FLAGS,
    bits=RecordBits(count=(1 << 29) - 1, ENABLED=1 << 29, REGS=1 << 30, REGS_EN=1 << 31),
    callback_gets_op=True,
    list_func_tests_stop=True,
    protects_ops="RECURSION_SAFE",
    list_unless=Ability.FUNCTION_TRACE_MCOUNT_TEST | Ability.ARCH_SUPPORTS_FTRACE_OPS,
    regs_outlive_ops=True,
    has_filter_ip=True,
)
_6_1 = Release(
    name="6.1",
    version="6.1.192",
    flags=_6_1_FLAGS,
    bits=RecordBits(count=(1 << 23) - 1, **_6_X_BITS),
    ops_members=_6_1_MEMBERS,
    functions=_6_X_FUNCTIONS,
    callback_gets_fregs=True,
    list_func_tests_func=True,
    protects_ops="RECURSION",
    list_unless=Ability.ARCH_SUPPORTS_FTRACE_OPS,
    recursion_contexts=True,
    tests_regs=True,
    labels_go_through_list=True,
    patches_only_changes=True,
    has_filter_ip=True,
    location_maps_entry=True,
    full_globs=True,
    notrace_counts_backwards=True,
    graph_tests_hash=True,
    direct_by_address=True,
)
_6_12 = replace(
    _6_1,
    name="6.12",
    version="6.12.117",
    flags=_6_12_FLAGS,
    bits=RecordBits(
        count=(1 << 19) - 1, CALL_OPS=1 << 22, CALL_OPS_EN=1 << 21, TOUCHED=1 << 20, MODIFIED=1 << 19, **_6_X_BITS
    ),
    ops_members=_6_12_MEMBERS,
    notrace_counts_backwards=False,
    graph_users=16,
    direct_by_address=False,
)

RELEASES: Mapping[str, Release] = {item.name: item for item in (_3_6, _3_7, _6_1, _6_12)}


def release(name: str) -> Release:
    """The release called `name`. Raises UnknownName."""
    try:
        return RELEASES[name]
    except KeyError:
        raise UnknownName("release", name, RELEASES) from None
