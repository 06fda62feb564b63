# SPDX-License-Identifier: GPL-2.0-only
"""A source of the user's own: --define, --include, and C preprocessor lines outside of a kernel tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.brought import Brought, define, definitions
from emulator.cli import main
from emulator.errors import AssemblyError, InputError, UsageError
from emulator.subject import Subject, load

X86 = catalog.load("x86_64")


def subject(source: Path, **more: object) -> Subject:
    (found,) = load(X86, [X86.variant("6.12")], brought=Brought(source=source, **more))  # type: ignore[arg-type]
    return found


def test_numbers_as_in_c() -> None:
    texts = {
        "A=16": 16,
        "B_.$=0x10": 16,
        "C=010": 8,
        "D=-1": -1,
        "E=0": 0,
        "F=0b11": 3,
        "G=0xffffffffffffffff": 2**64 - 1,
    }
    assert [define(text)[1] for text in texts] == list(texts.values())
    assert definitions(["A=1", "A=1", "B=2"]) == {"A": 1, "B": 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A",
        "A=",
        "=1",
        "1A=1",
        "A B=1",
        "A=x",
        "A=08",
        "A=1.0",
        "A=1 ",
        "A=0x",
        "Ä=1",
        "A=18446744073709551616",
    ],
)
def test_a_bad_define_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        definitions(["OK=1", text])
    assert repr(text) in str(caught.value)


def test_two_that_disagree() -> None:
    with pytest.raises(UsageError, match="A: 1 and 2 cannot both"):
        definitions(["A=1", "A=2"])


def test_a_define_is_a_symbol_and_counts_more_than_ours(tmp_path: Path) -> None:
    source = tmp_path / "mine.S"
    source.write_text("        .globl ftrace_caller\nftrace_caller: mov $MINE, %eax; mov $PT_ax, %ecx\n")
    code = subject(source, defines={"MINE": 7, "PT_ax": 9}).trampolines.sections[".text"].data
    assert code == bytes.fromhex("b807000000b909000000")


def test_includes_are_bounded_to_the_folders_named(tmp_path: Path) -> None:
    source, folder = tmp_path / "a" / "mine.S", tmp_path / "b"
    source.parent.mkdir()
    folder.mkdir()
    (folder / "part.inc").write_text("part: nop\n")
    (tmp_path / "secret").write_text("nop\n")
    source.write_text('        .include "part.inc"\n')
    assert "part" in subject(source, includes=(folder,)).trampolines.symbols
    with pytest.raises(InputError, match=r"mine\.S:1:.*no file 'part\.inc'"):
        subject(source)
    source.write_text('        .include "../secret"\n')
    with pytest.raises(InputError, match="outside"):
        subject(source, includes=(folder,))
    for none in (tmp_path / "c", source):
        with pytest.raises(InputError, match="is no folder to include from"):
            subject(source, includes=(none,))


def test_preprocessor_lines_are_obeyed_without_a_tree(tmp_path: Path) -> None:
    source, folder = tmp_path / "mine.S", tmp_path / "include"
    folder.mkdir()
    (folder / "x.h").write_text("#define PAIR(x) x; x\n")
    source.write_text(
        "#include <x.h>\n#if defined(__x86_64__) && MINE == 3\n        .globl f\nf:      PAIR(nop)\n"
        "        mov $MINE, %eax\n#endif\n        wrong\n"
    )
    with pytest.raises(AssemblyError, match=r"mine\.S:7:9"):
        subject(source, includes=(folder,), defines={"MINE": 3})
    with pytest.raises(
        InputError, match=r"mine\.S:1: there is no header 'x\.h' in the include folders; name .* by --tree"
    ):
        subject(source)
    source.write_text(source.read_text().replace("wrong", "ret"))
    code = subject(source, includes=(folder,), defines={"MINE": 3}).trampolines.sections[".text"].data
    assert code == bytes.fromhex("9090b803000000c3")


def test_a_source_that_is_preprocessed_already_keeps_its_lines(tmp_path: Path) -> None:
    source = tmp_path / "mine.s"
    source.write_text('# 1 "orig.S"\n# 1 "<command-line>"\n# 41 "orig.S" 2\n\tnop\n\n\tbad operands, here\n')
    with pytest.raises(AssemblyError, match=r"orig\.S:43:2"):
        subject(source)


def test_sections_that_only_a_build_reads_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "mine.S"
    kept = '        .section .discard.used, "a"\nused: .quad 1\n'
    source.write_text(
        "        .text\nf: mov used(%rip), %rax\n999: ret\n"
        f'        .section .discard.x, "a"\n        .long 999b\n{kept}        .section .mine, "a"\n .quad f\n'
    )
    assert subject(source).trampolines.sections.keys() == {".text", ".discard.used", ".mine"}


@pytest.mark.parametrize("command", ["emulate", "check", "selftest", "mutate"])
@pytest.mark.parametrize("option", ["--include", "--define", "--tree", "--build", "--config"])
def test_what_belongs_to_a_source_needs_one(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = "A=1" if option == "--define" else "."
    assert main([command, "x86_64", "--variant", "6.12", option, value]) == 2
    assert option in capsys.readouterr().err


def test_define_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "mine.S"
    source.write_text(catalog.source_text(X86, "ftrace-6.12.S").replace("$MCOUNT_INSN_SIZE", "$SIZE"))
    command = ["check", "x86_64", "--release", "6.12", "--source", str(source), "--clause", "C1", "--seeds", "1"]
    assert main([*command, "--define", "SIZE=5"]) == 0
    assert main([*command, "--define", "SIZE=4"]) == 1
    assert "--define SIZE=0x4" in capsys.readouterr().out
    assert main([*command, "--define", "SIZE"]) == 2
    assert "--define 'SIZE'" in capsys.readouterr().err
