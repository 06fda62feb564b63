# SPDX-License-Identifier: GPL-2.0-only
"""Bytes for single instructions: keystone, kept in a child process because it can hang, crash or exit.

The front end sends every number in hexadecimal and a placeholder for every symbol; what comes back is either bytes or
a sentence saying what is wrong with that instruction. Nothing that keystone does reaches this process.
"""

from __future__ import annotations

import atexit
import bisect
import contextlib
import importlib.util
import itertools
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol, cast

from emulator.description import Engine
from emulator.errors import InputError

START = 30.0
"""Seconds that keystone may take to load."""
PATIENCE = 10.0
"""Seconds without an answer before the child is killed; by processor time it ends itself long before."""
MOST_DEATHS = 8
"""How many instructions of one call may kill a child before the others are given up."""
MOST_KNOWN = 1 << 16
"""Instructions of one engine that are remembered."""
LONGEST_TEXT = 1000
"""Characters; a longer instruction is refused."""
FRAME = 1 << 13
"""Bytes sent at once, so few that a pipe always takes them without anybody reading."""

SCRIPT = Path(__file__).with_name("encoder_child.py")

# What keystone must not see: statement separators, strings and escapes (it hangs on them), other alphabets (its parser
# reads bytes), and lines that begin with punctuation (it hangs on those too). `ba,pt` and `blt+` are mnemonics.
SENDABLE = re.compile(r"[A-Za-z][\w.]*[+-]?(?:,[a-z]+)*(?:[ \t][^\n\0-\x08\x0b-\x1f\x7f-\U0010ffff;\\\"']*)?", re.ASCII)


class Encoder(Protocol):
    """Encodes instructions one by one, without knowing about each other."""

    def encode(self, engine: Engine, texts: Sequence[str]) -> list[bytes | str]:
        """For each text its bytes as at address 0, or a str: the reason why there are none.

        Numbers are hexadecimal whatever they look like. Raises InputError where there is nothing to encode with.
        """
        ...


def available() -> str | None:
    """None where keystone is installed, otherwise why it cannot be used. Does not import it."""
    if importlib.util.find_spec("keystone") is None:
        return "the Python package keystone-engine is not installed"
    return None


class ChildGoneError(Exception):
    """The child died, or was killed, without answering; the message is the diagnostic."""


