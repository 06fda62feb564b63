# SPDX-License-Identifier: GPL-2.0-only
"""mcount-emulator check and explain: exit codes, formats, replays, and whatever a user's source does."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from emulator import catalog
from emulator.checks.clause import CLAUSES
from emulator.checks.exercises import EXERCISES
from emulator.cli import BAD, GOOD, NOTHING, USAGE, main
from emulator.commands import check
from emulator.commands.progress import Progress

Run = Callable[..., tuple[int, str, str]]
FAST = ("--scenario", "one", "--scenario", "disabled")


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
def undescribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON without the behaviour, which takes as long as all the rest."""
    monkeypatch.setattr("emulator.checks.campaign.behaviour", lambda *_: {"paths": {}})


def source(folder: Path, arch: str, variant: str, *edits: tuple[str, str]) -> str:
    """A copy of a variant's own trampolines with some text changed."""
    declared = catalog.load(arch)
    text = catalog.source_text(declared, declared.variant(variant).source)
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / "mine.S"
    path.write_text(text)
    return str(path)


# -- what is run -------------------------------------------------------------------------------------------------------


@pytest.mark.wheel
def test_a_variant_of_ours_is_good(run: Run) -> None:
    code, out, err = run("check", "arm", "--variant", "6.12-static")
    assert (code, err) == (GOOD, "")
    found = re.findall(r"^  (?:PASS|XFAIL|UNSUPPORTED) +([TCWGUPHN]\d) ", out, re.MULTILINE)
    assert sorted(found) == sorted(CLAUSES)


@pytest.mark.usefixtures("undescribed")
def test_all_variants_of_several_architectures(run: Run) -> None:
    names = catalog.names()
    code, out, _ = run("check", *names, *FAST, "--clause", "T1", "--format", "json")
    assert code == GOOD
    shown = [(item["arch"], item["variant"]) for item in json.loads(out)["variants"]]
    assert shown == [(name, variant.name) for name in names for variant in catalog.load(name).variants]


@pytest.mark.usefixtures("undescribed")
def test_a_release_and_variants_narrow(run: Run) -> None:
    _, out, _ = run("check", "x86_64", "--release", "3.6", *FAST, "--format", "json")
    assert [item["variant"] for item in json.loads(out)["variants"]] == ["3.6", "3.6-static"]
    _, out, _ = run("check", "arm", "--variant", "6.1", "--variant", "3.6", *FAST, "--format", "json")
    assert [item["variant"] for item in json.loads(out)["variants"]] == ["6.1", "3.6"]


@pytest.mark.usefixtures("undescribed")
def test_clauses_narrow_in_their_own_order(run: Run) -> None:
    _, out, _ = run("check", "arm", "--variant", "6.1", *FAST, "--clause", "c1", "--clause", "T2", "--format", "json")
    (variant,) = json.loads(out)["variants"]
    assert [clause["id"] for clause in variant["clauses"]] == ["T2", "C1"]


@pytest.mark.usefixtures("undescribed")
@pytest.mark.parametrize(
    ("words", "seeds"),
    [((), [1, 2]), (("--seed", "7"), [7]), (("--seeds", "3"), [1, 2, 3]), (("--seed", "5", "--seeds", "2"), [5, 6])],
)
def test_seeds(run: Run, words: tuple[str, ...], seeds: list[int]) -> None:
    _, out, _ = run("check", "arm", "--variant", "3.6-static", *FAST, "--format", "json", *words)
    assert json.loads(out)["seeds"] == seeds


@pytest.mark.parametrize("fmt", check.RENDERERS)
def test_processes_change_nothing(run: Run, fmt: str) -> None:
    words = ("check", "arm", "--release", "3.6", *FAST, "--seeds", "9", "--format", fmt)
    alone = run(*words)
    assert alone[0] == GOOD
    assert run(*words, "--jobs", "2") == alone


def test_what_cannot_be_asked_is_nothing(run: Run) -> None:
    code, out, _ = run("check", "arm", "--variant", "6.12", "--clause", "H1")
    assert code == NOTHING
    assert "UNSUPPORTED  H1 landing pads  the variant does not declare KERNEL_IBT" in out
    code, out, _ = run("check", "arm", "--variant", "3.6", "--scenario", "regs")
    assert code == NOTHING
    assert "the variant has none of these scenarios" in out


