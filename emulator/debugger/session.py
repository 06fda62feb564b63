# SPDX-License-Identifier: GPL-2.0-only
"""One client's session: each packet is answered, until it leaves. What a packet means is gdb's manual's, "Packets"."""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.debugger.features import memory_map, target_xml
from emulator.debugger.files import PIECE, Files
from emulator.debugger.packets import INTERRUPT, SIZE, Packets
from emulator.debugger.points import Kind, Point
from emulator.debugger.target import SIGINT, STEP, Motion, Stop, Target

SUPPORTED = (
    f"PacketSize={SIZE:x};QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;swbreak+;hwbreak+;"
    "vContSupported+;ReverseStep+;ReverseContinue+;error-message+"
)
OK, WRONG, NO_MEMORY = b"OK", b"E01", b"E0e"
"""Errors: a packet that makes no sense; EFAULT."""
_NUMBER = re.compile(rb"[0-9a-fA-F]{1,16}")

Answer = bytes | None
"""None: nothing is sent."""


class Session:
    """Answers packets. `program` is the path of the file in `files` that gdb shall load, if there is one.

    `command` acts on what comes after `monitor`, and says something.
    """

    def __init__(
        self, packets: Packets, target: Target, files: Files, program: str, command: Callable[[str], str]
    ) -> None:
        self._packets, self._target, self._files, self._program = packets, target, files, program
        self._command = command
        self._extended = self._over = False
        self._handlers: dict[bytes, Callable[[bytes], Answer]] = {
            b"?": lambda _: self._target.reply(self._target.stop).encode(),
            b"!": self._extend,
            b"g": lambda _: self._target.read_registers().encode(),
            b"G": lambda data: _verdict(self._target.write_registers(data.decode())),
            b"p": lambda data: self._target.read_register(_number(data)).encode(),
            b"P": self._write_register,
            b"m": self._read_memory,
            b"M": lambda data: self._write_memory(data, bytes.fromhex(data.partition(b":")[2].decode())),
            b"X": lambda data: self._write_memory(data, data.partition(b":")[2]),
            b"Z": self._insert,
            b"z": self._remove,
            b"c": lambda data: self._continue_at(data, Motion()),
            b"s": lambda data: self._continue_at(data, Motion(span=STEP)),
            b"C": lambda data: self._continue_at(data.partition(b";")[2], Motion()),
            b"S": lambda data: self._continue_at(data.partition(b";")[2], Motion(span=STEP)),
            b"b": self._back,
            b"H": lambda _: OK,
            b"T": lambda _: OK,
            b"D": self._detach,
            b"k": self._kill,
            b"R": self._restart,
            b"q": self._query,
            b"Q": self._set,
            b"v": self._named,
        }

    def run(self) -> None:
        """Until the client has detached, killed the program, or seen its end. Raises Disconnected where it goes."""
        while not self._over:
            data = self._packets.read()
            answer = self._interrupted() if data == INTERRUPT else self._answer(data)
            if answer is not None:
                self._packets.write(answer)
            if data == b"QStartNoAckMode":
                self._packets.acknowledge = False

    def _answer(self, data: bytes) -> Answer:
        handler = self._handlers.get(data[:1])
        if handler is None:
            return b""
        try:
            return handler(data[1:])
        except (ValueError, IndexError):
            return WRONG

    def _interrupted(self) -> bytes:
        """Somebody wants to stop what stands still: it is where it was."""
        return self._target.reply(Stop(SIGINT)).encode()

    # -- registers and memory -----------------------------------------------------------------------------------------

    def _write_register(self, data: bytes) -> bytes:
        number, _, value = data.partition(b"=")
        return _verdict(self._target.write_register(_number(number), value.decode()))

    def _read_memory(self, data: bytes) -> bytes:
        address, size = map(_number, data.split(b",", 1))
        found = self._target.read(address, min(size, SIZE // 2 - 1))
        return found.hex().encode() if found or not size else NO_MEMORY

    def _write_memory(self, data: bytes, content: bytes) -> bytes:
        address, size = map(_number, data.partition(b":")[0].split(b",", 1))
        if len(content) != size:
            return WRONG
        return OK if not size or self._target.timeline.write(address, content) else NO_MEMORY

    def _insert(self, data: bytes) -> bytes:
        return _verdict(self._target.points.insert(_point(data)))

    def _remove(self, data: bytes) -> bytes:
        self._target.points.remove(_point(data))
        return OK

    # -- moves --------------------------------------------------------------------------------------------------------

    def _continue_at(self, data: bytes, motion: Motion) -> Answer:
        if data:
            target, pc = self._target, self._target.lab.arch.abi.pc
            values = target.lab.layout.unpack(target.timeline.registers)
            target.timeline.set_registers(target.lab.layout.pack({**values, pc: _number(data)}))
        return self._resume(motion)

    def _back(self, data: bytes) -> Answer:
        motions = {b"s": Motion(back=True, span=STEP), b"c": Motion(back=True)}
        return self._resume(motions[data]) if data in motions else b""

    def _resume(self, motion: Motion) -> bytes:
        stop = self._target.resume(motion, self._packets.interrupted)
        if stop.text:
            self._say(stop.text + "\n")
        self._over = stop.exited and not self._extended
        return self._target.reply(stop).encode()

    def _say(self, text: str) -> None:
        """Write to the user's console, in as many packets as it takes."""
        data = text.encode()
        for at in range(0, len(data), PIECE):
            self._packets.write(b"O" + data[at : at + PIECE].hex().encode())

    def _vcont(self, actions: bytes) -> Answer:
        """The first action counts: there is one thread."""
        action = actions.split(b";")[0].partition(b":")[0]
        if action[:1] in (b"c", b"C"):
            return self._resume(Motion())
        if action[:1] in (b"s", b"S"):
            return self._resume(Motion(span=STEP))
        if action.startswith(b"r"):
            first, end = map(_number, action[1:].split(b",", 1))
            return self._resume(Motion(span=range(first, end)))
        return WRONG

    # -- the program --------------------------------------------------------------------------------------------------

    def _extend(self, _: bytes) -> bytes:
        self._extended = True
        return OK

    def _detach(self, _: bytes) -> bytes:
        """The call stays where it is; breakpoints go."""
        self._over = True
        self._target.points.clear()
        return OK

    def _kill(self, _: bytes) -> Answer:
        self._target.restart()
        self._target.points.clear()
        self._over = not self._extended
        return None

    def _restart(self, _: bytes) -> Answer:
        self._target.restart()
        return None

    def _named(self, data: bytes) -> Answer:
        name, _, rest = data.partition(b";")
        match name:
            case b"Cont":
                return self._vcont(rest)
            case b"Cont?":
                return b"vCont;c;C;s;S;r"
            case b"Kill":
                self._kill(b"")
                return OK
            case b"Run":
                self._target.restart()
                return self._target.reply(self._target.stop).encode()
        return self._files.handle(data.removeprefix(b"File:")) if data.startswith(b"File:") else b""

    # -- queries ------------------------------------------------------------------------------------------------------

    def _set(self, data: bytes) -> bytes:
        return OK if data == b"StartNoAckMode" else b""

    def _query(self, data: bytes) -> Answer:
        name = re.split(rb"[:,;]", data, maxsplit=1)[0]
        match name:
            case b"Supported":
                return (SUPPORTED + (";qXfer:exec-file:read+" if self._program else "")).encode()
            case b"Attached":
                return b"1"
            case b"C":
                return b"QC1"
            case b"fThreadInfo":
                return b"m1"
            case b"sThreadInfo":
                return b"l"
            case b"ThreadExtraInfo":
                return self._target.timeline.function.encode().hex().encode()
            case b"Symbol":
                return OK
            case b"Xfer":
                return self._transfer(data)
            case b"Rcmd":
                return self._monitor(bytes.fromhex(data.partition(b",")[2].decode()).decode(errors="replace"))
        return b""

    def _transfer(self, data: bytes) -> bytes:
        _, what, operation, annex, span = data.split(b":", 4)
        if operation != b"read":
            return b""
        documents = {
            (b"features", b"target.xml"): lambda: target_xml(self._target.lab.arch),
            (b"memory-map", b""): lambda: memory_map(self._target.lab.image.memory),
        }
        if what == b"exec-file" and self._program:
            document = self._program.encode()
        elif (what, annex) in documents:
            document = documents[what, annex]().encode()
        else:
            return b""
        offset, size = map(_number, span.split(b",", 1))
        part = document[offset:][: min(size, PIECE)]
        return (b"m" if offset + len(part) < len(document) else b"l") + part

    def _monitor(self, command: str) -> bytes:
        self._say(self._command(command))
        return OK


def _verdict(done: bool) -> bytes:  # noqa: FBT001 - it is the whole question
    return OK if done else WRONG


def _number(data: bytes) -> int:
    """A number in hexadecimal. Raises ValueError."""
    if not _NUMBER.fullmatch(data):
        raise ValueError(f"{data!r} is no number")
    return int(data, 16)


def _point(data: bytes) -> Point:
    """kind,address,size and whatever follows a semicolon. Raises ValueError."""
    kind, address, size = data.partition(b";")[0].split(b",")
    return Point(Kind(_number(kind)), _number(address), _number(size))
