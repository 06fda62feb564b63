# SPDX-License-Identifier: GPL-2.0-only
"""Free addresses beside an image: within reach, apart from it and from each other, or a message."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import catalog
from emulator.assembly import fixups
from emulator.description import Arch, Branch, Memory
from emulator.errors import InputError
from emulator.image import MODULE_SIZE, STACK_SIZE
from emulator.images.contents import MOST, Contents, Extent
from emulator.images.free import memory
from emulator.machine.memory import PAGE
from emulator.placement import DATA_SIZE, TEXT_SIZE
from emulator.spans import Span


def contents(*spans: tuple[int, int]) -> Contents:
    return Contents(
        "vmlinux", [Extent(start, size, memoryview(b""), executable=True, name="x") for start, size in spans]
    )


def given_out(arch: Arch, image: Contents, near: int) -> list[Span]:
    where = memory(image, arch, arch.variants[-1].site.call, near)
    sizes = ((where.text, TEXT_SIZE), (where.data, DATA_SIZE), (where.modules, MODULE_SIZE), (where.stack, STACK_SIZE))
    return [Span(start, start + size) for start, size in sizes]


@pytest.fixture(params=catalog.names())
def arch(request: pytest.FixtureRequest) -> Arch:
    return catalog.load(request.param)


def reaches(call: Branch, usual: Memory) -> bool:
    """Whether modules are where a call gets to; arm64 has them further off, for direct calls of any distance."""
    try:
        fixups.encode_branch(call, usual.modules, usual.text)
    except InputError:
        return False
    return True


def test_usual_addresses_stay_where_the_image_leaves_them_free(arch: Arch) -> None:
    usual = arch.memory
    where = memory(contents((usual.text + (1 << 20), PAGE)), arch, arch.variants[-1].site.call, usual.text + (1 << 20))
    assert where == usual


def test_an_image_everywhere_pushes_all_aside(arch: Arch) -> None:
    usual = arch.memory
    taken = contents((usual.text, 16 << 20), (usual.modules, PAGE), (usual.stack, PAGE), (0, PAGE))
    found = given_out(arch, taken, usual.text + PAGE)
    for span in found:
        assert all(span.end <= extent.address or extent.end <= span.start for extent in taken.extents)
        assert span.start % PAGE == 0
    assert all(sooner.end + PAGE <= later.start for sooner, later in pairwise(sorted(found)))


def test_code_is_given_out_within_reach(arch: Arch) -> None:
    call, near = arch.variants[-1].site.call, arch.memory.text
    text, _, modules, _ = given_out(arch, contents((near, 1 << 20)), near)
    for span in (text, modules) if reaches(call, arch.memory) else (text,):
        assert fixups.encode_branch(call, span.start, near)
        assert fixups.encode_branch(call, span.end - 16, near)


def test_no_room_within_reach_is_said(arch: Arch) -> None:
    near = arch.memory.text
    low = max(near - (1 << 33), 0)
    everything = contents((low, min(near + (1 << 33), 1 << 8 * arch.word) - low))
    with pytest.raises(InputError, match=f"vmlinux: no room for text within reach of {near:#x}"):
        memory(everything, arch, arch.variants[-1].site.call, near)


def test_too_many_sections_are_refused() -> None:
    with pytest.raises(InputError, match=f"has {MOST + 1} sections in memory, more than {MOST}"):
        contents(*((PAGE * number, 1) for number in range(MOST + 1)))


@given(st.lists(st.tuples(st.integers(0, 64).map(lambda page: 0xC0000000 + page * 0x40000), st.integers(1, 0x90000))))
def test_nothing_overlaps_whatever_the_sections_are(spans: list[tuple[int, int]]) -> None:
    arch = catalog.load("arm")
    image = contents(*spans)
    found = given_out(arch, image, 0xC0300000)
    assert all(span.end <= extent.address or extent.end <= span.start for span in found for extent in image.extents)
    assert all(sooner.end <= later.start for sooner, later in pairwise(sorted(found)))


def test_bytes_end_where_their_section_does_and_what_the_file_lacks_is_zero() -> None:
    image = Contents("x", [Extent(0x1000, 8, memoryview(b"abcd"), executable=False, name=".data")])
    assert image.read(0x1002, 4) == b"cd\0\0"
    assert image.read(0x1006, 4) == b"\0\0"
    assert image.read(0x0FFF, 4) == b""
    assert not image.executable(0x1000)
