# SPDX-License-Identifier: GPL-2.0-only
"""What the modules in samples/ftrace/ do, and how often their functions must be called.

Sources: ftrace-direct*.c, ftrace-ops.c. They trace wake_up_process() and handle_mm_fault(); see probes.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from emulator.description import Ability
from emulator.lab import Lab
from emulator.selftest.case import Case, Kernel, expect, same
from emulator.selftest.probes import F1, F2, HANDLE_MM_FAULT, WAKE_UP_PROCESS, DirectUser, Probe, call

SOURCE = "samples/ftrace"
ARGUMENTS = 0x1111, 0x2222, 0x3333
TURNS = 4
"""How often the modifying samples change their trampoline; the kernel's do it every two seconds."""


def expect_undisturbed(lab: Lab, function: str, expected: int) -> None:
    """The function returns what it did when nobody was there. Raises Failed."""
    got = call(lab, function, *ARGUMENTS).result
    same(f"{function}() returned", hex(got), hex(expected))


def direct(lab: Lab, function: str, count: int) -> None:
    """my_direct_func() gets the function's arguments; when the module has gone, it is not called any more."""
    plain = call(lab, function, *ARGUMENTS).result
    module = DirectUser(lab, "my_tramp1", "my_direct_func1", function)
    module.start()
    expect_undisturbed(lab, function, plain)
    same("my_direct_func calls", len(module.seen), 1)
    same("its arguments", [hex(value) for value in module.seen[0][:count]], [hex(value) for value in ARGUMENTS[:count]])
    module.stop()
    expect_undisturbed(lab, function, plain)
    same("my_direct_func calls after rmmod", len(module.seen), 1)


