# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios: which ops are registered on which functions, and what one call of a traced function then did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.core.ops import FtraceOps
from emulator.core.releases import release
from emulator.description import Ability, Variant
from emulator.errors import FtraceError, RunError, UsageError
from emulator.lab import Lab
from emulator.recording import Call, Recording
from emulator.subject import Subject

KEYS = ("filter", "notrace", "home")


@dataclass(frozen=True, slots=True)
class OpsSpec:
    """NAME[:FLAG or KEY=VALUE]..., as --ops takes it; KEY is filter, notrace or home."""

    name: str
    flags: frozenset[str] = frozenset()
    filters: tuple[str, ...] = ()
    notraces: tuple[str, ...] = ()
    home: str = "core"

    @classmethod
    def parse(cls, text: str) -> OpsSpec:
        """Raises UsageError with the part that does not fit."""
        name, *parts = text.split(":")
        if not name.isidentifier():
            raise UsageError(f"ops {text!r}: {name!r} is no name (expected NAME[:FLAG or KEY=VALUE]...)")
        flags: set[str] = set()
        values: dict[str, list[str]] = {key: [] for key in KEYS}
        for part in parts:
            key, equals, value = part.partition("=")
            if not equals and part:
                flags.add(part)
            elif key in values and value:
                values[key].append(value)
            else:
                raise UsageError(f"ops {text!r}: {part!r} is neither a flag nor {', '.join(KEYS)}=VALUE")
        homes = values["home"] or ["core"]
        return cls(name, frozenset(flags), tuple(values["filter"]), tuple(values["notrace"]), homes[-1])

    def __str__(self) -> str:
        keys = [f"filter={glob}" for glob in self.filters] + [f"notrace={glob}" for glob in self.notraces]
        home = [] if self.home == "core" else [f"home={self.home}"]
        return ":".join([self.name, *sorted(self.flags), *keys, *home])


@dataclass(frozen=True, slots=True)
class Scenario:
    """Ops in the order of their registration; `stop` sets function_trace_stop before the call.

    `also` is another function that is called afterwards.
    """

    name: str
    title: str
    ops: tuple[OpsSpec, ...]
    stop: bool = False
    also: str | None = None

    @property
    def label(self) -> str:
        """A few words for a table's first column."""
        names = "+".join(spec.name for spec in self.ops) or "(none)"
        return f"{names}, stopped" if self.stop else names


@dataclass(slots=True)
class Outcome:
    """What became of a scenario. `refused` is the kernel's (or our) no to a registration; then nothing was called."""

    scenario: Scenario
    lab: Lab
    function: str
    refused: FtraceError | UsageError | None = None
    recordings: list[Recording] = field(default_factory=list)
    """Of the function, and of the scenario's other one."""

    @property
    def recording(self) -> Recording | None:
        """What the call of the function did, None where it was not called."""
        return self.recordings[0] if self.recordings else None

    def site(self, function: str) -> bytes:
        """The bytes at a function's site, as the scenario patched them."""
        ip = self.lab.record(function).ip
        return self.lab.image.memory.read(ip, len(self.lab.variant.site.nop))

    def calls(self, function: str) -> list[Call]:
        """The calls of callbacks at the site of one of the functions that were called."""
        every = [
            call for recording in self.recordings if recording.function == function for call in recording.callbacks
        ]
        return [call for call in every if call.arrival.hit and call.arrival.hit.symbol == function]

    @property
    def trouble(self) -> RunError | None:
        """How the first run that did not end well ended."""
        return next((recording.outcome for recording in self.recordings if recording.outcome), None)


def _callback(ip: int, parent_ip: int, op: object, regs: object) -> None:
    """A callback that only lets itself be called; the recording has seen everything."""


def play(subject: Subject, scenario: Scenario, function: str, seed: int) -> Outcome:
    """Run a scenario in a kernel of its own. Raises UnknownName for the function, InputError for a bad subject."""
    lab = Lab(subject=subject, seed=seed)
    lab.record(function)
    outcome = Outcome(scenario, lab, function)
    try:
        for spec in scenario.ops:
            _register(lab, spec)
    except (FtraceError, UsageError) as refusal:
        outcome.refused = refusal
        return outcome
    if scenario.stop:
        lab.stop = True
    functions = [name for name in (function, scenario.also) if name]
    outcome.recordings = [lab.run(name) for name in functions]
    return outcome


def _register(lab: Lab, spec: OpsSpec) -> None:
    ops = FtraceOps(spec.name, _callback, flags=spec.flags, home=spec.home)
    for glob in spec.filters:
        lab.set_filter(ops, glob)
    for glob in spec.notraces:
        lab.set_notrace(ops, glob)
    lab.register(ops)


def story(variant: Variant, function: str, other: str) -> list[Scenario]:
    """What everybody should see of a variant: nobody, one ops, one with SAVE_REGS, two together, and one elsewhere.

    Where a release asks a single ops for RECURSION_SAFE before it calls it directly, they all have it.
    """
    kernel = release(variant.release)
    safe = {"RECURSION_SAFE"} & {kernel.protects_ops}

    def ops(name: str, on: str, *flags: str) -> OpsSpec:
        return OpsSpec(name, frozenset(safe | set(flags)), filters=(on,))

    probe, kprobe = ops("probe", function), ops("kprobe", function, "SAVE_REGS")
    second = kprobe if Ability.DYNAMIC_FTRACE_WITH_REGS in variant.abilities else ops("second", function)
    scenarios = [
        Scenario("none", "nobody", ()),
        Scenario("probe", "one ops", (probe,)),
        Scenario("kprobe", "one ops with SAVE_REGS", (kprobe,)),
    ]
    if "SAVE_REGS_IF_SUPPORTED" in kernel.flags:
        lenient = ops("lenient", function, "SAVE_REGS_IF_SUPPORTED")
        scenarios.append(Scenario("lenient", "one ops with SAVE_REGS_IF_SUPPORTED", (lenient,)))
    scenarios += [
        Scenario("both", "two ops on one function", (probe, second)),
        Scenario("disjoint", "two ops on two functions", (probe, ops("other", other)), also=other),
    ]
    if kernel.has_trace_stop:
        scenarios.append(Scenario("stopped", "one ops, function_trace_stop set", (probe,), stop=True))
    return scenarios


def tell(subject: Subject, scenarios: Iterable[Scenario], function: str, seed: int) -> dict[str, Outcome]:
    """Every scenario's outcome by its name."""
    return {scenario.name: play(subject, scenario, function, seed) for scenario in scenarios}
