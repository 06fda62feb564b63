# SPDX-License-Identifier: GPL-2.0-only
"""A run just before one of its instructions, from where it can be gone on with though the kernel has changed since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from emulator.recording import Arrival, Call, Hit, Recording, State

if TYPE_CHECKING:
    from emulator.core.returns import Taken
    from emulator.runner import Run

_LANDING = ("landing", "landing_event", "landing_tail", "landing_hooked", "kept_return", "kept_func")
_HIT = attrgetter("ip", "registers", "tail", "event", "hooked", "users", *_LANDING)
"""All of a passage that matters, its target apart, which is the core's plan."""
_ARRIVAL = attrgetter("address", "registers", "tail", "event", "before", "after", "result", "effects")
_CALL = attrgetter("ops", "ip", "parent_ip", "op", "before", "after", "caller")


@dataclass(frozen=True, eq=False)
class Moment:
    """All that a task has at that moment: registers (pc included), its stack, the returns that were taken from it.

    `written` is what it has written to the kernel's variables; the rest of them belongs to the kernel.
    """

    recording: Recording
    address: int
    registers: bytes
    stack: bytes
    written: tuple[tuple[int, bytes], ...]
    taken: Taken
    raw: tuple[int, ...]
    values: tuple[int, ...]
    hits: tuple[tuple[Hit, tuple[Any, ...]], ...]
    """Each with what it was at that moment, as _HIT has it."""
    arrivals: tuple[Arrival, ...]
    callbacks: tuple[Call, ...]
    returns: tuple[tuple[int, bytes], ...]

    @cached_property
    def ahead(self) -> tuple[int, ...]:
        """The instructions that the run has gone through from here on, this one included."""
        shape = self.recording.shape
        return tuple(shape.between(len(self.raw), 1 << 62)) if shape else ()

    def like(self, other: Moment) -> bool:
        """Whether what is gone on with from either of the two does the same, and is judged alike."""
        return self._all == other._all

    @cached_property
    def _all(self) -> tuple[object, ...]:
        """All that matters."""
        return (
            *(self.registers, self.stack, self.written, self.taken, self.raw, self.values, self.returns),
            [then for _, then in self.hits],
            [_ARRIVAL(arrival) for arrival in self.arrivals],
            [_CALL(call) for call in self.callbacks],
        )

    def again(self, state: State) -> Recording:
        """A recording that begins like the one this moment is of, and may go on otherwise."""
        was = self.recording
        new = Recording(was.lab, was.function, state, first=was.first, nested=was.nested)
        hits = {id(hit): _as_it_was(hit, then) for hit, then in self.hits}
        for arrival in self.arrivals:
            hit = hits.get(id(arrival.hit))
            new.arrivals.append(replace(arrival, recording=new, hit=hit, _provenance=None, _honours=None))
            if hit:
                hit.arrivals.append(new.arrivals[-1])
        renewed = {id(old): arrival for old, arrival in zip(self.arrivals, new.arrivals, strict=True)}
        new.hits, new.returns = list(hits.values()), list(self.returns)
        new.callbacks = [replace(call, arrival=renewed[id(call.arrival)]) for call in self.callbacks]
        return new


def moment(run: Run) -> Moment:
    """The present moment of a traced run. The instruction at hand is in the trace already, and has not run."""
    recording, tracer = run.recording, run.machine.tracer
    assert tracer is not None  # noqa: S101 - it is traced
    lab, contents = recording.lab, recording.state.contents
    return Moment(
        recording,
        tracer.events[-1],
        run.machine.registers.read(),
        lab.image.stack.data[:],
        tuple(
            change
            for data in lab.image.variables
            for change in _different(data.base, contents[data.name], data.data[:], lab.arch.word)
        ),
        lab.core.graph.returns.taken(),
        tuple(tracer.events[:-1]),
        tuple(tracer.values),
        tuple((hit, _HIT(hit)) for hit in recording.hits),
        tuple(recording.arrivals),
        tuple(recording.callbacks),
        tuple(recording.returns),
    )


def _as_it_was(hit: Hit, then: tuple[Any, ...]) -> Hit:
    """A copy that has not landed yet, if it had not then; without the C functions that were called."""
    return replace(hit, arrivals=[], **dict(zip(_LANDING, then[-len(_LANDING) :], strict=True)))


def _different(base: int, was: bytes, now: bytes, word: int) -> tuple[tuple[int, bytes], ...]:
    """(address, bytes) of the words that differ."""
    if was == now:
        return ()
    starts = (at for at in range(0, len(now), word) if was[at : at + word] != now[at : at + word])
    return tuple((base + at, now[at : at + word]) for at in starts)
