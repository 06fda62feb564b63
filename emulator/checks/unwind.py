# SPDX-License-Identifier: GPL-2.0-only
"""U: what an unwinder sees, and what an interrupt may overwrite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_frames
from emulator.description import Ability
from emulator.recording import Arrival

LONGEST_CHAIN = 3
"""One frame more than a trampoline ever builds."""


@clause("U1", "the frame chain", needs=Ability.FRAME_POINTER, scope=with_frames)
def frame_chain(passage: Passage) -> Iterator[Violation] | None:
    """A walk along frame pointers from within a callback passes the traced function and then its parent.

    Where the site is behind the prologue, the function's own frame is the first: the frame pointer is left alone.
    Or the trampoline has put one of its own in front of that (arm64's mcount).
    Else the trampoline builds the two frames; or, where all registers are saved, the frame pointer is the record's
    address with a bit turned over: the lowest one, on i386 the topmost.
    Promised: arch/x86/kernel/ftrace_64.S of 6.x with CONFIG_FRAME_POINTER; ENCODE_FRAME_POINTER.
    Broken by: the parent's frame left out (stack traces without the function's caller), an encoded pointer missing.
    """
    frames = passage.entry.frames if passage.entry and passage.called else None
    if frames == "own":
        return _own(passage)
    if frames == "added":
        return chain(_added(passage), _parents(passage))
    if frames is None or (frames == "encoded" and passage.last is None):
        return None
    return chain(_encoded(passage) if frames == "encoded" else _linked(passage), _on_the_way(passage))


def _own(passage: Passage) -> Iterator[Violation]:
    name = passage.abi.frame_pointer or ""
    found, wanted = passage.at_first_call(name), passage.site[name]
    one_more = not passage.abi.link and _walk(passage, found) == [passage.after]  # a frame of the trampoline's own
    if found != wanted and not one_more:
        yield Violation("frame pointer", f"{wanted:#x}", f"{found:#x}", passage.call_site)
    yield from _parents(passage)


def _added(passage: Passage) -> Iterator[Violation]:
    """The frame that the trampoline puts in front of the function's own."""
    symbol, found = passage.lab.symbol, _walk(passage, passage.at_first_call(passage.abi.frame_pointer))
    if found != [passage.after]:
        names = " < ".join(map(symbol, found)) or "nowhere"
        yield Violation("frames in front of the function's", symbol(passage.after), names, passage.call_site)


def _parents(passage: Passage) -> Iterator[Violation]:
    """In the function's own frame."""
    parent, symbol = passage.word_at_first_call(passage.parent_slot or 0), passage.lab.symbol
    if parent != passage.parent:
        names = symbol(passage.parent or 0), symbol(parent or 0)
        yield Violation("return address of its parent", *names, passage.call_site)


def _linked(passage: Passage) -> Iterator[Violation]:
    pointer, lab = passage.at_first_call(passage.abi.frame_pointer), passage.lab
    frames = (("the traced function", passage.after), ("its parent", passage.parent or 0))
    for whose, wanted in frames:
        found = passage.word_at_first_call(pointer + passage.arch.word)
        if found != wanted:
            yield Violation(f"return address of {whose}", lab.symbol(wanted), lab.symbol(found or 0), passage.call_site)
            return
        pointer = passage.word_at_first_call(pointer) or 0
    if pointer != passage.site[passage.abi.frame_pointer or ""]:
        yield Violation("the parent's frame pointer", "as at the site", f"{pointer:#x}", passage.call_site)


def _encoded(passage: Passage) -> Iterator[Violation]:
    assert passage.last is not None  # noqa: S101 - frame_chain() has looked
    found, wanted = passage.at_first_call(passage.abi.frame_pointer), _marked(passage, passage.last)
    if found != wanted:
        yield Violation("frame pointer", f"{wanted:#x}", f"{found:#x}", passage.call_site)


def _marked(passage: Passage, arrival: Arrival) -> int:
    """A record's address as a frame pointer."""
    return (arrival.record or 0) ^ passage.abi.frame_mark


def _on_the_way(passage: Passage) -> Iterator[Violation]:
    """An NMI may look at any moment: wherever the frame pointer leads to, it is to frames that are built already, in
    the end to both.
    """
    name, parent, arrival = passage.abi.frame_pointer or "", passage.parent or 0, passage.hit.arrivals[0]
    marked, whole = _marked(passage, arrival), [passage.after, parent]
    moved = [step for step in passage.steps if step.event < arrival.event - 1 and name in step.registers]
    moved = [step for step in moved if step.registers[name][1] != marked]
    for step in moved:
        found = _walk(passage, step.registers[name][1])
        if found != whole and (step is moved[-1] or found != [parent]):
            where = " < ".join(map(passage.lab.symbol, found)) or "nowhere"
            yield Violation("frames on the way", " < ".join(map(passage.lab.symbol, whole)), where, step.address)
            return


def _walk(passage: Passage, pointer: int) -> list[int]:
    """The return addresses of the frames from a frame pointer on, up to the one that there was at the site."""
    found: list[int] = []
    while pointer != passage.site[passage.abi.frame_pointer or ""] and len(found) < LONGEST_CHAIN:
        found.append(passage.word_at_first_call(pointer + passage.arch.word) or 0)
        pointer = passage.word_at_first_call(pointer) or 0
    return found


@clause("U3", "below sp")
def below_sp(passage: Passage) -> Iterator[Violation] | None:
    """Nothing below sp is of use: an interrupt may overwrite it between any two instructions. Nor is anything global:
    its handler may come through the same trampoline.

    Asked by running everything once more, with the stack below sp filled anew before each instruction; and then each
    way through a trampoline, with an interrupt or an NMI before each instruction, whose handler calls a traced
    function. What is right otherwise and wrong then is this clause's.
    Promised: kernels are compiled without a red zone (-mno-red-zone).
    Broken by: sp raised before the last load from the frame (riscv, csky).
    """
    return None if passage.disturbed is None else iter(passage.disturbed)
