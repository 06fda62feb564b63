# SPDX-License-Identifier: GPL-2.0-only
"""One passage of a site as facts: what it calls, what callbacks get, where it goes on, and in which state."""

from __future__ import annotations

from typing import Any

from emulator.behaviour.names import Names
from emulator.behaviour.record import loaded_back, members
from emulator.behaviour.state import State, sent_to, stack
from emulator.checks.passage import Passage
from emulator.checks.rig import TARGET
from emulator.core.ops import FtraceOps
from emulator.description import Word
from emulator.errors import Fault, LimitReached, RunError, TrapReached
from emulator.placement import PREPARE
from emulator.recording import Arrival, Call, Recording

Json = dict[str, Any]

CALLS = 16
"""C functions and callbacks of one passage that are listed."""
FUNCTION, DIRECT, IP = "the function", "the direct trampoline", "the ip that a callback wrote"
ENDS: dict[type[RunError], str] = {
    Fault: "a fault",
    LimitReached: "no end",
    TrapReached: "a function that nothing acts for",
}
"""How a run can end badly."""


class Records:
    """What replays have told of records: passages of one function that ran the same instructions are asked once."""

    def __init__(self) -> None:
        self._known: dict[object, Json] = {}

    def __call__(self, passage: Passage) -> Json:
        """The record of a passage, and what of it is loaded back."""
        original = passage.lab.image.symbols.original
        ran = tuple(map(original, passage.ran))
        key = passage.hit.symbol, ran, tuple(passage.changed), passage.expected.direct != 0
        if key not in self._known:
            self._known[key] = {"record": members(passage), "loaded_back": loaded_back(passage)}
        return self._known[key]


def facts(passage: Passage, records: Records | None) -> Json:
    """What can be noticed of one passage. Registers that are as at the site are left out, and what is empty.

    Without `records` what only replays can tell is left out.
    """
    names = _names(passage)
    calls = passage.calls[:CALLS]
    told = {
        "entry": _entry(passage),
        "calls": [_named(arrival) for arrival in _called(passage)[:CALLS]],
        "callbacks": [call.ops.name for call in calls],
        "arguments": {call.ops.name: _arguments(call, names) for call in reversed(calls)},
        "graph": _prepare(passage, names),
        **(records(passage) if records else {}),
        "unwinds": _unwinds(passage, names),
        "goes_to": _goes_to(passage),
        "registers": State(passage).told() if records else {},
        "stack": stack(passage, names),
        "cost": _cost(passage),
    }
    return {what: fact for what, fact in told.items() if fact}


def lost(recording: Recording) -> str:
    """How a run ended that did not come to where it should, without the place's address."""
    outcome = recording.outcome
    if outcome is None:
        return "its end without coming back to the function"
    what = next((words for kind, words in ENDS.items() if isinstance(outcome, kind)), "no end that can be judged")
    symbols, pcs = recording.lab.image.symbols, recording.shape.pcs if recording.shape else ()
    function = symbols.function(symbols.original(pcs[-1])) if pcs else None
    return f"{what} in {function.name}" if function else what


def _names(passage: Passage) -> Names:
    known: dict[int | None, str] = {}
    pointer = passage.abi.frame_pointer
    if pointer:
        known[passage.value(Word(pointer, 0))] = f"[{pointer}]"
    if passage.last and passage.last.record:
        known |= {passage.last.record: "the record", passage.last.record | 1: "the record | 1"}
    known |= {passage.hit.ip: "rec->ip", passage.parent_slot: "&parent", passage.parent: "parent"}
    return Names(passage.lab, passage.site, {number: name for number, name in known.items() if number is not None})


# -- whom it calls ----------------------------------------------------------------------------------------------------


def _entry(passage: Passage) -> str:
    """What the site calls."""
    target, symbols = passage.hit.target, passage.lab.image.symbols
    if not target:
        return "nothing"
    if target == passage.expected.direct:
        return DIRECT
    original = symbols.original(target)
    name = passage.lab.symbol(original)
    return name if original == target else f"a copy of {name}"


def _called(passage: Passage) -> list[Arrival]:
    """The C functions that it called, which is not where control is sent afterwards."""
    return [at for at in passage.hit.arrivals if passage.destination != at.address]


def _named(arrival: Arrival) -> str:
    """The name of a C function; those that control can be sent to are all one."""
    return TARGET if arrival.symbol.startswith(TARGET) else arrival.symbol


def _arguments(call: Call, names: Names) -> Json:
    """The four arguments of a callback."""
    return {
        "ip": names(call.ip),
        "parent_ip": names(call.parent_ip),
        "op": _op(call, names),
        "regs": _regs(call),
    }


def _op(call: Call, names: Names) -> str:
    if call.op is None:
        return "not passed"
    return f"&{call.op.name}" if isinstance(call.op, FtraceOps) else names(call.op.address)


def _regs(call: Call) -> str:
    """The fourth argument."""
    if call.regs:
        return "full"
    if call.fregs:
        return "partial"
    return "not passed" if call.arrival.record is None else "NULL"


def _prepare(passage: Passage, names: Names) -> Json:
    """What prepare_ftrace_return() gets, where the trampoline calls it itself."""
    graph, layout = passage.variant.graph, passage.lab.layout
    arrival = next((at for at in passage.hit.arrivals if at.symbol == PREPARE), None)
    if graph is None or arrival is None:
        return {}
    registers = zip(graph.prepare, passage.abi.arguments, strict=False)
    return {what: names(layout.get(arrival.registers, name)) for what, name in registers}


def _unwinds(passage: Passage, names: Names) -> list[str]:
    """The frame pointer at the first call, and what a walk of two frames from there finds; empty where it is kept."""
    pointer, hit = passage.abi.frame_pointer, passage.hit
    if pointer is None or not hit.arrivals or passage.at_first_call(pointer) == passage.site[pointer]:
        return []
    frame: int | None = passage.at_first_call(pointer)
    found = [names(frame or 0)]
    for _ in range(0 if frame and frame % passage.arch.word else 2):
        back = None if frame is None else passage.word_at_first_call(frame + passage.arch.word)
        frame = None if frame is None else passage.word_at_first_call(frame)
        found += [] if back is None else [names(back)]
    return found


# -- where it goes on -------------------------------------------------------------------------------------------------


def _goes_to(passage: Passage) -> str:
    if sent_to(passage):
        return DIRECT if passage.called_directly else IP
    return FUNCTION if passage.hit.landing is not None else lost(passage.recording)


def _cost(passage: Passage) -> Json:
    """Instructions, stores and the deepest stack up to where control goes on; nothing where it does not."""
    shape, hit = passage.recording.shape, passage.hit
    end = _end(passage)
    if shape is None or end is None:
        return {}
    sp = passage.abi.sp
    deepest = min([passage.site[sp], *(passage.lab.layout.get(at.registers, sp) for at in _called(passage))])
    span = hit.event, end
    return {
        "instructions": shape.steps(*span),
        "stores": shape.stores(*span),
        "stack": passage.site[sp] - deepest,
    }


def _end(passage: Passage) -> int | None:
    """The event at which control goes on."""
    sent = sent_to(passage)
    return sent.event if sent else passage.hit.landing_event or None
