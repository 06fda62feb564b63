# SPDX-License-Identifier: GPL-2.0-only
"""T: the traced function goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage


@clause("T1", "registers")
def registers(passage: Passage) -> Iterator[Violation] | None:
    """Every register has at landing the value that it had at the site.

    But for those that the entry may leave changed by that release's own word (its clobbers), for what a callback wrote
    to a member that is loaded back, and for sp, flags and the link register, which are T2's, T4's and T3's. It is
    asked on every way out that goes back to the function.
    Promised: arch/*/kernel/{entry,mcount,ftrace}*.S; each site's list of live registers stands above our own sources.
    Broken by: ip taken for scratch on the way out (arm), rax not kept for variadic functions (x86_64), the static
    chain lost (x86_64).
    """
    if passage.destination != passage.after or passage.landed is None:
        return None
    abi = passage.abi
    return _differences(passage, passage.wanted.keys() - passage.free - {abi.sp, abi.flags, abi.link})


def _differences(passage: Passage, names: AbstractSet[str | None]) -> Iterator[Violation]:
    landed = passage.landed or {}
    for name in passage.lab.layout.names:
        if name in names and landed[name] != passage.wanted[name]:
            yield passage.wrong_register(name)


@clause("T2", "landing and sp")
def landing(passage: Passage) -> Iterator[Violation] | None:
    """Control reaches the instruction after the site, or where a callback or a direct call sends it, and sp is right.

    Asked on every way out: enabled, disabled, stopped, with a callback and without. What the site pushed for the call's
    sake is gone again.
    Promised: the call at a site is a call like any other.
    Broken by: a frame released twice on the stopped path (mips), a direct exit that left the pushed flags behind.
    """
    if passage.landed is None:
        return iter([passage.lost()])
    return _differences(passage, {passage.abi.sp})


@clause("T3", "the parent's address")
def parent(passage: Passage) -> Iterator[Violation] | None:
    """At landing the function still returns to its caller, or to return_to_handler if and only if the graph tracer
    has taken the return; the link register holds that address where the site has put it there and the entry keeps it.

    On other ways out the word may be either, as long as the graph tracer is on.
    Promised: `parent` belongs to the traced function; only prepare_ftrace_return() may replace it.
    Broken by: lr not loaded again before mcount returned, or kept meanwhile in a register that C may change (arm), a
    parent slot overwritten by a saved register (s390).
    """
    if passage.landed is None:
        return None
    return _parent(passage) if passage.destination == passage.after else _parent_elsewhere(passage)


def _parent(passage: Passage) -> Iterator[Violation]:
    lab, abi = passage.lab, passage.abi
    taken = passage.hit.landing_hooked > passage.hit.hooked
    in_register = passage.parent_slot is None
    wanted = passage.wanted[abi.link or ""] if in_register else passage.return_at_site
    if taken:
        wanted = lab.image.placement.label("return_to_handler")
    found = passage.return_at_landing
    if found is not None and found != wanted:
        what = abi.link or "" if in_register else "parent slot"
        yield Violation(what, lab.symbol(wanted), lab.symbol(found), passage.return_writer)
    if not in_register:
        yield from _differences(passage, {abi.link} - passage.free)


def _parent_elsewhere(passage: Passage) -> Iterator[Violation]:
    if passage.parent_slot is None:  # what it is then in stands among the registers that are compared there
        return
    found, wanted = passage.return_at_landing, passage.return_at_site
    hooked = passage.expected.graph and found == passage.handler
    if found is not None and found != wanted and not hooked:
        names = passage.lab.symbol(wanted), passage.lab.symbol(found)
        yield Violation("parent slot", *names, passage.return_writer)


@clause("T4", "flags")
def flags(passage: Passage) -> Iterator[Violation] | None:
    """Flags at landing are those at the site, or what a callback wrote to the record where that is loaded back.

    Where an entry may change arithmetic flags (its clobbers), only the others are asked: interrupts, direction,
    alignment, the processor's mode.
    Promised: ftrace_regs_caller begins with pushf on x86, because kprobes want flags; the plain path promises nothing.
    Broken by: a comparison before flags were saved, flags popped before the last addition (x86_64's direct exit).
    """
    if passage.landed is None or passage.destination != passage.after:
        return None
    return passage.wrong_flags(passage.wanted[passage.abi.flags])


@clause("T5", "foreign frames")
def frames(passage: Passage) -> Iterator[Violation] | None:
    """The words above the function's own stack at the site are its callers' and its own: nobody changes them, but for
    the parent's address that the graph tracer takes.

    Asked on every way out, up to a canary above the first frame.
    Promised: the C ABI; powerpc keeps a TOC pointer up there.
    Broken by: a slot one word too high (powerpc's TOC), a frame too small for what was stored into it.
    """
    return _frames(passage) if passage.tail else None


def _frames(passage: Passage) -> Iterator[Violation]:
    word, sp = passage.arch.word, passage.site[passage.abi.sp] + passage.variant.site.pops
    if passage.same_above(sp):
        return
    for address in range(sp, passage.lab.image.stack.end, word):
        was, now = passage.word_at_site(address), passage.word_at_landing(address)
        if was != now and now is not None and address != passage.parent_slot:
            yield Violation(f"the word at sp+{address - sp}", f"{was:#x}", f"{now:#x}", passage.writer(address))
            return
