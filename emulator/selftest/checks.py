# SPDX-License-Identifier: GPL-2.0-only
"""What no test of the kernel's asks, and an emulator can: who is called with what, and what a trampoline leaves behind.

The graph tracer's are in graph_checks.py.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.assembly import fixups
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.lab import Lab
from emulator.recording import Recording
from emulator.selftest.case import Case, Expected, Kernel, expect, same
from emulator.selftest.probes import F1, F2, Probe, call, safe, symbol

SOURCE = "checks of our own"
LIST_FUNC = "ftrace_ops_list_func"


def site_calls(lab: Lab, function: str) -> str:
    """What a site calls, by name; the empty string for a NOP."""
    target = lab.record(function).target
    return lab.symbol(target) if target else ""


# -- arguments ---------------------------------------------------------------------------------------------------------


def op_argument(lab: Lab) -> None:
    """A callback that the trampoline calls itself gets its own ops."""
    probe = Probe(lab, "first").on(F1).start()
    call(lab, F1)
    _expect_op(probe, "alone")


def op_argument_list(lab: Lab) -> None:
    """So does each of two."""
    probes = [Probe(lab, name).on(F1).start() for name in ("first", "second")]
    call(lab, F1)
    for probe in probes:
        _expect_op(probe, "one of two")


def _expect_op(probe: Probe, when: str) -> None:
    expect(probe.count, f"{probe.ops.name}, {when}: callback never called")
    got = f"&{probe.op.name}" if isinstance(probe.op, FtraceOps) else str(probe.op)
    same(f"op of {probe.ops.name}, {when}", got, f"&{probe.ops.name}")


def op_argument_fails(kernel: Kernel) -> Expected | None:
    """Where the trampolines pass the variable's address."""
    quirk = next((quirk for quirk in kernel.variant.quirks if quirk.what == "op"), None)
    if quirk is None:
        return None
    text = "op of first, alone: expected &first, got &function_trace_op"
    return Expected(text, f"{quirk.effect} ({quirk.source})", mendable=True)


def no_op_argument(kernel: Kernel) -> str | None:
    """The argument came with 3.7."""
    return None if kernel.release.callback_gets_op else f"{kernel.release.name}: callbacks get no op"


def parent_ip(lab: Lab) -> None:
    """parent_ip is the address behind a call of the traced function; without a caller it is where the run ends."""
    seen: list[tuple[str, int]] = []
    for flags in ("", "SAVE_REGS") if lab.core.with_regs else ("",):
        name = f"parents_{flags.lower() or 'plain'}"
        ops = FtraceOps(name, lambda ip, parent_ip, *_: seen.append((symbol(lab, ip), parent_ip)))
        ops.flags = safe(lab) | set(flags.split())
        lab.register(ops)
        for function in lab.functions:
            seen.clear()
            call(lab, function)
            expect(seen, f"{function}: callback never called")
            for traced, parent in seen:
                good = parent == lab.image.exit or _is_behind_call(lab, parent, traced, *TAIL_CALLERS.get(traced, ()))
                expect(good, f"parent_ip of {traced} is {lab.where(parent)}, which is behind no call of it")
        if lab.core.dynamic:
            lab.unregister(ops)


TAIL_CALLERS = {"vfs_read": ("vfs_readv",)}
"""Functions that end in a jump to another; its parent is then theirs."""


def _is_behind_call(lab: Lab, address: int, *functions: str) -> bool:
    """The compiler's calls are the instruction that a site has."""
    branch = lab.variant.site.call
    at = address - len(branch.opcode)
    if lab.image.memory.region(at, len(branch.opcode)) is None:
        return False
    there = lab.image.memory.read(at, len(branch.opcode))
    return any(there == fixups.encode_branch(branch, at, lab.address(function)) for function in functions)


# -- trampolines -------------------------------------------------------------------------------------------------------


def private_trampolines(lab: Lab) -> None:
    """Two ops on two functions: each site calls its ops' own copy, nobody the list; a third changes its own."""
    first, second = Probe(lab, "first").on(F1).start(), Probe(lab, "second").on(F2).start()
    for probe, function in ((first, F1), (second, F2)):
        same(f"the site of {function} calls", site_calls(lab, function), f"ftrace_trampoline[{probe.ops.name}]")
        _expect_list_func(call(lab, function), 0)
        same(f"calls of {probe.ops.name}", probe.count, 1)
    third = Probe(lab, "third").on(F1).start()
    same(f"with a third ops the site of {F1} calls", site_calls(lab, F1), lab.variant.plain.symbol)
    same(f"the site of {F2} still calls", site_calls(lab, F2), "ftrace_trampoline[second]")
    _expect_list_func(call(lab, F1), 1)
    _expect_list_func(call(lab, F2), 0)
    same("calls of first, second, third", (first.count, second.count, third.count), (2, 2, 1))


