# SPDX-License-Identifier: GPL-2.0-only
"""The stories of the graph tracer and of direct calls, where sites are patched; each release does it its own way."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Arch, Variant
from emulator.lab import Lab
from emulator.provenance import Status
from emulator.recording import Recording
from emulator.subject import load

DYNAMIC = [
    (arch, variant)
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]
GRAPH = [pair for pair in DYNAMIC if Ability.FUNCTION_GRAPH_TRACER in pair[1].abilities]
DIRECT = [pair for pair in DYNAMIC if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in pair[1].abilities]
FUNCTION, NAMES = "kernel_read", ["bprm_read", "kernel_read", "vfs_read"]


def each(pairs: list[tuple[Arch, Variant]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("arch", "variant"), pairs, ids=[f"{arch.name}-{item.name}" for arch, item in pairs])


def make(arch: Arch, variant: Variant) -> Lab:
    (subject,) = load(arch, [variant])
    return Lab(subject=subject)


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str, *flags: str) -> FtraceOps:
    ops = FtraceOps(name, ignore, flags={*flags, *({"RECURSION_SAFE"} & lab.release.flags.keys())})
    lab.set_filter(ops, FUNCTION)
    lab.register(ops)
    return ops


class Told:
    """A graph tracer that writes down what it is told."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.events: list[tuple[str, str, int]] = []
        self.retvals: list[int | None] = []
        self.gops = FgraphOps("graph", self.entry, self.back)

    def name(self, func: int) -> str:
        return self._lab.symbol(func).split("+")[0]

    def entry(self, ent: GraphEnt, _gops: FgraphOps) -> bool:
        self.events.append(("entry", self.name(ent.func), ent.depth))
        return True

    def back(self, ret: GraphRet, _gops: FgraphOps) -> None:
        self.events.append(("return", self.name(ret.func), ret.depth))
        self.retvals.append(ret.retval)


NESTED = [
    *(("entry", name, depth) for depth, name in enumerate(NAMES)),
    *(("return", name, depth) for depth, name in reversed(list(enumerate(NAMES)))),
]


def check_return(recording: Recording, untraced: Recording) -> None:
    """The function's caller finds what a C function has to keep, and the result, as without a tracer."""
    lab, abi = recording.lab, recording.lab.arch.abi
    now, was = (lab.layout.unpack(item.registers) for item in (recording, untraced))
    for name in (*abi.preserved, abi.returns[0]):
        assert now[name] == was[name], name
    for hit in recording.hits:
        assert hit.changed().keys() <= set(hit.entry.clobbers if hit.entry else ())


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside an ops"])
@each(GRAPH)
def test_every_function_is_hooked_and_gives_its_return_address_back(
    arch: Arch, variant: Variant, *, beside: bool
) -> None:
    lab = make(arch, variant)
    untraced, before, told = lab.call(FUNCTION), lab.image.memory.contents()["text"], Told(lab)
    probe = register(lab, "probe") if beside else None
    lab.register_graph(told.gops)
    recording = lab.call(FUNCTION)
    assert told.events == NESTED
    assert {call.ops for call in recording.callbacks if lab.symbol(call.ip).startswith(FUNCTION)} == (
        {probe} if probe else set()
    )
    check_return(recording, untraced)
    value = untraced.result if Ability.FUNCTION_GRAPH_RETVAL in variant.abilities else None
    assert told.retvals[-1] == value
    lab.unregister_graph(told.gops)
    if probe:
        lab.unregister(probe)
    assert lab.call(FUNCTION).arrivals == []
    assert {lab.image.memory.read(ip, len(variant.site.nop)) for ip in lab.core.records} == {variant.site.nop}
    for call in variant.graph.calls if variant.graph else ():
        start, size = lab.address(call.label) - lab.image.text.base, len(call.jump.opcode)
        assert lab.image.memory.contents()["text"][start : start + size] == before[start : start + size]


