# SPDX-License-Identifier: GPL-2.0-only
"""Sources out of a kernel tree: a small one of our own, and the kernel's where MCOUNT_EMULATOR_TREES names some."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from emulator import catalog
from emulator.brought import Brought
from emulator.cli import main
from emulator.description import Arch
from emulator.errors import AssemblyError, InputError, UsageError
from emulator.kernel_tree.configuration import chosen
from emulator.kernel_tree.owner import arch_of_source
from emulator.kernel_tree.tree import Tree
from emulator.loaders.source import SourceLoader
from emulator.subject import Subject, load

SMALL = Path(__file__).with_name("small")
X86 = catalog.load("x86_64")
ARM = catalog.load("arm")
I386 = catalog.load("i386")
ARM64 = catalog.load("arm64")
FTRACE = "arch/x86/kernel/ftrace_64.S"
FTRACE_32 = "arch/x86/kernel/ftrace_32.S"
ENTRY = "arch/arm/kernel/entry-ftrace.S"
ENTRY_64 = "arch/arm64/kernel/entry-ftrace.S"
OURS = ((X86, FTRACE), (ARM, ENTRY), (I386, FTRACE_32), (ARM64, ENTRY_64))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the small tree, to be changed."""
    return Path(shutil.copytree(SMALL, tmp_path / "tree"))


def subject(arch: Arch, variant: str, tree: Tree, source: Path, **more: object) -> Subject:
    brought = Brought(source=source, tree=tree, **more)  # type: ignore[arg-type]
    (found,) = load(arch, [arch.variant(variant)], brought=brought)
    return found


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_lines_are_those_of_the_users_file() -> None:
    found = subject(X86, "6.12-fp", Tree(SMALL), SMALL / FTRACE)
    lines = (SMALL / FTRACE).read_text().splitlines()
    for line in found.trampolines.lines:
        place = line.calls[-1] if line.calls else line.place
        assert place.file == str(SMALL / FTRACE)
        word = {"jmp": "RET", "movq": "SAVE"}.get(line.text.split()[0], line.text.split()[0])
        if not line.calls and line.instruction and "movq\t%rsp" not in lines[place.line - 1]:
            assert word in lines[place.line - 1] or "BEGIN" in lines[place.line - 1], line
    assert found.trampolines.sections.keys() == {".text"}


def test_an_edit_is_seen_on_its_line(root: Path) -> None:
    edit(root / FTRACE, "	call	ftrace_stub\n", "	call	ftrace_stub, 1\n")
    line = (root / FTRACE).read_text().splitlines().index("	call	ftrace_stub, 1") + 1
    with pytest.raises(AssemblyError, match=rf"ftrace_64\.S:{line}:2: "):
        subject(X86, "6.12", Tree(root), root / FTRACE)


def test_a_variant_is_a_configuration() -> None:
    tree, symbols = Tree(SMALL), {}
    for name in ("6.12", "6.12-ibt", "6.12-fp", "6.12-static"):
        piece = subject(X86, name, tree, SMALL / FTRACE).trampolines
        symbols[name] = piece.symbols.keys()
        assert piece.sections[".text"].data.count(X86.landing_pad) == (2 if name == "6.12-ibt" else 0)
        assert (b"\x55\x48\x89\xe5" in piece.sections[".text"].data) == (name == "6.12-fp")
    assert "ftrace_caller" in symbols["6.12"]
    assert "__fentry__" in symbols["6.12-static"]


def test_a_config_chooses_the_variant(root: Path, tmp_path: Path) -> None:
    values = chosen(X86.variant("6.12-ibt"))
    text = "CONFIG_FUNCTION_ALIGNMENT=32\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    config = write(tmp_path / "config", text)
    tree = Tree(root, config=config)
    assert tree.variant(X86).name == "6.12-ibt"
    assert subject(X86, "6.12-ibt", tree, root / FTRACE).trampolines.sections[".text"].align == 32
    with pytest.raises(UsageError, match="CONFIG_X86_KERNEL_IBT is y"):
        subject(X86, "6.12", tree, root / FTRACE)
    build = tmp_path / "out"
    write(build / ".config", text)
    assert Tree(root, build).variant(X86).name == "6.12-ibt"
    autoconf = write(
        build / "include/generated/autoconf.h",
        text.replace("=y", " 1").replace("=", " ").replace("CONFIG", "#define CONFIG"),
    )
    assert Tree(root, build).variant(X86).name == "6.12-ibt"
    write(root / "include/generated/autoconf.h", autoconf.read_text())
    assert Tree(root).variant(X86).name == "6.12-ibt"


