# SPDX-License-Identifier: GPL-2.0-only
"""Any sequence of the kernel's calls runs those callbacks that it should, answers as it should, and leaves nothing.

The two oracles, one for 3.x and one for later releases, know no records, no patching and no addresses: only who is on
which list, who wants which function, and where regs are saved. They are written from the kernel's rules, not from ours.
"""

from __future__ import annotations

import errno
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.core.fgraph_ops import FgraphOps, GraphEnt
from emulator.core.ops import FtraceOps
from emulator.core.rehearsal import rehearse
from emulator.description import Ability
from emulator.errors import Fault, FtraceError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

OLD = ["3.6", "3.6-helper", "3.7", "3.7-no-regs", "3.7-list"]
OLD_STATIC = ["3.6-static", "3.6-static-helper", "3.7-static", "3.7-static-list"]
NEW = ["6.1", "6.12", "6.12-shared", "6.12-list"]
NEW_STATIC = ["6.1-static", "6.12-static"]

FUNCTIONS = ("vfs_read", "vfs_write", "do_exit")
MEANINGS = {
    "vfs_read": {"vfs_read"},
    "vfs_*": {"vfs_read", "vfs_write"},
    "*exit": {"do_exit"},
    "*": set(FUNCTIONS),
    "*write": {"vfs_write"},
    "nothing": set(),
}
ALONE = {"vfs_read": "vfs_read", "vfs_write": "*write", "do_exit": "*exit"}
OPS, DIRECTS, GRAPHS = 3, 2, 3
TRAMPOLINES = (0xD100, 0xD200)
MINE, OTHER = 1, 2
"""Process ids: of the task that runs, and of one that does not."""
FAULT = -1
"""What an oracle answers where the kernel would follow a NULL pointer."""

# -- steps -------------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """A call: which, on the how manieth ops or graph ops, and its other arguments."""

    call: str
    number: int
    rest: tuple[Any, ...] = ()


YES_NO, GLOBS = (False, True), sorted(MEANINGS)
CHANGE = (GLOBS, YES_NO, YES_NO)
"""A filter string, whether it takes away, whether it begins anew."""
KINDS: dict[str, tuple[int, int, tuple[Sequence[Any], ...]]] = {
    # how often, of how many, and what else it is given
    "register": (8, OPS, ()),
    "unregister": (4, OPS, ()),
    "set_filter": (4, OPS, CHANGE),
    "set_notrace": (3, OPS, CHANGE),
    "set_filter_ip": (2, OPS, (FUNCTIONS, YES_NO, YES_NO)),
    "set_enabled": (2, 1, (YES_NO,)),
    "set_pids": (2, 1, ([(), (MINE,), (OTHER,)],)),
    "set_global_filter": (1, 1, CHANGE),
    "register_graph": (4, GRAPHS, ()),
    "unregister_graph": (2, GRAPHS, ()),
    "graph_filter": (2, GRAPHS, CHANGE),
    "graph_notrace": (2, GRAPHS, CHANGE),
    "watch": (1, 1, (YES_NO,)),
    "local": (3, OPS, (YES_NO,)),
    "direct_filter": (4, DIRECTS, CHANGE),
    "register_direct": (5, DIRECTS, (TRAMPOLINES,)),
    "modify_direct": (3, DIRECTS, (TRAMPOLINES,)),
    "unregister_direct": (2, DIRECTS, (YES_NO,)),
    "register_ip": (3, 1, (FUNCTIONS, TRAMPOLINES)),
    "modify_ip": (2, 1, (FUNCTIONS, TRAMPOLINES, TRAMPOLINES)),
    "unregister_ip": (2, 1, (FUNCTIONS, TRAMPOLINES)),
}
UNIT = 24
OFF, ON = Step("set_enabled", 0, (False,)), Step("set_enabled", 0, (True,))
PHRASES = [
    # what was wanted while ftrace_enabled is 0 is forgotten only where a site is disabled
    *([OFF, Step("register", number), Step("unregister", number), ON] for number in range(OPS)),
    # what is not to be traced is counted up and down again when more is added
    *([Step("set_notrace", number, (glob, False, False)) for glob in ("vfs_read", "*exit")] for number in range(OPS)),
]
"""Calls that matter together, and that chance would not bring together often enough."""


def sequences(kernel: Kernel) -> st.SearchStrategy[list[Step]]:
    """Calls that there are in a configuration, some twenty in a row."""
    new = kernel.release.callback_gets_fregs
    missing = {"local"} if new else {"watch", "graph_filter", "graph_notrace"}
    if not kernel.release.has_filter_ip:
        missing.add("set_filter_ip")
    if not kernel.core.dynamic:
        missing |= {"set_notrace", "set_filter_ip", "set_global_filter", "graph_filter", "graph_notrace"}
    has_direct = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in kernel.plain.abilities
    if not has_direct:
        missing |= {kind for kind in KINDS if "direct" in kind}
    if not (has_direct and kernel.release.direct_by_address):
        missing |= {"register_ip", "modify_ip", "unregister_ip"}
    every = [step for kind in KINDS if kind not in missing for step in _often(kind)]
    part = st.lists(st.sampled_from(every), max_size=10) | st.sampled_from(
        PHRASES[: 2 * OPS if kernel.core.dynamic else OPS]
    )
    return st.lists(part).map(lambda parts: [step for part in parts for step in part])


def beginnings(both: Both) -> st.SearchStrategy[list[Step]]:
    """Some of the ops have a filter from the start."""
    some = [("set_filter", number) for number in range(OPS)]
    some += [("direct_filter", number) for number in range(len(both.directs))]
    return st.lists(st.builds(_filtered, st.sampled_from(some), st.sampled_from(GLOBS)), max_size=8)


def _filtered(which: tuple[str, int], glob: str) -> Step:
    return Step(*which, (glob, False, False))


