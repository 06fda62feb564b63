# SPDX-License-Identifier: GPL-2.0-only
"""Everything that happened in one run, as data. What costs time to know is worked out when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from emulator.core.ops import FtraceOps
from emulator.core.rehearsal import Rehearsal
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.errors import RunError, UsageError
from emulator.honours import Honoured, Honours
from emulator.machine.trace import Shape, Write
from emulator.patcher import function_name
from emulator.provenance import MemberSeen, Provenance

if TYPE_CHECKING:
    from emulator.assembly.decode import Flow
    from emulator.description import Entry
    from emulator.lab import Lab


@dataclass(frozen=True, slots=True)
class Pointer:
    """An op argument that is not the address of an ops: what 3.7 on x86 passes."""

    address: int
    symbol: str

    def __str__(self) -> str:
        return self.symbol


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The memory that only the core changes, as it was during a run: {region: bytes}, shared between runs."""

    version: int
    contents: Mapping[str, bytes]
    pending: Mapping[int, bytes] = field(default_factory=dict)
    """What is being changed: {address: new instruction}."""
    flows: dict[int, tuple[Flow, bool]] = field(default_factory=dict, repr=False)
    """What kinds of branches its instructions were found to be, for judges, who ask it of every step of every run."""


@dataclass(slots=True, eq=False)
class Arrival:
    """The trampoline called a C function: `registers` packed, the record's address and bytes (None, b"": not passed).

    `hit` is the passage of a site that it belongs to, `event` the position in the raw trace; `after` is the record as
    the function left it, b"" where it raised. `tail` and `effects` are for judges, and empty in runs without a trace.
    """

    recording: Recording
    hit: Hit | None
    address: int
    registers: bytes
    event: int
    record: int | None = None
    before: bytes = b""
    after: bytes = b""
    tail: bytes = b""
    """The stack from sp on, as it was at the entry."""
    result: int | None = None
    """What the function returned, None where it returned nothing."""
    effects: tuple[tuple[int, bytes], ...] = ()
    """(address, bytes) of what it has written, its record included."""
    _provenance: Provenance | None = field(default=None, repr=False)
    _honours: Honours | None = field(default=None, repr=False)

    @property
    def symbol(self) -> str:
        """The name of the function."""
        return self.recording.lab.symbol(self.address)

    @property
    def provenance(self) -> Provenance:
        """How the record's bytes came to be; found by replays, once. Raises UsageError within a run."""
        if self._provenance is None:
            self._provenance = Provenance(self, self._site)
        return self._provenance

    @property
    def honours(self) -> Honours:
        """What becomes of writes to the record; found by replays. Raises UsageError within a run."""
        if self._honours is None:
            self._honours = Honours(self, self._site)
        return self._honours

    @property
    def _site(self) -> Hit:
        if self.hit is None:
            raise UsageError(f"{self.symbol} was not called from the site of a traced function: no origins to be found")
        return self.hit


