# SPDX-License-Identifier: GPL-2.0-only
"""H: what the processor's own protections ask of branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from emulator.assembly.decode import Flow
from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_pushed_returns
from emulator.core.choice import STUB
from emulator.core.graph import RETURN_STUB
from emulator.description import Ability


@clause("H1", "landing pads", needs=Ability.KERNEL_IBT)
def landing_pads(passage: Passage) -> Iterator[Violation] | None:
    """Every indirect call or jump goes to a landing pad, and what the kernel takes the address of begins with one.

    A return needs none, and a function's return address is none: return_to_handler must not jump to it. A direct
    trampoline begins with one, because a call through a pointer may come to it too. What Python acts for is C, and a
    compiler's affair.
    Promised: CONFIG_X86_KERNEL_IBT, CONFIG_ARM64_BTI_KERNEL, SYM_FUNC_START() of include/linux/linkage.h.
    Broken by: an indirect jump back to the parent (x86_64 return_to_handler before 5.18).
    """
    return _landing_pads(passage)


def _landing_pads(passage: Passage) -> Iterator[Violation]:
    pad = passage.arch.landing_pad
    for function in _called_through_pointers(passage):
        found = passage.code(function, len(pad))
        if found != pad:
            yield Violation(passage.lab.symbol(function), pad.hex(" "), found.hex(" "), function)
    for address, target in _indirect_branches(passage):
        if not passage.lab.image.is_gate(target) and passage.code(target, len(pad)) != pad:
            yield Violation("indirect branch", "to a landing pad", f"to {passage.lab.symbol(target)}", address)


def _indirect_branches(passage: Passage) -> Iterator[tuple[int, int]]:
    """(address, target) of every indirect call or jump of the run."""
    ran = passage.ran_in_all
    flows = passage.flows if ran else {}
    for address, target in pairwise(ran):
        kind, indirect = flows[address]
        if indirect and kind is not Flow.RETURN:
            yield address, target


def _called_through_pointers(passage: Passage) -> Iterator[int]:
    """What the kernel takes the address of, as far as it is code here: entry, stubs, a direct trampoline."""
    image, entry = passage.lab.image, passage.entry
    names = (STUB, RETURN_STUB, *([entry.symbol] if entry else []))
    functions = {image.symbols.get(name) or 0 for name in names} | {passage.expected.direct}
    return (function for function in sorted(functions) if function and not image.is_gate(function))


@clause("H2", "calls and returns", scope=with_pushed_returns)
def balance(passage: Passage) -> Iterator[Violation] | None:
    """As many returns as calls are run between the site and where control goes on: the processor's return stack keeps
    its depth, and the function's own return is predicted.

    Asked where calls push their return address, and of the run as a whole too, return_to_handler included.
    Promised: x86's return stack buffer; CALL_DEPTH_TRACKING counts on it.
    Broken by: a direct exit with one return too many (x86_64 before 6.2).
    """
    if passage.abi.link or not passage.landed or not passage.hit.target:
        return None
    return _balance(passage)


def _balance(passage: Passage) -> Iterator[Violation]:
    depth, wanted = _depth(passage, passage.ran_to_destination), int(passage.called_directly)
    if depth != wanted:
        yield Violation("calls without a return", str(wanted), str(depth), passage.ran_to_destination[-1])
    if passage.recording.returns and passage.opens_run and passage.run_ended:
        depth = _depth(passage, passage.ran_in_all)
        if depth != -1:  # it ends in a return whose call nobody ran
            yield Violation("calls without a return", "0 in the whole run", str(depth + 1), passage.handler)


def _depth(passage: Passage, ran: Sequence[int]) -> int:
    flows = passage.flows
    kinds = [flows[address][0] for address in ran]
    return kinds.count(Flow.CALL) - kinds.count(Flow.RETURN)
