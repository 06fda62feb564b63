# SPDX-License-Identifier: GPL-2.0-only
"""The direct calls' part of the story: who went to the direct trampoline, and with what."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.play import DIRECT_FUNC, DIRECT_TRAMPOLINE
from emulator.recording import Arrival, Hit
from emulator.report.graph import passage
from emulator.report.lines import Cell, Line, Span, heading, table
from emulator.scenario import Outcome

NOT_CALLED = "not called"


def direct(told: Sequence[Outcome]) -> list[Line]:
    """How each scenario with a DIRECT ops got to its trampoline."""
    shown = [outcome for outcome in told if outcome.scenario.direct and outcome.recording]
    if not shown:
        return []
    rows: list[list[Cell]] = [["ops", "the site calls", "on the way", f"{DIRECT_FUNC} gets"]]
    rows += [_row(outcome) for outcome in shown]
    return [heading(f"Direct calls of {DIRECT_TRAMPOLINE}"), *table(rows), []]


def _row(outcome: Outcome) -> list[Cell]:
    hit = passage(outcome, outcome.function)
    if hit is None:
        return [outcome.scenario.label]
    call = direct_call(hit)
    gets: Cell = Span(NOT_CALLED, "bold red") if call is None else _arguments(hit, call)
    return [outcome.scenario.label, outcome.lab.symbol(hit.target), way(outcome, hit), gets]


def direct_call(hit: Hit) -> Arrival | None:
    """The call of the direct trampoline's C function."""
    return next((arrival for arrival in hit.arrivals if arrival.symbol == DIRECT_FUNC), None)


def asked(hit: Hit) -> int:
    """The address that call_direct_funcs() left in the record; 0 where there was none."""
    member = hit.lab.variant.direct
    arrival = next((arrival for arrival in hit.arrivals if arrival.record), None)
    if member is None or arrival is None:
        return 0
    at = hit.lab.struct.member(member)
    return int.from_bytes(arrival.after[at.offset :][: at.size], hit.lab.arch.order)


def way(outcome: Outcome, hit: Hit) -> str:
    """The C functions in between, and what they left in the record."""
    names = [arrival.symbol for arrival in hit.arrivals if arrival.symbol != DIRECT_FUNC]
    address = asked(hit)
    left = [f"{outcome.lab.variant.direct} = {outcome.lab.symbol(address)}"] if address else []
    return ", ".join([*names, *left])


def _arguments(hit: Hit, call: Arrival) -> Cell:
    """Whether the direct trampoline passed on what the traced function was called with."""
    get = hit.lab.layout.get
    names = hit.lab.arch.abi.arguments
    wrong = [name for name in names if get(hit.registers, name) != get(call.registers, name)]
    if wrong:
        return Span(f"other {' '.join(wrong)} than {hit.symbol}", "bold red")
    return f"{hit.symbol}'s arguments"