def modify(lab: Lab, *functions: str) -> None:
    """Two trampolines by turns: each turn calls one of them, for every function."""
    plain = {function: call(lab, function, *ARGUMENTS).result for function in functions}
    module = DirectUser(lab, "my_tramp1", "my_direct_func1", *functions)
    second: list[tuple[int, ...]] = []
    lab.implement("my_direct_func2", lambda *arguments: second.append(arguments))
    module.start()
    for turn in range(TURNS):
        if turn:
            module.modify("my_tramp2" if turn % 2 else "my_tramp1")
        for function in functions:
            expect_undisturbed(lab, function, plain[function])
        counts = (turn // 2 + 1) * len(functions), (turn + 1) // 2 * len(functions)
        same(f"turn {turn + 1}: calls of my_direct_func1, 2", (len(module.seen), len(second)), counts)
    module.stop()
    for function in functions:
        expect_undisturbed(lab, function, plain[function])
    same("calls after rmmod", len(module.seen) + len(second), TURNS * len(functions))


def multi(lab: Lab) -> None:
    """One trampoline for two functions; my_direct_func() is told which one by its ip."""
    functions = WAKE_UP_PROCESS, "schedule"
    plain = {function: call(lab, function, *ARGUMENTS).result for function in functions}
    module = DirectUser(lab, "my_tramp", "my_direct_func", *functions)
    module.start()
    for function in functions:
        expect_undisturbed(lab, function, plain[function])
        ip = module.seen[-1][0] if module.seen else 0
        same(f"ip of {function}", hex(ip), hex(lab.record(function).ip))
    same("my_direct_func calls", len(module.seen), len(functions))
    module.stop()


# -- ftrace-ops.ko -----------------------------------------------------------------------------------------------------

CALLS = 50
"""nr_function_calls; the sample's own default is 100000."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The module's parameters but for nr_function_calls and check_count, which is always on."""

    nr_ops_relevant: int = 1
    nr_ops_irrelevant: int = 0
    flags: frozenset[str] = frozenset()

    def __str__(self) -> str:
        words = {"SAVE_REGS": "save_regs=1", "RECURSION": "assist_recursion=1", "RCU": "assist_rcu=1"}
        counts = f"nr_ops_relevant={self.nr_ops_relevant} nr_ops_irrelevant={self.nr_ops_irrelevant}"
        return " ".join([counts, *(word for flag, word in words.items() if flag in self.flags)])

    def lacks(self, kernel: Kernel) -> str | None:
        """The flags that a release has not, and ftrace_set_filter_ip()."""
        absent = sorted(self.flags - kernel.release.flags.keys())
        if absent:
            return f"{kernel.release.name} has no FTRACE_OPS_FL_{absent[0]}"
        return None if kernel.release.has_filter_ip else f"{kernel.release.name} has no ftrace_set_filter_ip()"


def ftrace_ops(lab: Lab, parameters: Parameters) -> None:
    """Every ops on the function that is called counts every call, those on another one count none."""
    relevant = _alloc(lab, "relevant", F1, parameters.nr_ops_relevant, parameters.flags)
    irrelevant = _alloc(lab, "irrelevant", F2, parameters.nr_ops_irrelevant, parameters.flags)
    for _ in range(CALLS):
        call(lab, F1)
    for probes, expected in ((relevant, CALLS), (irrelevant, 0)):
        for probe in probes:
            expect(
                probe.count == expected,
                f"{probe.ops.name}: Counter called {probe.count} times (expected {expected})",
            )
    for probe in relevant + irrelevant:
        probe.stop()


def _alloc(lab: Lab, kind: str, tracee: str, number: int, flags: frozenset[str]) -> list[Probe]:
    probes = [Probe(lab, f"ops_{kind}{index}", flags) for index in range(number)]
    for probe in probes:
        lab.set_filter_ip(probe.ops, lab.record(tracee).ip)
        probe.start()
    return probes


SAVE_REGS = frozenset({"SAVE_REGS"})
PARAMETERS = {
    "ops-sample": Parameters(),
    "ops-sample-irrelevant": Parameters(1, 2),
    "ops-sample-relevant": Parameters(2, 0),
    "ops-sample-many": Parameters(3, 2),
    "ops-sample-regs": Parameters(flags=SAVE_REGS),
    "ops-sample-regs-many": Parameters(3, 2, SAVE_REGS),
    "ops-sample-recursion": Parameters(flags=frozenset({"RECURSION"})),
    "ops-sample-rcu": Parameters(flags=frozenset({"RCU"})),
    "ops-sample-all": Parameters(2, 1, SAVE_REGS | {"RECURSION", "RCU"}),
}


def _ops_case(name: str, parameters: Parameters) -> Case:
    """Without DYNAMIC_FTRACE_WITH_REGS the module leaves save_regs out, which is another case then."""
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS if parameters.flags & SAVE_REGS else Ability.NONE
    return Case(
        name=name,
        title=f"ftrace-ops {parameters}",
        source=SOURCE,
        run=partial(ftrace_ops, parameters=parameters),
        needs=Ability.DYNAMIC_FTRACE | regs,
        lacks=parameters.lacks,
    )


# -- the cases ---------------------------------------------------------------------------------------------------------

DIRECT = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS

CASES = (
    Case(
        name="direct",
        title="ftrace-direct",
        source=SOURCE,
        run=partial(direct, function=WAKE_UP_PROCESS, count=1),
        needs=DIRECT,
    ),
    Case(
        name="direct-too",
        title="ftrace-direct-too",
        source=SOURCE,
        run=partial(direct, function=HANDLE_MM_FAULT, count=3),
        needs=DIRECT,
    ),
    Case(
        name="direct-modify",
        title="ftrace-direct-modify",
        source=SOURCE,
        run=lambda lab: modify(lab, WAKE_UP_PROCESS),
        needs=DIRECT,
    ),
    Case(name="direct-multi", title="ftrace-direct-multi", source=SOURCE, run=multi, needs=DIRECT),
    Case(
        name="direct-multi-modify",
        title="ftrace-direct-multi-modify",
        source=SOURCE,
        run=lambda lab: modify(lab, WAKE_UP_PROCESS, "schedule"),
        needs=DIRECT,
    ),
    *(_ops_case(name, parameters) for name, parameters in PARAMETERS.items()),
)
