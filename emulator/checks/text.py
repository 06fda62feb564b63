# SPDX-License-Identifier: GPL-2.0-only
"""P: the text that the core has patched."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.assembly import fixups
from emulator.assembly.decode import disassemble
from emulator.checks.clause import clause
from emulator.checks.code import Text, unlike
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.description import Ability, Copying, Entry


@clause("P1", "patched instructions", needs=Ability.DYNAMIC_FTRACE)
def patched(passage: Passage) -> Iterator[Violation] | None:
    """The site, and the call that the core patches in the trampoline, decode to a call of what they should call; a
    pointer to an ops that a site has of its own leads to the one ops that wants it, or to those that stand for several
    and for none.

    A disabled site is the NOP of that configuration. What the core asks for can be written; but a site that holds
    something else than it should is left as it is, and nothing but sites, labels and copies changes.
    DYNAMIC_FTRACE_WITH_CALL_OPS: ftrace_call_adjust() of arch/arm64/kernel/ftrace.c says where that pointer is.
    Promised: arch/*/kernel/ftrace.c: ftrace_call_replace() and its like.
    Broken by: a displacement from the wrong end of the instruction, a branch out of reach that nobody noticed.
    """
    return _patched(passage)


def _patched(passage: Passage) -> Iterator[Violation]:
    site, ip = passage.variant.site, passage.hit.ip
    yield from _as_asked(passage)
    yield from _prologue(passage, ip)
    yield from _literal(passage)
    elsewhere = passage.patched_elsewhere if passage.opens_run else None
    if elsewhere is not None:
        yield Violation("text", "as it was built", f"changed at {passage.lab.symbol(elsewhere)}", elsewhere)
    yield from _call(passage, ip, passage.hit.target) if passage.hit.target else _nop(passage, ip, site.nop)
    label = passage.call_label
    if label is not None and passage.expected.func:
        yield from _call(passage, label, passage.expected.func)


def _as_asked(passage: Passage) -> Iterator[Violation]:
    spoilt, bug = passage.recording.spoilt, passage.lab.core.bug
    if spoilt is None and bug is not None:
        yield Violation("patching", "what was asked for is done", str(bug), passage.hit.ip)
    if spoilt and passage.code(spoilt[0], len(spoilt[1])) != spoilt[1]:
        yield Violation("site", "left alone: it is not as it was to be", "written over", spoilt[0])


def _prologue(passage: Passage, ip: int) -> Iterator[Violation]:
    """What has to be before the call for its sake."""
    wanted = passage.variant.site.prologue
    found = passage.code(ip - len(wanted), len(wanted))
    if found != wanted:
        yield Violation("before the call", wanted.hex(" "), found.hex(" "), ip - len(wanted))


def _literal(passage: Passage) -> Iterator[Violation]:
    """The site's own pointer to an ops, where it has one."""
    address, wanted = passage.ops_literal, passage.expected.site_ops
    if address is None:
        return
    found = int.from_bytes(passage.code(address, passage.arch.word), passage.inputs.order)
    if found != wanted:
        symbol = passage.lab.symbol
        yield Violation("the site's ops", symbol(wanted), symbol(found), address)


def _call(passage: Passage, address: int, target: int) -> Iterator[Violation]:
    size, engine = len(passage.variant.site.call.opcode), passage.arch.engine
    (wanted,) = disassemble(engine, fixups.encode_branch(passage.variant.site.call, address, target), address)
    found = next(iter(disassemble(engine, passage.code(address, size), address)), None)
    if found is None or (found.mnemonic, found.target) != (wanted.mnemonic, target):
        name = passage.lab.symbol(target)
        yield Violation("call", f"{wanted.mnemonic} {name}", str(found) if found else "no instruction", address)


def _nop(passage: Passage, address: int, nop: bytes) -> Iterator[Violation]:
    found = passage.code(address, len(nop))
    if found != nop:
        yield Violation("NOP", nop.hex(" "), found.hex(" "), address)


@clause("P2", "private copies", needs=Ability.TRAMPOLINE_PER_OPS)
def copies(passage: Passage) -> Iterator[Violation] | None:
    """A private copy does what its original does: the same instructions, with what is relative to pc leading to the
    same place, the load of op to its own ops, no direct call, and a return at its end.

    Promised: create_trampoline() in arch/x86/kernel/ftrace.c.
    Broken by: a displacement copied as it was, an ops pointer that the return's padding overlaps.
    """
    original = passage.original
    return None if original is None else _copies(passage, original)


def _copies(passage: Passage, original: int) -> Iterator[Violation]:
    variant, copy = passage.variant, passage.hit.target
    entry, copying, label = passage.entry, variant.copying, passage.lab.image.placement.label
    assert entry is not None and copying is not None  # noqa: S101, PT018 - a copy has both
    size = label(entry.end or entry.symbol) - original
    skipped = {label(name) - original for name in (entry.call, entry.op_load, entry.direct_jump) if name}
    ours, theirs = (Text(address, passage.code(address, size)) for address in (copy, original))
    for at, twin in unlike(passage.arch, ours, theirs):
        if at.address - copy not in skipped:
            yield Violation("instruction of the copy", str(twin), str(at), at.address)
    if entry.direct_jump:
        jump = copy + label(entry.direct_jump) - original
        found = passage.code(jump, len(copying.no_jump))
        if found != copying.no_jump:
            yield Violation("direct jump", copying.no_jump.hex(" "), found.hex(" "), jump)
    yield from _op_pointer(passage, entry, copying, copy - original)
    ending = copying.ending[: copying.ending_size]
    if passage.code(copy + size, len(ending)) != ending:
        yield Violation("ending", ending.hex(" "), passage.code(copy + size, len(ending)).hex(" "), copy + size)


def _op_pointer(passage: Passage, entry: Entry, copying: Copying, distance: int) -> Iterator[Violation]:
    """The load of op leads to a pointer behind the copy's ending, and that points to the ops whose copy it is."""
    if entry.op_load is None or entry.end is None:
        return
    label, symbol = passage.lab.image.placement.label, passage.lab.symbol
    load, slot = label(entry.op_load) + distance, label(entry.end) + distance + copying.ending_size
    wanted = fixups.encode_branch(copying.op_load, load, slot)
    if passage.code(load, len(wanted)) != wanted:
        yield Violation("load of op", f"from {symbol(slot)}", passage.code(load, len(wanted)).hex(" "), load)
    owner = passage.copy_owner
    pointer = int.from_bytes(passage.code(slot, passage.arch.word), passage.inputs.order)
    if owner is not None and pointer != owner.address:
        yield Violation("pointer to op", f"&{owner.name}", symbol(pointer), slot)
