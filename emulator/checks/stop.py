# SPDX-License-Identifier: GPL-2.0-only
"""N: what must not happen."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_stop
from emulator.description import Ability


@clause("N1", "stopped", scope=with_stop)
def stopped(passage: Passage) -> Iterator[Violation] | None:
    """While function_trace_stop is set no callback runs, and the trampoline is left again in balance; where it is the
    trampoline that tests it, as an int, it calls nobody at all.

    Promised: HAVE_FUNCTION_TRACE_MCOUNT_TEST (up to 3.16), else the list function or a helper tests it.
    Broken by: an early exit that forgot to give back what had been pushed (mips), a variable of the wrong width.
    """
    if not passage.expected.stopped:
        return None
    return _stopped(passage)


def _stopped(passage: Passage) -> Iterator[Violation]:
    for call in passage.calls:
        yield Violation("callback", "none", call.ops.name, passage.call_site)
    tested = Ability.FUNCTION_TRACE_MCOUNT_TEST in passage.variant.abilities
    for arrival in passage.hit.arrivals[:1] if tested and not passage.calls else ():
        yield Violation("call", "none", arrival.symbol, passage.caller(arrival))
    if passage.landed is None:
        yield passage.lost()


@clause("N2", "no recursion")
def recursion(passage: Passage) -> Iterator[Violation] | None:
    """Nothing that can be traced runs between the site and the callback, or behind the callback until landing, and
    no trampoline calls it, return_to_handler neither.

    Asked of the code that is emulated; what the core does in C is modelled, and cannot be asked.
    Promised: kernel/trace and the trampolines are compiled without sites (notrace).
    Broken by: helpers that were traced where they were not inlined (x86_64's paravirt functions), and called the
    trampoline again, for ever.
    """
    hits, end = passage.recording.hits, passage.hit.landing_event or (1 << 62)
    inside = [hit for hit in hits if passage.hit.event < hit.event < end]
    if passage.called_by_trampoline:
        inside.append(passage.hit)
    return (Violation("site", "none", hit.symbol, hit.ip) for hit in inside[:1])
