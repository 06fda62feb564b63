# SPDX-License-Identifier: GPL-2.0-only
"""Keystone's known ways to die, hang or lie (version 0.9.2), each beside an instruction that must still encode."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator import catalog
from emulator.assembly import encoder
from emulator.assembly.encoder import KeystoneEncoder
from emulator.errors import InputError

pytestmark = pytest.mark.skipif(encoder.available() is not None, reason=str(encoder.available()))

X86 = catalog.load("x86_64").engine
ARM = catalog.load("arm").engine
MIPS = replace(X86, keystone=("MIPS", ("MIPS32",)))
ANYTHING = re.compile(r"(?s).*")


@pytest.fixture
def keystone() -> Iterator[KeystoneEncoder]:
    fresh = KeystoneEncoder(patience=5)
    yield fresh
    fresh.close()


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> KeystoneEncoder:
    """Sends whatever it is given, so that the second line of defence is what a test meets."""
    monkeypatch.setattr(encoder, "SENDABLE", ANYTHING)
    return KeystoneEncoder(patience=1)


def test_encodes_in_att_syntax_with_hexadecimal_numbers(keystone: KeystoneEncoder) -> None:
    assert keystone.encode(X86, ["mov $0x10,%eax", "mov $10,%eax", "rep movsb"]) == [
        bytes.fromhex("b810000000"),
        bytes.fromhex("b810000000"),
        bytes.fromhex("f3a4"),
    ]


def test_numbers_are_hexadecimal_on_every_architecture(keystone: KeystoneEncoder) -> None:
    assert keystone.encode(ARM, ["ldr r0, [r1, #10]"]) == [bytes.fromhex("100091e5")]


def test_engines_do_not_mix(keystone: KeystoneEncoder) -> None:
    assert keystone.encode(X86, ["nop"]) == [b"\x90"]
    assert keystone.encode(ARM, ["nop"]) == [bytes.fromhex("00f020e3")]
    assert keystone.encode(X86, ["nop"]) == [b"\x90"]


def test_answers_come_in_the_order_of_the_questions_even_repeated_ones(keystone: KeystoneEncoder) -> None:
    assert keystone.encode(X86, ["hlt", "nop", "hlt"]) == [b"\xf4", b"\x90", b"\xf4"]


def test_no_texts_no_child(keystone: KeystoneEncoder) -> None:
    assert keystone.encode(X86, []) == []
    assert keystone._child is None


def test_more_than_a_pipe_holds(keystone: KeystoneEncoder) -> None:
    texts = [f"movq {number:#x}(%rsp), %rax" + " " * 500 for number in range(0x100, 0x300)]
    answers = keystone.encode(X86, texts)
    assert answers == [bytes.fromhex("488b8424") + number.to_bytes(4, "little") for number in range(0x100, 0x300)]


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("frobnicate %eax", "invalid mnemonic"),
        ("movq %rax", "invalid operand"),
        ("xorl %ecx,%rbp", "invalid operands"),  # "success" without bytes
        ("mov %foo,%rax", "invalid operands"),
        ("x = 0x5", "invalid operands"),
        ("call nowhere", "cannot find a symbol"),
    ],
)
def test_what_keystone_refuses_or_silently_drops(keystone: KeystoneEncoder, text: str, diagnostic: str) -> None:
    assert keystone.encode(X86, ["nop", text, "hlt"]) == [b"\x90", diagnostic, b"\xf4"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "%rbp",
        "(",
        "-0x1",
        ",",
        "]",
        "\\x41",
        'ascii "abc',
        "nop; nop",
        "nop\nnop",
        "nop\x00",
        ".text",
        "mov é, r0",
        "foo: nop",
        "nop " * 1000,
        "mov $'a, %eax",
        "nop\rnop",
        "ﬀ",
    ],
)
def test_what_is_no_instruction_never_reaches_keystone(keystone: KeystoneEncoder, text: str) -> None:
    assert keystone.encode(X86, [text, "nop"]) == ["not an instruction", b"\x90"]


@pytest.mark.parametrize("text", ["ba,pt 0x0", "blt+ 0x0", "b.eq 0x0", "vmov.f32 s0, s1", "rep movsb", "NOP", "nop"])
def test_mnemonics_of_other_architectures_look_like_instructions(text: str) -> None:
    assert encoder.sendable(text)


@pytest.mark.parametrize("text", ["%rbp", "\\x41"])
def test_a_hang_ends_and_the_others_go_on(unguarded: KeystoneEncoder, text: str) -> None:
    start = time.monotonic()
    assert unguarded.encode(X86, ["nop", text, "hlt"]) == [b"\x90", "the assembler hangs on this", b"\xf4"]
    assert time.monotonic() - start < 10
    unguarded.close()


def test_a_hang_ends_by_processor_time_long_before_patience_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "SENDABLE", ANYTHING)
    patient = KeystoneEncoder(patience=300)
    start = time.monotonic()
    assert patient.encode(X86, ["(", "nop"]) == ["the assembler hangs on this", b"\x90"]
    assert time.monotonic() - start < 60
    patient.close()


def test_an_exit_gives_the_message_it_left(keystone: KeystoneEncoder) -> None:
    wrong = "Cannot encode high byte register in REX-prefixed instruction"
    assert keystone.encode(X86, ["nop", "movb %ah, (%r8)", "hlt"]) == [b"\x90", wrong, b"\xf4"]


def test_a_crash_is_named(keystone: KeystoneEncoder) -> None:
    crash = "the assembler crashes on this (SIGSEGV)"
    assert keystone.encode(MIPS, ["nop", "subu $a0, jalr, 0x8", "nop "]) == [bytes(4), crash, bytes(4)]


def test_many_deaths_end_the_attempt(keystone: KeystoneEncoder) -> None:
    killers = [f"movb %ah, {number:#x}(%r8)" for number in range(encoder.MOST_DEATHS)]
    answers = keystone.encode(X86, ["nop", *killers, "hlt"])
    assert answers[0] == b"\x90"
    assert answers[-1] == f"not tried: {encoder.MOST_DEATHS} other instructions kill the assembler"
    assert keystone.encode(X86, ["cli"]) == [b"\xfa"]


def test_a_child_that_was_killed_is_replaced(keystone: KeystoneEncoder) -> None:
    keystone.encode(X86, ["nop"])
    assert keystone._child is not None
    keystone._child.process.send_signal(signal.SIGKILL)
    keystone._child.process.wait()
    assert keystone.encode(X86, ["hlt"]) == [b"\xf4"]


def test_an_interruption_leaves_no_stale_answers(keystone: KeystoneEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    keystone.encode(X86, ["nop"])
    with monkeypatch.context() as patch:
        patch.setattr(encoder.Child, "read", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            keystone.encode(X86, ["hlt", "cli"])
    assert keystone.encode(X86, ["sti"]) == [b"\xfb"]


def test_an_unknown_engine_is_a_diagnostic_or_an_error_but_no_hang(keystone: KeystoneEncoder) -> None:
    [answer] = keystone.encode(replace(X86, keystone=("VAX", ("64",))), ["nop"])
    assert isinstance(answer, str)
    assert "KS_ARCH_VAX" in answer


def test_a_missing_library_is_said_in_one_sentence(keystone: KeystoneEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "available", lambda: "it is not installed")
    with pytest.raises(InputError, match="it is not installed"):
        keystone.encode(X86, ["nop"])


def test_a_broken_library_is_said_in_one_sentence(
    keystone: KeystoneEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    script = os.path.join(tmp_path, "child.py")  # noqa: PTH118
    with open(script, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("raise OSError('libkeystone.so: wrong ELF class')")
    monkeypatch.setattr(encoder, "SCRIPT", script)
    with pytest.raises(InputError, match=r"keystone cannot be started: OSError: libkeystone\.so: wrong ELF class"):
        keystone.encode(X86, ["nop"])


def run(script: str) -> str:
    """What a fresh interpreter prints; it must print no warning and end well."""
    head = "from emulator import catalog\nfrom emulator.assembly.encoder import shared\n"
    head += "X = catalog.load('x86_64').engine\n"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", head + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_shared_encoder_ends_with_the_process_and_without_a_warning() -> None:
    assert run("assert shared() is shared()\nprint(shared().encode(X, ['nop']))") == "[b'\\x90']\n"


def test_a_forked_process_gets_a_child_of_its_own() -> None:
    script = """
import os
shared().encode(X, ['nop'])
mine = shared()._child.process.pid
if (worker := os.fork()) == 0:
    assert shared().encode(X, ['hlt']) == [b'\\xf4']
    assert shared()._child.process.pid != mine
else:
    assert os.waitpid(worker, 0)[1] == 0
    assert shared().encode(X, ['cli']) == [b'\\xfa']
    assert shared()._child.process.pid == mine
    print('parent')
"""
    assert run(script) == "parent\n"
