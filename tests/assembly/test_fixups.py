# SPDX-License-Identifier: GPL-2.0-only
"""Fields filled as GNU ld and capstone understand them, and refused one step beyond what they can hold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import catalog
from emulator.assembly import fixups, link
from emulator.assembly.decode import disassemble
from emulator.elf import read_elf
from emulator.errors import InputError
from emulator.objects import piece_of

X86 = catalog.load("x86_64").engine
ARM = catalog.load("arm").engine
BASE = {"x86": 0xFFFFFFFF81000000, "arm": 0xC0100000, "arm64": 0xFFFF800080000000}
G = 1 << 30


def fill(kind: str, word: str, value: int, place: int = 0x40000000) -> bytes:
    """The bytes in hex after `kind` was applied so that S + A (minus P where it is relative) is `value`."""
    buffer = bytearray.fromhex(word)
    relative = fixups.known(kind).relative
    fixups.apply(kind, buffer, 0, symbol=value + (place if relative else 0) + 8, addend=-8, place=place)
    return bytes(buffer)


LIMITS = [
    ("R_X86_64_PC32", "00000000", -2 * G, 2 * G - 1, 1),
    ("R_X86_64_PLT32", "00000000", -2 * G, 2 * G - 1, 1),
    ("R_X86_64_32", "00000000", 0, 4 * G - 1, 1),
    ("R_X86_64_32S", "00000000", -2 * G, 2 * G - 1, 1),
    ("R_X86_64_PC8", "00", -128, 127, 1),
    ("R_X86_64_8", "00", -128, 255, 1),
    ("R_X86_64_16", "0000", -32768, 65535, 1),
    ("R_X86_64_PC16", "0000", -32768, 32767, 1),
    ("R_386_PC8", "00", -128, 127, 1),
    ("R_386_8", "00", -128, 255, 1),
    ("R_386_16", "0000", -32768, 65535, 1),
    ("R_386_PC16", "0000", -32768, 32767, 1),
    ("R_ARM_CALL", "000000eb", -(32 << 20), (32 << 20) - 4, 4),
    ("R_ARM_JUMP24", "0000000a", -(32 << 20), (32 << 20) - 4, 4),
    ("R_ARM_PC24", "000000ea", -(32 << 20), (32 << 20) - 4, 4),
    ("R_ARM_PREL31", "00000000", -G, G - 1, 1),
    ("R_ARM_LDR_PC_G0", "00009fe5", -4095, 4095, 1),
    ("R_AARCH64_CALL26", "00000094", -(128 << 20), (128 << 20) - 4, 4),
    ("R_AARCH64_JUMP26", "00000014", -(128 << 20), (128 << 20) - 4, 4),
    ("R_AARCH64_CONDBR19", "00000054", -(1 << 20), (1 << 20) - 4, 4),
    ("R_AARCH64_TSTBR14", "00000036", -(1 << 15), (1 << 15) - 4, 4),
    ("R_AARCH64_LD_PREL_LO19", "00000058", -(1 << 20), (1 << 20) - 4, 4),
    ("R_AARCH64_ADR_PREL_LO21", "00000010", -(1 << 20), (1 << 20) - 1, 1),
    ("R_AARCH64_ADR_PREL_PG_HI21", "00000090", -4 * G, 4 * G - 4096, 4096),
]


@pytest.mark.parametrize(("kind", "word", "low", "high", "step"), LIMITS)
def test_both_ends_fit_and_nothing_beyond(kind: str, word: str, low: int, high: int, step: int) -> None:
    field = fixups.known(kind)
    for value in (low, high):
        filled = int.from_bytes(fill(kind, word, value), "little")
        assert (field.get(filled) - value) % (1 << 8 * field.size) == 0
    for value in (low - step, high + step):
        with pytest.raises(InputError, match=rf"{kind}: -?0x[0-9a-f]+ is out of range, which is -?0x"):
            fill(kind, word, value)


@pytest.mark.parametrize("kind", ["R_ARM_CALL", "R_ARM_JUMP24"])
@pytest.mark.parametrize("value", [1, 2, 3, -1])
def test_a_branch_to_half_a_word_is_refused(kind: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{kind}: .* is not a multiple of 4"):
        fill(kind, "000000eb", value)


@pytest.mark.parametrize("kind", ["R_X86_64_64", "R_X86_64_PC64"])
def test_a_whole_address_always_fits(kind: str) -> None:
    assert fill(kind, "00" * 8, -1) == b"\xff" * 8
    assert fill(kind, "00" * 8, 1 << 63) == bytes(7) + b"\x80"


@pytest.mark.parametrize("kind", ["R_386_32", "R_386_PC32", "R_386_PLT32", "R_ARM_ABS32", "R_ARM_REL32"])
def test_32_bit_addresses_wrap(kind: str) -> None:
    assert fill(kind, "00000000", -1) == fill(kind, "00000000", (1 << 32) - 1) == b"\xff" * 4


@pytest.mark.parametrize("kind", ["R_X86_64_NONE", "R_386_NONE", "R_ARM_NONE", "R_ARM_V4BX"])
def test_kinds_that_do_nothing(kind: str) -> None:
    assert fill(kind, "1eff2fe1", 12345) == bytes.fromhex("1eff2fe1")


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(InputError, match="R_VAX_32: no such relocation"):
        fill("R_VAX_32", "00", 0)


@pytest.mark.parametrize("offset", [-1, 1, 4, 1 << 40])
def test_a_field_outside_of_its_buffer_is_refused(offset: int) -> None:
    with pytest.raises(InputError, match="does not lie within its 4 bytes"):
        fixups.apply("R_ARM_ABS32", bytearray(4), offset, symbol=0, addend=0, place=0)


def test_a_refused_value_leaves_the_buffer_alone() -> None:
    buffer = bytearray(b"\xaa\xbb\xcc\xeb")
    with pytest.raises(InputError):
        fixups.apply("R_ARM_CALL", buffer, 0, symbol=0x7FFFFFFC, addend=0, place=0)
    assert buffer == b"\xaa\xbb\xcc\xeb"


def test_prel31_leaves_the_topmost_bit_alone() -> None:
    assert fill("R_ARM_PREL31", "00000080", -4) == bytes.fromhex("fcffffff")
    assert fill("R_ARM_PREL31", "00000000", -4) == bytes.fromhex("fcffff7f")


@given(st.integers(0, (1 << 32) - 1))
def test_movw_and_movt_make_the_address_that_capstone_reads(value: int) -> None:
    for kind, word, part in (
        ("R_ARM_MOVW_ABS_NC", "00c000e3", value & 0xFFFF),
        ("R_ARM_MOVT_ABS", "00c040e3", value >> 16),
    ):
        [found] = disassemble(ARM, fill(kind, word, value), 0)
        assert int(found.operands.removeprefix("ip, #"), 0) == part


@given(st.integers(-4095, 4095))
def test_a_literal_is_where_capstone_finds_it(value: int) -> None:
    [found] = disassemble(ARM, fill("R_ARM_LDR_PC_G0", "00109fe5", value), 0)
    shown = found.operands.removeprefix("r1, [pc").strip("], #")
    assert int(shown or "0", 0) == value


@given(st.integers(0, 255), st.integers(0, 15), st.sampled_from([1, -1]))
def test_adr_takes_every_rotated_byte(byte: int, turn: int, sign: int) -> None:
    value = sign * (((byte << 32) | byte) >> 2 * turn & 0xFFFFFFFF)
    if not -(1 << 31) <= value < 1 << 31:
        return  # the same as a value of the other sign
    filled = fill("R_ARM_ALU_PC_G0", "00008fe2", value)
    assert fixups.addend("R_ARM_ALU_PC_G0", filled, 0) == value
    [found] = disassemble(ARM, filled, 0)
    assert found.mnemonic in ("sub" if value < 0 else "add", "adr")


@pytest.mark.parametrize("value", [257, -257, 0x1FE0001, 0x12345678])
def test_adr_refuses_what_is_no_rotated_byte(value: int) -> None:
    with pytest.raises(InputError, match=r"R_ARM_ALU_PC_G0: .* is not a byte rotated"):
        fill("R_ARM_ALU_PC_G0", "00008fe2", value)


@pytest.mark.parametrize("name", catalog.names())
def test_every_branch_of_every_architecture_goes_where_it_is_told(name: str) -> None:
    arch = catalog.load(name)
    place, target = arch.memory.text + 0x1000, arch.memory.text + 0x2468
    for branch in {variant.site.call for variant in arch.variants}:
        code = fixups.encode_branch(branch, place, target)
        assert [found.target for found in disassemble(arch.engine, code, place)] == [target]


def test_a_branch_out_of_reach_is_refused() -> None:
    call = catalog.load("x86_64").variant("6.12").site.call
    assert fixups.encode_branch(call, 0, 5 + (1 << 31) - 1) == bytes.fromhex("e8ffffff7f")
    with pytest.raises(InputError, match="R_X86_64_PC32"):
        fixups.encode_branch(call, 0, 5 + (1 << 31))


SOURCES = {
    "x86": """
        call far ; jmp far+8 ; jne far ; movq far(%rip), %rax ; cmpb $1, far+3(%rip)
        movq $far, %rax ; movl $near, %eax ; movabsq $far, %rcx ; push $near ; movb $small, %al ; movw $small, %ax
        .quad far, far - ., near+1 ; .long near, far - . ; .byte small ; .short small
        loop start
        .data
        .quad start, far
    """,
    "arm": """
        bl far ; b far ; bne far ; blne far ; bl far+8
        movw r1, #:lower16:far ; movt r1, #:upper16:far ; movw r9, #:lower16:(far+0x1234)
        movt r9, #:upper16:(far+0x1234)
        ldr r2, [pc, #:pc_g0:(start)] ; ldr r2, [pc, #:pc_g0:(end)]
        add r3, pc, #:pc_g0:(end) ; add r3, pc, #:pc_g0:(start)
        bx lr
        .word far, far+4, far - . ; .word 0x80000000 + far ; .reloc ., R_ARM_PREL31, far ; .word 0
        .globl end
        end:
        .data
        .word start, far
    """,
    "arm64": """
        .globl other
        bl far ; b far ; b.ne other ; cbz x1, other+8 ; tbnz x2, #40, other ; adr x3, other ; adrp x4, far
        adrp x5, far+0x1234 ; other: nop
        add x4, x4, #:lo12:far ; ldr x6, [x4, #:lo12:far] ; ldrb w7, [x4, #:lo12:near+1] ; ldr w8, [x4, #:lo12:far]
        ldrh w8, [x4, #:lo12:far] ; ldr q8, [x4, #:lo12:start] ; ldr x9, other
        movz x1, #:abs_g3:far ; movk x1, #:abs_g2_nc:far ; movk x1, #:abs_g1_nc:far ; movk x1, #:abs_g0_nc:far
        movz x2, #:abs_g1:near ; movz x2, #:abs_g0:small ; movz x3, #:abs_g1_s:near ; movz x3, #:abs_g2_s:far
        .quad far, far - . ; .word near, far - . ; .hword small
        .data
        .quad start, far
    """,
}


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", ["x86_64", "arm", "arm64"])
def test_the_same_bytes_as_gnu_ld(name: str, tmp_path: Path) -> None:
    arch = catalog.load(name)
    engine = arch.engine
    prefix = next(
        (prefix for prefix in engine.gnu if shutil.which(f"{prefix}ld") and shutil.which(f"{prefix}as")), None
    )
    if prefix is None:
        pytest.skip(f"no GNU as and ld for {engine.gdb} on PATH")
    base = BASE[engine.dialect]
    symbols = {"far": base + 0x123458, "near": 0x12345678, "small": 0x7F}
    Path(tmp_path, "in.s").write_text(f".globl start\nstart: nop\n{SOURCES[engine.dialect]}", encoding="ascii")
    subprocess.run([f"{prefix}as", *engine.gnu_flags, "in.s", "-o", "in.o"], cwd=tmp_path, check=True)
    defined = [f"--defsym={name}={value:#x}" for name, value in symbols.items()]
    where = ["-e", "0", f"-Ttext={base:#x}", f"-Tdata={base + 0x10000:#x}"]
    subprocess.run([f"{prefix}ld", *where, *defined, "in.o", "-o", "out"], cwd=tmp_path, check=True)
    piece = piece_of(read_elf(tmp_path / "in.o"), arch)
    placed = link.place(piece, {".text": base, ".data": base + 0x10000, ".bss": base + 0x20000}, symbols)
    assert {fixup.kind for fixup in placed.fixups}
    for chunk in placed.chunks:
        subprocess.run(
            [f"{prefix}objcopy", "-O", "binary", "-j", chunk.section, "out", "bytes"], cwd=tmp_path, check=True
        )
        assert chunk.data.hex(" ") == Path(tmp_path, "bytes").read_bytes().hex(" ")
