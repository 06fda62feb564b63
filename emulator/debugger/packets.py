# SPDX-License-Identifier: GPL-2.0-only
"""Packets of gdb's protocol over a channel: $DATA#CHECKSUM, acknowledged with + or - until both agree to do without."""

from __future__ import annotations

import re
from contextlib import suppress
from time import monotonic

from emulator.debugger.transport import Channel, Disconnected

SIZE = 0x4000
"""The longest packet in either direction, in bytes: what is said to gdb as PacketSize."""
GREETING, PARTIAL, IDLE = 10.0, 10.0, 8 * 3600.0
"""Seconds: until the first packet, for the rest of a packet, and until the next packet of somebody who is thinking."""
INTERRUPT = b"\x03"
_SPECIAL = re.compile(rb"[#$}*]")
_ESCAPED = re.compile(rb"}(.)", re.DOTALL)


def escape(data: bytes) -> bytes:
    """Binary data as it may stand in a packet."""
    return _SPECIAL.sub(lambda found: b"}" + bytes([found[0][0] ^ 0x20]), data)


def unescape(data: bytes) -> bytes:
    """The other way."""
    return _ESCAPED.sub(lambda found: bytes([found[1][0] ^ 0x20]), data)


def frame(data: bytes) -> bytes:
    """Escaped data as a packet."""
    return b"$%b#%02x" % (data, sum(data) & 0xFF)


class Packets:
    """Packets to and from one client. Everything raises Disconnected where it has gone or does not speak like gdb."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._input = b""
        self._last = b""
        self._patience = GREETING
        self.acknowledge = True
        """Whether packets are acknowledged."""

    def read(self) -> bytes:
        """The next packet's data, or INTERRUPT."""
        while True:
            self._skip_acknowledgements()
            if not self._input:
                self._input = self._channel.receive(self._patience)
                continue
            if self._input.startswith(INTERRUPT):
                self._input = self._input[1:]
                return INTERRUPT
            data = self._packet()
            if data is not None:
                self._patience = IDLE
                return data

    def write(self, data: bytes) -> None:
        """Send a packet with this data.

        A client that has become impatient sends a - before there is anything to complain of. To answer that by a second
        packet would leave it one reply behind for ever. One that has said all that it wants to say is answered too.
        """
        if self.acknowledge and self._channel.ready():
            with suppress(Disconnected):
                self._receive(PARTIAL)
        self._input = self._input.lstrip(b"+-")
        self._last = frame(escape(data))
        self._channel.send(self._last)

    def interrupted(self) -> bool:
        """Whether the client wants a run to stop: does not wait for it."""
        if self._channel.ready():
            self._receive(PARTIAL)
        self._skip_acknowledgements()
        if self._input.startswith(INTERRUPT):
            self._input = self._input[1:]
            return True
        return False

    def _skip_acknowledgements(self) -> None:
        """Leave out + and -; for a - the last packet is sent once more."""
        while self._input[:1] in (b"+", b"-"):
            if self._input.startswith(b"-") and self.acknowledge:
                self._channel.send(self._last)
            self._input = self._input[1:]

    def _packet(self) -> bytes | None:
        """A whole packet's data; None where its checksum is wrong, and it will come again."""
        if not self._input.startswith(b"$"):
            raise Disconnected(f"it does not speak gdb's protocol: {self._input[:16]!r}")
        deadline = monotonic() + PARTIAL
        while (end := self._input.find(b"#")) < 0 or len(self._input) < end + 3:
            self._receive(deadline - monotonic())
        data, checksum = self._input[1:end], self._input[end + 1 : end + 3]
        self._input = self._input[end + 3 :]
        good = checksum.lower() == b"%02x" % (sum(data) & 0xFF)
        if self.acknowledge:
            self._channel.send(b"+" if good else b"-")
        return unescape(data) if good or not self.acknowledge else None

    def _receive(self, seconds: float) -> None:
        if len(self._input) > SIZE + 4:
            raise Disconnected(f"it has sent a packet longer than {SIZE} bytes")
        self._input += self._channel.receive(max(seconds, 0.0))
