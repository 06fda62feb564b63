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
from emulator.scenario import OpsSpec, play, story
from emulator.subject import load

DYNAMIC = [
    (arch, variant)
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]
IDS = [f"{arch.name} {variant.name}" for arch, variant in DYNAMIC]


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


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC, ids=IDS)
def test_the_story_fits_the_variant(arch: Arch, variant: Variant) -> None:
    del arch
    scenarios = {scenario.name: scenario for scenario in story(variant, "f", "g")}
    kernel = release(variant.release)
    assert ("stopped" in scenarios) == kernel.has_trace_stop
    assert ("lenient" in scenarios) == ("SAVE_REGS_IF_SUPPORTED" in kernel.flags)
    safe = kernel.protects_ops == "RECURSION_SAFE"
    assert all(("RECURSION_SAFE" in spec.flags) == safe for item in scenarios.values() for spec in item.ops)


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC, ids=IDS)
def test_every_scenario_ends_well_or_is_refused_for_what_the_variant_lacks(arch: Arch, variant: Variant) -> None:
    (subject,) = load(arch, [variant])
    for scenario in story(variant, "vfs_read", "vfs_write"):
        outcome = play(subject, scenario, "vfs_read", seed=3)
        assert outcome.trouble is None
        wants_regs = any("SAVE_REGS" in spec.flags for spec in scenario.ops)
        lacks_regs = Ability.DYNAMIC_FTRACE_WITH_REGS not in variant.abilities
        assert (outcome.refused is not None) == (wants_regs and lacks_regs)
        assert outcome.refused or outcome.recordings


def test_disjoint_ops_are_both_called_each_on_its_own_function() -> None:
    arch = catalog.load("x86_64")
    (subject,) = load(arch, [arch.variant("6.12")])
    scenario = next(item for item in story(arch.variant("6.12"), "vfs_read", "vfs_write") if item.name == "disjoint")
    outcome = play(subject, scenario, "vfs_read", seed=1)
    assert [call.ops.name for call in outcome.calls("vfs_read")] == ["probe"]
    assert [call.ops.name for call in outcome.calls("vfs_write")] == ["other"]
    assert outcome.site("vfs_read") != outcome.site("vfs_write") != arch.variant("6.12").site.nop
