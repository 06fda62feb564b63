# SPDX-License-Identifier: GPL-2.0-only
"""Clients, one after another, for one call of a function that stays where the last of them has left it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.debugger.files import Files
from emulator.debugger.packets import Packets
from emulator.debugger.session import Session
from emulator.debugger.target import Target
from emulator.debugger.transport import Channel, Disconnected, Listener


@dataclass(frozen=True, slots=True)
class Server:
    """What is served: see Session. `tell` is told who came and went."""

    target: Target
    openers: dict[str, Callable[[], bytes]]
    program: str
    command: Callable[[str], str]
    tell: Callable[[str], None]

    def serve(self, listener: Listener) -> None:
        """For ever, or until the only client that there can be has gone."""
        while True:
            channel = listener.accept()
            try:
                self.client(channel)
            finally:
                channel.close()
            if listener.once:
                return

    def client(self, channel: Channel) -> None:
        """One of them. What it sends cannot bring the server down."""
        files = Files(self.openers)
        try:
            Session(Packets(channel), self.target, files, self.program, self.command).run()
        except Disconnected as reason:
            self.target.points.clear()
            self.tell(f"the client has gone: {reason}")
        else:
            self.tell("the client has left")
