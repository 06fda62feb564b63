# SPDX-License-Identifier: GPL-2.0-only
"""debug: what it serves, where, and what it says no to. Sessions are in tests/debugger/."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import catalog
from emulator.cli import main
from gdb_client import Client

COMMAND = [sys.executable, "-m", "emulator", "debug"]


@contextlib.contextmanager
def served(*words: str):
    """A server, the address that it says, and the end of it by Ctrl-C, which whoever runs tests may ignore."""
    with subprocess.Popen(
        [*COMMAND, *words],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - it takes no lock
    ) as process:
        assert process.stderr
        try:
            yield process, process.stderr.readline().strip()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode == 130
        finally:
            process.kill()


def hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_unix_socket_that_is_gone_afterwards(tmp_path: Path):
    path = tmp_path / "gdb"
    with served("arm", "--listen", f"unix:{path}", "--function", "vfs_write") as (_, said):
        assert said == f"arm 6.12, at the site of vfs_write: target remote unix:{path}"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            assert Client(sock).ask("?").startswith(b"T05thread:1;")
    assert not path.exists()


def test_a_port_of_this_machine_is_chosen_and_said():
    with served("x86_64") as (process, said):
        host, _, port = said.rpartition(" ")[2].partition(":")
        with socket.create_connection((host, int(port))) as sock:
            assert Client(sock).ask("?").startswith(b"T05thread:1;")
        assert process.poll() is None


@pytest.mark.parametrize("arch", catalog.names())
def test_a_pipe_ends_with_its_client(arch: str):
    done = subprocess.run([*COMMAND, arch, "--listen=stdio"], input=b"$?#3f+$D#44", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rb"\+\$T05thread:1;[0-9a-f:;]*#..\+\$OK#9a", done.stdout)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--listen", "0.0.0.0:1"], "only this machine may connect"),
        (["--listen", "there"], "it takes unix:PATH, 127.0.0.1:PORT or stdio"),
        (["--function", "nobody"], "unknown function 'nobody'"),
        (["--variant", "3.7-static", "--ops", "probe:SAVE_REGS"], "EINVAL"),
        (["--ops", "a:filter=vfs_*", "--ops", "a"], "choose another name"),
    ],
)
def test_what_is_wrong_is_said_before_anybody_can_connect(capsys: pytest.CaptureFixture[str], words, says):
    assert main(["debug", "x86_64", "--listen", "127.0.0.1:0", *words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--variant", "3.6"], ["--variant", "3.7-static"], ["--graph"]])
def test_every_kind_of_kernel(words: list[str]):
    done = subprocess.run(
        [*COMMAND, "x86_64", *words, "--listen=stdio"], input=b"$s#73", capture_output=True, check=False
    )
    assert done.stdout.startswith(b"+$T05thread:1;")
