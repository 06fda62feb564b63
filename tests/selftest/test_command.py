# SPDX-License-Identifier: GPL-2.0-only
"""mcount-emulator selftest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator import catalog
from emulator.cli import BAD, GOOD, NOTHING, USAGE, main


def test_all_real_variants_are_tested_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "x86_64", "--case", "parent-ip", "--format", "json"]) == GOOD
    shown = [variant["variant"] for variant in json.loads(capsys.readouterr().out)["variants"]]
    assert shown == [variant.name for variant in catalog.load("x86_64").variants if not variant.synthetic]


def test_a_release_narrows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "arm", "--release", "3.7", "--case", "regs"]) == GOOD
    counts = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split()[1] for line in counts] == ["3.7", "3.7-static"]


def test_a_synthetic_variant_is_tested_where_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "x86_64", "--variant", "3.7-ops-no-regs", "--case", "regs"]) == GOOD
    assert "PASS" in capsys.readouterr().out


def test_nothing_that_could_be_run_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "arm", "--case", "livepatch"]) == NOTHING
    assert "UNSUPPORTED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--case", "reg"], "unknown case 'reg'; did you mean 'regs'?"),
        (["--release", "9.9"], "unknown release"),
        (["--variant", "9.9"], "unknown variant"),
        (["--release", "3.7", "--variant", "6.12"], "unknown variant"),
    ],
)
def test_what_does_not_exist_is_an_error(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "x86_64", *words]) == USAGE
    assert message in capsys.readouterr().err


def users(folder: Path, old: str, new: str) -> str:
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, arch.variant("6.12").source)
    assert old in text
    path = folder / "mine.S"
    path.write_text(text.replace(old, new))
    return str(path)


def test_a_users_trampoline_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = users(tmp_path, "movq    $__KERNEL_CS, PT_cs(%rsp)", "movq $0, PT_cs(%rsp)")
    assert main(["selftest", "x86_64", "--source", source]) == BAD
    out = " ".join(capsys.readouterr().out.split())
    assert f"trampolines of {source}" in out
    assert "FAIL regs ftrace regs: callback received NULL regs" in out


def test_a_source_without_what_the_kernel_patches_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = users(tmp_path, "LABEL ftrace_call\n", "")
    assert main(["selftest", "x86_64", "--source", source]) == USAGE
    assert "ftrace_call" in capsys.readouterr().err
