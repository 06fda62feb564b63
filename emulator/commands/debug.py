# SPDX-License-Identifier: GPL-2.0-only
"""debug: serve one call of a traced function to gdb, stopped at its site."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from emulator.cli import GOOD
from emulator.commands import choose
from emulator.debugger import gdb
from emulator.debugger.transport import Listener, listen
from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.lab import Lab


def run(options: argparse.Namespace) -> int:
    """Serve clients until the only one has gone, or somebody presses Ctrl-C; or become gdb, which serves itself."""
    if options.gdb is not None and options.listen is None:
        program = gdb.find(choose.Chosen(options).arch, options.gdb)
        sys.stdout.flush()
        os.execv(program, gdb.words(program, options.words))  # noqa: S606 - the user's gdb, by its path
    choose.start_assembler(options)
    listener = listen(options.listen or "127.0.0.1:0")
    try:
        _serve(options, listener)
    finally:
        listener.close()
    return GOOD


def _serve(options: argparse.Namespace, listener: Listener) -> None:
    from emulator.commands.kernel import kernel  # noqa: PLC0415 - see choose.start_assembler()
    from emulator.debugger.monitor import Monitor  # noqa: PLC0415
    from emulator.debugger.server import Server  # noqa: PLC0415
    from emulator.debugger.target import Target  # noqa: PLC0415
    from emulator.debugger.timeline import Timeline  # noqa: PLC0415

    lab, function, again = kernel(options)
    target = Target(Timeline(lab, function))
    tell = _nothing if listener.once else _say  # gdb shows what its pipe's command says amid its own words
    tell(f"{lab.arch.name} {lab.variant.name}, at the site of {function}: target remote {listener.name}")
    program = f"/mcount-emulator/{lab.arch.name}-{lab.variant.name}"
    Server(target, {program: lambda: _elf(lab)}, program, Monitor(target, again), tell).serve(listener)


def _elf(lab: Lab) -> bytes:
    """What gdb loads; where runs disagree about a frame it is told so, and gdb has to guess there."""
    from emulator.debuginfo.kernel import elf  # noqa: PLC0415 - whoever brings a file of his own need not wait for it
    from emulator.unwind import unwinding  # noqa: PLC0415

    known = unwinding(lab.subject, lab.seed)
    try:
        known.expect_agreement(lab)
    except InputError as conflict:
        _say(f"no frames there: {conflict}")
    return elf(lab, known)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _nothing(_text: str) -> None:
    """There is nobody to be told."""
