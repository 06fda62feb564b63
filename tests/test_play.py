# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios played: what each variant makes of them, alone or one after another in the same kernel."""

from __future__ import annotations

import errno

import pytest

from emulator import catalog
from emulator.description import Ability, Arch, Variant
from emulator.errors import FtraceError, UsageError
from emulator.play import play, survey
from emulator.scenario import OpsSpec, Outcome, Scenario, story
from emulator.subject import load

ALL = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
IDS = [f"{arch.name} {variant.name}" for arch, variant in ALL]


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_every_scenario_ends_well_or_is_refused_for_what_the_variant_lacks(arch: Arch, variant: Variant) -> None:
    (subject,) = load(arch, [variant])
    dynamic = Ability.DYNAMIC_FTRACE in variant.abilities
    for scenario in story(variant, "vfs_read", "vfs_write"):
        outcome = play(subject, scenario, "vfs_read", seed=3)
        assert outcome.trouble is None
        wants_regs = any("SAVE_REGS" in spec.flags for spec in scenario.ops)
        lacks_regs = Ability.DYNAMIC_FTRACE_WITH_REGS not in variant.abilities
        lacks_graph = scenario.graph and not dynamic and outcome.lab.release.graph_users > 1
        assert (outcome.refused is not None) == ((wants_regs and lacks_regs) or lacks_graph)
        assert outcome.refused or outcome.recordings
        beside = variant.graph is not None and variant.graph.beside
        hooks = dynamic or beside or (scenario.label == "graph" and outcome.lab.release.name in ("3.6", "3.7"))
        assert bool(outcome.graph) == (scenario.graph and hooks)


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_a_kernel_that_is_shared_is_as_good_as_new(arch: Arch, variant: Variant) -> None:
    """Each scenario's callbacks, graph and cost are those of a kernel of its own, in whatever order they come."""
    (subject,) = load(arch, [variant])
    scenarios = story(variant, "vfs_read", "vfs_write")
    for order in (scenarios, scenarios[::-1]):
        shared = survey(subject, order, "vfs_read", seed=3)
        for scenario in scenarios:
            assert seen(shared[scenario.name]) == seen(play(subject, scenario, "vfs_read", seed=3)), scenario.name


def seen(outcome: Outcome) -> object:
    """What happened, without the addresses of what a kernel gives out one after another."""
    calls = [
        (call.via, call.ip, call.parent_ip, str(call.op)) for done in outcome.recordings for call in done.callbacks
    ]
    costs = [(done.cost(hit), sorted(hit.changed())) for done in outcome.recordings for hit in done.hits]
    return calls, costs, [done.result for done in outcome.recordings], outcome.graph, str(outcome.refused)


def test_disjoint_ops_are_both_called_each_on_its_own_function() -> None:
    outcome = _played("x86_64", "6.12", "disjoint")
    assert [call.ops.name for call in outcome.calls("vfs_read")] == ["probe"]
    assert [call.ops.name for call in outcome.calls("vfs_write")] == ["other"]
    assert outcome.site("vfs_read") != outcome.site("vfs_write") != outcome.lab.variant.site.nop


def _played(arch_name: str, variant: str, name: str) -> Outcome:
    arch = catalog.load(arch_name)
    (subject,) = load(arch, [arch.variant(variant)])
    (scenario,) = (item for item in story(arch.variant(variant), "vfs_read", "vfs_write") if item.name == name)
    return play(subject, scenario, "vfs_read", seed=1)


def _given(arch_name: str, variant: str, *specs: str) -> Outcome:
    arch = catalog.load(arch_name)
    (subject,) = load(arch, [arch.variant(variant)])
    scenario = Scenario("ops", "the ops given", tuple(map(OpsSpec.parse, specs)))
    return play(subject, scenario, "vfs_read", seed=1)


@pytest.mark.parametrize(
    ("variant", "specs", "called"),
    [
        ("6.12", ["live:IPMODIFY:PERMANENT:filter=vfs_read:home=module"], ["live"]),
        ("6.12", ["a:RCU:filter=vfs_read", "b:PID:filter=vfs_read"], ["b", "a"]),
        ("6.12", ["a:STUB:filter=vfs_read", "b:filter=vfs_read"], ["b"]),
        ("6.12", ["a:DIRECT:filter=vfs_read", "b:filter=vfs_read"], ["b"]),
        ("3.7", ["a:GLOBAL:filter=vfs_read", "b:CONTROL:filter=vfs_read"], ["b", "a"]),
        ("3.7-static", ["a:GLOBAL", "b:CONTROL"], ["b", "a"]),
    ],
)
def test_flags_that_a_release_has_work(variant: str, specs: list[str], called: list[str]) -> None:
    outcome = _given("x86_64", variant, *specs)
    assert outcome.refused is None
    assert [call.ops.name for call in outcome.calls("vfs_read")] == called


@pytest.mark.parametrize(
    ("arch", "variant", "specs", "code"),
    [
        ("x86_64", "6.12", ["a:IPMODIFY:filter=vfs_read", "b:IPMODIFY:filter=vfs_read"], errno.EBUSY),
        ("x86_64", "6.12", ["a:DIRECT:filter=vfs_read", "b:DIRECT:filter=vfs_*"], errno.EBUSY),
        ("x86_64", "6.12", ["a:DIRECT"], errno.EINVAL),
        ("arm", "6.12", ["a:DIRECT:filter=vfs_read"], errno.ENODEV),
        ("x86_64", "3.7", ["a:GLOBAL:CONTROL:filter=vfs_read"], errno.EINVAL),
        ("x86_64", "3.7-static", ["a:filter=vfs_read"], errno.ENODEV),
    ],
)
def test_what_the_kernel_refuses_is_refused_with_its_code(arch: str, variant: str, specs: list[str], code: int) -> None:
    refused = _given(arch, variant, *specs).refused
    assert isinstance(refused, FtraceError)
    assert refused.errno == code


@pytest.mark.parametrize(
    ("variant", "spec"), [("3.7", "a:DIRECT:filter=vfs_read"), ("6.12", "a:GLOBAL"), ("6.12", "a:SUBOP")]
)
def test_flags_that_a_release_lacks_or_keeps_for_itself_are_bad_usage(variant: str, spec: str) -> None:
    assert isinstance(_given("x86_64", variant, spec).refused, UsageError)


def test_a_run_may_be_twice_as_long_as_any_honest_one() -> None:
    """The deepest recursion there is, with a direct call at each level beside an ops, is no run without end."""
    arch = catalog.load("x86_64")
    (subject,) = load(arch, [arch.variant("6.12-ibt-fp")])
    (scenario,) = (
        item
        for item in story(arch.variant("6.12-ibt-fp"), "device_is_dependent", "vfs_write")
        if item.name == "direct_beside"
    )
    recording = play(subject, scenario, "device_is_dependent", seed=129).recording
    assert recording is not None
    assert len(recording.hits) > 250
    assert recording.outcome is None
