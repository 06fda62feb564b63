# SPDX-License-Identifier: GPL-2.0-only
"""Objects in the place of our trampolines: the same bytes at the same addresses, and the same verdicts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from elf_files import ALLOC, EXEC, FUNC, LOCAL, SECTION, ElfFile
from emulator import FtraceOps, Lab, catalog
from emulator.asm_offsets import offsets
from emulator.checks.account import account
from emulator.checks.judge import judge
from emulator.checks.verdicts import Question, report
from emulator.description import Arch, Variant
from emulator.errors import InputError, Place, TrapReached
from emulator.loaders.relocatable import ObjectLoader
from emulator.objects import load_object
from emulator.placement import placement
from emulator.subject import Subject, load

X86, ARM = catalog.load("x86_64"), catalog.load("arm")
EVERY = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
DEFAULTS = [(arch, arch.variant(arch.releases[-1])) for arch in map(catalog.load, catalog.names())]


FAULTS = {
    "x86_64": ("sub     $MCOUNT_INSN_SIZE, %rdi", "sub     $1, %rdi"),
    "i386": ("sub     $MCOUNT_INSN_SIZE, %eax", "sub     $1, %eax"),
    "arm": ("sub     \\rd, \\rd, #MCOUNT_INSN_SIZE", "sub     \\rd, \\rd, #8"),
    "arm64": ("sub     x0, x30, #MCOUNT_INSN_SIZE", "sub     x0, x30, #8"),
}
"""By architecture: how ip becomes the record's address, and how it does not."""


def names(value: object) -> str:
    return str(getattr(value, "name", value))


