# SPDX-License-Identifier: GPL-2.0-only
"""Every variant is recognised by its own trampolines, and what is not one of ours by what it is nearest to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator import catalog
from emulator.description import Ability, Arch, Variant
from emulator.errors import InputError
from emulator.recognise import Evidence, evidence, needs, recognise
from emulator.subject import own_trampolines

ARCHS = [catalog.load(name) for name in catalog.names()]
REAL = [(arch, variant) for arch in ARCHS for variant in arch.variants if not variant.synthetic]


def names(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.fixture(scope="module")
def known() -> dict[Variant, Evidence]:
    """What each variant's own trampolines say about themselves."""
    found: dict[Variant, Evidence] = {}
    for arch in ARCHS:
        real = [variant for variant in arch.variants if not variant.synthetic]
        pieces = own_trampolines(arch, real)
        found |= {variant: evidence(arch, piece) for variant, piece in zip(real, pieces, strict=True)}
    return found


@pytest.mark.parametrize(("arch", "variant"), REAL, ids=names)
def test_each_is_itself_or_one_that_nothing_tells_from_it(arch: Arch, variant: Variant, known) -> None:
    found = recognise(arch, known[variant])
    if found.variant is not variant:
        assert known[found.variant].defined == known[variant].defined
        assert known[found.variant].code == known[variant].code
        assert any(variant.name in note for note in found.notes)
    assert found.reasons[0].startswith(f"has {needs(found.variant)[0]}")


@pytest.mark.parametrize(("arch", "variant"), REAL, ids=names)
def test_entries_begin_with_landing_pads_where_they_are_declared_to(arch: Arch, variant: Variant, known) -> None:
    wanted = bool(arch.landing_pad) and (arch.pads_entries or Ability.KERNEL_IBT in variant.abilities)
    assert {code.startswith(arch.landing_pad or b"?") for code in known[variant].code.values()} == {wanted}


@pytest.mark.parametrize(("arch", "variant"), REAL, ids=names)
def test_with_its_release_known_it_is_of_that_release(arch: Arch, variant: Variant, known) -> None:
    found = recognise(arch, replace(known[variant], release=f"{variant.release}.9-13-amd64"))
    assert found.variant.release == variant.release
    assert f"is of release {variant.release}.9-13-amd64" in found.text[0]


@pytest.mark.parametrize("arch", ARCHS, ids=names)
def test_by_names_alone_it_is_the_newest_default_among_those_that_fit(arch: Arch, known) -> None:
    newest = arch.variant(arch.releases[-1])
    found = recognise(arch, replace(known[newest], code={}))
    assert found.variant is newest


@pytest.mark.parametrize("name", ["6.12-ibt", "6.12-fp", "6.1-ibt-fp"])
def test_configurations_are_told_by_their_instructions(name: str, known) -> None:
    arch = catalog.load("x86_64")
    found = recognise(arch, known[arch.variant(name)])
    assert found.variant.name == name
    assert not found.notes
    assert "in its entries, unlike" in found.text[0]


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_where_every_entry_has_a_landing_pad_the_traced_functions_tell(release: str, known) -> None:
    arch = catalog.load("arm64")
    for name, padded in ((release, False), (f"{release}-bti", True)):
        found = recognise(arch, replace(known[arch.variant(release)], release=release, padded=lambda _, it=padded: it))
        assert found.variant.name == name
        assert found.text[0].endswith(f"has {'a' if padded else 'no'} landing pad in its functions")
        assert not found.notes
    found = recognise(arch, replace(known[arch.variant(release)], release=release))
    assert found.notes == (f"{release} is taken; nothing tells it from {release}-bti",)


def test_names_beside_the_needed_ones_tell_releases_apart(known) -> None:
    arch = catalog.load("x86_64")
    assert "has ftrace_stub_direct_tramp, unlike 6.1" in recognise(arch, known[arch.variant("6.12")]).text[0]
    assert "lacks ftrace_stub_direct_tramp, unlike 6.12" in recognise(arch, known[arch.variant("6.1")]).text[0]


def test_a_whole_kernel_with_every_name_in_it(known) -> None:
    arch = catalog.load("x86_64")
    mine = known[arch.variant("6.12-ibt")]
    everything = mine.defined | mine.undefined | {f"function_{number}" for number in range(10_000)}
    assert recognise(arch, replace(mine, defined=everything, undefined=frozenset())).variant.name == "6.12-ibt"


def test_a_release_between_two_that_are_declared(known) -> None:
    arch = catalog.load("x86_64")
    found = recognise(arch, replace(known[arch.variant("6.1")], release="6.6.30"))
    assert found.variant.name == "6.1"
    assert found.notes == ("nothing of release 6.6.30 fits; 6.1 is near it",)


@pytest.mark.parametrize("arch", ARCHS, ids=names)
def test_what_fits_nothing_is_told_what_it_lacks(arch: Arch) -> None:
    with pytest.raises(InputError, match=rf"^a\.o: fits no variant of {arch.name}: it lacks .*, which .* needs"):
        recognise(arch, Evidence("a.o", frozenset({"main"})))


def test_what_nearly_fits_is_told_the_one_name(known) -> None:
    arch = catalog.load("x86_64")
    mine = known[arch.variant("6.12")]
    without = replace(mine, defined=mine.defined - {"ftrace_regs_caller_op_ptr", "__fentry__"})
    with pytest.raises(InputError, match=r"lacks ftrace_regs_caller_op_ptr, which 6\.\d+.*, the nearest one, needs"):
        recognise(arch, without)