def test_a_builds_own_headers_and_flags_count(root: Path, tmp_path: Path) -> None:
    build = tmp_path / "out"
    autoconf = write(build / "include/generated/autoconf.h", "#define CONFIG_FUNCTION_TRACER 1\n")
    autoconf.write_text(autoconf.read_text() + "#define CONFIG_FUNCTION_ALIGNMENT 4\n")
    write(build / "include/generated/asm-offsets.h", "#define TASK_depth 0x7777\n")
    write(build / "arch/x86/include/generated/asm/numbers_64.h", "#define NUMBER 0x5555\n")
    command = "gcc -nostdinc -DFLAG=0x3333 -D 'OTHER=1' -U OTHER -c -o x ftrace_64.S"
    write(build / "arch/x86/kernel/.ftrace_64.o.cmd", f"savedcmd_arch/x86/kernel/ftrace_64.o := {command}\n")
    line = "	cmpq	$ftrace_stub, ftrace_trace_function\n"
    more = "	mov	$TASK_depth, %eax; mov $NUMBER, %eax; mov $FLAG, %eax\n"
    edit(root / FTRACE, line, f"#ifdef OTHER\n#error other\n#endif\n{more}")
    code = subject(X86, "6.12-static", Tree(root, build), root / FTRACE).trampolines.sections[".text"].data
    for number in ("7777", "5555", "3333"):
        assert bytes.fromhex(f"b8{number}0000") in code


def test_a_number_that_only_a_build_knows(root: Path) -> None:
    edit(root / FTRACE, "	call	ftrace_stub\n", "	call	ftrace_stub\n	mov	$TASK_depth, %eax\n")
    edit(root / ENTRY, "#S_LR]", "#TI_FLAGS]")
    edit(root / ENTRY_64, "#FREGS_LR]\n	add", "#TSK_TI_FLAGS]\n	add")
    for arch, file, name in ((X86, FTRACE, "TASK_depth"), (ARM, ENTRY, "TI_FLAGS"), (ARM64, ENTRY_64, "TSK_TI_FLAGS")):
        with pytest.raises(InputError, match=rf"{Path(file).name}:\d+:\d+: {name} .*--build DIR or --define {name}=N"):
            subject(arch, "6.12", Tree(root), root / file)
        given = subject(arch, "6.12", Tree(root), root / file, defines={name: 8})
        assert name not in given.trampolines.undefined


def test_a_number_that_another_configuration_has(root: Path) -> None:
    edit(root / ENTRY_64, "#FREGS_LR]\n	add", "#FTRACE_OPS_DIRECT_CALL]\n	add")
    subject(ARM64, "6.12", Tree(root), root / ENTRY_64)
    with pytest.raises(InputError, match=r":\d+:2: FTRACE_OPS_DIRECT_CALL .*--define FTRACE_OPS_DIRECT_CALL=N"):
        subject(ARM64, "6.12-cfi", Tree(root), root / ENTRY_64)


def test_a_number_that_a_compiler_gives_is_known(root: Path) -> None:
    given = subject(ARM64, "6.12-cfi", Tree(root), root / ENTRY_64, defines={"CONFIG_CFI_CLANG": 1}).trampolines
    plain = subject(ARM64, "6.12-cfi", Tree(root), root / ENTRY_64).trampolines
    assert given.undefined == plain.undefined
    assert given.symbols["ftrace_stub"].value == plain.symbols["ftrace_stub"].value + 8  # aligned behind it


def test_numbers_given_count_more_than_ours(root: Path) -> None:
    given = {"PTREGS_SIZE": 0x123, "CONFIG_FUNCTION_ALIGNMENT": 64}
    piece = subject(X86, "6.12", Tree(root), root / FTRACE, defines=given).trampolines
    assert piece.sections[".text"].align == 64
    assert bytes.fromhex("4881c423010000") in piece.sections[".text"].data


def test_a_copy_elsewhere_is_of_the_tree_too(root: Path, tmp_path: Path) -> None:
    for arch, file in OURS:
        copy = Path(shutil.copy(root / file, tmp_path / "mine.S"))
        there, here = subject(arch, "6.12", Tree(root), root / file), subject(arch, "6.12", Tree(root), copy)
        assert there.trampolines.sections == here.trampolines.sections
        assert here.trampolines.lines[0].place.file == str(copy)


