# SPDX-License-Identifier: GPL-2.0-only
"""--object in every command that takes it: an object in the place of our trampolines, and what is none."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from elf_files import ElfFile
from emulator import catalog
from emulator.cli import main, parser
from emulator.description import Arch, Variant
from object_files import object_of

DEFAULTS = [(arch, arch.variant(arch.releases[-1])) for arch in map(catalog.load, catalog.names())]
Run = Callable[..., tuple[int, str, str]]


def names(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def give(tmp_path: Path) -> Callable[[Arch, Variant], str]:
    """The path of an object of a variant's own trampolines."""

    def made(arch: Arch, variant: Variant) -> str:
        path = tmp_path / "given.o"
        path.write_bytes(object_of(arch, variant))
        return str(path)

    return made


@pytest.mark.parametrize(("arch", "variant"), DEFAULTS, ids=names)
def test_emulate_tells_the_same_story(run: Run, give, arch: Arch, variant: Variant) -> None:
    path = give(arch, variant)
    code, out, _ = run("emulate", arch.name, "--object", path)
    assert code == 0
    assert f"source: {path}  seed 1" in out
    assert f"note: taken for {variant.name}: it has {variant.plain.symbol}" in out
    code, shown, _ = run("emulate", arch.name, "--object", path, "--format", "json")
    found = json.loads(shown)
    assert (code, found["source"], found["variant"], found["missing"]) == (0, path, variant.name, [])
    _, ours, _ = run("emulate", arch.name, "--format", "json")
    for mine, theirs in zip(found["scenarios"], json.loads(ours)["scenarios"], strict=True):
        assert [call["ip"] for call in mine["callbacks"]] == [call["ip"] for call in theirs["callbacks"]]


@pytest.mark.parametrize(("arch", "variant"), DEFAULTS, ids=names)
def test_check_gives_the_same_verdicts(run: Run, give, arch: Arch, variant: Variant) -> None:
    path = give(arch, variant)
    told = [run("check", arch.name, *words, "--seed", "1", "--format", "json") for words in (
        ("--object", path), ("--variant", variant.name)
    )]  # fmt: skip
    mine, ours = (json.loads(out)["variants"][0] for _, out, _ in told)
    assert told[0][0] == told[1][0] == 0
    for one, other in zip(mine["clauses"], ours["clauses"], strict=True):
        assert (one["id"], one["verdict"], one["asked"]) == (other["id"], other["verdict"], other["asked"])
    assert mine["source"] == path
    assert mine["notes"][0].startswith(f"taken for {variant.name}")


@pytest.mark.parametrize(("arch", "variant"), DEFAULTS, ids=names)
def test_diff_finds_nothing(run: Run, give, arch: Arch, variant: Variant) -> None:
    path = give(arch, variant)
    code, out, _ = run("diff", f"{arch.name}:{variant.name}", path, "--arch", arch.name)
    assert code == 0
    assert out.startswith("no change in behaviour")


def test_the_other_commands_take_it_too(run: Run, give) -> None:
    arch, variant = DEFAULTS[0]
    path = give(arch, variant)
    assert run("selftest", arch.name, "--object", path)[0] == 0
    assert run("show", arch.name, "--object", path)[0] == 0
    code, out, _ = run("mutate", arch.name, "--object", path, "--sample", "2", "--jobs", "1", "--format", "json")
    assert (code in (0, 1), json.loads(out)["variants"][0]["origin"]) == (True, path)


def test_a_named_variant_is_not_doubted(run: Run, give) -> None:
    arch, variant = DEFAULTS[0]
    other = next(item for item in arch.variants if item.release != variant.release and item.source == variant.source)
    code, out, _ = run("emulate", arch.name, "--object", give(arch, variant), "--variant", other.name)
    assert code == 0
    assert "taken for" not in out
    assert out.startswith(f"{arch.name} {other.name} ")


def test_a_named_release_is_believed(run: Run, give) -> None:
    arch = catalog.load("x86_64")
    path = give(arch, arch.variant("6.12"))
    code, out, _ = run("emulate", "x86_64", "--object", path, "--release", "6.1")
    assert (code, out.split()[1]) == (0, "6.1")
    assert run("emulate", "x86_64", "--object", path, "--release", "6.99")[0] == 2


def test_a_failure_is_replayed_with_the_object(run: Run, give) -> None:
    arch = catalog.load("x86_64")
    path = give(arch, arch.variant("6.12"))
    code, out, _ = run(
        "check",
        "x86_64",
        "--object",
        path,
        "--variant",
        "6.12-ibt",
        "--clause",
        "H1",
        "--seed",
        "1",
        "--format",
        "json",
    )
    assert code == 1
    (clause,) = json.loads(out)["variants"][0]["clauses"]
    replay = shlex.split(clause["findings"][0]["replay"])
    assert str(parser().parse_args(replay[1:]).object) == path
    assert run(*replay[1:])[0] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (os.mkfifo, "cannot be read: not a regular file"),
        (Path.touch, ":0x0: is empty"),
        (lambda path: path.write_text("not an object"), ":0x0: is no ELF file: it begins with 6e 6f 74 20"),
        (lambda path: path.write_bytes(ElfFile(bits=32, machine=40).written()), "is for arm .*, not for x86_64"),
        (lambda path: path.write_bytes(ElfFile(kind=2).written()), "is a linked program"),
        (lambda path: path.write_bytes(ElfFile().written()), "no executable section defines a global symbol"),
        (lambda path: path.write_bytes(ElfFile().written()[:90]), "the table of sections ends at"),
    ],
    ids=["missing", "directory", "fifo", "empty", "text", "another machine", "linked", "no code", "truncated"],
)
@pytest.mark.parametrize("command", ["emulate", "check"])
def test_what_cannot_be_used_is_one_line_with_the_file(
    run: Run, tmp_path: Path, command: str, make, message: str
) -> None:
    path = tmp_path / "given.o"
    make(path)
    code, out, err = run(command, "x86_64", "--object", str(path))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert str(path) in err
    assert re.search(message, err)


def test_a_source_and_an_object_exclude_each_other(run: Run) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("emulate", "x86_64", "--object", "a.o", "--source", "a.S")