@cache
def _often(kind: str) -> list[Step]:
    often, count, rest = KINDS[kind]
    every = [Step(kind, number, arguments) for number in range(count) for arguments in product(*rest)]
    return every * max(1, often * UNIT // len(every))


# -- what the oracles are made of --------------------------------------------------------------------------------------


class Hash:
    """The functions in a filter, and those in a notrace hash."""

    def __init__(self) -> None:
        self.filter: set[str] = set()
        self.notrace: set[str] = set()

    def wants(self, function: str) -> bool:
        return (not self.filter or function in self.filter) and function not in self.notrace

    @property
    def functions(self) -> set[str]:
        return {function for function in FUNCTIONS if self.wants(function)}

    def changed(self, which: str, glob: str, *, remove: bool, reset: bool) -> set[str]:
        kept: set[str] = set() if reset else getattr(self, which)
        return kept - MEANINGS[glob] if remove else kept | MEANINGS[glob]


class User:
    """An ops."""

    def __init__(self, name: str, flags: set[str], *, module: bool = False) -> None:
        self.name, self.flags, self.module = name, flags, module
        self.hash = Hash()
        self.enabled = self.initialised = self.gated = False
        self.switched_off = 1
        """CONTROL: on this CPU."""
        self.answer: int | None = None
        """DIRECT: what it says when it is asked to share a function with IPMODIFY; None: there is nobody to ask."""
        self.address = 0
        """DIRECT: of its trampoline."""
        self.spent = False
        """DIRECT, 6.1: it was refused, and keeps the func that it had been given: never again."""

    def has(self, flag: str) -> bool:
        return flag in self.flags

    def wants(self, function: str) -> bool:
        return self.hash.wants(function)


class GraphUser:
    """A user of the graph tracer: it wants to hear of the return of all functions but those that it declines."""

    def __init__(self, name: str, declines: set[str], *, pid: bool) -> None:
        self.name, self.declines, self.pid = name, declines, pid
        self.hash = Hash()
        self.index = -1
        self.gated = False


Seen = tuple[str, ...]
"""Of a callback (ops, op or "-", "regs" or "-"); ("enter" or "leave", graph ops, function, depth); ("direct", address).
"""


class Graph:
    """What the graph tracer sees where it is reached."""

    def __init__(self, places: int) -> None:
        self.users: list[GraphUser] = []
        self.free = deque(range(places))

    def enter(
        self, function: str, depth: int, asked: Callable[[GraphUser], bool]
    ) -> tuple[list[Seen], list[GraphUser]]:
        """What is called at the entry, and who will hear of the return: those that want to, and always the first."""
        events: list[Seen] = []
        bits: set[int] = set()
        for user in sorted(self.users, key=lambda each: each.index):
            if asked(user):
                events.append(("enter", user.name, function, str(depth)))
                if function not in user.declines:
                    bits.add(user.index)
        if bits:
            bits.add(0)
        return events, [user for user in sorted(self.users, key=lambda each: each.index) if user.index in bits]


class Reached(NamedTuple):
    """What happens at a function's entry, and who hears of its return."""

    events: list[Seen]
    hooked: list[GraphUser]


class Oracle:
    """What both eras have in common."""

    def __init__(self, kernel: Kernel, users: list[User], graphs: list[GraphUser], directs: list[User]) -> None:
        abilities = kernel.plain.abilities
        self.release, self.graph_is_ops = kernel.release.name, kernel.plain.graph_is_ops
        self.dynamic = Ability.DYNAMIC_FTRACE in abilities
        self.with_regs = Ability.DYNAMIC_FTRACE_WITH_REGS in abilities
        self.copies = Ability.TRAMPOLINE_PER_OPS in abilities
        self.passes_ops = Ability.ARCH_SUPPORTS_FTRACE_OPS in abilities
        self.tests_stop = Ability.FUNCTION_TRACE_MCOUNT_TEST in abilities
        self.has_graph = Ability.FUNCTION_GRAPH_TRACER in abilities
        self.has_direct = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in abilities
        self.users, self.graphs, self.direct_users = users, graphs, directs
        self.enabled, self.killed = True, False
        self.modifies = self.with_regs or Ability.ARCH_REPLACE_CODE in abilities
        """Whether a call can be changed to save regs; else ftrace_modify_call() only refuses, and ftrace dies."""
        self.failed = False
        self.pids: tuple[int, ...] = ()
        self.watching = True
        self.saved: set[str] = set()
        """Where regs are saved if a shared trampoline is called: from when somebody asks until nobody is left there."""
        self.live: set[str] = set()
        """Where something is called at all."""
        self.saving: set[str] = set()
        """Where regs were to be saved when code was last patched."""
        self.global_hash = Hash()

    def counting(self, function: str) -> bool:
        """Whether anybody wants a function."""
        raise NotImplementedError

    def on_a_list(self, user: User) -> bool:
        raise NotImplementedError

    def reach(self, function: str, depth: int) -> Reached:
        raise NotImplementedError

    def settle(self) -> None:
        """Code follows what is wanted. Where nobody is left, what was wanted there is forgotten with the last call."""
        if not (self.dynamic and self.enabled):
            return
        for function in FUNCTIONS:
            if not self.counting(function):
                self.saved -= {function} & self.live
                self.live.discard(function)
            elif function not in self.live:
                self.live.add(function)
            elif (function in self.saved) != (function in self.saving) and not self.modifies:
                self.failed = self.killed = True
        self.saving = self.saved & self.live

    def added_flags(self, user: User) -> set[str]:
        """What registration adds: SAVE_REGS where it is not supported."""
        lenient = user.has("SAVE_REGS_IF_SUPPORTED") and not self.with_regs
        return ({"SAVE_REGS"} if lenient else set()) | ({"DYNAMIC"} if user.module else set())

    def run(self, function: str, *inner: str) -> list[Seen]:
        """A function is called, and calls another one."""
        return self._run((function, *inner), 0)

    def _run(self, functions: tuple[str, ...], depth: int) -> list[Seen]:
        reached = self.reach(functions[0], depth)
        inside = self._run(functions[1:], depth + bool(reached.hooked)) if functions[1:] else []
        back: list[Seen] = [("leave", user.name, functions[0], str(depth)) for user in reached.hooked]
        return [*reached.events, *inside, *back]


# -- 3.6 and 3.7 -------------------------------------------------------------------------------------------------------


class Old(Oracle):
    """3.x. A function is one of the core's by name, or a User for its own."""

    def __init__(self, kernel: Kernel, users: list[User], graphs: list[GraphUser], directs: list[User]) -> None:
        super().__init__(kernel, users, graphs, directs)
        self.list: list[User | str] = []
        """Newest first; "global" and "control" stand for lists of their own."""
        self.globals: list[User] = []
        self.controls: list[User] = []
        self.function: User | str = "stub"
        self.known: User | str | None = "stub"
        self.label: User | str = "stub"
        """What sites call: the function as it was when code was last patched for it."""
        self.helped: User | str = "stub"
        self.helping: User | str = "stub"
        """3.6: what the helper shall call, and what it calls since code was last patched for anything."""
        self.graph_caller = False
        self.counts: Counter[str] = Counter()
        """By how many each function is wanted: GLOBAL ops are one between them, and so is the graph tracer.

        The two share a hash, of which the kernel loses count where one goes, or the hash changes, beside the other.
        """
        self.counted_on = False
        """ENABLED of the ops that stands for both."""
        self.op = "ftrace_list_end"
        self.global_func: User | str = "stub"
        self.pid_function: User | str = "stub"
        self.graph = Graph(1)
        needs_helper = self.release == "3.6" and not self.tests_stop
        self.helper = needs_helper
        self.forces_list = self.release == "3.7" and not (self.tests_stop and self.passes_ops)

    def update(self) -> None:
        """update_ftrace_function()."""
        self.global_func = "global list" if len(self.globals) > 1 else self.globals[0] if self.globals else "stub"
        if self.pids:
            self.pid_function, self.global_func = self.global_func, "pid"
        function, self.op = self.choose()
        if self.helper:
            self.helped = function
            function = "helper" if self.list else "stub"
            self.helping = self.helping if self.dynamic else self.helped
        self.function = function

    def choose(self) -> tuple[User | str, str]:
        if not self.list:
            return "stub", "ftrace_list_end"
        first = self.list[0]
        if len(self.list) > 1 or self.forces_list:
            return "list", "ftrace_list_end"
        if isinstance(first, User):
            if first.has("DYNAMIC") or (self.release == "3.7" and not first.has("RECURSION_SAFE")):
                return "list", "ftrace_list_end"
            return first, first.name
        if first == "global":
            return self.global_func, self.globals[0].name
        return "control", "control_ops"

    def patch(self, *, calls: bool = True) -> None:
        """ftrace_startup_enable(), and the end of ftrace_shutdown()."""
        changed = self.known != self.function
        self.known = self.function
        if self.dynamic and self.enabled and (changed or calls):
            self.label = self.function if changed else self.label
            self.helping = self.helped
            self.settle()

    def counting(self, function: str) -> bool:
        return self.counts[function] > 0

    def count(self, functions: set[str], step: int) -> None:
        """One more user, or one less, which is the end of all where there is none."""
        for function in FUNCTIONS if self.dynamic else ():
            if function in functions and not self.killed:
                self.killed = step < 0 and not self.counts[function]
                self.counts[function] += 0 if self.killed else step

    def on_a_list(self, user: User) -> bool:
        return user in (*self.list, *self.globals, *self.controls)

    # -- calls

    def register(self, user: User) -> int:
        if user.enabled:
            return errno.EBUSY
        if user.has("GLOBAL") and user.has("CONTROL"):
            return errno.EINVAL
        if user.has("SAVE_REGS") and not user.has("SAVE_REGS_IF_SUPPORTED") and not self.with_regs:
            return errno.EINVAL
        user.flags |= self.added_flags(user)
        if user.has("GLOBAL"):
            self._join(user, self.globals, "global")
        elif user.has("CONTROL"):
            user.switched_off = 1
            self._join(user, self.controls, "control")
        else:
            self.list.insert(0, user)
        user.enabled = True
        if self.enabled:
            self.update()
        if not user.has("GLOBAL"):
            self.count(user.hash.functions, 1)
            self.saved |= user.hash.functions if self.dynamic and user.has("SAVE_REGS") else set()
        elif len(self.globals) == 1:
            self.counted_on = True
            self.count(self.global_hash.functions, 1)
        self.patch()
        return 0

    def _join(self, user: User, members: list[User], name: str) -> None:
        members.insert(0, user)
        if len(members) == 1:
            self.list.insert(0, name)

    def unregister(self, user: User) -> int:
        if not user.enabled:
            return errno.EBUSY
        members = self.globals if user.has("GLOBAL") else self.controls if user.has("CONTROL") else self.list
        if user not in members:
            return errno.EPERM
        members.remove(user)
        for name, others in (("global", self.globals), ("control", self.controls)):
            if name in self.list and not others:
                self.list.remove(name)
        user.enabled = not self.dynamic and not user.has("GLOBAL")
        if self.enabled:
            self.update()
        if not user.has("GLOBAL"):
            self.count(user.hash.functions, -1)
        elif not self.globals:
            self.count(self.global_hash.functions if self.counted_on else set(), -1)
            self.counted_on = False
        self.patch()
        return 0

    def filter(self, user: User, which: str, glob: str, *, remove: bool, reset: bool) -> int:
        hash_ = self.global_hash if user.has("GLOBAL") else user.hash
        return self._change(hash_, user, which, glob, remove=remove, reset=reset)

    def _change(self, hash_: Hash, user: User | None, which: str, glob: str, *, remove: bool, reset: bool) -> int:
        if not self.dynamic:
            return errno.ENODEV
        if not MEANINGS[glob]:
            return errno.EINVAL
        notrace, functions = set(hash_.notrace), hash_.functions
        setattr(hash_, which, hash_.changed(which, glob, remove=remove, reset=reset))
        in_use = self.counted_on if hash_ is self.global_hash else user is not None and user.enabled
        if not in_use:
            return 0
        base = hash_.filter or set(FUNCTIONS)
        if which == "filter":
            self.count(functions, -1)
            self.count(hash_.functions, 1)
        else:  # backwards: those that were not to be traced are counted up, those that are not to be any more, down
            self.count(notrace & base, 1)
            self.count(hash_.notrace & base, -1)
        if hash_ is not self.global_hash and user and user.has("SAVE_REGS"):
            self.saved |= hash_.functions | (notrace & base if which == "notrace" else set())
        self.helping = self.helped if self.enabled else self.helping
        self.settle()
        return 0

    def filter_ip(self, user: User, function: str, *, remove: bool, reset: bool) -> int:
        if not self.dynamic:
            return errno.ENODEV
        hash_ = self.global_hash if user.has("GLOBAL") else user.hash
        if remove and function not in (set() if reset else hash_.filter):
            return errno.ENOENT
        return self._change(hash_, user, "filter", ALONE[function], remove=remove, reset=reset)

    def set_global_filter(self, glob: str, *, remove: bool, reset: bool) -> int:
        return self._change(self.global_hash, None, "filter", glob, remove=remove, reset=reset)

    def set_enabled(self, *, enabled: bool) -> int:
        """The only ops itself or the list function, whoever it is; labels stay as they are."""
        if enabled == self.enabled:
            return 0
        self.enabled = enabled
        patches = self.dynamic and (self.list or self.graph.users)
        if patches:
            self.helping = self.helped
        if not enabled:
            self.function = "stub"
            self.live = set() if patches else self.live
            return 0
        self.known = None
        if patches:
            self.settle()
        if self.list:
            self.function = "list" if len(self.list) > 1 else self._own_function(self.list[0])
        return 0

    def _own_function(self, entry: User | str) -> User | str:
        return self.global_func if entry == "global" else entry

    def set_pids(self, pids: tuple[int, ...]) -> int:
        self.pids = pids
        if self.function != "stub":
            self.update()
        self.patch(calls=False)
        return 0

    def local(self, user: User, *, on: bool) -> int:
        if user in self.controls:
            user.switched_off += -1 if on else 1
        return 0

    def register_graph(self, user: GraphUser) -> int:
        if not self.has_graph:
            return errno.EPERM
        if self.graph.users:
            return errno.EBUSY
        self.graph.users.append(user)
        user.index = 0
        self.counted_on = True
        self.count(self.global_hash.functions, 1)
        self.graph_caller |= self.enabled
        self.patch()
        return 0

    def unregister_graph(self, user: GraphUser) -> int:
        if user in self.graph.users:
            self.graph.users.remove(user)
            self.count(self.global_hash.functions if self.counted_on else set(), -1)
            self.counted_on = bool(self.globals)
            self.graph_caller &= not self.enabled
            self.patch()
        return 0

    # -- what runs

    def reach(self, function: str, depth: int) -> Reached:
        if self.dynamic and function not in self.live:
            return Reached([], [])
        regs = "regs" if self.with_regs and function in self.saved else "-"
        called = self.label if self.dynamic else self.function
        events = self.called(called, function, self.op if self.dynamic else "-", regs)
        if self.graph.users and (self.graph_caller if self.dynamic else called == "stub"):
            entered, hooked = self.graph.enter(function, depth, lambda _user: True)
            return Reached([*events, *entered], hooked)
        return Reached(events, [])

    def called(self, what: User | str, function: str, op: str, regs: str) -> list[Seen]:
        """What runs where a function of the core, or an ops' own, is called."""
        if isinstance(what, User):
            return [(what.name, op if self.release == "3.7" else "-", regs)]
        if what == "helper":
            return self.called(self.helping, function, op, regs)
        if what == "pid":
            return self.called(self.pid_function, function, op, regs) if MINE in self.pids else []
        return [
            seen for entry, as_op in self._entries(what, function) for seen in self.called(entry, function, as_op, regs)
        ]

    def _entries(self, what: str, function: str) -> list[tuple[User | str, str]]:
        """Whom the functions that go through lists call, and with which op."""
        if what == "list":
            return [found for entry in self.list for found in self._entry(entry, function)]
        if what == "global list":
            return [(user, user.name) for user in self.globals]
        if what == "control":
            return [
                (user, user.name)
                for user in self.controls
                if not user.switched_off and self.tested(user.hash, function)
            ]
        return []

    def _entry(self, entry: User | str, function: str) -> list[tuple[User | str, str]]:
        if entry == "control":
            return [("control", "control_ops")]
        if isinstance(entry, User):
            return [(entry, entry.name)] if self.tested(entry.hash, function) else []
        return [(self.global_func, "global_ops")] if self.tested(self.global_hash, function) else []

    def tested(self, hash_: Hash, function: str) -> bool:
        return not self.dynamic or hash_.wants(function)


# -- 6.1 and 6.12 ------------------------------------------------------------------------------------------------------


class New(Oracle):
    """6.x. The graph tracer and the direct calls by address have an ops on the list like everybody else."""

    def __init__(self, kernel: Kernel, users: list[User], graphs: list[GraphUser], directs: list[User]) -> None:
        super().__init__(kernel, users, graphs, directs)
        self.list: list[User] = []
        self.forces_list = not self.passes_ops
        self.marked: set[str] = set()
        """Whose ip an IPMODIFY ops may change."""
        self.directs: dict[str, int] = {}
        """{function: the direct trampoline there}."""
        self.graph = Graph(1 if self.release == "6.1" else 16)
        self.graph_ops = User("graph_ops", set() if self.graph_is_ops else {"STUB"})
        if self.release == "6.1":
            self.graph_ops.hash = self.global_hash
        self.tests_graph = False
        """6.1: whether anybody else was on the list when that was last looked at."""
        self.alone = self.release == "6.12" and self.graph_is_ops
        """6.12: the one user of the graph tracer is called without a look at its hash."""
        self.by_address = User("direct_ops", {"DIRECT", "SAVE_REGS", "PERMANENT"})

    def counting(self, function: str) -> bool:
        return any(user.wants(function) for user in self.list)

    def on_a_list(self, user: User) -> bool:
        return user in self.list

    def function(self) -> User | str:
        """ftrace_trace_function."""
        if not self.enabled or not self.list:
            return "stub"
        (first, *others) = self.list
        if others or self.forces_list or first.has("DYNAMIC") or first.has("RCU"):
            return "list"
        return "stub" if first is self.graph_ops and not self.graph_is_ops else first

    def update(self) -> None:
        """What update_ftrace_function() also does."""
        if self.enabled:
            self.tests_graph = any(user is not self.graph_ops for user in self.list)

    # -- ops

    def register(self, user: User) -> int:
        if user.has("IPMODIFY") and self.has_direct:
            if not user.initialised:
                return FAULT
            code = self._ask_directs(user)
            if code:
                return code
        user.initialised = True
        return self.startup(user)

    def _ask_directs(self, user: User) -> int:
        for function in FUNCTIONS:
            direct = next((each for each in self.list if each.has("DIRECT") and each.wants(function)), None)
            if function in user.hash.filter and direct:
                code = errno.EBUSY if direct.answer is None else -direct.answer
                if code:
                    return code
        return 0

    def startup(self, user: User) -> int:
        if self.killed:
            return errno.ENODEV
        if user.enabled:
            return errno.EBUSY
        if user.has("SAVE_REGS") and not user.has("SAVE_REGS_IF_SUPPORTED") and not self.with_regs:
            return errno.EINVAL
        if user.has("PERMANENT") and not self.enabled:
            return errno.EBUSY
        user.flags |= self.added_flags(user)
        self.list.insert(0, user)
        self.update()
        code = self.mark(user, set(), user.hash.filter or None) if self.dynamic else 0
        if code:
            self.list.remove(user)
            self.update()
            return code
        user.enabled, user.gated = True, user.has("PID") and bool(self.pids)
        if self.dynamic and user.has("SAVE_REGS"):
            self.saved |= user.hash.functions
        self.settle()
        return 0

    def mark(self, user: User, old: set[str] | None, new: set[str] | None, *, again: bool = False) -> int:
        """IPMODIFY and DIRECT: None is every function, which neither may want."""
        if not (user.has("IPMODIFY") or user.has("DIRECT")):
            return 0
        if old is None or new is None:
            return errno.EINVAL
        clash = [function for function in FUNCTIONS if function in new - (set() if again else old) & self.marked]
        if user.has("IPMODIFY"):
            if clash:
                return errno.EBUSY
            self.marked = self.marked - old | new
        elif clash:
            return errno.EBUSY if user.answer is None else -user.answer
        return 0

    def unregister(self, user: User) -> int:
        if self.killed:
            return errno.ENODEV
        if not user.enabled:
            return errno.EBUSY
        before, called = self.function(), set(self.live)
        self.list.remove(user)
        self.update()
        if user.has("IPMODIFY"):
            self.marked -= user.hash.filter
        if user.has("SAVE_REGS"):
            self.release_regs(user.hash.functions)
        user.enabled = user.gated = False
        self.settle()
        patched = self.enabled and self.dynamic and (called != self.live or before != self.function())
        if patched and not self.list and self.saved:
            self.killed = True
        return 0

    def release_regs(self, functions: set[str]) -> None:
        """A SAVE_REGS ops has gone from them: no regs for those who stay, unless one of them wants them."""
        for function in functions:
            staying = [user for user in self.list if user.wants(function)]
            if staying and not any(user.has("SAVE_REGS") for user in staying):
                self.saved.discard(function)

    def filter(self, user: User, which: str, glob: str, *, remove: bool, reset: bool) -> int:
        user.initialised = True
        if self.killed or not self.dynamic:
            return errno.ENODEV
        if not MEANINGS[glob]:
            return errno.EINVAL
        return self.change(user, which, user.hash.changed(which, glob, remove=remove, reset=reset))

    def filter_ip(self, user: User, function: str, *, remove: bool, reset: bool) -> int:
        user.initialised = True
        if self.killed or not self.dynamic:
            return errno.ENODEV
        if remove and function not in (set() if reset else user.hash.filter):
            return errno.ENOENT
        return self.change(user, "filter", user.hash.changed("filter", ALONE[function], remove=remove, reset=reset))

    def change(self, user: User, which: str, new: set[str]) -> int:
        if which == "notrace" and user.has("IPMODIFY"):
            return errno.EINVAL
        if which == "filter" and user.enabled:
            code = self.mark(user, user.hash.filter or None, new or None)
            if code:
                return code
        old = set(user.hash.notrace)
        setattr(user.hash, which, new)
        if user.enabled and user.has("SAVE_REGS"):
            base = user.hash.filter or set(FUNCTIONS)
            backwards = self.release == "6.1" and which == "notrace"
            self.saved |= user.hash.functions | (old & base if backwards else set())
            self.release_regs(new & base if backwards else set())
        self.settle()
        return 0

    # -- switches

    def set_global_filter(self, glob: str, *, remove: bool, reset: bool) -> int:
        if not self.dynamic:
            return errno.ENODEV
        if not MEANINGS[glob]:
            return errno.EINVAL
        self.global_hash.filter = self.global_hash.changed("filter", glob, remove=remove, reset=reset)
        self.settle()
        return 0

    def set_enabled(self, *, enabled: bool) -> int:
        if enabled == self.enabled:
            return 0
        if not enabled and any(user.has("PERMANENT") for user in self.list):
            return errno.EBUSY
        self.enabled = enabled
        if not enabled:
            self.live.clear()
        elif self.list:
            self.update()
        self.settle()
        return 0

    def set_pids(self, pids: tuple[int, ...]) -> int:
        self.pids = pids
        if self.function() != "stub":
            for user in self.list:
                user.gated = user.has("PID") and bool(pids)
            for graph in self.graph.users:
                graph.gated = self.filters_pids(graph)
            self.update()
        return 0

    def filters_pids(self, graph: GraphUser) -> bool:
        return self.release == "6.12" and graph.pid and bool(self.pids)

    # -- the graph tracer

    def register_graph(self, user: GraphUser) -> int:
        if not self.has_graph:
            return errno.EPERM
        if self.release == "6.1" and self.graph.users:
            return errno.EBUSY
        if user in self.graph.users:
            self.alone = False
            self.graph.free.rotate(-1)
            return errno.EBUSY
        user.index, user.gated = self.graph.free.popleft(), self.filters_pids(user)
        self.graph.users.append(user)
        if len(self.graph.users) > 1:
            self.alone = False
            self.graph_ops.hash.filter = merged(self.graph_ops.hash.filter, user.hash.filter)
            self.graph_ops.hash.notrace &= user.hash.notrace
            self.settle()
            return 0
        if self.release == "6.12":
            self.graph_ops.hash.filter, self.graph_ops.hash.notrace = set(user.hash.filter), set(user.hash.notrace)
        return self.startup(self.graph_ops)

    def unregister_graph(self, user: GraphUser) -> int:
        if user not in self.graph.users:
            return 0
        self.graph.users.remove(user)
        self.graph.free.append(user.index)
        if not self.graph.users:
            self.alone = self.release == "6.12" and self.graph_is_ops
            return 0 if self.killed else self.unregister(self.graph_ops)
        self.alone = self.release == "6.12" and self.graph_is_ops if len(self.graph.users) == 1 else self.alone
        self._rebuild("filter")
        self._rebuild("notrace")
        self.settle()
        return 0

    def _rebuild(self, which: str) -> None:
        """The hash that stands for all users. The notrace hash of the newest is not looked at, but its own old one."""
        hashes: list[set[str]] = [getattr(user.hash, which) for user in reversed(self.graph.users)]
        if which == "filter":
            self.graph_ops.hash.filter = set() if set() in hashes else set().union(*hashes)
        else:
            self.graph_ops.hash.notrace = self.graph_ops.hash.notrace.intersection(*hashes[1:])

    def graph_filter(self, user: GraphUser, which: str, glob: str, *, remove: bool, reset: bool) -> int:
        """6.12: of this user; before, nobody looks at it."""
        if not self.dynamic:
            return errno.ENODEV
        if not MEANINGS[glob]:
            return errno.EINVAL
        setattr(user.hash, which, user.hash.changed(which, glob, remove=remove, reset=reset))
        if user in self.graph.users and self.release == "6.12":
            self._rebuild(which)
            self.settle()
        return 0

    def asked(self, user: GraphUser, function: str) -> bool:
        if user.gated and self.pids and MINE not in self.pids:
            return False
        if self.release == "6.1":
            return not self.tests_graph or self.global_hash.wants(function)
        return self.alone or user.hash.wants(function)

    # -- direct calls

    def register_direct(self, user: User, address: int) -> int:
        if user.spent or not user.initialised or user.enabled or not user.hash.filter:
            return errno.EINVAL
        if user.hash.filter & self.directs.keys():
            return errno.EBUSY
        user.flags = {"DIRECT", "SAVE_REGS"}
        self.directs |= dict.fromkeys(user.hash.filter, address)
        code = self.startup(user)
        if code:
            self._forget(user, address)
            user.flags = set()
            user.spent = self.release == "6.1"
        user.address = address
        return code

    def _forget(self, user: User, address: int) -> None:
        self.directs = {
            function: there
            for function, there in self.directs.items()
            if function not in user.hash.filter or there != address
        }

    def modify_direct(self, user: User, address: int) -> int:
        if not user.enabled:
            return errno.EINVAL
        code = self.mark(user, user.hash.filter, user.hash.filter, again=True)
        if not code:
            self.directs |= dict.fromkeys(user.hash.filter & self.directs.keys(), address)
            user.address = address
        return code

    def unregister_direct(self, user: User, *, free: bool) -> int:
        if not user.enabled:
            return errno.EINVAL
        self.unregister(user)
        self._forget(user, user.address)
        user.flags = set()
        if free:
            user.hash = Hash()
        return 0

    def register_ip(self, function: str, address: int) -> int:
        if function in self.directs:
            return errno.EBUSY
        user = self.by_address
        wanted = user.hash.filter | {function}
        if user.enabled:
            code = self.change(user, "filter", wanted)
        else:
            user.hash.filter = wanted
            code = self.startup(user)
            if code:
                user.hash.filter = wanted - {function}
        if not code:
            self.directs[function] = address
        return code

    def modify_ip(self, function: str, old: int, new: int) -> int:
        if function not in self.directs:
            return errno.ENODEV
        if self.directs[function] != old:
            return errno.EINVAL
        self.directs[function] = new
        return 0

    def unregister_ip(self, function: str) -> int:
        if function not in self.directs:
            return errno.ENODEV
        user = self.by_address
        if user.hash.filter == {function}:
            self.unregister(user)
            user.hash.filter = set()
        else:
            self.change(user, "filter", user.hash.filter - {function})
        del self.directs[function]
        return 0

    # -- what runs

    def reach(self, function: str, depth: int) -> Reached:
        if not self.dynamic:
            return self._static(function, depth)
        wanting = [user for user in self.list if user.wants(function)]
        if not self.enabled or not wanting:
            return Reached([], [])
        alone = wanting[0] if len(wanting) == 1 else None
        if alone and alone.has("DIRECT") and function in self.directs:
            return Reached([("direct", hex(self.directs[function]))], [])
        if alone and self.copies and not alone.has("DIRECT"):
            return self._all([alone], function, depth, full=alone.has("SAVE_REGS"), shared=False)
        full = self.with_regs and function in self.saved
        only = self.function()
        if isinstance(only, User):
            return self._all([only], function, depth, full=full, shared=True)
        return self._listed(function, depth, full=full)

    def _static(self, function: str, depth: int) -> Reached:
        """mcount: the function tracer or the graph tracer."""
        if self.function() == "stub" and self.graph.users:
            return Reached(*self.graph.enter(function, depth, lambda each: self.asked(each, function)))
        return self._listed(function, depth, full=False)

    def _listed(self, function: str, depth: int, *, full: bool) -> Reached:
        """The list function, or the stub."""
        called = [
            user
            for user in self.list
            if self.function() == "list"
            and not user.has("STUB")
            and (not self.dynamic or user.wants(function))
            and (full or not user.has("SAVE_REGS") or not self.with_regs)
        ]
        return self._all(called, function, depth, full=full, shared=True)

    def _all(self, users: list[User], function: str, depth: int, *, full: bool, shared: bool) -> Reached:
        """The ops one by one, then a direct trampoline, then, where it is no ops, the graph tracer."""
        events: list[Seen] = []
        hooked: list[GraphUser] = []
        direct = 0
        for user in users:
            if (user.has("RCU") and not self.watching) or (user.gated and self.pids and MINE not in self.pids):
                continue
            if user is self.graph_ops and self.graph_is_ops:
                entered, hooked = self.graph.enter(function, depth, lambda each: self.asked(each, function))
                events += entered
            elif user.has("DIRECT"):
                direct = self.directs.get(function, 0) if self.release == "6.1" else user.address
            elif user is not self.graph_ops:
                events.append((user.name, user.name, "regs" if full else "-"))
        if direct and full:
            events.append(("direct", hex(direct)))
        if shared and self.dynamic and self.graph.users and not self.graph_is_ops:
            entered, hooked = self.graph.enter(function, depth, lambda each: self.asked(each, function))
            events += entered
        return Reached(events, hooked)


def merged(one: set[str], other: set[str]) -> set[str]:
    """A filter for both; an empty one means every function."""
    return one | other if one and other else set()


# -- side by side ------------------------------------------------------------------------------------------------------

FLAGS = {
    False: ("SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION_SAFE", "DYNAMIC", "GLOBAL", "CONTROL"),
    True: (
        *("SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION", "DYNAMIC"),
        *("STUB", "PERMANENT", "RCU", "PID", "IPMODIFY"),
    ),
}
USUAL = {
    False: [{"RECURSION_SAFE"}, {"SAVE_REGS"}, {"GLOBAL", "RECURSION_SAFE"}, {"GLOBAL"}, {"CONTROL"}],
    True: [
        set(),
        {"SAVE_REGS"},
        {"SAVE_REGS", "IPMODIFY"},
        {"IPMODIFY"},
        {"IPMODIFY", "PERMANENT", "DYNAMIC"},
        {"PID"},
    ],
}


class Wish(NamedTuple):
    """An ops that shall take part."""

    flags: set[str]
    module: bool


def outcome(call: Callable[[], None]) -> int | None:
    """The errno of a refusal, FAULT, or 0."""
    try:
        call()
    except FtraceError as error:
        return error.errno
    except Fault:
        return FAULT
    return 0


class Both:
    """A kernel and its oracle, and the same calls of both. Each kind of step is a method."""

    def __init__(self, kernel: Kernel, wishes: list[Wish], declined: list[set[str]], answers: list[int | None]) -> None:
        self.kernel, self.core = kernel, kernel.core
        new = kernel.release.callback_gets_fregs
        self.ops: list[FtraceOps] = []
        self.gops: list[FgraphOps] = []
        self.directs: list[FtraceOps] = []
        users = [self._user(index, wish) for index, wish in enumerate(wishes)]
        graphs = [self._graph(index, declines, pid=new and not index) for index, declines in enumerate(declined)]
        directs = [self._direct(index, answer) for index, answer in enumerate(answers)]
        self.oracle: Any = (New if new else Old)(kernel, users, graphs, directs)

    def _user(self, index: int, wish: Wish) -> User:
        flags = wish.flags & self.kernel.release.flags.keys()
        self.ops.append(self.kernel.ops(f"ops{index}", *flags, home="module" if wish.module else "core"))
        return User(f"ops{index}", set(flags), module=wish.module)

    def _graph(self, index: int, declines: set[str], *, pid: bool) -> GraphUser:
        def wanted(trace: GraphEnt, _gops: FgraphOps) -> bool:
            return self.kernel.function(trace.func) not in declines

        self.gops.append(self.kernel.gops(f"graph{index}", wanted=wanted, flags=("PID",) if pid else ()))
        return GraphUser(f"graph{index}", declines, pid=pid)

    def _direct(self, index: int, answer: int | None) -> User:
        ops_func = None if answer is None else lambda _ops, _command: answer
        self.directs.append(self.kernel.direct_ops(f"direct{index}", ops_func=ops_func))
        user = User(f"direct{index}", set())
        user.answer = answer
        return user

    def step(self, step: Step) -> None:
        """Call both; they answer alike."""
        if not self.oracle.killed:
            getattr(self, step.call)(step, *step.rest)

    def same(self, step: Step, call: Callable[[], None], code: int) -> None:
        assert outcome(call) == (errno.ENODEV if self.oracle.failed else code), step
        assert self.core.disabled == self.oracle.killed, (step, self.core.bug)

    # -- ops

    def register(self, step: Step) -> None:
        ops, user = self.ops[step.number], self.oracle.users[step.number]
        self.same(step, lambda: self.core.register(ops), self.oracle.register(user))

    def unregister(self, step: Step) -> None:
        ops, user = self.ops[step.number], self.oracle.users[step.number]
        self.same(step, lambda: self.core.unregister(ops), self.oracle.unregister(user))

    def set_filter(self, step: Step, *change: Any) -> None:
        self._change(step, "filter", *change)

    def set_notrace(self, step: Step, *change: Any) -> None:
        self._change(step, "notrace", *change)

    def _change(self, step: Step, which: str, glob: str, remove: bool, reset: bool) -> None:
        ops, user = self.ops[step.number], self.oracle.users[step.number]
        code = self.oracle.filter(user, which, glob, remove=remove, reset=reset)
        self.same(step, self._set(which, ops, glob, remove=remove, reset=reset), code)

    def _set(self, which: str, ops: FtraceOps, glob: str, *, remove: bool, reset: bool) -> Callable[[], None]:
        change = self.core.set_filter if which == "filter" else self.core.set_notrace
        return lambda: change(ops, "!" * remove + glob, reset=reset)

    def set_filter_ip(self, step: Step, function: str, remove: bool, reset: bool) -> None:
        ops, user, ip = self.ops[step.number], self.oracle.users[step.number], self.kernel.ip[function]
        code = self.oracle.filter_ip(user, function, remove=remove, reset=reset)
        self.same(step, lambda: self.core.set_filter_ip(ops, ip, remove=remove, reset=reset), code)

    def local(self, step: Step, on: bool) -> None:
        ops, user = self.ops[step.number], self.oracle.users[step.number]
        if user in self.oracle.controls:
            self.same(step, lambda: self.core.local_enable(ops, enable=on), self.oracle.local(user, on=on))

    # -- switches

    def set_global_filter(self, step: Step, glob: str, remove: bool, reset: bool) -> None:
        code = self.oracle.set_global_filter(glob, remove=remove, reset=reset)
        self.same(step, lambda: self.core.set_global_filter("!" * remove + glob, reset=reset), code)

    def set_enabled(self, step: Step, enabled: bool) -> None:
        self.same(step, lambda: self.core.set_enabled(enabled=enabled), self.oracle.set_enabled(enabled=enabled))

    def set_pids(self, step: Step, pids: tuple[int, ...]) -> None:
        self.same(step, lambda: self.core.set_pids(pids), self.oracle.set_pids(pids))

    def watch(self, _step: Step, watching: bool) -> None:
        self.core.current.rcu_watching = self.oracle.watching = watching

    # -- the graph tracer

    def register_graph(self, step: Step) -> None:
        gops, graph = self.gops[step.number], self.oracle.graphs[step.number]
        self.same(step, lambda: self.core.graph.register(gops), self.oracle.register_graph(graph))

    def unregister_graph(self, step: Step) -> None:
        gops, graph = self.gops[step.number], self.oracle.graphs[step.number]
        self.same(step, lambda: self.core.graph.unregister(gops), self.oracle.unregister_graph(graph))

    def graph_filter(self, step: Step, *change: Any) -> None:
        self._change_graph(step, "filter", *change)

    def graph_notrace(self, step: Step, *change: Any) -> None:
        self._change_graph(step, "notrace", *change)

    def _change_graph(self, step: Step, which: str, glob: str, remove: bool, reset: bool) -> None:
        ops, graph = self.gops[step.number].ops, self.oracle.graphs[step.number]
        code = self.oracle.graph_filter(graph, which, glob, remove=remove, reset=reset)
        self.same(step, self._set(which, ops, glob, remove=remove, reset=reset), code)

    # -- direct calls

    def direct_filter(self, step: Step, glob: str, remove: bool, reset: bool) -> None:
        """Only while it makes no direct calls: the kernel forgets neither those that go nor learns of new ones."""
        ops, user = self.directs[step.number], self.oracle.direct_users[step.number]
        if not user.enabled:
            code = self.oracle.filter(user, "filter", glob, remove=remove, reset=reset)
            self.same(step, self._set("filter", ops, glob, remove=remove, reset=reset), code)

    def register_direct(self, step: Step, address: int) -> None:
        ops, user = self.directs[step.number], self.oracle.direct_users[step.number]
        self.same(step, lambda: self.core.direct.register(ops, address), self.oracle.register_direct(user, address))

    def modify_direct(self, step: Step, address: int) -> None:
        ops, user = self.directs[step.number], self.oracle.direct_users[step.number]
        self.same(step, lambda: self.core.direct.modify(ops, address), self.oracle.modify_direct(user, address))

    def unregister_direct(self, step: Step, free: bool) -> None:
        ops, user = self.directs[step.number], self.oracle.direct_users[step.number]
        address = user.address or TRAMPOLINES[0]
        code = self.oracle.unregister_direct(user, free=free)
        self.same(step, lambda: self.core.direct.unregister(ops, address, free_filters=free), code)

    def register_ip(self, step: Step, function: str, address: int) -> None:
        ip, code = self.kernel.ip[function], self.oracle.register_ip(function, address)
        self.same(step, lambda: self.core.direct.register_ip(ip, address), code)

    def modify_ip(self, step: Step, function: str, old: int, new: int) -> None:
        if self._of_an_ops(function):
            return
        ip, code = self.kernel.ip[function], self.oracle.modify_ip(function, old, new)
        self.same(step, lambda: self.core.direct.modify_ip(ip, old, new), code)

    def unregister_ip(self, step: Step, function: str, address: int) -> None:
        if self._of_an_ops(function):
            return
        ip, code = self.kernel.ip[function], self.oracle.unregister_ip(function)
        self.same(step, lambda: self.core.direct.unregister_ip(ip, address), code)

    def _of_an_ops(self, function: str) -> bool:
        """6.1: what was registered with an ops is not to be touched by address."""
        return any(user.enabled and function in user.hash.filter for user in self.oracle.direct_users)

    # -- what runs

    def compare(self) -> None:
        for function, *inner in (("vfs_read", "vfs_write"), ("vfs_write", "vfs_write"), ("do_exit",)):
            events = self.kernel.run(function, partial(self._run_all, inner))
            assert [self._told(event) for event in events] == self.oracle.run(function, *inner), function
            assert self.kernel.landed == 0x9000
        self.rehearse("do_exit")

    def rehearse(self, function: str) -> None:
        """What our rehearsal promises is what happens; whether the graph tracer wants the function is left open."""
        before = len(self.kernel.events)
        promised = rehearse(self.core, self.kernel.record(function))
        assert len(self.kernel.events) == before, "nothing was called"
        told = [self._told(event) for event in self.kernel.run(function)]
        regs = "regs" if promised.full else "-"
        callbacks = [(ops.name, regs) for ops in promised.callbacks]
        assert [(event[0], event[2]) for event in told if len(event) == 3] == callbacks
        assert [event[1] for event in told if event[0] == "direct"] == [hex(promised.direct)] * bool(promised.direct)
        assert promised.graph or not [event for event in told if event[0] == "enter"]

    def _run_all(self, functions: list[str]) -> None:
        for function in functions:
            self.kernel.run(function)

    def _told(self, event: Any) -> tuple[str, ...]:
        match type(event).__name__:
            case "Seen":
                return event.ops, event.op or "-", "regs" if event.regs else "-"
            case "Directed":
                return "direct", hex(event.address)
            case "Entered":
                return "enter", event.gops, event.function, str(event.depth)
            case _:
                return "leave", event.gops, event.function, str(event.depth)

    # -- the end

    def unregister_everything(self) -> None:
        """With one more ops that comes and goes, so that the label is asked for. It may be the end of all."""
        oracle = self.oracle
        self.step(Step("set_enabled", 0, (True,)))
        last = self.kernel.ops("last")
        user = User("last", set())
        self.same(Step("register", -1), lambda: self.kernel.core.register(last), oracle.register(user))
        for index, graph in enumerate(oracle.graphs):
            if graph in oracle.graph.users:
                self.step(Step("unregister_graph", index))
        for index, each in enumerate(oracle.users):
            if oracle.on_a_list(each):
                self.step(Step("unregister", index))
        for index, each in enumerate(oracle.direct_users):
            if each.enabled:
                self.step(Step("unregister_direct", index, (True,)))
        if isinstance(oracle, New):
            for function in sorted(oracle.by_address.hash.filter):
                self.step(Step("unregister_ip", 0, (function, TRAMPOLINES[0])))
        if not oracle.killed:
            self.same(Step("unregister", -1), lambda: self.kernel.core.unregister(last), oracle.unregister(user))

    def expect_nothing_left(self) -> None:
        kernel, core, oracle = self.kernel, self.kernel.core, self.oracle
        bits = kernel.release.bits
        left = {function for function in FUNCTIONS if getattr(oracle, "counts", {}).get(function)}
        assert {function for function in FUNCTIONS if kernel.target(function) != "nop"} == left
        assert {rec.symbol for rec in core.records.values() if rec.flags & ~bits.kept} == left | oracle.saved
        assert kernel.variable("ftrace_trace_function") == "ftrace_stub"
        assert (core.ops, core.global_list, core.control_list, core.removed_ops) == ([], [], [], None)
        assert core.current.trace_recursion == core.function_trace_stop == core.graph.returns.hooked == 0
        assert not [copy.ops.name for copy in kernel.plain.copies.values() if copy.ops.has("DYNAMIC")]
        assert core.direct_functions == {}
        if oracle.dynamic:
            assert kernel.label() == "ftrace_stub"
        if oracle.dynamic and kernel.release.callback_gets_op and not oracle.killed:
            assert kernel.variable("function_trace_op") == "&ftrace_list_end"
        transient = {"REMOVING", "MODIFYING"}
        assert not [ops.name for ops in self.ops if ops.kernel_flags & transient]
        assert kernel.plain.graph_caller == getattr(oracle, "graph_caller", False) or not oracle.dynamic


def check(boot: Boot, config: str, data: st.DataObject) -> None:
    kernel = boot(config)
    new = kernel.release.callback_gets_fregs
    abilities = kernel.plain.abilities
    direct = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in abilities
    flags = st.sampled_from(USUAL[new]) | st.sets(st.sampled_from(FLAGS[new]), max_size=3)
    wishes = data.draw(st.lists(st.builds(Wish, flags, st.booleans()), min_size=OPS, max_size=OPS))
    declined = data.draw(st.lists(st.sets(st.sampled_from(FUNCTIONS), max_size=1), min_size=GRAPHS, max_size=GRAPHS))
    answers = data.draw(st.lists(st.sampled_from([None, 0, -errno.EAGAIN]), min_size=DIRECTS, max_size=DIRECTS))
    both = Both(kernel, wishes, declined, answers if direct else [])
    for step in [*data.draw(beginnings(both)), *data.draw(sequences(kernel))]:
        both.step(step)
        if both.oracle.killed:
            break
        both.compare()
    else:
        both.unregister_everything()
    if not both.oracle.killed:
        both.compare()
        both.expect_nothing_left()


@pytest.mark.parametrize("config", [*OLD, *OLD_STATIC, *NEW, *NEW_STATIC])
@settings(max_examples=80)
@given(data=st.data())
def test_those_are_called_who_should_be(boot: Boot, config: str, data: st.DataObject) -> None:
    check(boot, config, data)
