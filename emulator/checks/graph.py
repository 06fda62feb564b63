# SPDX-License-Identifier: GPL-2.0-only
"""G: the function graph tracer takes a return, and gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_hooks
from emulator.description import Ability, Reg
from emulator.placement import PREPARE, RETURN

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
    succeeded, and what is kept for the return is what stood there, and the site's address.

    So prepare_ftrace_return() gets the address of that word, the record's address, and what its unwinder and the
    frame-pointer test look at, where the trampoline calls it.
    The function is run to its real return, and every return that was taken comes to return_to_handler. None is taken
    where whoever is asked says no, where the graph tracer has ended, and while it pauses for the task.
    Promised: prepare_ftrace_return(), function_graph_enter(), ftrace_graph_is_dead().
    Broken by: a hook in a copy of the return address that the prologue had made (i386 with -Os), the hook itself kept
    as the address to return to (x86_64, gcc 4.4), the word that the site pushed taken for the one that the prologue
    saved (arm without frame pointers).
    """
    if not passage.graph_calls:
        return None
    if passage.landed is None or passage.destination != passage.after:
        return _arguments(passage)
    return chain(_arguments(passage), _hooked(passage), _uncalled_for(passage), _come_back(passage))


def _arguments(passage: Passage) -> Iterator[Violation]:
    """Those of prepare_ftrace_return(), where the trampoline calls it."""
    graph, get, abi = passage.variant.graph, passage.lab.layout.get, passage.abi
    names = graph.prepare if graph else ()
    wanted = {
        "parent": passage.parent_slot,
        "self_addr": passage.hit.ip,
        "frame_pointer": passage.value(graph.frame if graph else None),
        "stack_pointer": passage.site[abi.sp] + passage.variant.site.pops,
    }
    for arrival in passage.hit.arrivals:
        for name, register in zip(names if arrival.symbol == PREPARE else (), abi.arguments, strict=False):
            found, value = get(arrival.registers, register), wanted[name]
            if name == "parent" and "stack_pointer" in names:  # one that is read alone: the slot itself is unwound for
                found, value = passage.word_at(arrival, found) or 0, passage.parent
            if value is not None and found != value:
                yield Violation(name, f"{value:#x}", f"{found:#x}", passage.blame_register(arrival, register))


def _hooked(passage: Passage) -> Iterator[Violation]:
    symbol, taken, where = passage.lab.symbol, passage.took_return, passage.graph_site
    was, now = passage.return_at_site, passage.return_at_landing
    wanted = passage.handler if taken else was
    if now is not None and now != wanted:
        yield Violation("the word returned through", symbol(wanted), symbol(now), where)
    if taken and passage.kept_return != passage.parent:
        yield Violation("the return address kept", symbol(passage.parent or 0), symbol(passage.kept_return), where)
    if taken and passage.hit.kept_func != passage.hit.ip:
        yield Violation("the function kept", symbol(passage.hit.ip), symbol(passage.hit.kept_func), where)


def _uncalled_for(passage: Passage) -> Iterator[Violation]:
    if passage.took_return and (passage.expected.graph_away or passage.recording.graph_refused):
        why = "the graph tracer has ended, or pauses" if passage.expected.graph_away else "its users said no"
        yield Violation("the return", f"not taken: {why}", "taken", passage.graph_site)


def _come_back(passage: Passage) -> Iterator[Violation]:
    """Asked of the whole run: a return that was taken through another word than the function's own never comes."""
    recording = passage.recording
    if not passage.opens_run:
        return
    for slot, sp in passage.returned_through:
        if sp != slot + passage.arch.word:
            yield Violation("sp in return_to_handler", f"{slot + passage.arch.word:#x}", f"{sp:#x}", passage.graph_site)
            return
    taken, came = sum(hit.landing_hooked > hit.hooked for hit in recording.hits), len(recording.returns)
    if passage.run_ended and taken != came:
        yield Violation("returns through return_to_handler", str(taken), str(came), passage.graph_site)


@clause("G3", "return values", needs=GRAPH, scope=with_hooks)
def return_values(passage: Passage) -> Iterator[Violation] | None:
    """Every register of the return value survives return_to_handler.

    The function is run to its real return, and its caller's results are those of a run that nobody traced.
    Promised: the C ABI.
    Broken by: the second half of a long long lost (arm, x86), a0 kept and a1 not (riscv).
    """
    return passage.compare_end(passage.abi.returns) if passage.recording.returns else None


@clause("G4", "landing behind return_to_handler", needs=GRAPH, scope=with_hooks)
def exit_state(passage: Passage) -> Iterator[Violation] | None:
    """Behind return_to_handler sp, pc, every register that a function preserves and the stack above are as after a
    plain return; what ftrace_return_to_handler() gets, a frame pointer or a record with the return value, the frame
    pointer and sp, is as the function left it.

    Promised: the C ABI; arch/x86/kernel/ftrace_64.S of 6.12 for the record, the frame-pointer test of
    kernel/trace/fgraph.c for the frame pointer.
    Broken by: a frame released by another size than it was made with, ax stored where dx belongs, the word that the
    return has eaten not brought back before the frame is made (x86_64).
    """
    if not passage.recording.returns:
        return None
    compared = passage.compare_end((*passage.abi.preserved, passage.abi.pc))
    return chain(_astray(passage), compared, _exit_pointer(passage), _exit_record(passage), _canary(passage))


def _astray(passage: Passage) -> Iterator[Violation]:
    """Asked of the whole run: it got to its end, unless it went astray before a return."""
    outcome = passage.recording.outcome
    if outcome and passage.opens_run and all(hit.landing for hit in passage.recording.hits):
        yield Violation("the return", "to the function's caller", str(outcome), passage.last_of_handler)


def _exit_pointer(passage: Passage) -> Iterator[Violation]:
    """Asked of the whole run: the frame pointer that return_to_handler passes, where it passes one."""
    graph, get, abi = passage.variant.graph, passage.lab.layout.get, passage.abi
    if not passage.opens_run or graph is None or not isinstance(graph.returns, Reg):
        return
    for arrival in passage.recording.arrivals:
        came = passage.at_handler(arrival) if arrival.symbol == RETURN else None
        found = get(arrival.registers, abi.arguments[0])
        wanted = came[graph.returns.name] if came else found
        if found != wanted:
            yield Violation("frame_pointer at the exit", f"{wanted:#x}", f"{found:#x}", passage.handler)


def _canary(passage: Passage) -> Iterator[Violation]:
    """Asked of the whole run: above its first frame the stack is as it was."""
    recording = passage.recording
    if passage.opens_run and passage.run_ended and recording.tail != recording.above:
        yield Violation("the stack above the first frame", "untouched", "written to", passage.last_of_handler)


def _exit_record(passage: Passage) -> Iterator[Violation]:
    """Asked of the whole run: the record that return_to_handler makes, where it makes one."""
    graph = passage.variant.graph
    if not passage.opens_run or graph is None or graph.handler != "fregs":
        return
    members = [passage.struct.member(name) for name in graph.at_exit]
    for arrival in passage.recording.arrivals:
        came = passage.at_handler(arrival) if arrival.symbol == RETURN else {}
        for member in members if came else ():
            wanted, found = came[passage.register(member) or ""], passage.exit_member(arrival, member)
            if found != wanted:
                writer = passage.exit_writer(arrival, member)
                yield Violation(f"{member.name} at the exit", f"{wanted:#x}", f"{found:#x}", writer)
