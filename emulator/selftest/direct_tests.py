# SPDX-License-Identifier: GPL-2.0-only
"""tools/testing/selftests/ftrace/test.d/direct/*.tc: a direct trampoline beside somebody else, in every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

from emulator.description import Ability
from emulator.lab import Lab
from emulator.selftest.case import Case, Expected, Kernel, same
from emulator.selftest.probes import HANDLE_MM_FAULT, WAKE_UP_PROCESS, DirectUser, GraphProbe, Probe, Tracer, call

SOURCE = "tools/testing/selftests/ftrace/test.d/direct"


class User(Protocol):
    """Somebody who comes, sees calls, and goes."""

    seen: list[str]

    def start(self) -> object:
        """Come."""

    def stop(self) -> None:
        """Go."""


ORDERS = (
    "tracer direct -direct -tracer",
    "tracer direct -tracer -direct",
    "direct tracer -tracer -direct",
    "direct tracer -direct -tracer",
)
"""The four interleavings; - is the end of one."""


def direct_against(lab: Lab, *others: Callable[[Lab], User], too: bool) -> None:
    """Every other user beside a direct trampoline, in all four orders, perhaps beside another direct function."""
    plain = call(lab, WAKE_UP_PROCESS).result
    second = DirectUser(lab, "my_tramp2", "my_direct_func2", HANDLE_MM_FAULT) if too else None
    if second:
        second.start()
    module = DirectUser(lab, "my_tramp1", "my_direct_func1", WAKE_UP_PROCESS)
    for other in (make(lab) for make in others):
        for order in ORDERS:
            for step in _steps(order, module, other):
                _expect_both(lab, step, module, other, plain)
    if second:
        call(lab, HANDLE_MM_FAULT)
        same("calls of the other direct function", len(second.seen), 1)


def _steps(order: str, module: DirectUser, other: User) -> Iterator[tuple[str, frozenset[str]]]:
    """Do what the order says, word by word: the words so far, and who is there then."""
    words = order.split()
    for number, word in enumerate(words, 1):
        user = module if word.endswith("direct") else other
        (user.stop if word.startswith("-") else user.start)()
        done = words[:number]
        yield " ".join(done), frozenset(done) - {gone[1:] for gone in done if gone.startswith("-")}


def _expect_both(lab: Lab, step: tuple[str, frozenset[str]], module: DirectUser, other: User, plain: int) -> None:
    """Whoever is there has seen the call, once; the function has noticed nothing."""
    order, there = step
    module.seen.clear()
    other.seen.clear()
    result = call(lab, WAKE_UP_PROCESS).result
    same(f"{order}: my_direct_func calls", len(module.seen), int("direct" in there))
    same(f"{order}: tracer calls", other.seen.count(WAKE_UP_PROCESS), int("tracer" in there))
    same(f"{order}: result", hex(result), hex(plain))


def kprobe(lab: Lab) -> Probe:
    """A kprobe on the function, as far as ftrace knows of it."""
    return Probe(lab, "kwake", {"SAVE_REGS"}).on(WAKE_UP_PROCESS)


def direct_fails(kernel: Kernel) -> Expected | None:
    """Where no trampoline looks at what call_direct_funcs() asks for."""
    if kernel.variant.shares_direct_calls:
        return None
    lost = next(quirk for quirk in kernel.variant.quirks if quirk.what == "landing" and "direct" in quirk.exercises)
    text = "tracer direct: my_direct_func calls: expected 1, got 0"
    return Expected(text, f"{lost.effect} ({lost.source})", mendable=True)


# -- the cases ---------------------------------------------------------------------------------------------------------

NEEDS = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS | Ability.FUNCTION_GRAPH_TRACER
TRACERS: Sequence[Callable[[Lab], User]] = (Tracer, GraphProbe)


def _direct_cases(name: str, *others: Callable[[Lab], User], needs: Ability = NEEDS) -> Iterator[Case]:
    for too in (False, True):
        yield Case(
            name=f"{name}{'-too' if too else ''}",
            title=f"{name}.tc{', with another direct function' if too else ''}",
            source=SOURCE,
            run=partial(_run_direct, others=others, too=too),
            needs=needs,
            fails=direct_fails,
        )


def _run_direct(lab: Lab, others: Sequence[Callable[[Lab], User]], too: bool) -> None:  # noqa: FBT001
    direct_against(lab, *others, too=too)


CASES = (
    *_direct_cases("ftrace-direct", *TRACERS),
    *_direct_cases("kprobe-direct", kprobe, needs=NEEDS | Ability.DYNAMIC_FTRACE_WITH_REGS),  # KPROBES_ON_FTRACE
)
