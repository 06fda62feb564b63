# SPDX-License-Identifier: GPL-2.0-only
"""Clients that mean ill or are not gdb: the server outlives them, and the next one finds it in order."""

from __future__ import annotations

import contextlib
import random
import socket
import threading

import pytest

from emulator import catalog
from emulator.debugger.packets import escape, frame
from emulator.debugger.server import Server
from emulator.debugger.transport import listen
from gdb_client import Client, serving, target

LETTERS = b"?!gGpPmMXZzcCsSbHTDRqQvk"
NAMES = (b"Supported", b"Xfer:features:read:target.xml:", b"Xfer:exec-file:read:", b"Rcmd,", b"Cont;", b"File:open:")
NUMBERS = (b"0", b"1", b"ffffffffffffffff", b"ffffffff81002000", b"c1002000", b"c010200c", b"ffffc90000007ee0", b"-1")


def random_packet(numbers: random.Random) -> bytes:
    """Something like a packet, a third of it right."""
    data = bytes([numbers.choice(LETTERS)])
    if data in b"qQv" and numbers.random() < 0.7:
        data += numbers.choice(NAMES)
    for _ in range(numbers.randrange(4)):
        data += numbers.choice((b",", b":", b";", b"=", b"")) + numbers.choice(NUMBERS)
        data += numbers.randbytes(numbers.randrange(3)) if numbers.random() < 0.2 else b""
    if data[:1] in b"DkvR" and numbers.random() < 0.9:
        data = b"p" + data[1:]  # or hardly anybody stays for long
    return data


@pytest.mark.parametrize("arch", catalog.names())
@pytest.mark.parametrize("seed", range(4))
def test_random_packets_bring_nothing_down(arch, seed):
    served, numbers = target(arch), random.Random(f"{arch} {seed}")
    for _ in range(6):
        with serving(served) as client:
            client.ask("QStartNoAckMode")
            try:
                for _ in range(60):
                    client.send(frame(escape(random_packet(numbers))))
                    if numbers.random() < 0.1:
                        client.send(b"\x03")
            except (EOFError, ConnectionError):
                pass
            client.socket.shutdown(socket.SHUT_WR)
    with serving(served) as client:
        assert client.ask("?").startswith(b"T")


@pytest.mark.parametrize("arch", catalog.names())
def test_random_registers_bring_nothing_down(arch):
    """Nonsense in every register, pc and flags too: a fault or a way on, but an answer."""
    served, numbers = target(arch), random.Random(arch)
    with serving(served) as client:
        client.ask("!")
        for _ in range(150):
            everything = numbers.randbytes(len(served.read_registers()) // 2).hex()
            if numbers.random() < 0.5:
                number = numbers.randrange(len(served.registers))
                size = served.registers[number].bits // 8
                client.ask(f"P{number:x}={numbers.randbytes(size).hex()}")
            else:
                client.ask(f"G{everything}")
            assert client.ask("vCont;s").startswith((b"T", b"W"))
            assert client.ask("bs").startswith(b"T")


@pytest.mark.parametrize("arch", catalog.names())
def test_random_code_brings_nothing_down(arch):
    served, numbers = target(arch), random.Random(arch)
    with serving(served) as client:
        client.ask("!")
        for _ in range(150):
            client.ask(f"M{served.timeline.pc:x},10:{numbers.randbytes(16).hex()}")
            for _ in range(3):
                assert client.ask("vCont;s").startswith((b"T", b"W"))
            client.ask("bc")


@pytest.fixture
def server(tmp_path):
    """A served Unix socket, in a thread."""
    listener, told = listen(f"unix:{tmp_path / 'gdb'}"), []
    served = Server(target("x86_64"), {}, "", str, told.append)

    thread = threading.Thread(target=served.serve, args=(listener,))
    thread.start()

    with contextlib.ExitStack() as stack:

        def connect():
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(tmp_path / "gdb"))
            return Client(sock)

        yield connect, told
        listener.once = True
    with socket.socket(socket.AF_UNIX) as last:
        last.connect(str(tmp_path / "gdb"))
    thread.join(30)
    assert not thread.is_alive()
    listener.close()


def refused(client):
    """Whether the server hangs up."""
    with contextlib.suppress(ConnectionError):
        return client.socket.recv(100) == b""
    return True


def test_two_hundred_clients_in_a_row(server):
    connect, _ = server
    for _ in range(200):
        client = connect()
        assert client.ask("?") == b"T05thread:1;"
        assert client.ask("D") == b"OK"
        client.socket.close()


def test_junk_and_clients_that_vanish(server):
    connect, told = server
    for data in (b"GET / HTTP/1.0\r\n\r\n", b"", b"$", b"$g#6", b"$" + b"m" * 40000, b"\x03" * 100, b"$c#63"):
        client = connect()
        with contextlib.suppress(ConnectionError):  # it may be sent away before it has said all
            client.send(data)
        client.socket.close()
    client = connect()
    assert client.ask("?").startswith(b"T")
    assert any("does not speak gdb's protocol" in text for text in told)
    assert any("longer than" in text for text in told)


def test_a_second_client_is_refused_and_the_first_one_goes_on(server):
    connect, _ = server
    first = connect()
    assert first.ask("?") == b"T05thread:1;"
    second = connect()
    assert refused(second)
    assert first.ask("?") == b"T05thread:1;"
    first.send(frame(b"D"))
    assert first.reply() == b"OK"
    assert connect().ask("?") == b"T05thread:1;"


def test_a_second_client_is_refused_while_a_call_runs(server):
    connect, _ = server
    first = connect()
    pc = int.from_bytes(bytes.fromhex(first.ask("p10").decode()), "little")
    first.ask(f"M{pc:x},2:ebfe")
    first.send(b"$c#63")
    second = connect()
    assert refused(second)
    first.send(b"\x03")
    assert first.reply() == b"T02thread:1;"
