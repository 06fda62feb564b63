# SPDX-License-Identifier: GPL-2.0-only
"""AArch64: fields inside instructions. ELF for the Arm 64-bit Architecture (aaelf64), "Static AArch64 relocations".

All instructions are little-endian words.
"""

from functools import partial

from emulator.assembly.fixups.field import Field, Machine, either, signed, span

PAGE = 4096
MOVN, MOVZ = 0, 0b10 << 29
"""Which of the two moves a signed group becomes, as bits 29 and 30."""


def put_bits(word: int, value: int, *, low: int, bits: int, shift: int = 0) -> int:
    """`bits` of the value, from its bit `shift` on, at bit `low` of the word."""
    mask = (1 << bits) - 1
    return word & ~(mask << low) | (value >> shift & mask) << low


def get_bits(word: int, *, low: int, bits: int, shift: int = 0) -> int:
    """The signed number that put_bits has put there."""
    return signed(word >> low, bits) << shift


def put_address(word: int, value: int) -> int:
    """immhi:immlo of adr."""
    return put_bits(put_bits(word, value, low=29, bits=2), value, low=5, bits=19, shift=2)


def get_address(word: int) -> int:
    """The signed distance that adr holds."""
    return signed(word >> 5, 19) << 2 | word >> 29 & 3


def put_page(word: int, value: int) -> int:
    """The same of adrp, in pages."""
    return put_address(word, value // PAGE)


def get_page(word: int) -> int:
    """The distance that adrp holds, in bytes."""
    return get_address(word) * PAGE


def put_signed_group(word: int, value: int, *, shift: int) -> int:
    """imm16 of movz, or of movn for a negative value."""
    move, number = (MOVZ, value) if value >= 0 else (MOVN, ~value)
    return put_bits(word & ~(0b11 << 29) | move, number, low=5, bits=16, shift=shift)


def put_low12(word: int, value: int, *, shift: int) -> int:
    """imm12: how far into its page an address is."""
    return put_bits(word, value % PAGE, low=10, bits=12, shift=shift)


_arm64 = partial(Field, wrap=64)
_word = partial(_arm64, size=4)


def _branch(number: int, *, low: int, bits: int) -> Field:
    """Words, counted from the instruction."""
    put = partial(put_bits, low=low, bits=bits, shift=2)
    get = partial(get_bits, low=low, bits=bits, shift=2)
    reach = 1 << bits + 1
    return _word(number=number, relative=True, range=(-reach, reach - 4), align=4, put=put, get=get)


def _low12(number: int, shift: int) -> Field:
    """The lowest 12 bits of an address, in units of what is loaded or stored."""
    return _word(number=number, align=1 << shift, put=partial(put_low12, shift=shift))


def _group(number: int, shift: int, bits: int | None) -> Field:
    """16 bits of an address; the value has no more than `bits` bits, None where nobody looks."""
    room = (0, (1 << bits) - 1) if bits else None
    return _word(number=number, range=room, put=partial(put_bits, low=5, bits=16, shift=shift))


def _signed_group(number: int, shift: int, bits: int) -> Field:
    return _word(number=number, range=span(bits), put=partial(put_signed_group, shift=shift))


MACHINES = (
    Machine(
        183,
        {
            "R_AARCH64_NONE": _arm64(number=0, size=0),
            "R_AARCH64_ABS64": _arm64(number=257, size=8),
            "R_AARCH64_ABS32": _word(number=258, range=either(32)),
            "R_AARCH64_ABS16": _arm64(number=259, size=2, range=either(16)),
            "R_AARCH64_PREL64": _arm64(number=260, size=8, relative=True),
            "R_AARCH64_PREL32": _word(number=261, relative=True, range=either(32)),
            "R_AARCH64_PREL16": _arm64(number=262, size=2, relative=True, range=either(16)),
            "R_AARCH64_MOVW_UABS_G0": _group(263, 0, 16),
            "R_AARCH64_MOVW_UABS_G0_NC": _group(264, 0, None),
            "R_AARCH64_MOVW_UABS_G1": _group(265, 16, 32),
            "R_AARCH64_MOVW_UABS_G1_NC": _group(266, 16, None),
            "R_AARCH64_MOVW_UABS_G2": _group(267, 32, 48),
            "R_AARCH64_MOVW_UABS_G2_NC": _group(268, 32, None),
            "R_AARCH64_MOVW_UABS_G3": _group(269, 48, None),
            "R_AARCH64_MOVW_SABS_G0": _signed_group(270, 0, 17),
            "R_AARCH64_MOVW_SABS_G1": _signed_group(271, 16, 33),
            "R_AARCH64_MOVW_SABS_G2": _signed_group(272, 32, 49),
            "R_AARCH64_LD_PREL_LO19": _branch(273, low=5, bits=19),
            "R_AARCH64_ADR_PREL_LO21": _word(
                number=274, relative=True, range=span(21), put=put_address, get=get_address
            ),
            "R_AARCH64_ADR_PREL_PG_HI21": _word(
                number=275, relative=True, unit=PAGE, range=span(33), put=put_page, get=get_page
            ),
            "R_AARCH64_ADR_PREL_PG_HI21_NC": _word(number=276, relative=True, unit=PAGE, put=put_page, get=get_page),
            "R_AARCH64_ADD_ABS_LO12_NC": _low12(277, 0),
            "R_AARCH64_LDST8_ABS_LO12_NC": _low12(278, 0),
            "R_AARCH64_TSTBR14": _branch(279, low=5, bits=14),
            "R_AARCH64_CONDBR19": _branch(280, low=5, bits=19),
            "R_AARCH64_JUMP26": _branch(282, low=0, bits=26),
            "R_AARCH64_CALL26": _branch(283, low=0, bits=26),
            "R_AARCH64_LDST16_ABS_LO12_NC": _low12(284, 1),
            "R_AARCH64_LDST32_ABS_LO12_NC": _low12(285, 2),
            "R_AARCH64_LDST64_ABS_LO12_NC": _low12(286, 3),
            "R_AARCH64_LDST128_ABS_LO12_NC": _low12(299, 4),
        },
    ),
)
