# SPDX-License-Identifier: GPL-2.0-only
"""What no test of the kernel's asks: what a trampoline leaves behind, and what a callback can change."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from emulator.core.ops import FtraceOps
from emulator.description import Ability, Reg, Return
from emulator.lab import Lab
from emulator.recording import Hit, Recording
from emulator.selftest.case import Kernel, code, expect, same
from emulator.selftest.checks import LIST_FUNC, REGS, case
from emulator.selftest.probes import F1, GraphProbe, Probe, call, safe

# -- registers ---------------------------------------------------------------------------------------------------------


def registers(lab: Lab) -> None:
    """Nothing that a function's caller or the function itself counts on has changed behind a trampoline."""
    arguments = [0x1010101 * number for number, _ in enumerate(lab.arch.abi.arguments, 1)]
    plain = {function: returned(call(lab, function, *arguments)) for function in lab.functions}
    for what in _traced_by_turns(lab):
        for function in lab.functions:
            expect_undisturbed(call(lab, function, *arguments), what, plain[function])


def returned(recording: Recording) -> dict[str, str]:
    """All registers of the return value, as the run ended."""
    lab = recording.lab
    return {name: hex(lab.layout.get(recording.registers, name)) for name in lab.arch.abi.returns}


def _traced_by_turns(lab: Lab) -> Iterator[str]:
    """The graph tracer, one ops, two, and one with SAVE_REGS, beside others and alone: each kind of entry and exit."""
    if Ability.FUNCTION_GRAPH_TRACER in lab.variant.abilities and (lab.core.dynamic or lab.release.graph_asks_first):
        graph = GraphProbe(lab).start()
        yield "the graph tracer"
        graph.stop()
    first = Probe(lab, "first").start()
    yield "one ops"
    second = Probe(lab, "second").start()
    yield "two ops"
    if lab.variant.regs:
        Probe(lab, "third", {"SAVE_REGS"}).start()
        yield "SAVE_REGS beside two ops"
        first.stop()
        second.stop()
        yield "SAVE_REGS alone"
        GraphProbe(lab).start()
        yield "SAVE_REGS and the graph tracer"


def expect_undisturbed(recording: Recording, what: str, wanted: dict[str, str]) -> None:
    """At every landing all is as at the site but what that entry may clobber, and so is what is returned at last."""
    for hit in recording.hits:
        expect(hit.entry is None or hit.landing, f"{what}: no landing in {hit.symbol}")
        for name, (found, landed) in hit.changed().items():
            if name not in _clobbers(hit):
                same(f"{what}: {name} at landing in {hit.symbol}", hex(landed), hex(found))
    same(f"{what}: {recording.function}() returned", returned(recording), wanted)


def _clobbers(hit: Hit) -> set[str]:
    """What may change; 3.7 has one graph caller, behind either entry, which is as careful as the plain one."""
    lab = hit.lab
    entries = [hit.entry] + ([lab.variant.plain] if lab.core.graph.active and not lab.patcher.graph_is_ops else [])
    return {name for entry in entries if entry for name in entry.clobbers}


def ipmodify(lab: Lab) -> None:
    """A callback lets another function run instead; that one returns to the parent. A disabled site: the old one."""
    plain, other = call(lab, F1).result, call(lab, "schedule").result
    ops, seen = redirect(lab, F1, "schedule")
    same("redirected, the function returned", hex(call(lab, F1).result), hex(other))
    same("calls of the callback", len(seen), 1)
    lab.unregister(ops)
    same("the function returned afterwards", hex(call(lab, F1).result), hex(plain))


def redirect(lab: Lab, function: str, target: str) -> tuple[FtraceOps, list[int]]:
    """Go on behind the site of another function: both have the same prologue, if any."""
    seen: list[int] = []
    where = lab.record(target).ip + lab.patcher.insn_size

    def handler(ip: int, _parent_ip: int, _op: object, regs: object) -> None:
        seen.append(ip)
        set_ip(lab, regs, where)

    flags = {"SAVE_REGS", *({"IPMODIFY"} & lab.release.flags.keys())}
    ops = FtraceOps("redirect", handler, flags=safe(lab) | flags)
    lab.set_filter(ops, function)
    lab.register(ops)
    return ops, seen


