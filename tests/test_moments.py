# SPDX-License-Identifier: GPL-2.0-only
"""A run that is gone on with from one of its moments: where nothing has changed it ends as it did."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.core.fgraph_ops import FgraphOps
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.lab import Lab
from emulator.moments import Moment, moment

VARIANTS = [(arch.name, variant.name) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


def moments(lab: Lab, function: str) -> list[Moment]:
    found: list[Moment] = []

    def visit(run, address):
        if lab.image.in_trampoline(address):
            found.append(moment(run))

    lab.runner.visitor = visit
    lab.call(function)
    lab.runner.visitor = None
    return found


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_a_run_that_is_gone_on_with_ends_as_it_did(arch, variant):
    lab = Lab(arch, variant=variant)
    calls: list[str] = []
    ops = FtraceOps("probe", lambda *_: calls.append("probe"))
    if lab.core.dynamic:
        lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    if lab.core.dynamic and Ability.FUNCTION_GRAPH_TRACER in lab.variant.abilities:
        lab.register_graph(FgraphOps("graph", lambda *_: True, lambda *_: calls.append("return")))
    taken = moments(lab, "vfs_read")
    assert len(taken) > 5
    (first,) = {id(at.recording): at.recording for at in taken}.values()
    once = list(calls)
    for at in taken:
        calls.clear()
        again = lab.runner.resume(at)
        assert again.outcome is None
        assert (again.raw, again.values, again.registers) == (first.raw, first.values, first.registers)
        assert [hit.landing for hit in again.hits] == [hit.landing for hit in first.hits]
        assert [call.ip for call in again.callbacks] == [call.ip for call in first.callbacks]
        assert calls == once[len(once) - len(calls) :]
        assert all(call.arrival.hit in again.hits and call.arrival.recording is again for call in again.callbacks)
        assert lab.core.graph.returns.hooked == 0
    assert first.hits is not again.hits


def test_what_is_ahead_of_a_moment():
    lab = Lab("x86_64", release="6.12")
    ops = FtraceOps("probe", lambda *_: None)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    taken = moments(lab, "vfs_read")
    assert [at.ahead[0] for at in taken] == [at.address for at in taken]
    assert [len(at.ahead) for at in taken] == sorted((len(at.ahead) for at in taken), reverse=True)


def test_what_a_task_has_written_to_a_variable_goes_with_it(tampered):
    data = "        .text\n\n// What every site calls"
    lab = tampered(
        "x86_64",
        "3.6",
        (data, "        .data\n        .balign 8\nkept:   .quad 0\n" + data),
        ("        SAVE\n        IP      to=%rdi ", "        SAVE\n        incq kept(%rip)\n        IP to=%rdi "),
    )
    ops = FtraceOps("probe", lambda *_: None)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    kept = lab.address("kept")
    taken = moments(lab, "vfs_read")
    assert [dict(at.written).get(kept) for at in (taken[0], taken[-1])] == [None, (1).to_bytes(8, "little")]
    for at in taken:
        lab.runner.resume(at)
        assert lab.image.memory.read_word(kept) == 1