@dataclass(slots=True, eq=False)
class Hit:
    """One passage of a traced function's site: registers and stack at the site, and registers at landing.

    `target` is what the site called, 0 for a NOP. A passage that does not come back has no landing. What the rules said
    at the site, and what the graph tracer and the stack were like, is for judges, and not noted without a trace.
    """

    lab: Lab
    state: State
    symbol: str
    ip: int
    target: int
    registers: bytes
    tail: bytes
    """The stack region from somewhere below sp on; further down it is taken for poison."""
    event: int
    expected: Rehearsal = field(default_factory=Rehearsal)
    """What the rules said at that moment."""
    hooked: int = 0
    """How many returns the graph tracer had taken."""
    users: tuple[FtraceOps, ...] = ()
    """Whom register_ftrace_function() had accepted by then and whose filter has the function, newest first."""
    arrivals: list[Arrival] = field(default_factory=list)
    landing: bytes | None = None
    landing_event: int = 0
    landing_tail: bytes = b""
    """The stack from sp on, as it was at landing."""
    landing_hooked: int = 0
    """How many it has at landing, and what it keeps of the last one: its return address, and the site's."""
    kept_return: int = 0
    kept_func: int = 0

    @property
    def stack(self) -> bytes:
        """The whole stack region at the site."""
        poison = self.lab.image.poison
        return poison[: len(poison) - len(self.tail)] + self.tail

    @property
    def entry(self) -> Entry | None:
        """The trampoline that the site called, or that what it called is a copy of; None for a NOP."""
        return self.lab.trampolines.get(self.lab.image.symbols.original(self.target))

    def changed(self) -> dict[str, tuple[int, int]]:
        """{register: (as it should be at landing, as it was)} of those that differ; pc apart.

        All should be as at the site, but that sp is free again of what the site pushed, and that a return which the
        graph tracer has taken by the link register leads to return_to_handler.
        """
        if self.landing is None:
            return {}
        abi = self.lab.arch.abi
        wanted, landed = self.lab.layout.unpack(self.registers), self.lab.layout.unpack(self.landing)
        wanted[abi.sp] += self.lab.variant.site.pops
        wanted[abi.pc] = landed[abi.pc]
        if abi.link and self.lab.variant.site.parent_slot is None and self._taken(landed[abi.link]):
            wanted[abi.link] = landed[abi.link]
        return {name: (wanted[name], landed[name]) for name in wanted if wanted[name] != landed[name]}

    def _taken(self, link: int) -> bool:
        """Whether the graph tracer has taken the return; without a trace the link register itself has to say so."""
        taken = self.landing_hooked > self.hooked or not self.landing_tail
        return taken and link == self.lab.image.symbols.get(RETURN_TO_HANDLER)


class RecordSeen:
    """The record that a callback received: members by name, each with value, status, origin and writer."""

    def __init__(self, call: Call, *, full: bool) -> None:
        self._call = call
        self.full = full
        """Whether the callback may treat it as a full pt_regs."""

    @property
    def kind(self) -> str:
        """full, partial, or stale: taken for a full one, because nothing says that the entry fills only part of it."""
        if not self.full:
            return "partial"
        hit = self._call.arrival.hit
        stale = hit is not None and hit.lab.variant.always_regs and hit.entry is hit.lab.variant.plain
        return "stale" if stale else "full"

    @property
    def address(self) -> int:
        """Where it was."""
        return self._call.arrival.record or 0

    @property
    def provenance(self) -> Provenance:
        """How its bytes came to be; found by replays, once. Raises UsageError within a run."""
        return self._call.arrival.provenance

    @cached_property
    def _members(self) -> dict[str, MemberSeen]:
        members = self._call.arrival.recording.lab.struct.members
        return {member.name: self.provenance.member(member.name, self._call.before) for member in members}

    def __getitem__(self, name: str) -> MemberSeen:
        """One member. Raises KeyError."""
        return self._members[name]

    def __iter__(self) -> Iterator[MemberSeen]:
        """The members in the order of their offsets."""
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._call.arrival.recording.lab.struct.members)

    def honoured(self, name: str) -> Honoured:
        """Whether a write to a member reaches the traced function on return. Raises KeyError."""
        return self._call.arrival.honours[name]

    @property
    def populated(self) -> int:
        """How many members somebody wrote."""
        members = self._call.arrival.recording.lab.struct.members
        return sum(self.provenance.written(member, self._call.before) for member in members)


