# SPDX-License-Identifier: GPL-2.0-only
"""Who may connect: the owner of a Unix socket, this machine, one at a time."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from emulator.debugger import transport
from emulator.debugger.transport import Channel, Disconnected, listen
from emulator.errors import InputError, UsageError


@pytest.mark.parametrize(
    "address", ["0.0.0.0:1234", "192.168.1.2:1", "[::]:1", ":1234", "example.org:80", "[fe80::1]:1"]
)
def test_other_machines_are_refused_with_the_reason(address):
    with pytest.raises(UsageError, match=r"no passwords, so only this machine may connect"):
        listen(address)


@pytest.mark.parametrize("address", ["", "1234", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "tcp"])
def test_what_is_no_address(address):
    with pytest.raises(UsageError, match=r"it takes unix:PATH, 127\.0\.0\.1:PORT or stdio"):
        listen(address)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", "127.1.2.3:0"])
def test_any_free_port_of_the_loopback_address(address):
    listener = listen(address)
    host, _, port = listener.name.partition(":")
    with socket.create_connection((host, int(port))) as client:
        channel = listener.accept()
        client.sendall(b"hello")
        assert channel.receive(10) == b"hello"
        channel.close()
    listener.close()


def test_a_unix_socket_is_its_owners_alone_and_goes(tmp_path):
    path = tmp_path / "gdb"
    listener = listen(f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert listener.name == f"unix:{path}"
    listener.close()
    assert not path.exists()


def test_a_socket_left_behind_is_replaced_but_no_file_and_no_living_one(tmp_path):
    path = tmp_path / "gdb"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listener = listen(f"unix:{path}")
    with pytest.raises(InputError, match="cannot listen there"):
        listen(f"unix:{path}")
    assert path.exists()
    listener.close()
    path.write_text("precious")
    with pytest.raises(InputError, match="cannot listen there"):
        listen(f"unix:{path}")
    assert path.read_text() == "precious"


@pytest.mark.parametrize("path", ["/nonexistent/gdb", "x" * 200])
def test_a_socket_that_cannot_be_made(path):
    with pytest.raises(InputError, match="cannot listen there"):
        listen(f"unix:{path}")


def test_standard_input_must_be_a_pipe(monkeypatch):
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda _: True})())
    with pytest.raises(UsageError, match="is a terminal"):
        listen("stdio")


def test_a_second_client_is_refused_while_there_is_one(tmp_path):
    listener = listen(f"unix:{tmp_path / 'gdb'}")
    first, second = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    with first, second:
        first.connect(str(tmp_path / "gdb"))
        channel = listener.accept()
        second.connect(str(tmp_path / "gdb"))
        while channel.ready(0.01):
            pass
        second.settimeout(10)
        assert second.recv(10) == b""
        first.sendall(b"still here")
        assert channel.receive(10) == b"still here"
        channel.close()
    listener.close()


def test_a_client_that_takes_nothing_is_sent_away(monkeypatch):
    monkeypatch.setattr(transport, "PATIENCE", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Disconnected, match="has taken nothing"):
        Channel(theirs.fileno(), theirs.fileno(), theirs.close).send(b"x" * (1 << 24))


def test_a_pipe_of_two_ends():
    (first, second), (third, fourth) = os.pipe(), os.pipe()
    channel = Channel(first, fourth, lambda: None)
    os.write(second, b"ask")
    assert channel.receive(10) == b"ask"
    channel.send(b"answer")
    assert os.read(third, 10) == b"answer"
    os.close(second)
    with pytest.raises(Disconnected, match="closed"):
        channel.receive(10)
    for descriptor in (first, third, fourth):
        os.close(descriptor)
