# SPDX-License-Identifier: GPL-2.0-only
"""P3 and P4: code is changed under the feet of a passage, whichever instruction it has come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TYPE_CHECKING

from emulator.checks.clause import CLAUSES, clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.rig import FUNCTION, Rig
from emulator.core.ops import FtraceOps
from emulator.core.rehearsal import Rehearsal, rehearse
from emulator.description import Ability, ops_literal
from emulator.moments import Moment, moment
from emulator.poke import Change, Kind

if TYPE_CHECKING:
    from emulator.checks.exercises.transitions import Transition
    from emulator.recording import Hit, Recording
    from emulator.runner import Run

HOLDING = ("T1", "T2", "T3", "T4", "T5", "C1", "C2", "C5", "C6", "G3", "G4")
"""The clauses that hold of a passage in whatever state code is; a call that a handler emulates is none for H2."""
ASKED = ("P3", "P4")
LIMIT = 2_000
"""Instructions that a passage may take when it is gone on with; the longest honest one takes a few hundred."""
DIRECT, GRAPH = "a direct call", "the graph tracer"
TORN = "a store seen in part"
TWICE = 2
"""How often an instruction is gone on from, so that one in a loop does not take for ever."""


class Interleaved(Passage):
    """A passage that was begun, or gone on with, while code was being changed.

    `calm` are the faults that the old state or the new one has by itself: (clause, what).
    """

    def __init__(self, recording: Recording, hit: Hit, when: str, address: int, *, torn: bool = False) -> None:
        super().__init__(recording, hit)
        self.when, self.resumed_at, self.torn = when, address, torn
        self.old = self.new = hit.expected
        self.calm: AbstractSet[tuple[str, str]] = frozenset()
        _set_target(self)

    def between(self, old: Rehearsal, new: Rehearsal, calm: AbstractSet[tuple[str, str]]) -> Interleaved:
        """Say what it may do: it is judged by the side that it took."""
        self.old, self.new, self.calm = old, new, calm
        side = old if self.reached == reaches(old) else new
        direct = side.direct if DIRECT in self.reached else 0
        full = self.entry is not None and self.entry is self.variant.regs
        self.hit.expected = side._replace(full=full, graph=GRAPH in self.reached, direct=direct)
        return self

    @property
    def reached(self) -> tuple[str, ...]:
        """Who was called, in order."""
        direct = [DIRECT for arrival in self.hit.arrivals if arrival.symbol.startswith("my_direct_func")]
        graph = [GRAPH] if self.hit.landing_hooked > self.hit.hooked else []
        return (*(call.ops.name for call in self.calls), *direct, *graph)

    def told(self, violation: Violation) -> Violation:
        """With the state that code was in, and the instruction that the passage had come to."""
        return violation._replace(got=f"{violation.got} ({self.when})", address=self.resumed_at)


def reaches(expected: Rehearsal) -> tuple[str, ...]:
    """Who is to be called, in order."""
    direct = [DIRECT] if expected.direct else []
    graph = [GRAPH] if expected.graph else []
    return (*(ops.name for ops in expected.callbacks), *direct, *graph)


def _set_target(passage: Interleaved) -> None:
    """What the site has led to in fact; the record's target is the core's plan."""
    following = passage.ran[1:2]
    passage.hit.target = 0 if following in ([], [passage.after]) else following[0]


# -- clauses ----------------------------------------------------------------------------------------------------------


@clause("P3", "interleaving", needs=Ability.DYNAMIC_FTRACE)
def interleaving(passage: Passage) -> Iterator[Violation] | None:
    """While code is changed a function behaves in the old way or in the new one, never in a mixture of both: whatever
    is at the site and at the labels at that moment, and whichever instruction the passage had come to.

    Asked of a passage from each of its instructions, in every state that this release's way of changing code goes
    through, and behind the change, where a private copy is still there as long as somebody may run in it.
    Promised: text_poke_bp_batch(), stop_machine(); synchronize_rcu_tasks() before a copy is freed.
    Broken by: a call written by a plain store while others run it (x86_64 before 3.5), a copy freed too early.
    """
    return _interleaving(passage) if isinstance(passage, Interleaved) else None


def _interleaving(passage: Interleaved) -> Iterator[Violation]:
    found = map(passage.told, _mixture(passage))
    return islice((wrong._replace(what=TORN) for wrong in found), 1) if passage.torn else found


def _mixture(passage: Interleaved) -> Iterator[Violation]:
    either = reaches(passage.old), reaches(passage.new)
    if passage.reached not in either and not _lost(passage):
        wanted = " or ".join(", ".join(names) or "nobody" for names in dict.fromkeys(either))
        yield Violation("callbacks", wanted, ", ".join(passage.reached) or "nobody")
    for id_, violation in _faults(passage):
        if (id_, violation.what) not in passage.calm:
            yield violation._replace(what=f"{id_} {violation.what}")


def _faults(passage: Passage) -> Iterator[tuple[str, Violation]]:
    """What is wrong with a passage in whatever state code is."""
    for id_ in HOLDING:
        check = CLAUSES[id_]
        if check.asked_of(passage.variant):
            yield from ((id_, violation) for violation in check.check(passage) or ())
    for call in passage.calls if passage.lab.release.callback_gets_op else ():
        if call.op is not call.ops:
            found = call.op.name if isinstance(call.op, FtraceOps) else call.op
            yield "C3", Violation("op", f"&{call.ops.name}", f"&{found}")


@clause("P4", "no call lost", needs=Ability.DYNAMIC_FTRACE)
def no_call_lost(passage: Passage) -> Iterator[Violation] | None:
    """Who is to be called before a change and behind it is called in between too.

    Promised: since 5.2 what runs onto a breakpoint goes where the new instruction goes; livepatch counts on it.
    Broken by: a breakpoint's handler that went on behind the call (x86_64 before 5.2).
    """
    return _no_call_lost(passage) if isinstance(passage, Interleaved) else None


def _no_call_lost(passage: Interleaved) -> Iterator[Violation]:
    lost = _lost(passage)
    if lost and passage.landed:  # one that never comes back is P3's
        yield passage.told(Violation("callbacks", ", ".join(lost), ", ".join(passage.reached) or "nobody"))


def _lost(passage: Interleaved) -> list[str]:
    new = reaches(passage.new)
    return [name for name in reaches(passage.old) if name in new and name not in passage.reached]


# -- every state, from every instruction ------------------------------------------------------------------------------


class Interleaving:
    """Goes on from each moment of a passage in each state of a change. It is the patcher's witness."""

    def __init__(self, rig: Rig) -> None:
        self._rig, self._lab, self._word = rig, rig.lab, rig.arch.word
        self._moments: list[Moment] = []
        self._left: dict[int, Moment] = {}
        """{length of its trace: a moment from which is to be gone on yet}."""
        self._waited = False
        self._trapped = 0
        """The instruction at which there is a breakpoint."""
        self._rec = rig.lab.record(FUNCTION)
        self.passages: list[Interleaved] = []
        self.calm: list[Passage] = []
        """The old state's passage, and the new one's."""

    def run(self, transition: Transition) -> None:
        """Do the transition. Raises what the kernel's calls raise."""
        steps = transition.steps(self._rig)
        next(steps, None)
        old = rehearse(self._lab.core, self._rec)
        self._record()
        self._change(steps)
        if not self._waited:  # else nobody is in there any more
            self._go_on(self._moments, "behind the change")
        self._lab.core.graph.returns.forget(0)
        recording = self._rig.call()
        self.calm += [Passage(recording, hit) for hit in self._hits(recording)]
        new = rehearse(self._lab.core, self._rec)
        calm = frozenset((id_, wrong.what) for passage in self.calm for id_, wrong in _faults(passage))
        for passage in self.passages:
            passage.between(old, new, calm)

    def _record(self) -> None:
        """The old state's passage, moment by moment."""
        runner = self._lab.runner
        runner.visitor = self._visit
        try:
            recording = self._rig.call()
        finally:
            runner.visitor = None
        self.calm = [Passage(recording, hit) for hit in self._hits(recording)]
        if recording.outcome:  # it came to no end by itself: others tell of it
            self._moments.clear()

    def _visit(self, run: Run, address: int) -> None:
        passing = self._lab.image.in_trampoline(address) and self._hits(run.recording)
        known = sum(at.address == address for at in self._moments)
        if (address == self._rec.ip or passing) and known < TWICE:
            self._moments.append(moment(run))

    def _hits(self, recording: Recording) -> list[Hit]:
        """The passages of the function's site."""
        return [hit for hit in recording.hits if hit.ip == self._rec.ip]

    def _change(self, steps: Iterator[None]) -> None:
        poker = self._lab.patcher.poker
        poker.witness = self
        try:
            next(steps, None)
        finally:
            poker.witness = None

    # -- the patcher's witness ----------------------------------------------------------------------------------------

    def at_text(self, change: Change) -> None:
        """A store has been made: go on from wherever the changed instruction may be run, the site at least."""
        if change.kind is Kind.SITE and change.address != self._rec.ip:
            return
        now = self._lab.image.memory.read(change.address, len(change.new))
        if change.kind is Kind.OPS and change.address != ops_literal(self._lab.variant.site, self._rec.ip, self._word):
            return
        loads = change.kind is Kind.OPS  # no instruction runs there, and any may be about to look
        reached = [at for at in self._moments if loads or at.address == self._rec.ip or change.address in at.ahead]
        if change.trapped and self._trapped == change.address:  # the same breakpoint: what is behind it nobody sees
            reached = [at for at in reached if at.address in (self._rec.ip, change.address)]
        self._trapped = change.address if change.trapped else 0
        self._go_on(reached, f"{self._lab.symbol(change.address)} is {now.hex(' ')}", torn=change.torn)

    def at_grace_period(self) -> None:
        """Everybody who is in a private copy still comes out of it."""
        self._go_on(self._moments, "its copy is to be freed")
        self._waited = True

    def _go_on(self, moments: Sequence[Moment], when: str, *, torn: bool = False) -> None:
        self._left = {len(at.raw): at for at in moments}
        for at in moments:
            if self._left.pop(len(at.raw), None) is None:
                continue
            recording = self._resume(at)
            how = f"{when}, from {self._lab.symbol(at.address)} on"
            self.passages += [Interleaved(recording, hit, how, at.address, torn=torn) for hit in self._hits(recording)]

    def _resume(self, at: Moment) -> Recording:
        """Go on from a moment. Those that the run comes to, just as they were, have been gone on from then, too."""
        runner = self._lab.runner

        def visit(run: Run, address: int) -> None:
            known = self._left.get(run.event - 1)
            if known and known.address == address and known.like(moment(run)):
                del self._left[len(known.raw)]

        runner.visitor = visit
        try:
            return runner.resume(at, limit=LIMIT)
        finally:
            runner.visitor = None
