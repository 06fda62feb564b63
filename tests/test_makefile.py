# SPDX-License-Identifier: GPL-2.0-only
"""The make front end: its variables are the command's options, and what a machine lacks is said in one line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import catalog

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = {
    "RELEASE": "--release",
    "VARIANT": "--variant",
    "SRC": "--source",
    "OBJ": "--object",
    "VMLINUX": "--vmlinux",
    "MAP": "--system-map",
    "KDIR": "--tree",
    "O": "--build",
    "CONFIG": "--config",
    "OPS": "--ops",
    "FUNCTION": "--function",
    "SEED": "--seed",
    "FORMAT": "--format",
}
CHECK = {
    "CLAUSE": "--clause",
    "SCENARIO": "--scenario",
    "SEEDS": "--seeds",
    "JOBS": "--jobs",
    "ALLOW": "--allow",
}
"""Those of check alone."""

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs make in the checkout with nothing of this process's own environment but PATH."""
    clean = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(["make", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def command(*words: str) -> list[str]:
    """The words of the command that make would run at last."""
    done = make("-n", *words)
    assert done.returncode == 0, done.stderr
    return shlex.split(done.stdout.splitlines()[-1])


# -- variables ---------------------------------------------------------------------------------------------------------


@needs_make
@pytest.mark.parametrize(("variable", "option"), OPTIONS.items())
def test_each_variable_is_passed_as_its_option(variable: str, option: str) -> None:
    assert command("emulate", f"{variable}=value")[3:] == ["emulate", f"{option}=value"]


@needs_make
def test_a_debugger_gets_the_same_kernel() -> None:
    words = command("debug", "ARCH=arm", "VARIANT=6.1", "OPS=a b:SAVE_REGS", "SRC=a.S", "FUNCTION=f")[3:]
    assert words == [
        "debug",
        "arm",
        "--variant=6.1",
        "--source=a.S",
        "--ops=a",
        "--ops=b:SAVE_REGS",
        "--function=f",
        "--gdb",
    ]
    assert command("debug")[3:] == ["debug", "--gdb"]


@needs_make
def test_nothing_given_is_nothing_passed() -> None:
    assert command("emulate") == [".venv/bin/python", "-m", "emulator", "emulate"]
    assert command("emulate", "RELEASE=", "OPS=")[3:] == ["emulate"]


@needs_make
def test_mutants_are_made_of_all_architectures_or_of_those_named() -> None:
    assert command("mutants")[3:] == ["mutate", *catalog.names()]
    assert command("mutants", "ARCH=x86_64 arm", "JOBS=1")[3:] == ["mutate", "x86_64", "arm", "--jobs=1"]
    assert command("mutants", "SRC=a.S")[3:] == ["mutate", "--source=a.S"]


@needs_make
def test_arch_is_the_argument() -> None:
    assert command("emulate", "ARCH=arm")[3:] == ["emulate", "arm"]


@needs_make
@pytest.mark.parametrize("value", ["my own.S", "it's.S", 'a"b', "a;b", "a*b", "a|b&c", "-x", "a,b", "(a)", "~a", "!a"])
def test_a_value_arrives_as_it_was_given(value: str) -> None:
    assert command("emulate", f"SRC={value}")[3:] == ["emulate", f"--source={value}"]


@needs_make
def test_several_ops_are_separated_by_spaces() -> None:
    words = command("emulate", "OPS=probe  kprobe:SAVE_REGS:filter=vfs_*")
    assert words[3:] == ["emulate", "--ops=probe", "--ops=kprobe:SAVE_REGS:filter=vfs_*"]


@needs_make
def test_a_mistyped_variable_is_an_error() -> None:
    done = make("-n", "emulate", "RELESE=3.7")
    assert done.returncode == 2
    assert "unknown variable RELESE" in done.stderr


@needs_make
def test_the_variables_of_a_make_above_are_its_own_business() -> None:
    assert make("-n", "emulate", "RELESE=3.7", MAKELEVEL="1").returncode == 0


@needs_make
def test_what_diff_compares_are_its_arguments() -> None:
    assert command("diff", "OLD=yesterday's.json", "NEW=arm:6.12")[3:] == ["diff", "yesterday's.json", "arm:6.12"]
    assert command("diff", "OLD=a.S", "NEW=b.S", "ARCH=arm")[3:] == ["diff", "a.S", "b.S", "--arch=arm"]


@needs_make
def test_of_real_kernels_some_can_be_chosen() -> None:
    assert command("real-kernels", "ONLY=6.12*")[1:] == ["scripts/real_kernels.py", "--only=6.12*"]


@needs_make
def test_help_readme_and_makefile_name_the_same_variables() -> None:
    names = ["ARCH", *OPTIONS, *CHECK, "KUNIT", "ONLY", "OLD", "NEW"]
    shown = re.findall(r"^  ([A-Z]+) ", make("help").stdout, re.MULTILINE)
    assert shown == [*names, "V", "PYTHON"]
    table = re.findall(r"^\| `([A-Z]+)=?` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert table == shown


def test_every_option_that_make_passes_is_one_of_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "emulate", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [option for option in OPTIONS.values() if option not in done.stdout] == []
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "check", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [option for option in CHECK.values() if option not in done.stdout] == []


@needs_make
@pytest.mark.parametrize(("variable", "option"), CHECK.items())
def test_each_variable_of_check_is_passed_as_its_option(variable: str, option: str) -> None:
    assert command("check", f"{variable}=value")[3:] == ["check", f"{option}=value"]


@needs_make
def test_check_takes_several_of_what_the_command_takes_several_of() -> None:
    words = command("check", "ARCH=arm x86_64", "VARIANT=6.1 6.12", "CLAUSE=T1 C5", "SCENARIO=one two")
    assert words[3:6] == ["check", "arm", "x86_64"]
    assert words[6:8] == ["--variant=6.1", "--variant=6.12"]
    assert words[8:] == ["--clause=T1", "--clause=C5", "--scenario=one", "--scenario=two"]


@needs_make
def test_a_reason_may_have_spaces() -> None:
    assert command("check", "ALLOW=C5:cpsr=it's never read")[3:] == ["check", "--allow=C5:cpsr=it's never read"]


# -- targets -----------------------------------------------------------------------------------------------------------


@needs_make
def test_help_is_what_make_does_unasked() -> None:
    assert make().stdout == make("help").stdout


@needs_make
def test_every_target_of_the_help_exists() -> None:
    targets = re.findall(r"^  ([a-z-]+) ", make("help").stdout, re.MULTILINE)
    expected = (
        "help emulate check diff selftest mutants show debug list bench test lint types ci soak real-kernels clean"
    )
    assert set(expected.split()) == set(targets)
    for target in targets:
        assert make("-n", target).returncode == 0


@needs_make
def test_the_tests_run_once_when_make_is_asked_for_test_and_ci() -> None:
    assert make("-n", "test", "ci").stdout.count("-m pytest") == 1


# -- set-up ------------------------------------------------------------------------------------------------------------


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Runs a copy of scripts/setup in an empty folder."""
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", folder / "scripts")
    return subprocess.run(["scripts/setup", python, "."], cwd=folder, capture_output=True, text=True, check=False)


STUB = """#!/bin/sh
echo "$*" >>log
case "$2" in
*version*) echo {version} ;;
*{without}*) exit 1 ;;
venv) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""