@dataclass(slots=True, eq=False)
class Call:
    """One call of a callback, as it saw it. `op` and the records are None where the release does not pass them.

    `before` and `after` are the record's bytes when the callback was entered and when it returned (b"": it raised).
    """

    ops: FtraceOps
    ip: int
    parent_ip: int
    op: FtraceOps | Pointer | None
    arrival: Arrival
    before: bytes
    after: bytes = b""
    regs: RecordSeen | None = None
    """What may be read as pt_regs: never partial."""
    fregs: RecordSeen | None = None
    """The fourth argument since 5.11, None where NULL was passed."""
    caller: int = 0
    """What an unwinder would be told that parent_ip is (ftrace_graph_ret_addr())."""

    @property
    def via(self) -> tuple[str, ...]:
        """The functions from the site's call to the callback: the trampoline first, the callback's ops last.

        Without a trace the functions that were only run through are missing.
        """
        own = self.arrival.symbol == function_name(self.ops)
        return (*self.arrival.recording.path(self.arrival), *(() if own else (self.arrival.symbol,)), self.ops.name)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the passage of a site cost: instructions and stores up to landing, and the deepest stack in bytes.

    What callbacks do in Python costs nothing; a run that one of them starts is counted.
    """

    instructions: int
    stores: int
    stack: int


@dataclass(slots=True, eq=False)
class Recording:
    """One call of a traced function, from its caller's first instruction to the caller's return."""

    lab: Lab
    function: str
    state: State
    hits: list[Hit] = field(default_factory=list)
    callbacks: list[Call] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    """The C functions that the code has called, in order, those behind a landing too."""
    returns: list[tuple[int, bytes]] = field(default_factory=list)
    """Where functions have come to return_to_handler: the position in the raw trace, and the registers, packed."""
    first: bytes = b""
    """At the entry, packed."""
    registers: bytes = b""
    """At the exit, packed."""
    above: bytes = b""
    """The stack above the first frame, at the entry."""
    tail: bytes = b""
    """The same at the exit."""
    outcome: RunError | None = None
    nested: bool = False
    """Whether a callback made the call."""
    cut_short: bool = False
    """Whether somebody ended it on purpose before its return."""
    spoilt: tuple[int, bytes] | None = None
    """(address, bytes) of a site that somebody else has changed, and that the kernel must leave alone."""
    asked_direct: int | None = None
    """The direct trampoline that users want the function to call, 0 for none; None: what the core knows is as good."""
    graph_refused: bool = False
    """Whether whoever was asked for the graph tracer said no to every function."""
    raw: tuple[int, ...] | None = None
    """The raw trace, None in a run that was not traced."""
    values: tuple[int, ...] = ()
    """The values written, in the order of the trace's writes."""
    shape: Shape | None = None

    @property
    def interfered(self) -> bool:
        """Whether a callback has changed its record, so that the function need not do what it does otherwise."""
        return any(call.after != call.before for call in self.callbacks)

    @property
    def result(self) -> int:
        """What the caller returned."""
        return self.lab.layout.get(self.registers, self.lab.arch.abi.returns[0])

    @property
    def hit(self) -> Hit:
        """The passage of the called function's own site. Raises LookupError where the run did not get there."""
        for hit in self.hits:
            if hit.symbol == self.function:
                return hit
        raise LookupError(f"the run never reached the site of {self.function}")

    def cost(self, hit: Hit) -> Cost | None:
        """What a passage cost; None without a trace or where it never landed."""
        if self.shape is None or hit.landing is None:
            return None
        layout, sp = self.lab.layout, self.lab.arch.abi.sp
        top = layout.get(hit.registers, sp)
        deepest = min([top, *(layout.get(arrival.registers, sp) for arrival in hit.arrivals)])
        span = hit.event, hit.landing_event
        return Cost(self.shape.steps(*span), self.shape.stores(*span), top - deepest)

    def path(self, arrival: Arrival) -> tuple[str, ...]:
        """The functions run through between the site and an arrival, in order; empty without a trace."""
        if self.shape is None or arrival.hit is None:
            return ()
        ran = self.shape.between(arrival.hit.event, arrival.event)
        names = (self.lab.image.symbols.function(pc) for pc in ran)
        passed = dict.fromkeys(function.name for function in names if function)
        return tuple(name for name in passed if name not in (arrival.hit.symbol, arrival.symbol))

    def writers(self, arrival: Arrival) -> dict[int, Write]:
        """{address of a byte: who wrote it last} between the site and the arrival. Empty without a trace."""
        if self.shape is None:
            return {}
        return self.shape.writers(arrival.hit.event if arrival.hit else 0, arrival.event)
