# SPDX-License-Identifier: GPL-2.0-only
"""A client of gdb's protocol without gdb, and servers for it to talk to."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emulator import FtraceOps, Lab
from emulator.debugger.packets import Packets, escape, frame, unescape
from emulator.debugger.server import Server
from emulator.debugger.target import Target
from emulator.debugger.timeline import Timeline
from emulator.debugger.transport import Channel
from emulator.description import Ability

FUNCTION = "vfs_read"
REGISTERS = re.compile(rb"(?<=;)([0-9a-f]{2}):([0-9a-f]+);")


def laboratory(arch: str, variant: str | None = None, func: Callable[..., None] | None = None) -> Lab:
    """A kernel where one ops traces FUNCTION, with regs if there are some."""
    return traced(Lab(arch, variant=variant), func)


def traced(lab: Lab, func: Callable[..., None] | None = None) -> Lab:
    """The same of a kernel that there is already."""
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS in lab.variant.abilities
    ops = FtraceOps("probe", func or (lambda *_: None), flags={"SAVE_REGS"} if regs else set())
    lab.set_filter(ops, FUNCTION)
    lab.register(ops)
    return lab


def target(arch: str = "x86_64") -> Target:
    """A call of FUNCTION at its site."""
    return Target(Timeline(laboratory(arch), FUNCTION))


class Client:
    """Sends packets, without acknowledgements, and takes replies."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.settimeout(20)
        self._input = b""
        self.said = ""
        """What the server has said to the user."""
        self.registers: dict[int, bytes] = {}
        """Those of the last stop reply, which is given without them."""

    def ask(self, data: str | bytes) -> bytes:
        """The reply to a packet; what is for the console is put aside."""
        self.send(frame(escape(data if isinstance(data, bytes) else data.encode())))
        while True:
            reply = self.reply()
            if not re.fullmatch(rb"O[0-9a-f]+", reply):
                return reply
            self.said += bytes.fromhex(reply[1:].decode()).decode()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> bytes:
        """The next packet."""
        while not (found := re.match(rb"[+]*\$([^#]*)#(..)", self._input, re.DOTALL)):
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._input += data
        self._input = self._input[found.end() :]
        assert int(found[2], 16) == sum(found[1]) & 0xFF
        reply = unescape(found[1])
        if not reply.startswith(b"T"):
            return reply
        self.registers = {int(number, 16): value for number, value in REGISTERS.findall(reply)}
        return REGISTERS.sub(b"", reply)


@contextmanager
def serving(served: Target, program: bytes = b"", command: Callable[[str], str] = "{}?\n".format) -> Iterator[Client]:
    """A client of a server that runs in a thread, until the block ends."""
    ours, theirs = socket.socketpair()
    openers = {"/program": lambda: program} if program else {}
    server = Server(served, openers, "/program" if program else "", command, lambda _: None)
    channel = Channel(theirs.fileno(), theirs.fileno(), theirs.close)

    def serve() -> None:
        with theirs:
            server.client(channel)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Client(ours)
    finally:
        ours.close()
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def connected() -> Iterator[tuple[socket.socket, Packets]]:
    """One end of a connection as a socket, the other one as packets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, Packets(Channel(theirs.fileno(), theirs.fileno(), theirs.close))