class Child:
    """One running encoder_child.py. Raises InputError where keystone is not installed."""

    def __init__(self) -> None:
        if reason := available():
            raise InputError(reason)
        spec = importlib.util.find_spec("keystone")
        folder = ((spec and spec.submodule_search_locations) or [""])[0]
        self.owner, self.ready = os.getpid(), False
        self.received = b""
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", "-S", SCRIPT, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self.stdin = cast("IO[bytes]", self.process.stdin)
        self.stdout = cast("IO[bytes]", self.process.stdout)
        self.poll = select.poll()
        self.poll.register(self.stdout, select.POLLIN)

    def alive(self) -> bool:
        """Whether this process may talk to it: it runs, and no fork lies between."""
        return self.owner == os.getpid() and self.process.poll() is None

    def send(self, engine: Engine, texts: Sequence[str]) -> None:
        """One frame. A child that is gone shows when its answer is read."""
        arch, modes = engine.keystone
        frame = "\n".join([f"{arch} {','.join(modes)} {len(texts)}", *texts, ""])
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write(frame.encode("ascii"))

    def greeting(self) -> None:
        """Wait until keystone is loaded. Raises InputError where it cannot be."""
        if self.ready:
            return
        try:
            self.answer(START)
        except ChildGoneError as gone:
            raise InputError(f"keystone cannot be started: {gone}") from None
        self.ready = True

    def answer(self, patience: float) -> str:
        """The next answer, if it comes within so many seconds. Raises ChildGoneError."""
        deadline = time.monotonic() + patience
        while self.received.count(b"\0") < 2:
            chunk = self.read(deadline - time.monotonic())
            if not chunk:
                raise ChildGoneError(self.epitaph())
            self.received += chunk
        printed, answer, self.received = self.received.split(b"\0", 2)
        said = answer.decode("ascii", "replace")
        return said + first_line(printed, before=": ") if said.startswith("!") else said  # it also prints mere warnings

    def read(self, seconds: float) -> bytes:
        """What has arrived; nothing when the child ended, or stayed silent for too long and was therefore ended."""
        if not self.poll.poll(max(0.0, seconds) * 1000):
            self.process.send_signal(signal.SIGXCPU)
            return b""
        return os.read(self.stdout.fileno(), 1 << 16)

    def epitaph(self) -> str:
        """What the child died of, in the words of a diagnostic."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            code = -signal.SIGXCPU
        if code == -signal.SIGXCPU:
            return "the assembler hangs on this"
        if code < 0:
            return f"the assembler crashes on this ({signal.Signals(-code).name})"
        return first_line(self.received).removeprefix("LLVM ERROR: ") or f"the assembler exits on this, status {code}"

    def close(self) -> None:
        """End it, unless it belongs to the process that this one was forked from."""
        self.stdin.close()
        self.stdout.close()
        if self.owner != os.getpid():
            self.process.returncode = 0  # not ours to wait for
            return
        self.process.kill()
        self.process.wait()


def first_line(printed: bytes, before: str = "") -> str:
    """The line of the output that says most: the last one of a traceback, the first one otherwise."""
    lines = printed.decode("ascii", "replace").strip().splitlines()
    if not lines:
        return ""
    return before + lines[-1 if lines[0].startswith("Traceback") else 0][:300]


class KeystoneEncoder:
    """An Encoder that keeps its child between calls, and starts another when that one died.

    Remembers what it has encoded. Not for several threads at once; after a fork it uses a child of its own.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._child: Child | None = None
        self._known: dict[Engine, dict[str, bytes | str]] = {}

    def start(self) -> None:
        """Begin to load keystone; returns at once. Worth calling early, before other slow imports."""
        self._running()

    def _running(self) -> Child:
        if self._child is not None and not self._child.alive():
            self.close()
        if self._child is None:
            self._child = Child()
        return self._child

    def encode(self, engine: Engine, texts: Sequence[str]) -> list[bytes | str]:
        """See Encoder. An instruction that takes seconds, or the child with it, gets a diagnostic; the others go on."""
        known = self._known.setdefault(engine, {})
        if len(known) > MOST_KNOWN:
            known.clear()
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        answers = self._encode(engine, [text for text in unknown if sendable(text)])
        known |= dict.fromkeys(unknown, "not an instruction") | answers
        return [known[text] for text in texts]

    def _encode(self, engine: Engine, texts: Sequence[str]) -> dict[str, bytes | str]:
        """The answers to texts that all differ, in their order."""
        answers: dict[str, bytes | str] = {}
        deaths = 0
        while rest := texts[len(answers) :]:
            if deaths == MOST_DEATHS:
                return answers | dict.fromkeys(rest, f"not tried: {deaths} other instructions kill the assembler")
            try:
                answers.update(self._ask(engine, frame_of(rest)))
            except ChildGoneError as gone:
                answers[texts[len(answers)]] = str(gone)
                deaths += 1
        return answers

    def _ask(self, engine: Engine, texts: Sequence[str]) -> Iterator[tuple[str, bytes | str]]:
        """One frame's texts and their answers. Whatever interrupts it ends the child, which has more to say."""
        child = self._running()
        try:
            child.greeting()
            child.send(engine, texts)
            for text in texts:
                answer = child.answer(self._patience)
                yield text, answer[1:] if answer.startswith("!") else bytes.fromhex(answer)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.close()
            self._child = None


def sendable(text: str) -> bool:
    """Whether `text` looks like one instruction, so that keystone may see it."""
    return len(text) <= LONGEST_TEXT and SENDABLE.fullmatch(text) is not None


def frame_of(texts: Sequence[str]) -> Sequence[str]:
    """As many of the first texts as make one frame, at least one."""
    ends = list(itertools.accumulate(len(text) + 1 for text in texts[:FRAME]))
    return texts[: max(1, bisect.bisect_right(ends, FRAME))]


_shared: list[KeystoneEncoder] = []


def shared() -> KeystoneEncoder:
    """The one encoder of this process; its child ends with the process."""
    if not _shared:
        _shared.append(KeystoneEncoder())
        atexit.register(_shared[0].close)
    return _shared[0]
