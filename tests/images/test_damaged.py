# SPDX-License-Identifier: GPL-2.0-only
"""Damaged images: each gives one line with the file, in bounded time, and nothing else."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from elf_files import REL_FILE
from emulator import catalog
from emulator.cli import main
from emulator.errors import EmulatorError
from emulator.images.opening import opened
from emulator.lab import Lab
from kernels import SmallKernel, small_kernel

ROUNDS = 60
"""Files that the campaign makes; each takes a tenth of a second."""


def newest(name: str) -> SmallKernel:
    arch = catalog.load(name)
    return small_kernel(arch, arch.variant(arch.releases[-1]))


@cache
def image(name: str) -> bytes:
    return newest(name).written()


def no_trampolines(kernel: SmallKernel) -> None:
    kernel.symbols = {
        name: symbol
        for name, symbol in kernel.symbols.items()
        if "caller" not in name and name != kernel.variant.site.mcount
    }


def nowhere(kernel: SmallKernel) -> None:
    kernel.symbols["ftrace_caller"] = (kernel.end + (1 << 20), 0, 2)


def in_data(kernel: SmallKernel) -> None:
    kernel.symbols["ftrace_caller"] = (kernel.sections[".data"][0], 0, 2)


def no_code(kernel: SmallKernel) -> None:
    kernel.patch(kernel.address("return_to_handler"), b"\x06" * 16 if kernel.arch.word == 8 else b"\xff" * 16)


def an_object(kernel: SmallKernel) -> None:
    kernel.kind = REL_FILE


def overlapping(kernel: SmallKernel) -> None:
    kernel.symbols["function_trace_op"] = (kernel.address("ftrace_caller"), 8, 1)


def btf_garbage(kernel: SmallKernel) -> None:
    address, data, flags = kernel.sections[".BTF"]
    kernel.sections[".BTF"] = (address, data[:20] + b"\xff" * 64 + data[84:], flags)


DAMAGE: dict[str, tuple[Callable[[SmallKernel], None], str]] = {
    "no trampolines": (no_trampolines, "fits no variant"),
    "a trampoline nowhere": (nowhere, "no code at 0x"),
    "a trampoline in data": (in_data, "no code at 0x"),
    "no instruction": (no_code, "no code at 0x"),
    "an object": (an_object, "is an object file"),
    "a variable in code": (overlapping, "on a page of code and on one of data"),
    "BTF garbage": (btf_garbage, "BTF "),
}


@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_line_and_exit_2(
    name: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = newest(name)
    change, says = DAMAGE[damage]
    change(kernel)
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.written())
    assert main(["emulate", "--vmlinux", str(path), "--ops", "probe"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(path) in error
    assert says in error


def write_fifo(path: Path) -> None:
    os.mkfifo(path)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "No such file"),
    "a directory": (Path.mkdir, "cannot be read"),
    "a fifo": (write_fifo, "not a regular file"),
    "empty": (Path.touch, "is empty"),
    "text": (lambda path: path.write_text("linux\n" * 100), "is no ELF file, bzImage, zImage or Image"),
    "a short header": (lambda path: path.write_bytes(image("x86_64")[:30]), "beyond the end of the file"),
    "half a file": (lambda path: path.write_bytes(image("x86_64")[: len(image("x86_64")) // 2]), "beyond the end"),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_image_is_one_line_and_exit_2(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vmlinux"
    make, says = FILES[kind]
    make(path)
    assert main(["check", "--vmlinux", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert says in error


def test_another_architecture_than_the_one_named_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(image("arm"))
    assert main(["emulate", "x86_64", "--vmlinux", str(path)]) == 2
    assert f"{path} is a kernel of arm, not of x86_64" in capsys.readouterr().err


def test_a_system_map_without_an_image_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "--system-map", str(tmp_path / "System.map")]) == 2
    assert "--vmlinux" in capsys.readouterr().err


def mutated(data: bytes, places: Sequence[int], chance: random.Random) -> bytes:
    """A few bytes changed; those that are 0 fill the gaps of a small kernel, and would nearly always be hit."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.choice(places)
        changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("name", catalog.names())
def test_mutated_images_run_or_say_why_not(name: str, tmp_path: Path) -> None:
    """No exception but our own, whatever the bytes are."""
    whole, chance, refused = image(name), random.Random(f"images {name}"), list[str]()
    places = [at for at, byte in enumerate(whole) if byte]
    for number in range(ROUNDS):
        path = tmp_path / f"{number}"
        path.write_bytes(mutated(whole, places, chance))
        try:
            kernel = opened(path)
            subject = kernel.subject(kernel.recognise().variant, "vfs_read")
            Lab(subject=subject).run("vfs_read", limit=2000)
        except EmulatorError as error:
            refused.append(str(error))
        path.unlink(missing_ok=True)
    assert refused
    assert not any("\n" in message for message in refused)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_large_image_takes_little_memory(tmp_path: Path) -> None:
    """Pages are taken when they are looked at: a gigabyte of debug information is not."""
    kernel = newest("x86_64")
    data = kernel.written()
    path = tmp_path / "vmlinux"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(1 << 30)
    program = (
        "import re, sys; from emulator.cli import main\n"
        f"code = main(['emulate', '--vmlinux', {str(path)!r}, '--ops', 'probe:SAVE_REGS', '-o', '/dev/null'])\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())\n"
        "sys.exit(code or int(peak[1]) > 100_000)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 0
