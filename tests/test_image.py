# SPDX-License-Identifier: GPL-2.0-only
"""The fake kernel in memory: where things are, what they are called, and when there is no more room."""

from __future__ import annotations

from itertools import pairwise

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.core.release import VARIABLES
from emulator.description import Ability
from emulator.errors import InputError
from emulator.image import Image
from emulator.lab import Lab
from emulator.subject import load

ALL = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


@pytest.fixture(params=ALL, ids=[f"{arch.name}-{variant.name}" for arch, variant in ALL])
def image(request: pytest.FixtureRequest) -> Image:
    arch, variant = request.param
    (subject,) = load(arch, [variant])
    return Image(subject, seed=1)


def test_every_site_is_where_the_compiler_put_a_call(image: Image) -> None:
    assert {rec.symbol for rec in image.records} >= {"vfs_read", "vfs_write", "kernel_read"}
    for rec in image.records:
        assert 0 <= rec.ip - image.symbols.address(rec.symbol) < 64
        assert image.memory.region(rec.ip) is image.memory.region(image.exit)


def test_every_variable_has_room(image: Image) -> None:
    places = sorted(image.symbols.address(name) for name in VARIABLES)
    assert all(image.data.base <= place < image.data.end for place in places)
    assert all(later - sooner >= image.word for sooner, later in pairwise(places))


def test_names_lead_both_ways(image: Image) -> None:
    for name in ("vfs_read", "ftrace_ops_list_func", "[exit]"):
        assert image.symbols.name(image.symbols.address(name)) == name
    for name in VARIABLES:
        assert image.symbols.name(image.symbols.address(name)) == f"&{name}"


def test_callers_lead_to_what_they_call(image: Image) -> None:
    assert image.symbols.name(image.callers["vfs_read"]).split("+")[0] == "ksys_read"


def test_addresses_are_those_of_real_kernels(image: Image) -> None:
    text = image.arch.memory.text
    assert text < image.symbols.address("vfs_read") < text + (1 << 20)


def test_the_same_seed_poisons_the_stack_in_the_same_way() -> None:
    arch = catalog.load("x86_64")
    (subject,) = load(arch, [arch.variant("6.12")])
    one, same, other = (Image(subject, seed) for seed in (1, 1, 2))
    assert one.poison == same.poison != other.poison
    assert len(set(one.poison)) == 256


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize("home", ["core", "module"])
def test_room_for_ops_ends_with_a_message_and_nothing_changes(name: str, home: str) -> None:
    lab = Lab(name)
    count = 0
    try:
        for number in range(1000):
            ops = FtraceOps(f"ops{number}", ignore, home=home)
            lab.set_filter(ops, "vfs_read")
            lab.register(ops)
            count += 1
    except InputError as error:
        full = str(error)
    else:
        full = "never"
    assert full.startswith("no room for another")
    assert count >= 15
    assert len(lab.core.ops) == count
    assert len(lab.call("vfs_read").callbacks) == count


def test_room_for_copies_ends_with_a_message_and_nothing_changes() -> None:
    lab = Lab("x86_64")

    def register_many() -> None:
        for number in range(64):
            for flags in ((), ("SAVE_REGS",)):
                ops = FtraceOps(f"probe{number}", ignore, flags=flags)
                lab.set_filter(ops, "vfs_read")
                lab.register(ops)
                lab.unregister(ops)

    with pytest.raises(InputError, match="no room for another private trampoline"):
        register_many()
    assert lab.core.ops == []
    assert lab.call("vfs_read").callbacks == []


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("home", ["core", "module"])
def test_an_ops_that_comes_and_goes_needs_no_more_room(home: str, *, anew: bool) -> None:
    lab = Lab("x86_64")
    ops = FtraceOps("probe", ignore, home=home)
    for _ in range(300):
        ops = FtraceOps("probe", ignore, home=home) if anew else ops
        lab.set_filter(ops, "vfs_read", reset=True)
        lab.register(ops)
        lab.unregister(ops)
    lab.register(ops)
    recording = lab.call("vfs_read")
    assert [call.ops for call in recording.callbacks] == [ops]
    assert lab.symbol(recording.hit.target) == "ftrace_trampoline[probe]"


def test_static_variants_keep_the_compilers_calls() -> None:
    for arch, variant in ALL:
        if Ability.DYNAMIC_FTRACE not in variant.abilities:
            lab = Lab(arch.name, variant=variant.name)
            rec = lab.record("vfs_read")
            assert lab.image.memory.read(rec.ip, len(variant.site.nop)) == lab.patcher.compiled[rec.ip]