def assembled(arch: Arch, variant: Variant, folder: Path, *options: str, text: str = "") -> Path:
    """An object made by GNU as of a variant's own trampolines, or of a text; skips the test where it is absent."""
    tool = next((found for prefix in arch.engine.gnu if (found := shutil.which(f"{prefix}as"))), None)
    if tool is None:
        pytest.skip(f"no GNU as for {arch.name} on PATH")
    source = text or catalog.source_text(arch, variant.source)
    for name in re.findall(r'^\s*\.include\s+"(.*)"', source, re.MULTILINE):
        (folder / name).write_text(re.sub(r"//.*", "", catalog.source_text(arch, name)))
    (folder / "in.s").write_text(re.sub(r"//.*", "", source))
    symbols = {**offsets(arch, variant), **variant.defines}
    defines = [f"--defsym={name}={value}" for name, value in symbols.items()]
    command = [tool, *arch.engine.gnu_flags, *options, *defines, "in.s", "-o", "out.o"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "out.o"


def subject_of(arch: Arch, variant: Variant, file: Path | None) -> Subject:
    """An object in the place of a variant's trampolines, or these."""
    (subject,) = ObjectLoader(file).load(arch, [variant], None) if file else load(arch, [variant])
    return subject


@pytest.mark.gnu_as
@pytest.mark.parametrize(("arch", "variant"), EVERY, ids=names)
def test_the_same_bytes_as_by_way_of_the_assembler(arch: Arch, variant: Variant, tmp_path: Path) -> None:
    path = assembled(arch, variant, tmp_path)
    loaded, ours = (placement(subject_of(arch, variant, file)) for file in (path, None))
    assert loaded.built == ours.built
    shown = {symbol.name for symbol in ours.subject.trampolines.symbols.values() if symbol.binding != "local"}
    assert {name: loaded.symbols.get(name) for name in shown} == {name: ours.symbols.get(name) for name in shown}
    assert loaded.sites == ours.sites
    assert not loaded.missing


@pytest.mark.gnu_as
@pytest.mark.parametrize(("arch", "variant"), DEFAULTS, ids=names)
def test_the_same_verdicts(arch: Arch, variant: Variant, tmp_path: Path) -> None:
    path = assembled(arch, variant, tmp_path)
    rows = []
    for file in (path, None):
        subject = subject_of(arch, variant, file)
        rows.append(
            [(row.title, row.verdict) for row in report(subject, account(judge(subject, [1])), Question()).rows]
        )
    assert rows[0] == rows[1]


@pytest.mark.gnu_as
@pytest.mark.parametrize(("arch", "variant"), DEFAULTS, ids=names)
def test_a_fault_in_an_object_is_found_at_its_line(arch: Arch, variant: Variant, tmp_path: Path) -> None:
    text, (old, new) = catalog.source_text(arch, variant.source), FAULTS[arch.name]
    assert old in text
    path = assembled(arch, variant, tmp_path, "-g", text=text.replace(old, new, 1))
    subject = subject_of(arch, variant, path)
    findings = report(subject, account(judge(subject, [1])), Question()).findings
    wrong = next(finding for finding in findings if finding.verdict.bad and finding.clause.startswith("C"))
    assert wrong.file == "in.s"
    assert f"--object {path}" in wrong.replay


# -- lines -------------------------------------------------------------------------------------------------------------


def x86(*, text: bytes, symbols: dict[str, int], relocations: list[tuple[int, int, str, int]], folder: Path) -> Path:
    file = ElfFile()
    code = file.section(".text", text, flags=ALLOC | EXEC, align=16)
    for name, value in symbols.items():
        file.symbol(name, value, section=code, type=FUNC)
    for offset, kind, name, addend in relocations:
        file.relocation(code, offset, kind, name, addend)
    path = folder / "a.o"
    path.write_bytes(file.written())
    return path


def test_instructions_say_what_they_refer_to(tmp_path: Path) -> None:
    text = bytes.fromhex("e8 00000000488b15 00000000e8 00000000eb ed0f0be9 00000000c3")
    relocations = [(1, 4, "far", -4), (8, 2, "function_trace_op", -4), (13, 4, "start", 1), (22, 2, "far", 12)]
    piece = load_object(X86, x86(text=text, symbols={"start": 0}, relocations=relocations, folder=tmp_path))
    assert [(line.offset, line.text, line.instruction) for line in piece.lines] == [
        (0, "callq far", True),
        (5, "movq (%rip), %rdx <function_trace_op>", True),
        (12, "callq start+0x5", True),
        (17, "jmp start", True),
        (19, "ud2", True),
        (21, "jmp far+0x10", True),
        (26, "retq", True),
    ]
    assert {str(line.place) for line in piece.lines[:2]} == {f"{tmp_path}/a.o:.text+{at}" for at in ("0x0", "0x5")}
    assert piece.undefined == ("far", "function_trace_op")


def test_the_number_of_a_type_is_nothing_that_is_missing(tmp_path: Path) -> None:
    relocations = [(0, 10, "__kcfi_typeid_start", 0), (4, 10, "other", 0)]
    piece = load_object(
        X86, x86(text=bytes(8) + b"\xc3", symbols={"start": 8}, relocations=relocations, folder=tmp_path)
    )
    assert piece.undefined == ("other",)


def test_what_is_no_instruction_is_data_up_to_the_next_symbol(tmp_path: Path) -> None:
    text = bytes.fromhex("90 06 06 06c3")
    piece = load_object(X86, x86(text=text, symbols={"start": 0, "next": 4}, relocations=[], folder=tmp_path))
    assert [(line.offset, line.size, line.text, line.instruction) for line in piece.lines] == [
        (0, 1, "nop", True), (1, 3, ".byte 0x6, 0x6, 0x6", False), (4, 1, "retq", True)
    ]  # fmt: skip


def arm(folder: Path, marks: dict[str, int]) -> Path:
    file = ElfFile(bits=32, machine=40)
    code = file.section(".text", bytes.fromhex("1eff2fe1 78563412 0000a0e1"), flags=ALLOC | EXEC, align=4)
    file.symbol("start", section=code, type=FUNC)
    for name, value in marks.items():
        file.symbol(name, value, section=code, binding=LOCAL)
        if name == "$t":
            file.relocation(code, value, 10, "far")  # R_ARM_THM_CALL
    path = folder / "a.o"
    path.write_bytes(file.written())
    return path


def test_marks_say_what_is_code(tmp_path: Path) -> None:
    piece = load_object(ARM, arm(tmp_path, {"$a": 0, "$d": 4, "$a.2": 8}))
    assert [(line.text, line.instruction) for line in piece.lines] == [
        ("bx lr", True), (".byte 0x78, 0x56, 0x34, 0x12", False), ("mov r0, r0", True)
    ]  # fmt: skip


def test_code_of_another_instruction_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.o:0x.*: \$t at \.text\+0x4: code that is not 32-bit ARM, ARM state"):
        load_object(ARM, arm(tmp_path, {"$a": 0, "$t": 4}))


# -- what it refers to -------------------------------------------------------------------------------------------------


@pytest.mark.gnu_as
def test_what_nobody_has_is_listed_and_names_itself_when_it_is_reached(tmp_path: Path) -> None:
    variant = X86.variant("6.12")
    before = "LABEL ftrace_call\n"
    text = catalog.source_text(X86, variant.source).replace(before, f"call no_such_function\n{before}", 1)
    lab = Lab(subject=subject_of(X86, variant, assembled(X86, variant, tmp_path, text=text)))
    assert lab.image.placement.missing == ("no_such_function",)
    lab.register(FtraceOps("probe", lambda *_: None))
    recording = lab.run("vfs_read")
    assert isinstance(recording.outcome, TrapReached)
    assert "no_such_function was called" in str(recording.outcome)


def with_thunk(folder: Path) -> Path:
    variant = X86.variant("6.12")
    text = catalog.source_text(X86, variant.source)
    return assembled(X86, variant, folder, text=re.sub(r"(?m)^( +)ret\b", r"\1jmp __x86_return_thunk", text))


@pytest.mark.gnu_as
def test_a_return_thunk_is_a_return(tmp_path: Path) -> None:
    subject = subject_of(X86, X86.variant("6.12"), with_thunk(tmp_path))
    assert not placement(subject).missing
    verdicts = report(subject, account(judge(subject, [1])), Question())
    assert not [row for row in verdicts.rows if row.verdict.bad]


def test_a_return_thunk_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    symbols = {"start": 0, "__x86_return_thunk": 5}
    path = x86(
        text=b"\xe9\0\0\0\0\xc3", symbols=symbols, relocations=[(1, 4, "__x86_return_thunk", -4)], folder=tmp_path
    )
    assert list(load_object(X86, path).sections) == [".text"]


# -- what cannot be loaded ---------------------------------------------------------------------------------------------


def test_an_object_without_code_that_others_see(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no executable section defines a global symbol"):
        load_object(X86, x86(text=b"\xc3", symbols={}, relocations=[], folder=tmp_path))


def test_too_much_code(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 262145 bytes of code, more than 262144"):
        load_object(X86, x86(text=bytes(262145), symbols={"start": 0}, relocations=[], folder=tmp_path))


def test_a_value_that_does_not_fit_is_told_with_its_place(tmp_path: Path) -> None:
    path = x86(text=bytes(8), symbols={"start": 0}, relocations=[(2, 11, "start", 1 << 40)], folder=tmp_path)
    with pytest.raises(InputError, match=rf"{path}:\.text\+0x2: start: R_X86_64_32S: .* is out of range"):
        placement(subject_of(X86, X86.variant("6.12"), path))


def test_places_of_objects_read_well() -> None:
    assert str(Place("a.o", at=".text+0x4")) == "a.o:.text+0x4"


def test_what_boot_would_patch_is_said(tmp_path: Path) -> None:
    file = ElfFile()
    text = file.section(".text", bytes(32), flags=ALLOC | EXEC)
    other = file.section(".altinstr_replacement", bytes(8), flags=ALLOC | EXEC)
    table = file.section(".altinstructions", bytes(64), flags=ALLOC)
    file.section(".return_sites", bytes(4), flags=ALLOC)
    file.symbol("start", 8, section=text, type=FUNC)
    file.symbol(".text", section=text, type=SECTION, binding=LOCAL)
    file.symbol(".altinstr_replacement", section=other, type=SECTION, binding=LOCAL)
    for number in range(6):
        file.relocation(table, 8 * number, 2, ".text", 8 + number)
        file.relocation(table, 8 * number + 4, 2, ".altinstr_replacement", 0)
    path = tmp_path / "a.o"
    path.write_bytes(file.written())
    note = "alternatives stand as they are linked: at start, start+0x1, start+0x2, start+0x3 and 2 more"
    assert load_object(X86, path).notes == (note,)
    assert not load_object(X86, x86(text=b"\xc3", symbols={"start": 0}, relocations=[], folder=tmp_path)).notes


def test_what_lies_between_functions_is_padding(tmp_path: Path) -> None:
    file = ElfFile()
    text = file.section(".text", bytes.fromhex("90 c3 90 90 c3 90"), flags=ALLOC | EXEC)
    file.symbol("start", 1, section=text, type=FUNC, size=1)
    file.symbol("next", 4, section=text)  # nobody has said where it ends
    path = tmp_path / "a.o"
    path.write_bytes(file.written())
    assert [(line.offset, line.size, line.instruction) for line in load_object(X86, path).lines] == [
        (0, 1, False), (1, 1, True), (2, 2, False), (4, 1, True), (5, 1, True)
    ]  # fmt: skip


def test_a_relocation_that_changes_an_opcode_is_no_matter_of_the_assembler(tmp_path: Path) -> None:
    path = x86(text=b"\xc3" * 8, symbols={"start": 0}, relocations=[(0, 11, "far", 0)], folder=tmp_path)
    subject = subject_of(X86, X86.variant("6.12"), path)
    assert placement(subject).missing == ("far",)


def test_a_section_of_code_without_code(tmp_path: Path) -> None:
    assert load_object(X86, x86(text=b"", symbols={"start": 0}, relocations=[], folder=tmp_path)).lines == ()
