# SPDX-License-Identifier: GPL-2.0-only
"""Any sequence of registrations and filters calls those who should be called, and leaves nothing behind.

The oracle knows no records, no patching and no addresses: only who is registered, in which order, who wants which
function, and since when regs are saved there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

CONFIGS = ["3.6", "3.6-helper", "3.7", "3.7-no-regs", "3.7-list", "6.12", "6.12-shared", "6.12-list"]
FUNCTIONS = ("vfs_read", "vfs_write", "do_exit")
MEANINGS = {"vfs_read": {"vfs_read"}, "vfs_*": {"vfs_read", "vfs_write"}, "*exit": {"do_exit"}, "*": set(FUNCTIONS)}
FLAGS = ("SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION", "RECURSION_SAFE", "DYNAMIC")
OPS = 3


class Register(NamedTuple):
    ops: int


class Unregister(NamedTuple):
    ops: int


class Filter(NamedTuple):
    ops: int
    which: str
    glob: str
    remove: bool
    reset: bool


Step = Register | Unregister | Filter

NUMBERS = st.integers(0, OPS - 1)
STEPS = st.one_of(
    st.builds(Register, NUMBERS),
    st.builds(Unregister, NUMBERS),
    st.builds(
        Filter,
        NUMBERS,
        st.sampled_from(["filter", "notrace"]),
        st.sampled_from(sorted(MEANINGS)),
        st.booleans(),
        st.booleans(),
    ),
)


class User:
    """An ops as the oracle sees it."""

    def __init__(self, name: str, *, saves: bool) -> None:
        self.name, self.saves = name, saves
        self.hashes: dict[str, set[str]] = {"filter": set(), "notrace": set()}

    def wants(self, function: str) -> bool:
        filters = self.hashes["filter"]
        return (not filters or function in filters) and function not in self.hashes["notrace"]


class Oracle:
    """Who is called at which function with regs or without."""

    def __init__(self, kernel: Kernel) -> None:
        self.release = kernel.release.name
        abilities = kernel.plain.abilities
        self.with_regs = Ability.DYNAMIC_FTRACE_WITH_REGS in abilities
        self.copies = Ability.TRAMPOLINE_PER_OPS in abilities
        self.newest_first: list[User] = []
        self.saved: set[str] = set()
        """The functions where regs are saved if the shared trampolines are used."""

    def wanting(self, function: str) -> list[User]:
        return [user for user in self.newest_first if user.wants(function)]

    def register(self, user: User) -> None:
        self.newest_first.insert(0, user)
        self._settle()

    def unregister(self, user: User) -> None:
        """6.12 looks whether anybody else wants regs where he wanted them."""
        self.newest_first.remove(user)
        if self.release == "6.12" and user.saves:
            self.saved -= {function for function in FUNCTIONS if user.wants(function)}
        self._settle()

    def filter(self, user: User, step: Filter) -> None:
        """Nobody looks where he has gone away from."""
        kept = set() if step.reset else user.hashes[step.which]
        found = MEANINGS[step.glob]
        user.hashes[step.which] = kept - found if step.remove else kept | found
        self._settle()

    def _settle(self) -> None:
        """Regs are saved where somebody asks, and no longer where nobody is left."""
        for function in FUNCTIONS:
            wanting = self.wanting(function)
            if any(user.saves for user in wanting):
                self.saved.add(function)
            elif not wanting:
                self.saved.discard(function)

    def call(self, function: str) -> list[tuple[str, str | None, bool]]:
        wanting = self.wanting(function)
        regs = function in self.saved and self.with_regs
        if self.copies and len(wanting) == 1:
            regs = wanting[0].saves
        return [(user.name, None if self.release == "3.6" else user.name, regs) for user in wanting]


def choose_flags(kernel: Kernel, wished: set[str]) -> set[str]:
    """Those that the release has, and no SAVE_REGS that would be refused."""
    flags = wished & kernel.release.flags.keys()
    if not kernel.core.with_regs and "SAVE_REGS_IF_SUPPORTED" not in flags:
        flags.discard("SAVE_REGS")
    return flags


def apply(kernel: Kernel, oracle: Oracle, ops: FtraceOps, user: User, step: Step) -> None:
    """One step, here and there; the only refusals are those of a second registration and a second unregistration."""
    registered = user in oracle.newest_first
    match step:
        case Register() if registered:
            with pytest.raises(FtraceError, match="EBUSY"):
                kernel.core.register(ops)
        case Register():
            kernel.core.register(ops)
            oracle.register(user)
        case Unregister() if not registered:
            with pytest.raises(FtraceError, match="EBUSY"):
                kernel.core.unregister(ops)
        case Unregister():
            kernel.core.unregister(ops)
            oracle.unregister(user)
        case Filter(_, which, glob, remove, reset):
            change = kernel.core.set_filter if which == "filter" else kernel.core.set_notrace
            change(ops, f"!{glob}" if remove else glob, reset=reset)
            oracle.filter(user, step)


def assert_same(kernel: Kernel, oracle: Oracle) -> None:
    for function in FUNCTIONS:
        seen = [(seen.ops, seen.op, seen.regs) for seen in kernel.call(function)]
        assert seen == oracle.call(function), function


def assert_nothing_left(kernel: Kernel) -> None:
    assert [kernel.target(function) for function in FUNCTIONS] == ["nop"] * 3
    assert [rec.flags for rec in kernel.core.records.values()] == [0] * 3
    assert kernel.label() == kernel.variable("ftrace_trace_function") == "ftrace_stub"
    assert kernel.core.recursion.depth == kernel.core.function_trace_stop == 0
    assert not kernel.core.disabled
    if kernel.release.callback_gets_op:
        assert kernel.variable("function_trace_op") == "&ftrace_list_end"


@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=60)
@given(
    wishes=st.lists(st.sets(st.sampled_from(FLAGS)), min_size=OPS, max_size=OPS),
    modules=st.lists(st.booleans(), min_size=OPS, max_size=OPS),
    steps=st.lists(STEPS, max_size=25),
)
def test_those_are_called_who_should_be(
    boot: Boot, config: str, wishes: list[set[str]], modules: list[bool], steps: list[Step]
) -> None:
    kernel = boot(config)
    oracle = Oracle(kernel)
    pairs = []
    for index, (wished, module) in enumerate(zip(wishes, modules, strict=True)):
        flags = choose_flags(kernel, wished)
        ops = kernel.ops(f"ops{index}", *flags, home="module" if module else "core")
        pairs.append((ops, User(ops.name, saves="SAVE_REGS" in flags)))
    for step in steps:
        apply(kernel, oracle, *pairs[step.ops], step)
        assert_same(kernel, oracle)
    for ops, user in pairs:
        if user in oracle.newest_first:
            kernel.core.unregister(ops)
    assert_nothing_left(kernel)
