# SPDX-License-Identifier: GPL-2.0-only
"""Files for another machine, class or byte order, and files that are no objects: both are named."""

from __future__ import annotations

from typing import Any

import pytest

from elf_files import DYN_FILE, EXEC_FILE, ElfFile
from emulator import catalog
from emulator.elf import Elf
from emulator.errors import InputError
from emulator.objects import expect_machine, piece_of


def shape(name: str) -> dict[str, Any]:
    arch = catalog.load(name)
    return {"machine": arch.engine.elf_machine, "bits": 8 * arch.word, "big_endian": arch.big_endian}


@pytest.mark.parametrize("name", catalog.names())
def test_every_architecture_takes_its_own(name: str) -> None:
    expect_machine(Elf(ElfFile(**shape(name)).written(), "a.o"), catalog.load(name))


@pytest.mark.parametrize("name", catalog.names())
def test_every_architecture_refuses_the_others(name: str) -> None:
    for other in set(catalog.names()) - {name}:
        with pytest.raises(InputError, match=rf"a\.o:0x0: is for {other} .*, not for {name} \(ELF machine"):
            expect_machine(Elf(ElfFile(**shape(other)).written(), "a.o"), catalog.load(name))


@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize(
    ("change", "said"),
    [({"big_endian": True}, "big-endian"), ({"bits": None}, "bits"), ({"machine": 8}, "another machine")],
)
def test_one_difference_is_enough(name: str, change: dict[str, Any], said: str) -> None:
    found = shape(name)
    if "bits" in change:
        change = {"bits": 96 - found["bits"]}
    with pytest.raises(InputError, match=f"{said}.*, not for {name}"):
        expect_machine(Elf(ElfFile(**found | change).written(), "a.o"), catalog.load(name))


@pytest.mark.parametrize(
    ("kind", "said"), [(EXEC_FILE, "a linked program"), (DYN_FILE, "a shared object"), (9, "something else")]
)
def test_what_is_linked_is_no_object(kind: int, said: str) -> None:
    with pytest.raises(InputError, match=rf"is {said} \(ELF type {kind}\), not a relocatable object"):
        piece_of(Elf(ElfFile(**shape("x86_64"), kind=kind).written(), "a.o"), catalog.load("x86_64"))