# -- formats -----------------------------------------------------------------------------------------------------------


def test_each_format_is_what_it_says(run: Run, tmp_path: Path) -> None:
    words = ("check", "arm", "--variant", "6.12", *FAST, "--format")
    assert run(*words, "text")[1].startswith("arm 6.12: the contract, seeds 1 to 2\n")
    assert run(*words, "ktap")[1].startswith("KTAP version 1\n1..1\n")
    assert ET.fromstring(run(*words, "junit")[1].encode()).tag == "testsuites"  # noqa: S314 - our own document
    assert run(*words, "github")[1].startswith("arm 6.12 ")
    path = tmp_path / "out.json"
    assert run(*words, "json", "-o", str(path)) == (GOOD, "", "")
    (variant,) = json.loads(path.read_text())["variants"]
    assert variant["behaviour"]["paths"]


def test_only_json_has_the_behaviour(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.checks.campaign.behaviour", None)
    assert run("check", "arm", "--variant", "3.6", *FAST)[0] == GOOD


# -- a user's trampolines ----------------------------------------------------------------------------------------------

SWAPPED = ("mov     %r13, PT_r13(%rsp)", "mov     %r12, PT_r13(%rsp)")


@pytest.mark.usefixtures("undescribed")
def test_a_failure_names_the_instruction_and_can_be_replayed(run: Run, tmp_path: Path) -> None:
    mine = source(tmp_path, "x86_64", "6.12", SWAPPED)
    code, out, _ = run("check", "x86_64", "--source", mine)
    assert code == BAD
    lines = enumerate(Path(mine).read_text().splitlines(), 1)
    number = next(number for number, line in lines if SWAPPED[1] in line)
    told = " ".join(out.split())
    assert re.search(
        r"FAIL C5 the record .*r13: expected 0x[0-9a-f]+, got 0x[0-9a-f]+ in scenario [\w-]+, seed 1", told
    )
    assert re.search(rf"at ftrace_[^ ]+\+0x[0-9a-f]+ \({re.escape(mine)}:{number}\)", told)
    command = next(line.strip() for line in out.splitlines() if "--clause C5 " in line)
    code, again, _ = run(*shlex.split(command)[1:], "--format", "json")
    assert code == BAD
    (variant,) = json.loads(again)["variants"]
    (clause,) = variant["clauses"]
    assert (clause["id"], clause["verdict"], clause["findings"][0]["what"]) == ("C5", "FAIL", "r13")
    assert clause["findings"][0]["line"] == number


def test_what_is_below_sp_is_replayed_too(run: Run, tmp_path: Path) -> None:
    """U3 is asked through the other clauses; to ask for it alone must not take them away."""
    late = ("pop     {r0-r3, ip, lr} ", "add     sp, sp, #24; ldmdb sp, {r0-r3, ip, lr} ")
    mine = source(tmp_path, "arm", "3.6", late)
    words = ("check", "arm", "--variant", "3.6", "--source", mine, "--scenario", "one", "--seed", "1", "--clause", "U3")
    code, out, _ = run(*words)
    assert code == BAD
    command = next(line.strip() for line in out.splitlines() if "--clause U3" in line)
    assert run(*shlex.split(command)[1:])[0] == BAD


def test_an_allowance_makes_it_pass(run: Run, tmp_path: Path) -> None:
    mine = source(tmp_path, "x86_64", "6.12", SWAPPED)
    words = ("check", "x86_64", "--source", mine, "--scenario", "regs")
    assert run(*words)[0] == BAD
    failed = re.findall(r"^ +(\w+): expected .* in scenario regs", run(*words)[1], re.MULTILINE)
    assert set(failed) == {"r13"}
    code, out, _ = run(*words, "--allow", "C5:r13=it is ours", "--allow", "T1:r13=too")
    assert code == GOOD
    assert "r13: it is ours" in out


@pytest.mark.usefixtures("undescribed")
def test_one_source_for_several_variants(run: Run, tmp_path: Path) -> None:
    """One of them lacks a label; the others are judged all the same."""
    mine = source(tmp_path, "x86_64", "3.6")
    code, out, _ = run(
        "check", "x86_64", "--source", mine, "--variant", "6.12", "--variant", "3.6", "--format", "json", *FAST
    )
    assert code == BAD
    first, second = json.loads(out)["variants"]
    assert "lacks the label ftrace_regs_caller" in first["unresolved"][0]["reason"]
    assert first["behaviour"] is None
    assert (second["unresolved"], second["counts"]["FAIL"]) == ([], 0)


HEAD = {"x86_64": "FUNC ftrace_caller\n", "arm": "FUNC ftrace_caller\n"}
ASTRAY = [
    # what it does, architecture, at the entry of ftrace_caller, what is said
    ("loops for ever", "x86_64", "1: jmp 1b", "not back within 5000 instructions at ftrace_"),
    ("loops for ever", "arm", "1: b 1b", "not back within 5000 instructions at ftrace_"),
    ("is no instruction", "x86_64", "ud2", "nvalid instruction"),
    ("is no instruction", "arm", ".word 0xe7f000f0", "nstruction|exception"),
    ("jumps into data", "x86_64", "lea function_trace_op(%rip), %rax; jmp *%rax", "data"),
    ("jumps into data", "arm", "ldr ip, =function_trace_op; bx ip; .ltorg", "data"),
    ("jumps nowhere", "x86_64", "jmp 0x1000", "unmapped"),
    ("overwrites itself", "x86_64", "movq $0, ftrace_caller(%rip)", "protected memory"),
    ("overwrites itself", "arm", "ldr ip, =ftrace_caller; str ip, [ip]; .ltorg", "protected memory"),
    ("overwrites the canary", "x86_64", "movq $0, 0x58(%rsp)", "the word at sp"),
    ("overwrites the canary", "arm", "str r0, [sp, #0x58]", "the word at sp"),
    ("writes above the stack", "x86_64", "movq $0, 0x4000(%rsp)", "unmapped"),
    ("runs down the stack", "x86_64", "1: push %rax; jmp 1b", "unmapped|not back"),
    ("halts", "x86_64", "hlt", "halted|not back"),
    ("calls itself", "x86_64", "call ftrace_caller", "unmapped|not back"),
    ("calls what is traced", "x86_64", "call vfs_read", ""),
    ("calls what is traced", "arm", "bl vfs_read", ""),
]


@pytest.mark.parametrize(("what", "arch", "first", "said"), ASTRAY, ids=[f"{arch} {what}" for what, arch, *_ in ASTRAY])
def test_whatever_a_source_does_has_a_verdict(
    run: Run, tmp_path: Path, what: str, arch: str, first: str, said: str
) -> None:
    mine = source(tmp_path, arch, "6.12", (HEAD[arch], f"{HEAD[arch]}{first}\n"))
    code, out, err = run("check", arch, "--source", mine, "--seed", "1", *FAST, "--scenario", "two")
    assert (code, err) == (BAD, "")
    told = " ".join(out.split())
    assert re.search(said, told)
    assert re.search(rf"at \w+[^ ]* \((?:{re.escape(mine)}|trampolines/{arch}/kernel\.S):\d+\)", told)


def test_a_source_that_is_altogether_astray_ends_in_time(run: Run, tmp_path: Path) -> None:
    """Every scenario, and every moment of each, with a trampoline that never comes back."""
    mine = source(tmp_path, "arm", "6.12", (HEAD["arm"], HEAD["arm"] + "1: b 1b\n"))
    start = time.process_time()
    assert run("check", "arm", "--source", mine, "--seed", "1")[0] == BAD
    assert time.process_time() - start < 60


# -- bad input ---------------------------------------------------------------------------------------------------------

MISTAKES = [
    (("--format", "yaml"), "invalid choice: 'yaml'"),
    (("--clause", "C55"), "unknown clause 'C55'; did you mean 'C5'"),
    (("--scenario", "onn"), "unknown scenario 'onn'; did you mean 'one'"),
    (("--release", "9.9"), "unknown release of arm '9.9'"),
    (("--variant", "6.12-xx"), "unknown variant of arm '6.12-xx'"),
    (("--release", "3.6", "--variant", "6.12"), "unknown variant of arm '6.12'"),
    (("--allow", "C5"), "--allow 'C5': it takes CLAUSE:WHAT=REASON"),
    (("--allow", "C55:cpsr=why"), "unknown clause 'C55'"),
    (("--seed", "many"), "invalid int value: 'many'"),
    (("--seeds", "0"), "--seeds 0: it takes 1 to"),
    (("--jobs", "0"), "--jobs 0: it takes 1 to"),
    (("--jobs", "1000"), "--jobs 1000: it takes 1 to"),
    (("-o", "no/such/folder/file"), "no/such/folder/file: cannot be written"),
    (("-o", "."), ".: cannot be written: is a directory"),
    (("--source", "nowhere.S"), "nowhere.S: cannot be read: No such file"),
    (("x86_64", "--source", "nowhere.S"), "it is for one architecture"),
    (("x87",), "unknown architecture 'x87'"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run("check", "arm", *words)
    assert (code, out) == (USAGE, "")
    assert message in err
    assert len([row for row in err.splitlines() if not row.startswith((" ", "usage"))]) == 1


def test_a_source_that_does_not_assemble_is_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.S"
    path.write_text("ftrace_caller:\n\tfrobnicate r0\n")
    code, out, err = run("check", "arm", "--source", str(path))
    assert (code, out) == (USAGE, "")
    assert f"{path}:2:" in err
    assert len(err.splitlines()) == 1


def test_a_source_without_ftrace_caller_is_unresolved(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.S"
    path.write_text("\tnop\n")
    code, out, err = run("check", "arm", "--source", str(path))
    assert (code, err) == (BAD, "")
    assert "UNRESOLVED" in out
    assert "lacks the label ftrace_caller, which 6.12 needs" in " ".join(out.split())


def test_a_file_that_fills_up_is_one_line(run: Run) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    code, _, err = run("check", "arm", "--variant", "3.6", *FAST, "-o", "/dev/full")
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert "/dev/full: cannot be written" in err


def test_a_name_that_is_no_text_can_be_printed(run: Run, tmp_path: Path) -> None:
    mine = source(tmp_path, "arm", "6.12")
    odd = Path(mine).rename(tmp_path / "\udcff.S")
    for fmt in check.RENDERERS:
        assert run("check", "arm", "--source", str(odd), "--format", fmt, *FAST, "--seed", "1")[0] == GOOD


# -- the bar -----------------------------------------------------------------------------------------------------------


class Terminal:
    """Remembers what is written to it."""

    def __init__(self, *, watched: bool) -> None:
        self.watched, self.text = watched, ""

    def isatty(self) -> bool:
        return self.watched

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("watched", "patience", "shown"), [(True, 0.0, True), (False, 0.0, False), (True, 9.0, False)])
def test_a_bar_is_for_long_work_that_somebody_watches(
    monkeypatch: pytest.MonkeyPatch, *, watched: bool, patience: float, shown: bool
) -> None:
    terminal = Terminal(watched=watched)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("emulator.commands.progress.PATIENCE", patience)
    with Progress(4) as progress:
        assert list(progress.over(iter("abcd"))) == list("abcd")
    assert bool(terminal.text) is shown
    assert not shown or ("2/4" in terminal.text and terminal.text.endswith("\r\x1b[K"))


# -- explain -----------------------------------------------------------------------------------------------------------


def test_explain_prints_what_a_clause_asks(run: Run) -> None:
    code, out, _ = run("explain", "c5")
    assert code == GOOD
    assert out.startswith("C5 the record\n")
    told = " ".join(out.split())
    assert " ".join(CLAUSES["C5"].explanation.split()) in told
    assert "arm 6.1: cpsr: never written" in told
    assert max(map(len, out.splitlines())) <= 100


def test_every_clause_says_who_promises_it_and_what_broke_it(run: Run) -> None:
    for name in CLAUSES:
        _, out, _ = run("explain", name)
        assert "\n  Promised: " in out, name
        assert "\n  Broken by: " in out or "Broken by" in out, name


def test_explain_alone_lists_everything(run: Run) -> None:
    code, out, _ = run("explain")
    assert code == GOOD
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted([*CLAUSES, *EXERCISES])


def test_explain_of_nothing_is_one_line(run: Run) -> None:
    code, out, err = run("explain", "Z9")
    assert (code, out) == (USAGE, "")
    assert "unknown clause 'Z9'" in err
