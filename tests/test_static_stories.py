# SPDX-License-Identifier: GPL-2.0-only
"""The stories of static variants (!DYNAMIC_FTRACE): no site ever changes, no filter exists, everybody hears of
everything; what changes is the pointer that mcount compares with ftrace_stub.
"""

from __future__ import annotations

import errno

import pytest

from emulator import catalog
from emulator.core.fgraph_ops import FgraphOps, GraphEnt
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Arch, Variant
from emulator.errors import FtraceError
from emulator.lab import Lab
from emulator.subject import load

STATIC = [
    (arch, variant)
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE not in variant.abilities
]
GRAPH = [pair for pair in STATIC if Ability.FUNCTION_GRAPH_TRACER in pair[1].abilities]
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
    lab.register(ops)
    return ops


def code(lab: Lab) -> bytes:
    """Text without the C functions: an ops brings another one."""
    return lab.image.memory.contents()["text"][: lab.image.gates - lab.image.text.base]


def pointer(lab: Lab, name: str) -> str:
    return lab.symbol(lab.image.memory.read_word(lab.address(name)))


@each(STATIC)
def test_nobody(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    recording = lab.call(FUNCTION)
    assert recording.callbacks == []
    assert all(
        hit.landing is not None and hit.changed().keys() <= set(variant.plain.clobbers) for hit in recording.hits
    )
    assert lab.image.memory.read_word(lab.address("ftrace_trace_function")) == lab.address("ftrace_stub")


@each(STATIC)
def test_one_ops_hears_of_every_function_and_gets_neither_op_nor_regs_from_mcount(arch: Arch, variant: Variant) -> None:
    """Its own op comes from the list function, where that stands between; no code changes."""
    lab = make(arch, variant)
    before, untraced = code(lab), lab.call(FUNCTION).result
    ops = register(lab, "probe")
    recording = lab.call(FUNCTION)
    through_list = "ftrace_ops_list_func" in recording.callbacks[0].via
    assert through_list == bool(lab.release.list_unless)
    assert [lab.symbol(call.ip).split("+")[0] for call in recording.callbacks] == NAMES
    for call, hit in zip(recording.callbacks, recording.hits, strict=True):
        assert call.ip == hit.ip
        assert call.via[0] == variant.plain.symbol == lab.symbol(hit.target)
        assert call.op is (ops if lab.release.callback_gets_op else None)
        assert (call.regs, call.fregs, call.arrival.record) == (None, None, None)
        assert hit.changed().keys() <= set(variant.plain.clobbers)
    assert recording.result == untraced
    assert code(lab) == before
    lab.unregister(ops)
    assert lab.call(FUNCTION).callbacks == []


@each(STATIC)
def test_there_are_no_filters(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    ops = FtraceOps("probe", ignore)
    for call in (lab.set_filter, lab.set_notrace):
        with pytest.raises(FtraceError) as refused:
            call(ops, FUNCTION)
        assert refused.value.errno == errno.ENODEV
    lab.register(ops)
    assert len(lab.call(FUNCTION).callbacks) == len(NAMES)


@each([pair for pair in STATIC if pair[1].release != "3.6"])
def test_nobody_gets_regs(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    with pytest.raises(FtraceError) as refused:
        register(lab, "kprobe", "SAVE_REGS")
    assert refused.value.errno == errno.EINVAL
    lenient = register(lab, "lenient", "SAVE_REGS_IF_SUPPORTED")
    calls = lab.call(FUNCTION).callbacks
    assert [(call.ops, call.regs) for call in calls] == [(lenient, None)] * len(NAMES)


@each(STATIC)
def test_two_ops_are_called_newest_first(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    first, second = register(lab, "first"), register(lab, "second")
    calls = lab.call(FUNCTION).callbacks
    assert [call.ops for call in calls] == [second, first] * len(NAMES)
    assert all("ftrace_ops_list_func" in call.via for call in calls)


@each([pair for pair in STATIC if pair[1].release in ("3.6", "3.7")])
def test_who_tests_function_trace_stop(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    register(lab, "probe")
    lab.stop = True
    assert lab.call(FUNCTION).callbacks == []
    lab.stop = False
    assert len(lab.call(FUNCTION).callbacks) == len(NAMES)


@each(GRAPH)
def test_the_graph_tracer_is_hooked_only_while_nobody_else_traces(arch: Arch, variant: Variant) -> None:
    """mcount calls the tracer or the graph caller, never both. On 6.1 the graph tracer's own ops is in the way; 6.12
    refuses it.
    """
    lab = make(arch, variant)
    untraced = lab.call(FUNCTION).result
    told: list[tuple[str, int]] = []

    def entry(ent: GraphEnt, _gops: FgraphOps) -> bool:
        told.append((lab.symbol(ent.func).split("+")[0], ent.depth))
        return True

    gops = FgraphOps("graph", entry)
    if lab.release.graph_users > 1:
        with pytest.raises(FtraceError) as refused:
            lab.register_graph(gops)
        assert refused.value.errno == errno.EINVAL
        return
    lab.register_graph(gops)
    assert pointer(lab, "ftrace_graph_return") == "retfunc"
    recording = lab.call(FUNCTION)
    assert recording.result == untraced
    beside = variant.graph is not None and variant.graph.beside  # arm64: whoever else traces
    hooked = beside or lab.release.name in ("3.6", "3.7")
    assert told == ([(name, depth) for depth, name in enumerate(NAMES)] if hooked else [])
    told.clear()
    register(lab, "probe")
    assert [call.ops.name for call in lab.call(FUNCTION).callbacks] == ["probe"] * len(NAMES)
    assert bool(told) == beside
