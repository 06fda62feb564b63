# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a user meets it: output, messages, exit codes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import catalog, cli

README = Path(__file__).parents[1] / "README.md"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: its exit code, what it printed, and what it said on stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main(words)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.mark.wheel
@pytest.mark.parametrize("name", catalog.names())
def test_the_story_and_the_summary_of_every_architecture(run: Run, name: str) -> None:
    code, out, err = run("emulate", name)
    assert (code, err) == (cli.GOOD, "")
    assert f"{name} {catalog.load(name).releases[-1]}" in out
    for variant in catalog.load(name).variants:
        assert f"\n{variant.name}" in out
    assert "source: ours" in out
    assert "UNRESOLVED" not in out
    assert "WRONG" not in out
    assert "NOT BY CONTRACT" not in out


@pytest.mark.parametrize("name", catalog.names())
def test_text_is_plain_and_a_hundred_columns_wide_when_piped(run: Run, name: str) -> None:
    _, out, _ = run("emulate", name)
    assert out.isascii()
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_readme_shows_what_is_printed(run: Run) -> None:
    """Every row of its pictures, the numbers of source lines apart."""
    text = README.read_text()
    shown = text[text.index("## What you see") : text.index("`docs/support.md` is")]
    _, out, _ = run("emulate", "x86_64")
    printed = {_without_lines(row) for row in out.splitlines()}
    rows = [row.removeprefix("    ") for row in shown.splitlines() if row.startswith("    ")]
    assert len(rows) > 60
    assert [row for row in rows if _without_lines(row) not in printed] == []


def _without_lines(row: str) -> str:
    return re.sub(r"(\+0x[0-9a-f]+):\d+ *", r"\1 ", row)