@each([pair for pair in GRAPH if pair[1].graph and pair[1].graph.calls])
def test_the_labels_lead_to_the_graph_caller_while_there_is_a_graph_tracer(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    lab.register_graph(Told(lab).gops)
    names = [arrival.symbol for arrival in lab.call(FUNCTION).arrivals]
    assert names.count("prepare_ftrace_return") == names.count("ftrace_return_to_handler") == len(NAMES)
    assert "ftrace_graph_func" not in names


@each([pair for pair in GRAPH if pair[1].graph and pair[1].graph.slot])
def test_the_graph_tracer_is_an_ops_where_it_has_a_function(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    lab.register_graph(Told(lab).gops)
    names = [arrival.symbol for arrival in lab.call(FUNCTION).arrivals]
    assert names.count("ftrace_graph_func") == names.count("ftrace_return_to_handler") == len(NAMES)
    assert lab.symbol(lab.record(FUNCTION).target) == "ftrace_trampoline[graph_ops]"


# -- direct calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [None, (), ("SAVE_REGS",)], ids=["alone", "beside an ops", "beside one with regs"])
@each(DIRECT)
def test_a_direct_trampoline_is_called_with_the_functions_arguments(
    arch: Arch, variant: Variant, flags: tuple[str, ...] | None
) -> None:
    """By the site itself, or by ftrace_regs_caller when all callbacks have been called, if that looks for it.

    Where there is none, by ftrace_caller.
    """
    lab, shared = make(arch, variant), variant.regs or variant.plain
    flags = flags if variant.regs else flags and ()
    untraced, got = lab.call(FUNCTION), list[tuple[int, int]]()
    lab.implement("my_direct_func1", lambda file, buf: got.append((file, buf)))
    direct = FtraceOps("direct")
    lab.set_filter(direct, FUNCTION)
    lab.register_direct(direct, lab.address("my_tramp1"))
    probe = None if flags is None else register(lab, "probe", *flags)
    assert lab.symbol(lab.record(FUNCTION).target) == (shared.symbol if probe else "my_tramp1")
    recording = lab.call(FUNCTION)
    assert [call.ops for call in recording.callbacks] == ([probe] if probe else [])
    called = probe is None or variant.shares_direct_calls
    arguments = tuple(lab.layout.get(recording.hit.registers, name) for name in arch.abi.arguments[:2])
    assert got == ([arguments] if called else [])
    assert recording.result == untraced.result
    assert recording.hit.changed().keys() <= set(variant.plain.clobbers)
    if probe:
        (arrival,) = (item for item in recording.arrivals if item.symbol == "ftrace_ops_list_func")
        assert variant.direct is not None
        member = lab.struct.member(variant.direct)
        asked = int.from_bytes(arrival.after[member.offset :][: member.size], "little")
        assert asked == lab.address("my_tramp1")
    lab.unregister_direct(direct, lab.address("my_tramp1"))
    assert lab.call(FUNCTION).result == untraced.result
    assert len(got) == int(called)


@each(DIRECT)
def test_who_is_called_after_call_direct_funcs_finds_its_mark(arch: Arch, variant: Variant) -> None:
    """The direct ops, registered last, is called first, and writes to the record that the others get as well."""
    lab = make(arch, variant)
    lab.implement("my_direct_func1", lambda: None)
    register(lab, "probe")
    direct = FtraceOps("direct")
    lab.set_filter(direct, FUNCTION)
    lab.register_direct(direct, lab.address("my_tramp1"))
    (call,) = lab.call(FUNCTION).callbacks
    record = call.regs or call.fregs
    assert record is not None
    assert variant.direct is not None
    mark = record[variant.direct]
    assert (mark.value, mark.status) == (lab.address("my_tramp1"), Status.CALLBACK)
    assert [seen.member.name for seen in record if seen.status is Status.CALLBACK] == [variant.direct]
