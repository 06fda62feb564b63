# SPDX-License-Identifier: GPL-2.0-only
"""What --ops says, and the story that everybody sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import catalog
from emulator.core.releases import release
from emulator.description import Ability, Arch, Variant
from emulator.errors import UsageError
from emulator.scenario import OpsSpec, story

ALL = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
IDS = [f"{arch.name} {variant.name}" for arch, variant in ALL]


def test_a_spec_has_flags_and_keys_in_any_order() -> None:
    spec = OpsSpec.parse("kprobe:filter=vfs_*:SAVE_REGS:home=module:notrace=vfs_write:filter=ksys_*")
    assert spec == OpsSpec("kprobe", frozenset({"SAVE_REGS"}), ("vfs_*", "ksys_*"), ("vfs_write",), "module")


@pytest.mark.parametrize(
    "text", ["", ":", "1probe", "probe::", "probe:", "probe:filter=", "probe:=x", "probe:nope=1", "p q"]
)
def test_a_spec_that_does_not_parse_names_what_is_wrong(text: str) -> None:
    with pytest.raises(UsageError, match="ops"):
        OpsSpec.parse(text)


names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
globs = st.from_regex(r"[a-z_*?]{1,8}", fullmatch=True)


@given(
    name=names,
    flags=st.frozensets(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), max_size=3),
    filters=st.lists(globs, max_size=2),
    notraces=st.lists(globs, max_size=2),
    home=st.sampled_from(["core", "module"]),
)
def test_a_spec_reads_back_what_it_prints(
    name: str, flags: frozenset[str], filters: list[str], notraces: list[str], home: str
) -> None:
    spec = OpsSpec(name, flags, tuple(filters), tuple(notraces), home)
    assert OpsSpec.parse(str(spec)) == spec


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_the_story_fits_the_variant(arch: Arch, variant: Variant) -> None:
    del arch
    scenarios = {scenario.name: scenario for scenario in story(variant, "f", "g")}
    kernel = release(variant.release)
    assert ("stopped" in scenarios) == kernel.has_trace_stop
    assert ("lenient" in scenarios) == ("SAVE_REGS_IF_SUPPORTED" in kernel.flags)
    safe = kernel.protects_ops == "RECURSION_SAFE"
    assert all(("RECURSION_SAFE" in spec.flags) == safe for item in scenarios.values() for spec in item.ops)
    dynamic = Ability.DYNAMIC_FTRACE in variant.abilities
    assert all(bool(spec.filters) == dynamic for item in scenarios.values() for spec in item.ops)
    assert ("disjoint" in scenarios) == dynamic
    graph, direct = Ability.FUNCTION_GRAPH_TRACER, Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
    assert {"graph", "graph_beside"} <= scenarios.keys() or graph not in variant.abilities
    assert any(item.graph for item in scenarios.values()) == (graph in variant.abilities)
    assert any(item.direct for item in scenarios.values()) == (direct in variant.abilities)


def test_a_label_names_everybody() -> None:
    arch = catalog.load("x86_64")
    labels = [scenario.label for scenario in story(arch.variant("6.12"), "f", "g")]
    assert labels[0] == "(none)"
    assert labels[-4:] == ["graph", "probe+graph", "direct", "direct+probe"]
