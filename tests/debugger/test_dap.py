# SPDX-License-Identifier: GPL-2.0-only
"""gdb as a debug adapter (gdb -i=dap), as editors start it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any, cast

import pytest

from emulator import catalog
from gdb_sessions import gdb, server

Message = dict[str, Any]


def speaks_dap() -> bool:
    """Whether there is a gdb of at least 14, with Python."""
    program = gdb()
    if program is None:
        return False
    words = [program, "-nx", "-batch", "-ex", "show version", "-ex", "python print('has python')"]
    text = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    version = re.search(r"GNU gdb .*?(\d+)\.\d+", text)
    return version is not None and int(version[1]) >= 14 and "has python" in text


pytestmark = [pytest.mark.gdb, pytest.mark.skipif(not speaks_dap(), reason="needs a gdb of at least 14 (GDB=PATH)")]


class Adapter:
    """gdb's adapter, asked one thing after another."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [gdb() or "", "-nx", "-iex", "set remotetimeout 60", "-i=dap"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.number = 0
        self.events: list[Message] = []

    def send(self, command: str, **arguments: object) -> int:
        self.number += 1
        body = json.dumps({"seq": self.number, "type": "request", "command": command, "arguments": arguments}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()
        return self.number

    def message(self) -> Message:
        size, output = 0, self.process.stdout
        assert output
        while (line := output.readline().strip()) or not size:
            assert self.process.poll() is None
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        return cast("Message", json.loads(output.read(size)))

    def answer(self, number: int) -> Message:
        """The body of the response to a request."""
        while True:
            message = self.message()
            if message["type"] == "event":
                self.events.append(message)
            elif message.get("request_seq") == number:
                assert message["success"], message
                return cast("Message", message.get("body", {}))

    def ask(self, command: str, **arguments: object) -> Message:
        return self.answer(self.send(command, **arguments))

    def wait(self, event: str) -> Message:
        """The next event of that name."""
        while True:
            for known in self.events:
                if known["event"] == event:
                    self.events.remove(known)
                    return cast("Message", known["body"])
            message = self.message()
            assert message["type"] == "event", message
            self.events.append(message)


@pytest.fixture
def adapter():
    started = Adapter()
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.mark.parametrize("arch", catalog.names())
def test_an_editor_attaches_and_steps(adapter, arch):
    adapter.ask("initialize", adapterID="test", clientID="test")
    attached = adapter.send("attach", target=f"| {server(arch)}")
    adapter.send("configurationDone")
    adapter.answer(attached)
    (thread,) = adapter.ask("threads")["threads"]
    frames = adapter.ask("stackTrace", threadId=thread["id"])["stackFrames"]
    assert [frame["name"] for frame in frames[:2]] == ["vfs_read", "ksys_read"]
    assert frames[0]["source"]["path"].endswith(f"trampolines/{arch}/kernel.S")
    adapter.events.clear()
    adapter.ask("stepIn", threadId=thread["id"], granularity="instruction")
    assert adapter.wait("stopped")["reason"] == "step"
    frames = adapter.ask("stackTrace", threadId=thread["id"])["stackFrames"]
    assert [frame["name"] for frame in frames[1:3]] == ["vfs_read", "ksys_read"]
    assert "caller" in frames[0]["name"] or "trampoline" in frames[0]["name"]
    shown = adapter.ask("evaluate", expression="function_trace_op->flags", frameId=frames[0]["id"])
    assert int(shown["result"]) > 0
    code = adapter.ask("disassemble", memoryReference=frames[0]["instructionPointerReference"], instructionCount=3)
    assert len(code["instructions"]) == 3