def set_ip(lab: Lab, regs: object, ip: int) -> None:
    """instruction_pointer_set(). Raises Failed where there are no regs."""
    expect(regs is not None, "callback received NULL regs")
    members = lab.struct.members
    setattr(regs, next(member.name for member in members if isinstance(member.holds, Return)), ip)


def return_override(lab: Lab) -> None:
    """With a function that only returns for its ip, the traced function does not run, and has returned 42."""
    stub, returns = lab.address("ftrace_stub"), Reg(lab.arch.abi.returns[0])
    holder = next(member.name for member in lab.struct.members if member.holds == returns)

    def handler(_ip: int, _parent_ip: int, _op: object, regs: object) -> None:
        set_ip(lab, regs, stub)
        setattr(regs, holder, 42)

    ops = FtraceOps("override", handler, flags=safe(lab) | {"SAVE_REGS"})
    lab.set_filter(ops, "proc_reg_write")
    lab.register(ops)
    recording = call(lab, "proc_reg_write")
    same("the overridden function returned", recording.result, 42)
    expect(recording.hit.landing is None, "the overridden function has run")


def site_behind_prologue(kernel: Kernel) -> str | None:
    """A function that has saved registers already cannot just be left."""
    at_entry = isinstance(kernel.variant.site.parent_slot, Reg | None)
    return None if at_entry else "the site is behind the prologue here, which a mere return would not undo"


# -- switches ----------------------------------------------------------------------------------------------------------


def function_trace_stop(lab: Lab) -> None:
    """While it is set nobody is called: the trampoline returns at once, or else the list function does."""
    plain = returned(call(lab, F1))
    early = lab.core.needs_helper or Ability.FUNCTION_TRACE_MCOUNT_TEST in lab.variant.abilities
    for flags in ((), ("SAVE_REGS",)) if lab.variant.regs else ((),):
        probe = Probe(lab, "stopped", flags).start()
        lab.stop = True
        recording = call(lab, F1)
        expect(not probe.count, "function_trace_stop is set, and the callback was called")
        reached = [arrival.symbol for arrival in recording.arrivals]
        same("C functions reached while stopped", reached, [] if early else [LIST_FUNC])
        expect_undisturbed(recording, "stopped", plain)
        lab.stop = False
        call(lab, F1)
        same("calls when started again", probe.count, 1)
        if lab.core.dynamic:
            probe.stop()


def no_trace_stop(kernel: Kernel) -> str | None:
    """It went with 3.17."""
    return None if kernel.release.has_trace_stop else f"{kernel.release.name} has no function_trace_stop"


def corrupt_site(lab: Lab) -> None:
    """A site that is not what it should be ends ftrace; what had been patched by then stays patched."""
    damaged, size = lab.record(F1), lab.patcher.insn_size
    there = lab.image.memory.read(damaged.ip, size)
    lab.image.memory.write(damaged.ip, bytes(byte ^ 0xFF for byte in there))
    probe = Probe(lab, "probe")
    refused = code(probe.start)
    same("the first registration returned", refused, -errno.ENODEV if lab.release.patches_only_changes else refused)
    same("ftrace_bug() reported", getattr(lab.core.bug, "code", None), errno.EINVAL)
    same("a later registration returned", code(Probe(lab, "later").start), -errno.ENODEV)
    before = Ability.ARCH_REPLACE_CODE not in lab.variant.abilities
    for rec in lab.core.records.values():
        if rec is damaged:
            before = False
            continue
        enabled = lab.image.memory.read(rec.ip, size) != lab.variant.site.nop
        same(f"{rec.symbol} enabled", enabled, before)


# -- the cases ---------------------------------------------------------------------------------------------------------

CASES = (
    case(registers, "registers at landing, and results", Ability.NONE),
    case(ipmodify, "another function instead", REGS),
    case(return_override, "a return value instead", REGS, site_behind_prologue),
    case(function_trace_stop, "function_trace_stop", Ability.NONE, no_trace_stop),
    case(corrupt_site, "a damaged site"),
)
