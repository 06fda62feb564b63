# SPDX-License-Identifier: GPL-2.0-only
"""H: what the processor's own protections ask of branches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from emulator.assembly.decode import Flow, flow
from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.description import Ability


@clause("H1", "landing pads", needs=Ability.KERNEL_IBT)
def landing_pads(passage: Passage) -> Iterator[Violation] | None:
    """Every indirect call or jump goes to a landing pad, and what the kernel takes the address of begins with one.

    A return needs none, and a function's return address is none: return_to_handler must not jump to it.
    Promised: CONFIG_X86_KERNEL_IBT, SYM_FUNC_START() of include/linux/linkage.h.
    Broken by: an indirect jump back to the parent (x86_64 return_to_handler before 5.18).
    """
    return _landing_pads(passage)


def _landing_pads(passage: Passage) -> Iterator[Violation]:
    pad, entry = passage.arch.landing_pad, passage.entry
    if entry:
        start = passage.lab.image.placement.label(entry.symbol)
        if passage.code(start, len(pad)) != pad:
            yield Violation(entry.symbol, pad.hex(" "), passage.code(start, len(pad)).hex(" "), start)
    for address, target in pairwise(passage.ran):
        kind, indirect = flow(passage.arch.engine, passage.instruction(address))
        if indirect and kind is not Flow.RETURN and passage.code(target, len(pad)) != pad:
            found = passage.lab.symbol(target)
            yield Violation("indirect branch", "to a landing pad", f"to {found}", address)


@clause("H2", "calls and returns")
def balance(passage: Passage) -> Iterator[Violation] | None:
    """As many returns as calls are run between the site and where control goes on: the processor's return stack keeps
    its depth, and the function's own return is predicted.

    Asked where calls push their return address.
    Promised: x86's return stack buffer; CALL_DEPTH_TRACKING counts on it.
    Broken by: a direct exit with one return too many (x86_64 before 6.2).
    """
    if passage.abi.link or not passage.landed or not passage.hit.target:
        return None
    kinds = [flow(passage.arch.engine, passage.instruction(address))[0] for address in passage.ran_to_destination]
    depth = kinds.count(Flow.CALL) - kinds.count(Flow.RETURN)
    wanted = int(passage.called_directly)
    if depth == wanted:
        return iter(())
    return iter([Violation("calls without a return", str(wanted), str(depth), passage.ran_to_destination[-1])])
