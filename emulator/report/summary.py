# SPDX-License-Identifier: GPL-2.0-only
"""All variants of an architecture side by side: what a callback sees, and which functions run on the way to it."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from emulator.description import Variant
from emulator.errors import FtraceError
from emulator.recording import Call
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.report.story import NOT_PASSED, show_op, show_regs
from emulator.scenario import Outcome

Told = Mapping[str, Outcome]
Row = tuple[Variant, Told | None]
"""A variant and its outcomes by scenario; None for one that is not run."""

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


def _seen(variant: Variant, told: Told | None) -> list[Cell]:
    if told is None:
        return [_name(variant), Span("UNTESTED: static mcount is assembled, but not run yet", "yellow")]
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


def _columns(names: Sequence[str]) -> list[str]:
    """Names in lines of two."""
    return [", ".join(names[at : at + 2]) for at in range(0, len(names), 2)]


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