def pretend(folder: Path, version: str, *, without: str = "nothing") -> str:
    """A python that says its version, makes a .venv of itself, fails to import `without`, and logs what it is told."""
    path = folder / "python"
    path.write_text(STUB.format(version=version, without=without))
    path.chmod(0o755)
    return str(path)


def test_no_python_is_said_in_one_line(tmp_path: Path) -> None:
    done = set_up(tmp_path, "python-that-is-not-there")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"mcount-emulator: python-that-is-not-there not found: apt install python3 .*\n", done.stderr)


@pytest.mark.parametrize("version", ["3.10", "3.14", "2.7", "3.1"])
def test_an_unfit_python_is_said_in_one_line(tmp_path: Path, version: str) -> None:
    done = set_up(tmp_path, pretend(tmp_path, version))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        rf"mcount-emulator: .* is Python {version}, 3\.11 to 3\.13 is needed: apt install .*\n", done.stderr
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_python_without_ensurepip_names_the_package(tmp_path: Path, version: str) -> None:
    done = set_up(tmp_path, pretend(tmp_path, version, without="ensurepip"))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"mcount-emulator: .*: apt install python{version}-venv .*\n", done.stderr)


def test_a_fit_python_makes_the_environment_with_exact_versions(tmp_path: Path) -> None:
    done = set_up(tmp_path, pretend(tmp_path, "3.12"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "  VENV    .venv, once: installing .\n")
    installs = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("-m pip install")]
    assert all("--constraint constraints.txt" in line for line in installs)
    assert [line.split("constraints.txt ")[1] for line in installs] == [
        "hatchling",
        "--no-build-isolation --editable .",
    ]
