# SPDX-License-Identifier: GPL-2.0-only
"""What return_to_handler does, as facts: a function whose return the graph tracer took comes back through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from emulator.behaviour.names import OTHER, Names
from emulator.behaviour.state import LOST
from emulator.core.returns import RETURN_TO_HANDLER as HANDLER
from emulator.errors import UsageError
from emulator.recording import Arrival, Recording
from emulator.steps import Step, steps

Json = dict[str, Any]


class Stay(NamedTuple):
    """One run through return_to_handler: registers at its first instruction, its steps, and what came after it."""

    recording: Recording
    before: Mapping[str, int]
    steps: Sequence[Step]
    after: Mapping[str, int]
    next: int | None
    """The address at which control went on; None where it did not."""


def returns(recording: Recording) -> list[Json]:
    """The facts of every run through return_to_handler; [] where there was none, or it cannot be repeated."""
    handler = recording.lab.image.symbols.get(HANDLER)
    if handler is None or recording.shape is None or handler not in recording.shape.pcs:
        return []
    try:
        stays = list(_stays(recording, handler, steps(recording)))
    except UsageError:
        return []
    lost = [_registers(stay) for stay in stays]
    return [_facts(stay, told | _unseen(stay, lost)) for stay, told in zip(stays, lost, strict=True)]


def _stays(recording: Recording, handler: int, every: Sequence[Step]) -> Iterator[Stay]:
    image, state = recording.lab.image, recording.lab.layout.unpack(recording.first)
    function = image.symbols.function(handler)
    end = function.end if function else handler
    before, inside = dict[str, int](), list[Step]()

    def stays(address: int) -> bool:
        return handler < address < end or image.is_gate(address) or image.is_thunk(address)

    for step in every:
        if inside and not stays(step.address):
            yield Stay(recording, before, inside, dict(state), step.address)
            inside = []
        if inside or step.address == handler:
            before = before if inside else dict(state)
            inside.append(step)
        state |= {name: new for name, (_, new) in step.registers.items()}
    if inside:
        yield Stay(recording, before, inside, dict(state), None if recording.outcome else image.exit)


def _unseen(stay: Stay, others: Iterable[Json]) -> Json:
    """What other stays tell of registers that held already what C functions leave in them, and still do."""
    junk = stay.recording.lab.runner.scribble.junk
    blind = {name for name, value in junk.items() if stay.before[name] == stay.after[name] == value}
    return {name: what for told in others for name, what in told.items() if name in blind}


def _facts(stay: Stay, registers: Json) -> Json:
    arrival = _arrival(stay)
    names = Names(stay.recording.lab, stay.before, {})
    told = {
        "goes_to": _goes_to(stay, arrival, names),
        "registers": registers,
        "argument": _argument(stay, arrival, names) if arrival else {},
        "cost": _cost(stay) if stay.next is not None else {},
    }
    return {what: fact for what, fact in told.items() if fact}


def _arrival(stay: Stay) -> Arrival | None:
    """Its call of ftrace_return_to_handler()."""
    first, last = stay.steps[0].event, stay.steps[-1].event
    return next((at for at in stay.recording.arrivals if first <= at.event <= last + 1), None)


def _goes_to(stay: Stay, arrival: Arrival | None, names: Names) -> str:
    if stay.next is None:
        return "nowhere"
    if arrival and stay.next == arrival.result:
        return "what ftrace_return_to_handler() returned"
    return names(stay.next)


def _registers(stay: Stay) -> Json:
    """{register: what it holds} of those that a C function returns in or preserves, where it is something else."""
    if stay.next is None:
        return {}
    abi, names = stay.recording.lab.arch.abi, Names(stay.recording.lab, stay.before, {})
    changed = [name for name in (*abi.returns, *abi.preserved) if stay.after[name] != stay.before[name]]
    told = {name: names(stay.after[name]) for name in dict.fromkeys(changed)}
    return {name: LOST if what == OTHER else what for name, what in told.items()}


def _cost(stay: Stay) -> Json:
    sp = stay.recording.lab.arch.abi.sp
    pointers = [new for step in stay.steps for name, (_, new) in step.registers.items() if name == sp]
    stores = sum(len(step.writes) for step in stay.steps)
    return {"instructions": len(stay.steps), "stores": stores, "stack": stay.before[sp] - min(pointers, default=0)}


def _argument(stay: Stay, arrival: Arrival, names: Names) -> Json:
    """What ftrace_return_to_handler() gets: a frame pointer, or the written members of a record."""
    lab = stay.recording.lab
    graph, argument = lab.variant.graph, lab.layout.get(arrival.registers, lab.arch.abi.arguments[0])
    if graph is None or graph.handler != "fregs":
        return {"frame_pointer": names(argument)}
    written = _written(stay, arrival)
    members = ((member, argument + member.offset) for member in lab.struct.members)
    known = ((member, [written.get(address + at) for at in range(member.size)]) for member, address in members)
    return {
        member.name: names(int.from_bytes(bytes(byte or 0 for byte in found), stay.recording.lab.arch.order))
        for member, found in known
        if None not in found
    }


def _written(stay: Stay, arrival: Arrival) -> dict[int, int]:
    """{address: byte} of what it had written when it called."""
    known: dict[int, int] = {}
    for step in stay.steps:
        for store in step.writes if step.event < arrival.event else ():
            data = store.value.to_bytes(store.size, stay.recording.lab.arch.order)
            known.update((store.address + at, byte) for at, byte in enumerate(data))
    return known
