# SPDX-License-Identifier: GPL-2.0-only
"""The graph tracer's part of the story: which functions it hooked, through what, and what it left behind."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.core.graph import GRAPH_FUNC
from emulator.description import Ability
from emulator.placement import STUB
from emulator.recording import Hit
from emulator.report.lines import WIDTH, Cell, Line, Span, heading, line, table, wrap
from emulator.scenario import GraphEvent, Outcome

EVENTS = 16
"""How many events are shown of one call."""
DEEPEST = 6
"""The depth up to which rows are indented."""


def graph(told: Sequence[Outcome]) -> list[Line]:
    """What was told to the graph tracer of each scenario that has one."""
    shown = [outcome for outcome in told if outcome.scenario.graph and outcome.recording]
    if not shown:
        return []
    rows: list[list[Cell]] = [["depth", "entry and return", "hooked through"]]
    for outcome in shown:
        rows += [[f"{outcome.scenario.label}:"], *_events(outcome)]
    return [heading("The function graph, of every function"), *table(rows), *_notes(told[0], shown), []]


def _events(outcome: Outcome) -> list[list[Cell]]:
    """As function_graph prints them: an entry and the return that follows at once make one row."""
    events = outcome.graph
    if not events:
        mcount = outcome.lab.variant.plain.symbol
        return [["", Span(f"nothing is hooked: {mcount} calls {instead(outcome)} instead", "yellow")]]
    rows: list[list[Cell]] = []
    for at, event in enumerate(events[:EVENTS]):
        after = events[at + 1] if at + 1 < len(events) else None
        if not (at and _leaf(events[at - 1], event)):
            rows.append([f"{event.depth:5}", *_row(outcome, event, after)])
    if len(events) > EVENTS:
        rows.append(["", f"... and {len(events) - EVENTS} more entries and returns"])
    return rows


def _leaf(event: GraphEvent, after: GraphEvent) -> bool:
    return not event.left and after.left and (event.function, event.depth) == (after.function, after.depth)


def _row(outcome: Outcome, event: GraphEvent, after: GraphEvent | None) -> list[Cell]:
    indent = "  " * min(event.depth, DEEPEST)
    if event.left:
        return [f"{indent}}} {_comment(event, event.function)}"]
    way_in = through(outcome, event.function)
    if after and _leaf(event, after):
        return [f"{indent}{event.function}(); {_comment(after)}", way_in]
    return [f"{indent}{event.function}() {{", way_in]


def _comment(event: GraphEvent, *words: str) -> str:
    """What function_graph would say behind a return."""
    known = [] if event.retval is None else [f"ret={event.retval:#x}"]
    lost = [f"overrun {event.overrun}"] if event.overrun else []
    said = " ".join([*words, *known, *lost])
    return f"/* {said} */" if said else ""


def through(outcome: Outcome, function: str | None = None) -> str:
    """The functions between the trampoline and where the return address of a function was looked for.

    Where the graph tracer is an ordinary ops the list function finds it among the others.
    """
    hit = passage(outcome, function or outcome.function)
    if hit is None or not hit.arrivals:
        return ""
    last = hit.arrivals[-1]
    names = [*_between(hit), last.symbol]
    own = outcome.lab.core.graph.has_func and last.symbol != GRAPH_FUNC
    return " > ".join([*names, *([GRAPH_FUNC] if own else [])])


def instead(outcome: Outcome) -> str:
    """What was called where nothing was hooked."""
    hit = passage(outcome, outcome.function)
    return hit.arrivals[0].symbol if hit and hit.arrivals else "nothing"


def passage(outcome: Outcome, function: str) -> Hit | None:
    """The first passage of a function's site."""
    hits = (hit for done in outcome.recordings for hit in done.hits)
    return next((hit for hit in hits if hit.symbol == function), None)


def _between(hit: Hit) -> list[str]:
    """The functions run through between the C function before the last one, or the trampoline, and the last one."""
    *before, last = hit.arrivals
    lab, shape = hit.lab, last.recording.shape
    if shape is None:
        return []
    ran = shape.between(before[-1].event if before else hit.event, last.event)
    passed = dict.fromkeys(function.name for function in map(lab.image.symbols.function, ran) if function)
    known = {hit.symbol, lab.symbol(hit.target), STUB, last.symbol, *(arrival.symbol for arrival in before)}
    return [name for name in passed if name not in known]


def _notes(untraced: Outcome, shown: Sequence[Outcome]) -> list[Line]:
    """Whether the callers found everything as without the graph tracer; whether return values are told."""
    hooked = [outcome for outcome in shown if outcome.graph]
    lines: list[Line] = []
    if hooked and Ability.FUNCTION_GRAPH_RETVAL not in untraced.lab.variant.abilities:
        lines.append(line("return values are not told: no FUNCTION_GRAPH_RETVAL"))
    found: dict[tuple[str, ...], list[str]] = {}
    for outcome in hooked:
        if not untraced.scenario.users and untraced.recording and not outcome.trouble:
            found.setdefault(differences(untraced, outcome), []).append(outcome.scenario.label)
    for different, labels in found.items():
        lines += _returns(labels, different, kept(untraced))
    return lines


def _returns(labels: Sequence[str], different: Sequence[str], preserved: Sequence[str]) -> list[Line]:
    """Which registers differ where the outermost function has really returned, from a call without any tracer."""
    where = f"{', '.join(labels)}: at the real return"
    wrong = [name for name in different if name in preserved]
    if wrong:
        return [[Span(f"{where} {' '.join(wrong)} differ - NOT BY CONTRACT", "bold red")]]
    text = f"{where} {' '.join(different) or 'no registers'} differ, as any C function may leave them"
    first, *more = wrap(text, WIDTH - 2)
    return [line(first), *(line(f"  {rest}") for rest in more)]


def differences(untraced: Outcome, outcome: Outcome) -> tuple[str, ...]:
    """The registers that differ where two calls of the same function have come back."""
    assert untraced.recording is not None  # noqa: S101 - the callers have looked
    assert outcome.recording is not None  # noqa: S101 - the callers have looked
    unpack = outcome.lab.layout.unpack
    was, now = unpack(untraced.recording.registers), unpack(outcome.recording.registers)
    return tuple(name for name in was if was[name] != now[name])


def kept(outcome: Outcome) -> tuple[str, ...]:
    """What a C function gives back as found, and what it returns."""
    abi = outcome.lab.arch.abi
    return (*abi.preserved, abi.returns[0], abi.pc)
