# SPDX-License-Identifier: GPL-2.0-only
"""mcount-emulator diff: operands, exit codes, formats, and saved documents of check."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import catalog
from emulator.behaviour.saved import SCHEMA
from emulator.cli import BAD, GOOD, NOTHING, USAGE, main
from emulator.report.diff import SCHEMA as DIFF
from emulator.report.lines import WIDTH

Run = Callable[..., tuple[int, str, str]]
ARM = ("--arch", "arm", "--variant", "6.12-static")
SMALL = "arm:6.12-static"
"""A variant that takes little time."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: its exit code, what it printed, and what it said on stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., str]:
    """A copy of the small variant's source, with text replaced."""

    def make(*edits: tuple[str, str]) -> str:
        arch = catalog.load("arm")
        text = catalog.source_text(arch, arch.variant("6.12-static").source)
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.S"
        path.write_text(text)
        return str(path)

    return make


@pytest.fixture
def saved(tmp_path: Path, run: Run) -> Callable[..., str]:
    """A document of check, of one variant."""

    def make(name: str, *words: str) -> str:
        path = tmp_path / name
        code, *_ = run("check", "arm", "--variant", "6.12-static", *words, "--format", "json", "-o", str(path))
        assert code in (GOOD, BAD)
        return str(path)

    return make


# -- operands ----------------------------------------------------------------------------------------------------------


@pytest.mark.wheel
def test_the_same_source_twice(run: Run, copy: Callable[..., str]) -> None:
    code, out, err = run("diff", SMALL, copy(), *ARM, "--seed", "5")
    assert (code, err) == (GOOD, "")
    assert out.startswith("no change in behaviour: 1 variant, ")


def test_an_edit(run: Run, copy: Callable[..., str]) -> None:
    edited = copy(("FUNC __gnu_mcount_nc\n", "FUNC __gnu_mcount_nc\n        mov     r7, #0\n"))
    code, out, err = run("diff", SMALL, edited, *ARM)
    assert (code, err) == (BAD, "")
    lines = out.splitlines()
    assert lines[0] == "--- arm 6.12-static  ours"
    assert lines[1].startswith("+++ arm 6.12-static  ")
    assert "-landing r7                as it should be" in lines
    assert "+landing r7                lost" in lines
    assert [line for line in lines if len(line) > WIDTH] == []
    assert any(line.startswith("-T1 registers") for line in lines)


def test_two_releases(run: Run) -> None:
    code, out, _ = run("diff", "x86_64:3.6-static", "x86_64:6.12-static")
    assert code == BAD
    assert out.startswith("--- x86_64 3.6-static  ours\n+++ x86_64 6.12-static  ours\n")
    assert "-stopped: function_trace_stop is set" in out


def test_the_variant_of_the_options_is_meant_where_none_is_named(run: Run) -> None:
    assert run("diff", SMALL, "arm", "--variant", "6.12-static")[0] == GOOD


def test_architectures_are_not_comparable(run: Run) -> None:
    code, out, err = run("diff", SMALL, "x86_64:6.12-static")
    assert (code, err) == (NOTHING, "")
    assert out == "nothing to compare: OLD has arm 6.12-static, NEW has x86_64 6.12-static\n"
    code, out, _ = run("diff", SMALL, "x86_64:6.12-static", "--format", "json")
    assert code == NOTHING
    assert json.loads(out)["variants"] == []


# -- saved documents ---------------------------------------------------------------------------------------------------


def test_documents_of_two_seeds(run: Run, saved: Callable[..., str]) -> None:
    one, two = saved("old.json", "--seed", "1"), saved("new.json", "--seed", "99")
    code, out, err = run("diff", one, two)
    assert (code, err) == (GOOD, "")
    assert out.startswith("no change in behaviour: 1 variant, ")


def test_a_document_and_a_source(run: Run, saved: Callable[..., str], copy: Callable[..., str]) -> None:
    old, mended = saved("old.json"), copy()
    assert run("diff", old, mended, *ARM)[0] == GOOD
    broken = copy(("FUNC __gnu_mcount_nc\n", "FUNC __gnu_mcount_nc\n        mov     r7, #0\n"))
    assert run("diff", old, broken, *ARM)[0] == BAD
    new = saved("new.json", "--source", broken)
    code, out, _ = run("diff", old, new, "--format", "json")
    assert code == BAD
    told = json.loads(out)
    assert (told["schema"], told["changed"]) == (DIFF, True)
    facts = {change["fact"] for hunk in told["variants"][0]["hunks"] for change in hunk["changes"]}
    assert facts == {"registers.r7", "cost.instructions"}


def test_variants_are_paired_by_name(run: Run, saved: Callable[..., str], tmp_path: Path) -> None:
    one = json.loads(Path(saved("one.json")).read_text())
    other = json.loads(json.dumps(one).replace("6.12-static", "6.12-other"))
    both = tmp_path / "both.json"
    both.write_text(json.dumps({**one, "variants": one["variants"] + other["variants"]}))
    assert run("diff", str(both), str(both))[0] == GOOD
    assert run("diff", SMALL, str(both))[0] == GOOD
    third = json.loads(json.dumps(other).replace("6.12-other", "6.12-third"))
    mixed = tmp_path / "mixed.json"
    mixed.write_text(json.dumps({**one, "variants": one["variants"] + third["variants"]}))
    code, out, _ = run("diff", str(both), str(mixed))
    assert code == BAD
    assert "-arm 6.12-other: only in OLD\n+arm 6.12-third: only in NEW\n" in out


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON document"),
        (json.dumps({"schema": "mcount-emulator/emulate/2"}), f"what can be compared is '{SCHEMA}'"),
        (json.dumps({"schema": SCHEMA, "variants": [{}]}), "variants[0] lacks 'arch'"),
    ],
)
def test_documents_that_cannot_be_compared(run: Run, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "saved.json"
    path.write_text(text)
    code, out, err = run("diff", str(path), SMALL)
    assert (code, out) == (USAGE, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("operand", "message"),
    [
        ("arn:6.12", "did you mean 'arm'"),
        ("arm:6.99", "unknown variant of arm '6.99'"),
        ("nowhere.S", "cannot be read"),
        ("nowhere.json", "cannot be read"),
        ("nowhere", "neither a .S or .o, nor an image, nor a saved document, nor ARCH:VARIANT"),
    ],
)
def test_operands_that_are_nothing(run: Run, operand: str, message: str) -> None:
    code, out, err = run("diff", operand, SMALL)
    assert (code, out) == (USAGE, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_source_that_lacks_the_trampoline(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.S"
    path.write_text("        nop\n")
    code, out, err = run("diff", SMALL, str(path), "--arch", "arm")
    assert (code, out) == (USAGE, "")
    assert "lacks the label ftrace_caller" in err


def test_an_unwritable_output(run: Run, tmp_path: Path) -> None:
    code, _, err = run("diff", SMALL, SMALL, "-o", str(tmp_path / "no" / "file"))
    assert code == USAGE
    assert "cannot be written" in err


def test_a_file_for_the_output(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "diff.txt"
    assert run("diff", SMALL, SMALL, "-o", str(path))[:2] == (GOOD, "")
    assert path.read_text().startswith("no change")
