# SPDX-License-Identifier: GPL-2.0-only
"""G: the function graph tracer takes a return, and gives it back."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.description import Ability

GRAPH = Ability.FUNCTION_GRAPH_TRACER


@clause("G1", "reached if and only if on", needs=GRAPH)
def reached(passage: Passage) -> Iterator[Violation] | None:
    """The graph tracer hears of a function's entry exactly once while it is on, and never while it is off, with a
    function callback and without.

    Promised: ftrace_enable_ftrace_graph_caller(), or ftrace_graph_func() as an ops of its own.
    Broken by: a graph label in one of two entries only, the callback skipped while the graph tracer is on.
    """
    wanted, found = passage.expected.graph_calls, passage.graph_calls
    if wanted == found:
        return iter(())
    calls = f"{wanted} calls of the graph tracer", f"{found}"
    return iter([Violation("on" if wanted else "off", *calls, passage.graph_site)])


@clause("G2", "the hooked word", needs=GRAPH)
def hooked(passage: Passage) -> Iterator[Violation] | None:
    """What is replaced by return_to_handler is the word that the function returns through, if and only if the entry
    succeeded, and what is kept for the return is what stood there.

    Promised: prepare_ftrace_return().
    Broken by: the word that the site pushed taken for the one that the prologue saved (arm without frame pointers).
    """
    if passage.landed is None or passage.destination != passage.after or not passage.graph_calls:
        return None
    return _hooked(passage)


def _hooked(passage: Passage) -> Iterator[Violation]:
    lab, hit = passage.lab, passage.hit
    handler = lab.image.placement.label("return_to_handler")
    now = passage.word_at_landing(passage.parent_slot)
    taken = hit.landing_hooked > hit.hooked
    if taken and now != handler:
        yield Violation("the word returned through", "return_to_handler", lab.symbol(now or 0), passage.graph_site)
    if taken and passage.kept_return != passage.parent:
        wanted, kept = lab.symbol(passage.parent or 0), lab.symbol(passage.kept_return)
        yield Violation("the return address kept", wanted, kept, passage.graph_site)


@clause("G3", "return values", needs=GRAPH)
def return_values(passage: Passage) -> Iterator[Violation] | None:
    """Every register of the return value survives return_to_handler.

    The function is run to its real return, and its caller's results are those of a run that nobody traced.
    Promised: the C ABI.
    Broken by: the second half of a long long lost (arm, x86), a0 kept and a1 not (riscv).
    """
    return passage.compare_end(passage.abi.returns) if passage.returned_through_handler else None


@clause("G4", "landing behind return_to_handler", needs=GRAPH)
def exit_state(passage: Passage) -> Iterator[Violation] | None:
    """Behind return_to_handler sp, pc and every register that a function preserves are as after a plain return; the
    record that ftrace_return_to_handler() gets holds the return value, the frame pointer and sp.

    Promised: the C ABI; arch/x86/kernel/ftrace_64.S of 6.12 for the record.
    Broken by: a frame released by another size than it was made with, ax stored where dx belongs.
    """
    return passage.compare_end((*passage.abi.preserved, passage.abi.pc)) if passage.returned_through_handler else None
