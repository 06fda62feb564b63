# SPDX-License-Identifier: GPL-2.0-only
"""struct pt_regs and struct ftrace_regs as a callback holds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import catalog
from emulator.description import Ability, Arch
from emulator.errors import UsageError
from emulator.machine.memory import PAGE, Memory, Region
from emulator.views import FtraceRegs, PtRegs

ARCHES = [catalog.load(name) for name in catalog.names()]
BASE = 0x10000
X86 = catalog.load("x86_64")


def memory(*, word: int = 8, big_endian: bool = False) -> Memory:
    return Memory([Region("stack", BASE, PAGE, writable=True)], word=word, big_endian=big_endian)


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
@given(value=st.integers(-(1 << 70), 1 << 70))
def test_what_is_written_to_a_member_is_in_memory_at_once(arch: Arch, value: int) -> None:
    guest = memory(word=arch.word)
    regs = PtRegs(arch.pt_regs, guest, BASE + 8)
    for member in arch.pt_regs.members:
        setattr(regs, member.name, value)
        stored = value % (1 << 8 * member.size)
        assert getattr(regs, member.name) == stored
        assert guest.read_word(BASE + 8 + member.offset, member.size) == stored


def test_an_unknown_member_names_the_known_ones() -> None:
    regs = PtRegs(X86.pt_regs, memory(), BASE)
    with pytest.raises(AttributeError, match=r"struct pt_regs has no 'rax' \(known: .*\bax\b.*\)"):
        _ = regs.rax
    with pytest.raises(AttributeError, match="has no 'eip'"):
        regs.eip = 1
    with pytest.raises(AttributeError, match="has no 'address'"):
        regs.address = 1


PARTIAL, FULL = X86.variant("6.12"), X86.variant("3.7")
"""With the mark cs, and without one."""


def test_members_can_be_listed() -> None:
    assert set(dir(PtRegs(X86.pt_regs, memory(), BASE))) == {member.name for member in X86.pt_regs.members}


def test_a_record_shows_what_and_where_it_is() -> None:
    assert repr(PtRegs(X86.pt_regs, memory(), BASE)) == "<struct pt_regs at 0x10000>"
    assert repr(FtraceRegs(PARTIAL, X86, memory(), BASE)) == "<struct ftrace_regs at 0x10000>"


def test_a_record_is_partial_where_its_mark_is_zero() -> None:
    fregs = FtraceRegs(PARTIAL, X86, memory(), BASE)
    assert fregs.get_regs() is None
    PtRegs(X86.pt_regs, fregs._regs._memory, BASE).cs = 0x10
    regs = fregs.get_regs()
    assert regs is not None
    assert regs.cs == 0x10


def test_without_a_mark_every_record_is_full() -> None:
    assert FtraceRegs(FULL, X86, memory(), BASE).get_regs() is not None


@pytest.mark.parametrize("arch", [arch for arch in ARCHES if any(variant.regs for variant in arch.variants)])
def test_accessors_find_the_members_by_what_these_promise(arch: Arch) -> None:
    fregs = FtraceRegs(FULL, arch, memory(word=arch.word), BASE)
    regs = fregs.get_regs()
    fregs.set_instruction_pointer(0x1234)
    fregs.set_return_value(0x5678)
    assert regs is not None
    regs.sp = 0x9ABC
    assert fregs.get_instruction_pointer() == 0x1234
    assert fregs.get_return_value() == 0x5678
    assert fregs.get_stack_pointer() == 0x9ABC
    assert all(isinstance(fregs.get_argument(n), int) for n in range(len(arch.abi.arguments)))


def test_arguments_are_those_of_the_abi() -> None:
    fregs = FtraceRegs(FULL, X86, memory(), BASE)
    regs = fregs.get_regs()
    assert regs is not None
    regs.di, regs.si, regs.r9 = 1, 2, 6
    assert [fregs.get_argument(n) for n in (0, 1, 5)] == [1, 2, 6]


@pytest.mark.parametrize("n", [-1, 6, 100])
def test_an_argument_that_is_in_no_register_is_refused(n: int) -> None:
    with pytest.raises(UsageError, match=f"argument {n} is not in a register"):
        FtraceRegs(FULL, X86, memory(), BASE).get_argument(n)


def test_a_member_that_no_trampoline_loads_back_cannot_be_written() -> None:
    entry = X86.variant("6.12").regs
    assert entry is not None
    regs = PtRegs(X86.pt_regs, memory(), BASE, entry)
    regs.ax = regs.r10 = 7
    for name in ("r11", "sp", "cs", "ss"):
        with pytest.raises(UsageError, match=rf"pt_regs->{name} = 0x9: ftrace_regs_caller does not load it back"):
            setattr(regs, name, 9)
    assert (regs.ax, regs.r10, regs.r11) == (7, 7, 0)


def test_big_endian_words() -> None:
    guest = memory(big_endian=True)
    PtRegs(X86.pt_regs, guest, BASE).r15 = 0x0102030405060708
    assert guest.read(BASE, 8) == bytes(range(1, 9))


def test_variants_with_partial_records_have_a_mark() -> None:
    for arch in ARCHES:
        for variant in arch.variants:
            if Ability.DYNAMIC_FTRACE_WITH_ARGS in variant.abilities and variant.fregs is None:
                assert variant.get_regs in {member.name for member in arch.pt_regs.members}
