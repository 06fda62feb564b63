# SPDX-License-Identifier: GPL-2.0-only
"""debug: serve one call of a traced function to gdb, stopped at its site."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING

from emulator.cli import GOOD
from emulator.commands import choose
from emulator.debugger import gdb
from emulator.debugger.files import Files
from emulator.debugger.transport import UNIX, Listener, listen
from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.debugger.server import Server
    from emulator.lab import Lab


def run(options: argparse.Namespace) -> int:
    """Serve clients until the only one has gone, or somebody presses Ctrl-C; or a gdb, until it is left."""
    if options.gdb is not None and options.listen is None:
        return _with_gdb(options, gdb.find(choose.Chosen(options).arch, options.gdb))
    choose.start_assembler(options)
    listener = listen(options.listen or "127.0.0.1:0")
    try:
        _serve(options, listener)
    finally:
        listener.close()
    return GOOD


def _with_gdb(options: argparse.Namespace, program: str) -> int:
    """gdb's exit code. Of a socket it takes whole packets, of a pipe one character a system call."""
    choose.start_assembler(options)
    with (
        gdb.handled(_leave),
        TemporaryDirectory(prefix="mcount-emulator-") as folder,
        closing(listen(f"{UNIX}{folder}/gdb")) as listener,
    ):
        server = _server(options, _nothing)
        Files(server.openers).content(server.program)  # what there is to be said of it comes before gdb has the screen
        Thread(target=_until_closed, args=(server, listener), daemon=True).start()
        sys.stdout.flush()
        return gdb.run(program, listener.name.removeprefix(UNIX))


def _leave(number: int, _: object) -> None:
    """In order: no socket stays."""
    raise SystemExit(gdb.SIGNALLED + number)


def _until_closed(server: Server, listener: Listener) -> None:
    with suppress(OSError):
        server.serve(listener)


def _serve(options: argparse.Namespace, listener: Listener) -> None:
    tell = _nothing if listener.once else _say  # gdb shows what its pipe's command says amid its own words
    server = _server(options, tell)
    lab, function = server.target.lab, server.target.timeline.function
    tell(f"{lab.arch.name} {lab.variant.name}, at the site of {function}: target remote {listener.name}")
    server.serve(listener)


def _server(options: argparse.Namespace, tell: Callable[[str], None]) -> Server:
    from emulator.commands.kernel import kernel  # noqa: PLC0415 - see choose.start_assembler()
    from emulator.debugger.monitor import Monitor  # noqa: PLC0415
    from emulator.debugger.server import Server  # noqa: PLC0415
    from emulator.debugger.target import Target  # noqa: PLC0415
    from emulator.debugger.timeline import Timeline  # noqa: PLC0415

    lab, function, again = kernel(options)
    target = Target(Timeline(lab, function))
    program = f"/mcount-emulator/{lab.arch.name}-{lab.variant.name}"
    return Server(target, {program: cache(lambda: _elf(lab))}, program, Monitor(target, again), tell)


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