def test_the_release_is_the_trees(root: Path) -> None:
    assert Tree(root).release(X86) == "6.12"
    edit(root / "Makefile", "PATCHLEVEL = 12", "PATCHLEVEL = 6")
    with pytest.raises(UsageError, match=r"is Linux 6\.6; say by --release"):
        Tree(root).release(X86)
    assert Tree(root).variant(X86, "6.1").name == "6.1"
    edit(root / "Makefile", "PATCHLEVEL = 6", "")
    with pytest.raises(InputError, match="Makefile: has no VERSION"):
        Tree(root).release(X86)


def test_what_is_no_tree_or_build(root: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("nop\n")
    for name in ("fifo", "loop", "file", "nothing", "x\0y"):
        with pytest.raises(InputError, match="is no kernel tree"):
            Tree(tmp_path / name)
        with pytest.raises(InputError, match="is no build"):
            Tree(root, tmp_path / name)
        with pytest.raises(InputError):
            Tree(root, config=tmp_path / name).variant(X86)


def test_a_file_of_another_architecture(root: Path) -> None:
    with pytest.raises(UsageError, match="is a file of arch/arm, not of arch/x86"):
        subject(X86, "6.12", Tree(root), root / ENTRY)
    for arch, file in ((X86, FTRACE_32), (I386, FTRACE)):
        other = I386 if arch is X86 else X86
        with pytest.raises(UsageError, match=rf"{Path(file).name} is a file of {other.name}, not of {arch.name}"):
            subject(arch, "6.12", Tree(root), root / file)
    shutil.rmtree(root / "arch/x86")
    with pytest.raises(InputError, match="has no arch/x86"):
        subject(X86, "6.12", Tree(root), root / ENTRY)


@pytest.mark.parametrize(
    ("file", "arch"),
    [
        (FTRACE, X86),
        (FTRACE_32, I386),
        (ENTRY, ARM),
        (ENTRY_64, ARM64),
        ("arch/x86/kernel/entry_32.S", I386),
        ("arch/x86/lib/mine.S", None),
        ("arch/x86_64/kernel/ftrace_64.S", None),
        ("ftrace_32.S", None),
    ],
)
def test_a_file_says_its_architecture_by_its_folder_and_name(file: str, arch: Arch | None) -> None:
    assert arch_of_source(SMALL / file) is arch


def test_the_architecture_need_not_be_named() -> None:
    for arch, file in OURS:
        assert SourceLoader(Brought(source=SMALL / file, tree=Tree(SMALL))).arch is arch
        assert SourceLoader(Brought(source=SMALL / file)).arch is None


def test_options_that_belong_together(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--source", str(root / FTRACE)]
    assert main(["check", *source, "--build", str(root)]) == 2
    assert "name that by --tree" in capsys.readouterr().err
    assert main(["check", *source, "--tree", str(root)]) == 1
    assert "lacks the label" in re.sub(r"\s+", " ", capsys.readouterr().out)
    assert main(["check", "arm", *source, "--tree", str(root)]) == 2
    assert "is a file of arch/x86" in capsys.readouterr().err


# -- the kernel's own -------------------------------------------------------------------------------------------------


def real(release: str) -> Path:
    """The kernel's tree of a release; skips the test where there is none."""
    root = Path(os.environ.get("MCOUNT_EMULATOR_TREES", "/nowhere"), f"linux-source-{release}")
    if not root.is_dir():
        pytest.skip(f"MCOUNT_EMULATOR_TREES names no folder with linux-source-{release}")
    return root


CASES = [(arch, variant, file) for arch, file in OURS
         for variant in arch.variants if variant.release in ("6.1", "6.12")]  # fmt: skip


@pytest.mark.parametrize(("arch", "variant", "file"), CASES, ids=lambda item: getattr(item, "name", None))
def test_the_kernels_own_keep_the_contract(arch, variant, file, capsys: pytest.CaptureFixture[str]) -> None:
    root = real(variant.release)
    options = ["--variant", variant.name, "--source", str(root / file), "--tree", str(root), "--seeds", "1"]
    assert main(["check", arch.name, *options]) == 0, capsys.readouterr().out


def test_a_broken_instruction_is_found_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = real("6.12")
    copy = Path(shutil.copy(root / FTRACE, tmp_path / "ftrace_64.S"))
    edit(copy, "	movq %r12, R12(%rsp)\n", "	movq %r12, R13(%rsp)\n")
    line = copy.read_text().splitlines().index("	movq %r12, R13(%rsp)") + 1
    assert main(["check", "--source", str(copy), "--tree", str(root), "--seeds", "1", "--clause", "C5"]) == 1
    assert f"(ftrace_64.S:{line})" in "".join(capsys.readouterr().out.split()).replace(f"{tmp_path}/", "")