def test_colour_adds_nothing_but_colour(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, plain, _ = run("emulate", "x86_64", "--ops", "probe")
    _, coloured, _ = run("emulate", "x86_64", "--ops", "probe", "--color", "always")
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [row.rstrip() for row in stripped.splitlines()] == plain.splitlines()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_automatic_colour_asks_terminal_and_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, expected: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(sys, "stdout", _Terminal())
    options = cli.parser().parse_args(["emulate"])
    assert cli.colour(options) is expected


@pytest.mark.wheel
def test_list_names_everything(run: Run) -> None:
    code, out, _ = run("list")
    assert code == cli.GOOD
    for name in catalog.names():
        for variant in catalog.load(name).variants:
            assert f"  {variant.name}" in out
    assert "vfs_read" in out


@pytest.mark.wheel
def test_version(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (cli.GOOD, cli.PROGRAM)


BAD_NAMES = [
    ("emulate", "x87"),
    ("emulate", "x86_64", "--release", "5.0"),
    ("emulate", "x86_64", "--variant", "6.12-xx"),
    ("emulate", "x86_64", "--release", "3.6", "--variant", "6.12"),
    ("emulate", "x86_64", "--function", "no_such_function"),
    ("emulate", "x86_64", "--ops", "probe:FOO"),
    ("emulate", "x86_64", "--release", "3.6", "--ops", "probe:SAVE_REGS"),
    ("emulate", "x86_64", "--ops", "probe:home=mars"),
    ("emulate", "x86_64", "--ops", "1probe"),
    ("emulate", "x86_64", "--ops", "probe:filter="),
    ("emulate", "x86_64", "--ops", "probe:nonsense=1"),
    ("emulate", "x86_64", "--ops", ""),
    ("emulate", "x86_64", "--seed", "many"),
    ("emulate", "x86_64", "--format", "ktap"),
    ("emulate", "x86_64", "--releas", "6.12"),
    ("nonsense",),
    (),
]


@pytest.mark.parametrize("words", BAD_NAMES, ids=" ".join)
def test_what_does_not_exist_is_one_message_and_exit_2(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (cli.USAGE, "")
    assert "Traceback" not in err
    assert len([row for row in err.splitlines() if not row.startswith((" ", "usage"))]) == 1
    assert not words or words[-1].split(":")[-1].split("=")[0] in err


def test_a_message_names_what_was_probably_meant(run: Run) -> None:
    _, _, err = run("emulate", "x86_64", "--function", "vfs_raed")
    assert "did you mean 'vfs_read'?" in err


SOURCES = {
    "missing": (None, "No such file"),
    "empty": (b"", "is empty"),
    "blank": (b"\n\n \n", "is empty"),
    "binary": (b"\x7fELF\0\0", "binary"),
    "malformed": (b"ftrace_caller:\n\tmov %rax\n", ":2:"),
    "macro without end": (b".macro m\nm\n.endm\nm\n", ":2:"),
    "endless repetition": (b".rept 100000000\nnop\n.endr\n", ":2:"),
    "unterminated macro": (b".macro m\nnop\n", ":1:"),
    "unknown instruction": (b"\n\nfrobnicate %rax\n", ":3:"),
    "no ftrace_caller": (b"nop\n", "lacks the label ftrace_caller"),
}


@pytest.mark.parametrize("what", SOURCES)
def test_a_source_that_cannot_be_used_is_one_message_with_its_place(run: Run, tmp_path: Path, what: str) -> None:
    content, expected = SOURCES[what]
    path = tmp_path / "mine.S"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run("emulate", "x86_64", "--source", str(path))
    assert (code, out) == (cli.USAGE, "")
    assert "mine.S" in err
    assert expected in err
    assert len(err.splitlines()) < 10


def test_a_good_source_takes_the_place_of_ours(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.S"
    arch = catalog.load("x86_64")
    path.write_text(catalog.source_text(arch, arch.variant("6.12").source))
    code, out, _ = run("emulate", "x86_64", "--source", str(path))
    assert code == cli.GOOD
    assert f"source: {path}" in out
    assert "mine.S" in out


def _changed(run: Run, tmp_path: Path, old: str, new: str) -> tuple[int, str, str]:
    """Run 6.12's trampolines with one line changed by hand."""
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, arch.variant("6.12").source)
    assert old in text
    path = tmp_path / "mine.S"
    path.write_text(text.replace(old, new))
    return run("emulate", "x86_64", "--source", str(path))


def test_a_store_moved_by_hand_shows(run: Run, tmp_path: Path) -> None:
    code, out, _ = _changed(run, tmp_path, "mov     %r13, PT_r13(%rsp)", "mov     %r13, PT_r14(%rsp)")
    assert code == cli.GOOD
    (row,) = (row for row in out.splitlines() if row.split()[1:2] == ["r14"] and "!" in row)
    assert " ! r13 " in row
    assert any(row.split()[1:2] == ["r13"] and "never written" in row for row in out.splitlines())


def test_an_ip_off_by_one_shows(run: Run, tmp_path: Path) -> None:
    _, out, _ = _changed(run, tmp_path, "sub     $MCOUNT_INSN_SIZE, %rdi", "sub     $MCOUNT_INSN_SIZE-1, %rdi")
    assert "WRONG: probe got ip vfs_read+0x1" in out


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("jumps away", "jmp 0x1000", "unmapped"),
        ("never comes back", "1: jmp 1b", "not back within"),
        ("faults", "mov 0, %rax", "unmapped"),
        ("is no instruction", "ud2", "nvalid instruction"),
        ("runs into data", "lea function_trace_op(%rip), %rax; jmp *%rax", "data"),
    ],
)
def test_a_run_that_ends_badly_is_unresolved_and_exit_1(
    run: Run, tmp_path: Path, name: str, first: str, expected: str
) -> None:
    del name
    code, out, err = _changed(run, tmp_path, "FUNC ftrace_caller\n", f"FUNC ftrace_caller\n{first}\n")
    assert (code, err) == (cli.BAD, "")
    (row, *_) = (row for row in out.splitlines() if row.startswith("UNRESOLVED"))
    assert expected in row
    assert "at " in row


def test_what_the_kernel_refuses_is_shown_and_nothing_was_run(run: Run) -> None:
    code, out, _ = run("emulate", "arm", "--release", "3.7", "--ops", "kprobe:SAVE_REGS")
    assert code == cli.NOTHING
    assert "-EINVAL" in out
    assert "DYNAMIC_FTRACE_WITH_REGS" in out


@pytest.mark.parametrize("name", catalog.names())
def test_a_static_variant_is_run_like_any_other(run: Run, name: str) -> None:
    names = [variant.name for variant in catalog.load(name).variants]
    static = "3.7-static" if "3.7-static" in names else "6.1-static"
    code, out, err = run("emulate", name, "--variant", static, "--trace")
    assert (code, err) == (cli.GOOD, "")
    assert "UNTESTED" not in out
    assert "Every instruction of vfs_read: one ops (probe)" in out
    code, out, _ = run("emulate", name, "--variant", static, "--format", "json")
    assert code == cli.GOOD
    scenarios = json.loads(out)["scenarios"]
    assert [scenario["error"] for scenario in scenarios] == [None] * len(scenarios)
    assert len(scenarios) >= 7


def test_a_filter_is_refused_where_there_are_none(run: Run) -> None:
    code, out, _ = run("emulate", "x86_64", "--variant", "6.12-static", "--ops", "probe:filter=vfs_read")
    assert code == cli.NOTHING
    assert "ftrace_set_filter: -ENODEV" in out


def test_a_direct_call_can_be_asked_for(run: Run) -> None:
    code, out, _ = run("emulate", "x86_64", "--ops", "mine:DIRECT:filter=vfs_read", "--ops", "probe:filter=vfs_read")
    assert code == cli.GOOD
    assert "ftrace_ops_list_func, orig_ax = my_tramp1" in out


def test_output_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    assert run("emulate", "x86_64", "--format", "json", "-o", str(path)) == (cli.GOOD, "", "")
    assert json.loads(path.read_text())["schema"] == "mcount-emulator/emulate/2"


def test_a_file_that_cannot_be_written_is_one_message(run: Run, tmp_path: Path) -> None:
    code, _, err = run("emulate", "x86_64", "-o", str(tmp_path / "no" / "such" / "folder"))
    assert code == cli.USAGE
    assert "cannot be written" in err


def test_an_error_of_our_own_asks_for_a_report_with_the_seed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_options: object) -> int:
        raise ZeroDivisionError("of our own")

    monkeypatch.setattr(cli, "_run", broken)
    monkeypatch.delenv("MCOUNT_EMULATOR_DEBUG", raising=False)
    code, _, err = run("emulate", "x86_64", "--seed", "7")
    assert code == cli.INTERNAL
    assert "ZeroDivisionError" in err
    assert "seed 7" in err


