# SPDX-License-Identifier: GPL-2.0-only
"""debug --gdb: which gdb is started, with what, and what is said where there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import catalog
from emulator.cli import main
from emulator.debugger import gdb
from emulator.errors import UsageError
from gdb_sessions import gdb as real_gdb
from gdb_sessions import needs_gdb

ARM = catalog.load("arm")


def program(folder: Path, name: str, script: str) -> Path:
    """A command that is found in the folder."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_gdb_multiarch_comes_first(found):
    program(found, "gdb", "exit 0")
    assert gdb.find(ARM) == str(found / "gdb")
    program(found, "gdb-multiarch", "exit 0")
    assert gdb.find(ARM) == str(found / "gdb-multiarch")


def test_a_gdb_of_another_architecture_is_no_help(found):
    program(found, "gdb", 'echo "Undefined item: \\"armv7\\"." >&2')
    with pytest.raises(UsageError, match=r"no gdb was found that knows armv7(.|\n)*apt install gdb-multiarch"):
        gdb.find(ARM)


def test_one_that_is_named_is_taken(found):
    path = program(found, "mine", "exit 1")
    assert gdb.find(ARM, str(path)) == str(path)
    with pytest.raises(UsageError, match="there is no such program"):
        gdb.find(ARM, "yours")


def test_it_connects_and_on_a_terminal_there_is_a_layout(monkeypatch):
    words = gdb.words("/bin/gdb", "/home/a b/gdb")
    connect = ["-ex", "target remote /home/a b/gdb", "-ex", gdb.HINT]
    assert words[:2] == ["/bin/gdb", "-q"]
    assert words[-4:] == connect
    monkeypatch.setattr("sys.stdout", type("Terminal", (), {"isatty": lambda _: True})())
    assert gdb.words("/bin/gdb", "/home/a b/gdb") == [*words[:-4], "-ex", "layout src", "-ex", "layout regs", *connect]


CLIENT = """exec %s - "$7" <<'END'
import os, signal, socket, sys
path = sys.argv[1].removeprefix("target remote ")
with socket.socket(socket.AF_UNIX) as client:
    client.connect(path)
    os.kill(os.getppid(), signal.SIGINT)
    client.sendall(b"$qC#b4")
    print(path, client.recv(1).decode(), client.recv(99).decode())
sys.exit(7)
END"""


def test_it_is_served_until_it_is_left_and_ctrl_c_is_its_own(tmp_path, capfd):
    """Its exit code is the command's, and no socket stays."""
    assert main(["debug", "arm", "--gdb", str(program(tmp_path, "gdb", CLIENT % sys.executable))]) == 7
    path, acknowledgement, answer = capfd.readouterr().out.split()
    assert (acknowledgement, answer) == ("+", "$QC1#c5")
    assert Path(path).parent.name.startswith("mcount-emulator-")
    assert not Path(path).parent.exists()


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_gdb_is_ended_where_the_command_is_and_no_socket_stays(tmp_path, name):
    there = program(tmp_path, "gdb", f'echo "$7"; kill -{name} $PPID; exec sleep 100')
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "debug", "arm", "--gdb", str(there)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (128 + signal.Signals[f"SIG{name}"], "")
    assert not Path(done.stdout.strip().removeprefix("target remote ")).parent.exists()


def test_what_cannot_be_served_starts_no_gdb(tmp_path, capfd):
    assert main(["debug", "arm", "--function", "nobody", "--gdb", str(program(tmp_path, "gdb", "echo it runs"))]) == 2
    out, error = capfd.readouterr()
    assert (out, "unknown function 'nobody'" in error) == ("", True)


def test_without_gdb_the_command_says_how_to_get_one(found, capsys):
    assert main(["debug", "arm", "--gdb"]) == 2
    said = capsys.readouterr().err
    assert "apt install gdb-multiarch" in said
    assert "mcount-emulator debug arm --listen" in said


@pytest.mark.gdb
@needs_gdb
@pytest.mark.parametrize("arch", catalog.names())
def test_it_is_there_at_the_call_site_with_one_command(arch):
    done = subprocess.run(
        [sys.executable, "-m", "emulator", "debug", arch, "--gdb", real_gdb() or ""],
        input="bt\nstepi\nbt\nreverse-stepi\nmonitor ops\nquit\n",
        env={**os.environ, "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "#0  vfs_read () at trampolines/" in done.stdout
    assert "ksys_read ()" in done.stdout
    assert "records that somebody wants" in done.stdout + done.stderr
