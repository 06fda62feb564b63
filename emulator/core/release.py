# SPDX-License-Identifier: GPL-2.0-only
"""What the core has to know of a kernel release, as data. The rules that use it stand once, in the other modules here.

releases.py has the releases themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.description import Ability

VARIABLES: Mapping[str, str] = {
    "function_trace_op": "pointer",
    "ftrace_trace_function": "pointer",
    "__ftrace_trace_function": "pointer",
    "function_trace_stop": "int",
    "ftrace_graph_return": "pointer",
    "ftrace_graph_entry": "pointer",
}
"""The variables of kernel/trace that some trampoline of some release reads, and their C types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBits:
    """The layout of dyn_ftrace.flags: the reference count below, then one bit a flag; 0 where a release lacks it.

    A name is what is wanted of a site, with _EN what it does now.
    """

    count: int
    """Mask of the reference count, which is also its largest value (FTRACE_REF_MAX)."""
    ENABLED: int
    REGS: int = 0
    REGS_EN: int = 0
    TRAMP: int = 0
    TRAMP_EN: int = 0
    DIRECT: int = 0
    DIRECT_EN: int = 0
    IPMODIFY: int = 0
    CALL_OPS: int = 0
    CALL_OPS_EN: int = 0
    DISABLED: int = 0
    TOUCHED: int = 0
    MODIFIED: int = 0

    @property
    def current(self) -> int:
        """What describes the site as it is."""
        return self.ENABLED | self.REGS_EN | self.TRAMP_EN | self.DIRECT_EN | self.CALL_OPS_EN

    @property
    def kept(self) -> int:
        """What outlives the last user (FTRACE_NOCLEAR_FLAGS)."""
        return self.DISABLED | self.TOUCHED | self.MODIFIED


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
    functions: tuple[str, ...]
    """The functions of kernel/trace that trampolines may come to call; core/functions.py acts for them."""

    # -- who is called
    callback_gets_op: bool = True
    """Whether func has the prototype of the June 2012 series, (ip, parent_ip, op, regs)."""
    callback_gets_fregs: bool = False
    """Since 5.11 the fourth argument is struct ftrace_regs, and ftrace_get_regs() makes pt_regs or NULL of it."""
    has_trace_stop: bool = False
    """function_trace_stop exists (up to 3.16)."""
    list_func_tests_stop: bool = False
    """__ftrace_ops_list_func() tests function_trace_stop for the architectures that do not (3.7 to 3.16)."""
    list_func_tests_func: bool = False
    """__ftrace_ops_list_func() warns of an ops without func, and kills ftrace (6.x); before, it jumps to NULL."""
    protects_ops: str | None = None
    """The flag by which a single ops says whether it needs the list (3.7) or the assist function (5.11)."""
    list_unless: Ability = Ability.NONE
    """FTRACE_FORCE_LIST_FUNC: the trampoline calls the list function unless the architecture has all of these."""
    recursion_contexts: bool = False
    """A recursion bit for each context and one for transitions (trace_recursion.h since 5.10); before, one bit."""
    tests_regs: bool = False
    """ftrace_ops_test() skips a SAVE_REGS ops where regs is NULL (since 3.19)."""

    # -- records and patching
    regs_outlive_ops: bool = False
    """REGS is cleared only when nobody is left on a record (3.7), not when the last SAVE_REGS ops goes."""
    labels_go_through_list: bool = False
    """While sites are patched the labels call the list function (since 3.13), so that no site runs an old callback."""
    patches_only_changes: bool = False
    """A registration that changes no record and no function patches nothing (by 6.1); before, it always runs."""
    sysctl_trusts_list: bool = False
    """ftrace_enabled = 1 sets ftrace_trace_function straight from the list, whatever the flags of its ops (3.x)."""
    static_stays_enabled: bool = False
    """Without DYNAMIC_FTRACE an ops that was unregistered stays ENABLED, and is refused from then on (3.x)."""

    # -- filters
    has_filter_ip: bool = False
    """ftrace_set_filter_ip() exists (since 3.7)."""
    location_maps_entry: bool = False
    """ftrace_location() takes a function's first byte for its site, and filters hold what it finds (since 5.18)."""
    full_globs: bool = False
    """Filters know ?, [...] and * anywhere (since 4.10), and a number for the n-th record (since 5.1)."""

    notrace_counts_backwards: bool = False
    """A new notrace hash changes the counts of just its own functions (by 6.1); 6.12 counts all down and up again."""

    # -- graph tracer and direct calls
    graph_users: int = 1
    """How many fgraph_ops may be registered at once."""
    graph_asks_first: bool = False
    """prepare_ftrace_return() asks the entry function before it looks for room on the shadow stack (3.x)."""
    graph_tests_hash: bool = False
    """The graph tracer looks whether a function is in its filter where others trace too (3.x: it never does)."""
    direct_by_address: bool = False
    """register_ftrace_direct() takes the address of a function, ..._multi() an ops (before 6.4)."""
