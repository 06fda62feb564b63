# SPDX-License-Identifier: GPL-2.0-only
"""All variants of an architecture side by side: what a callback sees, and which functions run on the way to it."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from emulator.description import Ability, Variant
from emulator.errors import FtraceError
from emulator.recording import Call
from emulator.report.direct import direct_call, way
from emulator.report.graph import instead, passage, through
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.report.story import NOT_PASSED, show_op, show_regs
from emulator.scenario import Outcome, Scenario

Told = Mapping[str, Outcome]
Row = tuple[Variant, Told]
"""A variant and its outcomes by scenario."""

KINDS = (("probe", "one ops"), ("kprobe", "one ops with SAVE_REGS"), ("both", "beside another"))


def render(arch: str, rows: Sequence[Row]) -> list[Line]:
    """Both tables, every cell from a run."""
    lines = [heading(f"{arch}: op and regs as a callback sees them")]
    lines += table([["", *(title for _, title in KINDS)], *(_seen(*row) for row in rows)])
    if any(variant.synthetic for variant, _ in rows):
        lines.append(line("* synthetic: no real kernel, but a case that the kernel's contract provides for"))
    return [*lines, [], *_ways(arch, rows)]


def _name(variant: Variant) -> str:
    return f"{variant.name}*" if variant.synthetic else variant.name


def _seen(variant: Variant, told: Told) -> list[Cell]:
    return [_name(variant), *(_cell(told, kind) for kind, _ in KINDS)]


def _cell(told: Told, kind: str) -> Cell:
    outcome = told[kind]
    if isinstance(outcome.refused, FtraceError):
        code = errno.errorcode[outcome.refused.args[0]]
        return Span(f"-{code}; IF_SUPPORTED: {_regs(told['lenient']).partition(' (')[0]}", "yellow")
    if outcome.refused:
        return Span("no such flag", "yellow")
    if outcome.trouble or not _calls(outcome):
        return Span("UNRESOLVED" if outcome.trouble else "not called", "bold red")
    call = next((call for call in _calls(outcome) if call.ops.name == "probe"), _calls(outcome)[0])
    op, regs = show_op(call), show_regs(call)
    return NOT_PASSED if op == regs == NOT_PASSED else f"{op}, {regs}"


def _calls(outcome: Outcome) -> list[Call]:
    return outcome.calls(outcome.function)


def _regs(outcome: Outcome) -> str:
    calls = _calls(outcome)
    return show_regs(calls[0]) if calls else "not called"


# -- ways -------------------------------------------------------------------------------------------------------------


def _ways(arch: str, rows: Sequence[Row]) -> list[Line]:
    """What runs between the trampoline and the callbacks; variants that agree share a row."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for variant, told in rows:
        groups.setdefault(_way(variant, told), []).append(_name(variant))
    cells: list[list[Cell]] = []
    for ways, names in groups.items():
        title, *rest = [*_columns(names), *[""] * len(ways)][: max(len(ways), len(_columns(names)))]
        for (what, shown), name in zip(ways, [title, *rest], strict=False):
            cells.append([name, what, shown])
    return [heading(f"{arch}: what the trampoline calls"), *table(cells), []]


def _columns(names: Sequence[str], each: int = 2) -> list[str]:
    """Names in lines of a few each."""
    return [", ".join(names[at : at + each]) for at in range(0, len(names), each)]


def _way(variant: Variant, told: Told) -> tuple[tuple[str, str], ...]:
    ways = ((title, show(told[name])) for name, title, show in WAYS if name in _looked_at(variant) & told.keys())
    return tuple(ways)


def _chain(outcome: Outcome) -> str:
    calls = _calls(outcome)
    if not calls:
        return "nobody"
    return " > ".join([*calls[0].via[1:-1], ", ".join(call.ops.name for call in calls)])


def _stopped(outcome: Outcome) -> str:
    """The last function that ran before the way back, when function_trace_stop was set."""
    recording = outcome.recording
    if recording is None or recording.shape is None or outcome.trouble:
        return "UNRESOLVED"
    if recording.callbacks:
        return "NOT stopped: the callback was called"
    hit = recording.hit
    ran = (outcome.lab.image.symbols.function(pc) for pc in recording.shape.between(hit.event, hit.landing_event))
    names = dict.fromkeys(function.name for function in ran if function and function.name != hit.symbol)
    return f"{list(names)[-1]} tests function_trace_stop and returns" if names else "nothing was called"


def _graph(outcome: Outcome) -> str:
    """Through what a function is hooked, or why it is not."""
    if isinstance(outcome.refused, FtraceError):
        return str(outcome.refused).removeprefix("register_ftrace_graph: ")
    if outcome.trouble or not outcome.recording:
        return "UNRESOLVED"
    return through(outcome) if outcome.graph else f"not hooked: {instead(outcome)} is called instead"


def _direct(outcome: Outcome) -> str:
    """The trampoline that the site calls, and what comes before the direct call."""
    hit = passage(outcome, outcome.function)
    if hit is None or outcome.trouble:
        return "UNRESOLVED"
    return f"{outcome.lab.symbol(hit.target)} > {way(outcome, hit)}" if direct_call(hit) else "NOT called"


WAYS = (
    ("probe", "one ops", _chain),
    ("both", "two ops", _chain),
    ("disjoint", "elsewhere", _chain),
    ("stopped", "stopped", _stopped),
    ("graph", "graph", _graph),
    ("graph_beside", "graph+ops", _graph),
    ("direct_beside", "direct+ops", _direct),
)
"""Scenario, title, and how it is shown."""


def looks_at(variant: Variant, scenario: Scenario) -> bool:
    """Whether the summary needs a scenario of a variant; it takes time to play them all."""
    return scenario.name in _looked_at(variant)


def _looked_at(variant: Variant) -> set[str]:
    """The cells' and the ways' scenarios.

    IF_SUPPORTED matters where SAVE_REGS is refused; and where code is patched the graph tracer is hooked in any case.
    """
    names = {name for name, *_ in (*KINDS, *WAYS)}
    if Ability.DYNAMIC_FTRACE_WITH_REGS not in variant.abilities:
        names.add("lenient")
    return names - ({"graph_beside"} if Ability.DYNAMIC_FTRACE in variant.abilities else set())
