# SPDX-License-Identifier: GPL-2.0-only
"""stepi in gdb: through our server, as `debug --gdb` connects it, and through the one that qemu-user has.

Both step through the same instructions to the same place, and gdb has symbols of neither.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from emulator.core.ops import FtraceOps
from emulator.debugger import gdb
from emulator.description import Arch, Memory
from emulator.elf.writer import Machine, OutSection, write
from emulator.errors import RunError, UsageError
from emulator.lab import Lab

STEPI = 500
RECURSIVE = "device_is_dependent"
LEVELS = 15
"""How deep RECURSIVE calls itself: far enough for STEPI."""
USER = Memory(text=0x10000000, data=0x10800000, modules=0x11000000, stack=0x18000000)
"""Where a user's program may be; a kernel is at addresses that no user has."""
_TIMES = re.compile(r"^at (\d+\.\d+)$", re.MULTILINE)
_PC = re.compile(r"^\$\d+ = (0x[0-9a-f]+)$", re.MULTILINE)


class Stepped(NamedTuple):
    """What one session has shown: seconds that a step takes, and where the last one has come to."""

    seconds: float
    pc: int


def measure(arch: Arch, rounds: int) -> tuple[list[float], list[float]] | str:
    """Seconds of a step through our server, and through QEMU's, one number a round; or why they cannot be measured.

    Raises RunError where a session fails, or the two come to different instructions.
    """
    try:
        program = gdb.find(arch)
    except UsageError:
        return "there is no gdb"
    qemu = shutil.which(f"qemu-{arch.engine.qemu}")
    if qemu is None:
        return f"there is no qemu-{arch.engine.qemu}"
    kernel, user = _traced(Lab(arch.name)), _traced(_at_user_addresses(arch))
    served = [sys.executable, "-m", "emulator", "debug", arch.name, "--function", RECURSIVE, "--listen=stdio"]
    ours, other = [], []
    for _ in range(rounds):
        mine = _session(program, arch, f"| {shlex.join(served)}")
        with _served(qemu, user) as socket:
            its = _session(program, arch, socket)
        if kernel.symbol(mine.pc) != user.symbol(its.pc):
            raise RunError(f"{arch.name}: stepi comes to {kernel.symbol(mine.pc)}, with QEMU to {user.symbol(its.pc)}")
        ours.append(mine.seconds)
        other.append(its.seconds)
    return ours, other


def _traced(lab: Lab) -> Lab:
    """With the ops that `debug` registers where it is told of none."""
    ops = FtraceOps("kprobe", lambda *_: None, flags={"SAVE_REGS", "SAVE_REGS_IF_SUPPORTED"})
    lab.set_filter(ops, RECURSIVE)
    lab.register(ops)
    return lab


def _at_user_addresses(arch: Arch) -> Lab:
    """Made there, not moved there: code and ops hold pointers."""
    return Lab(subject=replace(Lab(arch.name).subject, arch=replace(arch, memory=USER)))


@contextmanager
def _served(qemu: str, user: Lab) -> Iterator[str]:
    """The socket at which QEMU serves such a kernel as a program, stopped where the recursive function begins."""
    with tempfile.TemporaryDirectory() as folder:
        program, socket = Path(folder) / "kernel", Path(folder) / "socket"
        program.write_bytes(_elf(user))
        program.chmod(0o700)
        command = [qemu, "-g", str(socket), str(program)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - found on PATH
            try:
                yield _there(socket)
            finally:
                process.kill()


def _there(socket: Path) -> str:
    """The socket's path, once it exists."""
    wait = f"for i in $(seq 100); do test -S {shlex.quote(str(socket))} && break; sleep 0.05; done"
    subprocess.run(["/bin/sh", "-c", wait], check=True)  # noqa: S603 - a path of our own
    return str(socket)


def _session(program: str, arch: Arch, remote: str) -> Stepped:
    """One session. Raises RunError where gdb does not get through it."""
    now = "shell date +'at %s.%N'"
    commands = ["set sysroot", "set remotetimeout 60", f"set architecture {arch.engine.gdb}", f"target remote {remote}"]
    commands += [f"set ${arch.abi.arguments[0]} = {LEVELS}", "stepi 5"]
    commands += [now, f"stepi {STEPI}", now, "print/x $pc", "kill"]
    words = [program, "-nx", "-batch", *(word for command in commands for word in ("-ex", command))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the user's gdb
    times, pc = [float(time) for time in _TIMES.findall(done.stdout)], _PC.search(done.stdout)
    if len(times) != 2 or pc is None:
        raise RunError(f"gdb did not step {STEPI} times: {done.stdout}{done.stderr}")
    return Stepped((times[1] - times[0]) / STEPI, int(pc[1], 16))


def _elf(user: Lab) -> bytes:
    """As a program, which begins at the recursive function. Nothing acts for the callback, which just returns."""
    sections = [
        OutSection(f".{region.name}", region.data[:], region.base, region.writable, region.executable)
        for region in user.image.memory.regions
        if not region.scratch
    ]
    arch = user.arch
    machine = Machine(arch.engine.elf_machine, arch.word, arch.big_endian, arch.engine.elf_flags)
    return write(machine, user.record(RECURSIVE).ip, sections, [])