def test_an_interrupt_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert run("list")[0] == cli.INTERRUPTED


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m emulator emulate x86_64 | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=True)  # noqa: S602
    assert done.stdout.startswith("x86_64 6.12")
    assert done.stderr == ""


def test_trace_shows_every_instruction_once(run: Run) -> None:
    code, out, _ = run("emulate", "x86_64", "--ops", "probe:filter=vfs_read", "--trace")
    assert code == cli.GOOD
    listing = out[out.index("Every instruction of vfs_read: the ops given") :]
    assert "callq vfs_read" in listing
    assert "mov %rax, PT_ax(%rsp)" in listing
    assert "rsp=" in listing
    assert "[ffffc9" in listing


def test_a_trace_without_end_is_cut(run: Run, tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    path = tmp_path / "mine.S"
    text = catalog.source_text(arch, "ftrace-6.12.S")
    path.write_text(text.replace("FUNC ftrace_caller\n", "FUNC ftrace_caller\n1: jmp 1b\n"))
    code, out, _ = run("emulate", "x86_64", "--source", str(path), "--ops", "probe:filter=vfs_read", "--trace")
    assert code == cli.BAD
    assert "instructions are left out here" in out
    assert len(out.splitlines()) < 2000


def test_the_same_seed_gives_the_same_document_and_another_gives_other_values(run: Run) -> None:
    first, again, other = (run("emulate", "arm", "--format", "json", "--seed", seed)[1] for seed in ("5", "5", "6"))
    assert first == again
    assert first != other
    assert _statuses(first) == _statuses(other)


def _statuses(document: str) -> list[str]:
    scenarios = json.loads(document)["scenarios"]
    records = [call["regs"] or call["fregs"] for scenario in scenarios for call in scenario["callbacks"]]
    return [member["status"] for record in records if record for member in record["members"]]


# -- standard output that is none --------------------------------------------------------------------------------------


def shell(redirected: str) -> subprocess.CompletedProcess[str]:
    """`list` with its streams redirected by a shell."""
    words = ["/bin/sh", "-c", f'exec "$0" -m emulator list {redirected}', sys.executable]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_cannot_be_written_is_said() -> None:
    done = shell(">/dev/full")
    assert done.returncode == 2
    assert done.stderr == "mcount-emulator: standard output: cannot be written: No space left on device\n"


@pytest.mark.parametrize(("redirected", "said"), [(">&-", ""), ("2>&-", "x86_64"), (">&- 2>&-", "")])
def test_a_stream_that_is_closed_is_no_error(redirected: str, said: str) -> None:
    done = shell(redirected)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