def _expect_list_func(recording: Recording, expected: int) -> None:
    got = sum(arrival.symbol == LIST_FUNC for arrival in recording.arrivals)
    same(f"{recording.function}: calls of {LIST_FUNC}", got, expected)


def mixed_save_regs(lab: Lab) -> None:
    """Beside a SAVE_REGS ops a plain one gets regs too. 3.7 leaves the site so when that ops has gone.

    Where nothing tells a partial record from a full one a plain ops gets regs in any case.
    """
    plain, regs = Probe(lab, "plain").on(F1).start(), Probe(lab, "regs", {"SAVE_REGS"}).on(F1)
    entry = lab.variant.regs
    assert entry is not None  # noqa: S101 - the case needs DYNAMIC_FTRACE_WITH_REGS
    always = lab.variant.always_regs
    _expect_regs(lab, "plain alone", plain, regs=always)
    regs.start()
    same("with a SAVE_REGS ops the site calls", site_calls(lab, F1), entry.symbol)
    _expect_regs(lab, "both", plain, regs=True)
    expect(regs.regs, "callback received NULL regs")
    regs.stop()
    stays = lab.release.regs_outlive_ops
    expect((site_calls(lab, F1) == entry.symbol) == stays, f"afterwards the site calls {site_calls(lab, F1)}")
    _expect_regs(lab, "plain alone again", plain, regs=stays or always)


def _expect_regs(lab: Lab, when: str, probe: Probe, *, regs: bool) -> None:
    probe.seen.clear()
    call(lab, F1)
    same(f"{when}: calls", probe.count, 1)
    same(f"{when}: regs", "full" if probe.regs else "NULL", "full" if regs else "NULL")


def save_regs_race(lab: Lab) -> None:
    """A site that still calls the plain trampoline: a SAVE_REGS ops is not called without regs (since 3.19)."""
    plain, regs = Probe(lab, "plain").on(F1).start(), Probe(lab, "regs", {"SAVE_REGS"}).on(F1).start()
    rec = lab.record(F1)
    lab.patcher.make_nop(rec.ip, rec.target)
    lab.patcher.make_call(rec.ip, lab.address(lab.variant.plain.symbol))
    call(lab, F1)
    same("calls of the plain ops", plain.count, 1)
    same("calls of the SAVE_REGS ops", regs.count, 0 if lab.release.tests_regs else 1)
    expect(not plain.regs and not regs.regs, "callback received regs from the plain trampoline")


def regs_are_never_null(kernel: Kernel) -> str | None:
    """A record whose missing members nobody can tell."""
    return "no test of regs works here: they are not NULL" if kernel.variant.always_regs else None


# -- the cases ---------------------------------------------------------------------------------------------------------

DYNAMIC = Ability.DYNAMIC_FTRACE
REGS = DYNAMIC | Ability.DYNAMIC_FTRACE_WITH_REGS


def case(
    run: Callable[[Lab], None],
    title: str,
    needs: Ability = DYNAMIC,
    lacks: Callable[[Kernel], str | None] | None = None,
    fails: Callable[[Kernel], Expected | None] | None = None,
) -> Case:
    """A case that is called as its function is."""
    return Case(
        name=run.__name__.replace("_", "-"),
        title=title,
        source=SOURCE,
        run=run,
        needs=needs,
        lacks=lacks or (lambda _kernel: None),
        fails=fails or (lambda _kernel: None),
    )


CASES = (
    case(op_argument, "op of a callback called directly", lacks=no_op_argument, fails=op_argument_fails),
    case(op_argument_list, "op of two callbacks", lacks=no_op_argument),
    case(parent_ip, "parent_ip", Ability.NONE),
    case(
        private_trampolines,
        "a trampoline for each ops, none through the list",
        DYNAMIC | Ability.TRAMPOLINE_PER_OPS,
    ),
    case(mixed_save_regs, "SAVE_REGS beside a plain ops, and after it", REGS),
    case(save_regs_race, "SAVE_REGS where regs is NULL", REGS, regs_are_never_null),
)
