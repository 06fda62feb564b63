# SPDX-License-Identifier: GPL-2.0-only
"""mcount-emulator mutate: formats, exit codes, a user's source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator import catalog
from emulator.cli import BAD, GOOD, USAGE, main

FEW = ["mutate", "arm", "--variant", "3.7", "--sample", "5", "--jobs", "1"]


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FEW) == GOOD
    assert "arm 3.7: 5 of " in capsys.readouterr().out


def test_a_document_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mutants.json"
    assert main([*FEW, "--format", "json", "-o", str(path)]) == GOOD
    document = json.loads(path.read_text())
    assert document["schema"] == "mcount-emulator/mutants/1"
    assert document["variants"][0]["judged"] == 5


def test_the_same_seed_draws_the_same_mutants(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main([*FEW, "--format", "json"]) for _ in range(2)] == [GOOD, GOOD]
    first, second = capsys.readouterr().out.strip().split("\n}\n{")
    assert first + "\n}" == "{" + second


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["arm", "--sample", "0"], "--sample 0"),
        (["arm", "--jobs", "0"], "--jobs 0"),
        (["arm", "--variant", "2.6"], "unknown variant"),
        (["arm", "x86_64", "--source", "own.S"], "for one architecture"),
        (["arm", "--source", "nowhere.S"], "nowhere.S"),
    ],
)
def test_bad_input_is_one_line(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", *options]) == USAGE
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_users_survivors_are_his_own_to_explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arch = catalog.load("arm")
    text = catalog.source_text(arch, arch.variant("3.7").source)
    source = tmp_path / "own.S"
    source.write_text(text.replace("FUNC ftrace_caller\n", "FUNC ftrace_caller\n        mov     r5, r5\n"))
    options = ["mutate", "arm", "--variant", "3.7", "--source", str(source), "--jobs", "1", "--sample", "60"]
    assert main(options) == BAD
    said = capsys.readouterr().out
    assert "SURVIVES" in said
    source.with_suffix(".survivors").write_text("* | * | * | * | everything is said to survive\n")
    assert main(options) == BAD
    assert "says that it survives" in capsys.readouterr().out
