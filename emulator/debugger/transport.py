# SPDX-License-Identifier: GPL-2.0-only
"""Bytes to and from one client: a Unix socket that only its owner may open, the loopback address, or a pipe."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from emulator.errors import InputError, UsageError

STDIO, UNIX = "stdio", "unix:"
PATIENCE = 10.0
"""Seconds that a client may take to fetch what it has asked for."""
CHUNK = 1 << 16


class Disconnected(Exception):
    """The client has gone, or has been sent away."""


class Channel:
    """A connection: two file descriptors, maybe the same. `neighbour` is a listener whose other clients are refused."""

    def __init__(
        self, reader: int, writer: int, close: Callable[[], None], neighbour: SocketListener | None = None
    ) -> None:
        self._reader, self._writer, self._close, self._neighbour = reader, writer, close, neighbour
        self._waited = select.poll()
        for waited in [reader] + ([neighbour.fileno()] if neighbour else []):
            self._waited.register(waited, select.POLLIN)
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    def receive(self, seconds: float) -> bytes:
        """Bytes that have come, once there are some. Raises Disconnected where none come in that time, or ever."""
        deadline = monotonic() + seconds
        while not self.ready(max(deadline - monotonic(), 0.0)):
            if monotonic() >= deadline:
                raise Disconnected(f"it has said nothing for {seconds:.0f} seconds")
        try:
            data = os.read(self._reader, CHUNK)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("it has closed the connection")
        return data

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether there is something to receive, or an end; waits for it, but may come back earlier."""
        found = [ready for ready, _ in self._waited.poll(1000 * seconds)]
        if self._reader in found:  # maybe to say that this client has gone, and the next one may come
            return True
        if self._neighbour and found:
            self._neighbour.refuse()
        return False

    def send(self, data: bytes) -> None:
        """Raises Disconnected where the client does not take it."""
        deadline = monotonic() + PATIENCE
        while data:
            try:
                data = data[os.write(self._writer, data) :]
            except BlockingIOError:
                _, free, _ = select.select([], [self._writer], [], max(deadline - monotonic(), 0.0))
                if not free:
                    raise Disconnected(f"it has taken nothing for {PATIENCE:.0f} seconds") from None
            except OSError as error:
                raise Disconnected(str(error)) from error

    def close(self) -> None:
        """No more."""
        self._close()


class Listener:
    """A place where clients may come, one at a time. `name` is what a client has to be told."""

    name: str
    once = False
    """Whether there will be no other client after the first."""

    def accept(self) -> Channel:
        """The next client, once it is there."""
        raise NotImplementedError

    def close(self) -> None:
        """Nobody may come any more."""


class StdioListener(Listener):
    """The pipe that gdb makes for `target remote | COMMAND`. Raises UsageError where there is none."""

    name, once = STDIO, True

    def __init__(self) -> None:
        if sys.stdin.isatty():
            raise UsageError("--listen stdio: standard input is a terminal; it is for gdb's `target remote | COMMAND`")

    def accept(self) -> Channel:
        return Channel(sys.stdin.fileno(), sys.stdout.fileno(), lambda: None)


class SocketListener(Listener):
    """A listening socket."""

    def __init__(self, sock: socket.socket, name: str, path: Path | None = None) -> None:
        self.name, self._socket, self._path = name, sock, path
        sock.listen(8)

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def accept(self) -> Channel:
        self._socket.setblocking(True)
        client, _ = self._socket.accept()
        self._socket.setblocking(False)
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Channel(client.fileno(), client.fileno(), client.close, self)

    def refuse(self) -> None:
        """Whoever waits is sent away: there is a client already."""
        with contextlib.suppress(OSError):
            while True:
                self._socket.accept()[0].close()

    def close(self) -> None:
        self._socket.close()
        if self._path:
            self._path.unlink(missing_ok=True)


def listen(address: str) -> Listener:
    """A listener at unix:PATH, at 127.0.0.1:PORT (0: any that is free), or at stdio.

    Raises UsageError for any other address: the protocol knows no passwords, and whoever is let in may read and write
    the emulated memory. Raises InputError where the address cannot be had.
    """
    if address == STDIO:
        return StdioListener()
    try:
        return _unix(Path(address[len(UNIX) :])) if address.startswith(UNIX) else _loopback(address)
    except OSError as error:
        raise InputError(f"{address}: cannot listen there: {error.strerror or error}") from error


def _unix(path: Path) -> Listener:
    sock = socket.socket(socket.AF_UNIX)
    _clear(path)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return SocketListener(sock, f"{UNIX}{path}", path)


def _clear(path: Path) -> None:
    """Remove a socket that a server has left behind when it was killed."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def _loopback(address: str) -> Listener:
    host, port = _split(address)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    shown = f"[{host}]" if ":" in host else host
    return SocketListener(sock, f"{shown}:{sock.getsockname()[1]}")


def _split(address: str) -> tuple[str, int]:
    """Host and port. Raises UsageError for what is no address, or not the loopback's."""
    host, colon, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 0xFFFF:
        raise UsageError(f"--listen {address}: it takes {UNIX}PATH, 127.0.0.1:PORT or {STDIO}")
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        why = "gdb's protocol has no passwords, so only this machine may connect"
        raise UsageError(f"--listen {address}: not the loopback address; {why} (127.0.0.1:{port}, or {UNIX}PATH)")
    return host, int(port)
