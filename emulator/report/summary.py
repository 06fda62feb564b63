# SPDX-License-Identifier: GPL-2.0-only
"""All variants of an architecture side by side: what a callback sees, and which functions run on the way to it."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from emulator.description import Ability, Variant
from emulator.errors import FtraceError
from emulator.recording import Call
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.report.story import NOT_PASSED, show_op, show_regs
from emulator.scenario import Outcome

Told = Mapping[str, Outcome]
Row = tuple[Variant, Told | None]
"""A variant and its outcomes by scenario; None for one that is not run."""

STATIC = "static mcount is assembled, but not run yet"
KINDS = (("probe", "one ops"), ("kprobe", "one ops with SAVE_REGS"), ("both", "beside another"))


def render(arch: str, rows: Sequence[Row]) -> list[Line]:
    """Both tables, every cell from a run."""
    lines = [heading(f"{arch}: op and regs as a callback sees them")]
    lines += table([["", *(title for _, title in KINDS)], *(_seen(*row) for row in rows)])
    if any(variant.synthetic for variant, _ in rows):
        lines.append(line("* synthetic: no real kernel, but a case that the kernel's contract provides for"))
    return [*lines, [], *_ways(arch, rows), *_untested(arch, [variant for variant, _ in rows])]


def _name(variant: Variant) -> str:
    return f"{variant.name}*" if variant.synthetic else variant.name


def _seen(variant: Variant, told: Told | None) -> list[Cell]:
    if told is None:
        return [_name(variant), Span(f"UNTESTED: {STATIC}", "yellow")]
    return [_name(variant), *(_cell(told, kind) for kind, _ in KINDS)]


def _cell(told: Told, kind: str) -> Cell:
    outcome = told[kind]
    if isinstance(outcome.refused, FtraceError):
        code = errno.errorcode[outcome.refused.args[0]]
        return Span(f"-{code}; IF_SUPPORTED: {_regs(told['lenient'])}", "yellow")
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
        if told is not None:
            groups.setdefault(_way(told), []).append(_name(variant))
    cells: list[list[Cell]] = []
    for ways, names in groups.items():
        title, *rest = [*_columns(names), *[""] * len(ways)][: max(len(ways), len(_columns(names)))]
        for (what, way), name in zip(ways, [title, *rest], strict=False):
            cells.append([name, what, way])
    return [heading(f"{arch}: what the trampoline calls"), *table(cells), []]


def _columns(names: Sequence[str], each: int = 2) -> list[str]:
    """Names in lines of a few each."""
    return [", ".join(names[at : at + each]) for at in range(0, len(names), each)]


def _way(told: Told) -> tuple[tuple[str, str], ...]:
    ways = [
        ("one ops", _chain(told["probe"])),
        ("two ops", _chain(told["both"])),
        ("elsewhere", _chain(told["disjoint"])),
    ]
    if "stopped" in told:
        ways.append(("stopped", _stopped(told["stopped"])))
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


# -- what is there, but not run ---------------------------------------------------------------------------------------


def _untested(arch: str, variants: Sequence[Variant]) -> list[Line]:
    """Code of these variants that is assembled and placed, and that nothing here runs yet."""
    static = [variant for variant in variants if Ability.DYNAMIC_FTRACE not in variant.abilities]
    graph = [variant for variant in variants if Ability.FUNCTION_GRAPH_TRACER in variant.abilities]
    direct = [variant for variant in variants if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in variant.abilities]
    parts = (("static mcount", static), ("the graph caller and return_to_handler", graph), ("direct calls", direct))
    rows: list[list[Cell]] = [
        [Span("UNTESTED", "yellow"), what, *_columns([_name(item) for item in found], 3)]
        for what, found in parts
        if found
    ]
    return [heading(f"{arch}: assembled, but not run yet"), *_folded(rows), []]


def _folded(rows: Sequence[Sequence[Cell]]) -> list[Line]:
    """Rows whose cells from the third on stand below each other."""
    lines: list[list[Cell]] = []
    for verdict, what, first, *more in rows:
        lines += [[verdict, what, first], *(["", "", cell] for cell in more)]
    return table(lines)
