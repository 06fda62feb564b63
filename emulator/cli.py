# SPDX-License-Identifier: GPL-2.0-only
"""The command line: the only place that prints and exits. What takes time is imported when a command needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.errors import EmulatorError, InputError, RunError

GOOD, BAD, USAGE, NOTHING, INTERNAL, INTERRUPTED = 0, 1, 2, 4, 70, 130
"""Exit codes: all good; a run ended badly; bad input; nothing could be run; our own bug; SIGINT."""

PROGRAM = "mcount-emulator"
ARCH = "the kernel's or uname's name (default: this host's)"


def parser() -> argparse.ArgumentParser:
    """The command line as argparse sees it."""
    top = argparse.ArgumentParser(
        prog=PROGRAM, description="A laboratory for the mcount/fentry trampolines of ftrace.", allow_abbrev=False
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _emulate(
        commands.add_parser("emulate", allow_abbrev=False, help="run a variant's trampolines and show the picture")
    )
    _check(commands.add_parser("check", allow_abbrev=False, help="hold trampolines to the contract"))
    _explain(commands.add_parser("explain", allow_abbrev=False, help="what a clause of the contract asks"))
    _diff(commands.add_parser("diff", allow_abbrev=False, help="what changed in behaviour between two trampolines"))
    _mutate(commands.add_parser("mutate", allow_abbrev=False, help="how many broken trampolines the contract catches"))
    _selftest(
        commands.add_parser("selftest", allow_abbrev=False, help="run the kernel's own tests through trampolines")
    )
    _show(commands.add_parser("show", allow_abbrev=False, help="list trampolines, and what is stored where in pt_regs"))
    _debug(commands.add_parser("debug", allow_abbrev=False, help="step through trampolines in gdb, both ways"))
    _elf(commands.add_parser("elf", allow_abbrev=False, help="write the kernel that trampolines run in as an ELF file"))
    _list(commands.add_parser("list", allow_abbrev=False, help="architectures, variants, abilities, fake functions"))
    _bench(commands.add_parser("bench", allow_abbrev=False, help="how fast calls are, side by side in one run"))
    return top


class _Version(argparse.Action):
    """--version. What is installed is looked up only when asked for: that takes longer than all other options."""

    def __call__(self, command: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version(PROGRAM)
        except PackageNotFoundError:
            found = "(not installed)"
        print(f"{PROGRAM} {found}")
        command.exit()


def _emulate(command: argparse.ArgumentParser) -> None:
    command.add_argument("arch", nargs="?", metavar="ARCH", help=ARCH)
    command.add_argument("--release", metavar="R", help="kernel release (default: the newest)")
    command.add_argument("--variant", metavar="V", help="configuration of it (default: the release's own)")
    _whose(command, "run")
    _scenario(command, "the story's ops")
    command.add_argument("--trace", action="store_true", help="add every instruction, what it changed and wrote")
    command.set_defaults(run="emulator.commands.emulate")
    _output(command)


def _debug(command: argparse.ArgumentParser) -> None:
    _kernel(command, "step through")
    command.add_argument(
        "--listen",
        metavar="WHERE",
        help="unix:PATH, 127.0.0.1:PORT, or stdio for `target remote | ...` (default: any free port)",
    )
    command.add_argument("--gdb", metavar="PROGRAM", nargs="?", const="", help="start gdb, connected to it")
    command.set_defaults(run="emulator.commands.debug")


def _elf(command: argparse.ArgumentParser) -> None:
    _kernel(command, "write")
    command.add_argument("-o", dest="output", metavar="F", type=Path, required=True, help="the file")
    command.set_defaults(run="emulator.commands.elf")


def _kernel(command: argparse.ArgumentParser, verb: str) -> None:
    """One kernel with somebody who traces."""
    command.add_argument("arch", nargs="?", metavar="ARCH", help=ARCH)
    command.add_argument("--release", metavar="R", help="kernel release (default: the newest)")
    command.add_argument("--variant", metavar="V", help="configuration of it (default: the release's own)")
    _whose(command, verb)
    _scenario(command, "one ops, with SAVE_REGS where there is that")
    command.add_argument("--graph", action="store_true", help="register a function graph tracer too")


def _scenario(command: argparse.ArgumentParser, usual: str) -> None:
    """Who traces what."""
    command.add_argument(
        "--ops",
        metavar="SPEC",
        action="append",
        default=[],
        help=f"register this instead of {usual}: NAME[:FLAG or KEY=VALUE]..., KEY = filter, notrace, home",
    )
    command.add_argument("--function", metavar="F", help="the traced function to call")
    command.add_argument("--seed", metavar="N", type=int, default=1, help="replays everything (default: 1)")


def _selftest(command: argparse.ArgumentParser) -> None:
    command.add_argument("arch", nargs="?", metavar="ARCH", help=ARCH)
    command.add_argument("--release", metavar="R", help="only this kernel release (default: all)")
    command.add_argument("--variant", metavar="V", help="only this configuration (default: all)")
    _whose(command, "test")
    command.add_argument("--case", metavar="C", action="append", default=[], help="only this test (default: all)")
    command.add_argument("--seed", metavar="N", type=int, default=1, help="replays everything (default: 1)")
    command.set_defaults(run="emulator.commands.selftest")
    _output(command)


def _check(command: argparse.ArgumentParser) -> None:
    _several(command, "judge")
    command.add_argument("--clause", metavar="C", action="append", default=[], help="only this clause (default: all)")
    command.add_argument("--scenario", metavar="S", action="append", default=[], help="only this one (default: all)")
    command.add_argument("--seed", metavar="N", type=int, help="the first seed (default: 1)")
    command.add_argument("--seeds", metavar="N", type=int, help="how many seeds (default: 2, and 1 with --seed)")
    command.add_argument("--jobs", metavar="N", type=int, default=1, help="processes (default: 1)")
    command.add_argument(
        "--allow",
        metavar="C:WHAT=REASON",
        action="append",
        default=[],
        help="accept what is wrong under that name: XFAIL, with your reason",
    )
    command.set_defaults(run="emulator.commands.check")
    _output(command, "text", "json", "ktap", "junit", "github")


def _mutate(command: argparse.ArgumentParser) -> None:
    _several(command, "change")
    command.add_argument("--seed", metavar="N", type=int, default=1, help="replays everything (default: 1)")
    command.add_argument("--sample", metavar="N", type=int, help="so many mutants of each variant (default: all)")
    command.add_argument("--jobs", metavar="N", type=int, default=2, help="processes (default: 2)")
    command.set_defaults(run="emulator.commands.mutate")
    _output(command, "text", "json", "markdown")


def _show(command: argparse.ArgumentParser) -> None:
    command.add_argument("arch", nargs="?", metavar="ARCH", help=ARCH)
    command.add_argument("--release", metavar="R", help="kernel release (default: the newest)")
    command.add_argument("--variant", metavar="V", help="configuration of it (default: the release's own)")
    _whose(command, "list")
    command.add_argument("--layouts", action="store_true", help="the structs instead: a vmlinux's beside ours")
    command.add_argument("--seed", metavar="N", type=int, default=1, help="replays everything (default: 1)")
    command.set_defaults(run="emulator.commands.show")
    _output(command)


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("clause", nargs="*", metavar="CLAUSE", help="its id, C5 (default: a list of all)")
    command.set_defaults(run="emulator.commands.explain")
    _destination(command)


def _diff(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "old", metavar="OLD", help="F.S, F.o, a vmlinux, a document of check --format json, or ARCH:VARIANT of ours"
    )
    command.add_argument("new", metavar="NEW", help="the same")
    command.add_argument("--arch", metavar="ARCH", help="what a .S or .o is for (default: this host's)")
    command.add_argument("--release", metavar="R", help="what it stands in for: kernel release (default: the newest)")
    command.add_argument("--variant", metavar="V", help="configuration of it (default: the release's own)")
    command.add_argument("--seed", metavar="N", type=int, default=1, help="any gives the same (default: 1)")
    _belonging(command)
    _assembler(command)
    command.set_defaults(run="emulator.commands.diff")
    _output(command)


def _list(command: argparse.ArgumentParser) -> None:
    command.add_argument("--markdown", action="store_true", help="the support matrix of the documentation")
    command.set_defaults(run="emulator.commands.list")
    _output(command)


def _bench(command: argparse.ArgumentParser) -> None:
    command.add_argument("arch", nargs="?", metavar="ARCH", help="only this architecture")
    command.add_argument("--rounds", metavar="N", type=int, default=25, help="interleaved rounds (default: 25)")
    command.set_defaults(run="emulator.commands.bench", format="text")
    _destination(command)


def _several(command: argparse.ArgumentParser, verb: str) -> None:
    """Architectures and variants, all of them unless some are named."""
    command.add_argument("arch", nargs="*", metavar="ARCH", help=ARCH)
    command.add_argument("--release", metavar="R", help="only this kernel release (default: all)")
    command.add_argument("--variant", metavar="V", action="append", default=[], help="only this configuration")
    _whose(command, verb)


def _whose(command: argparse.ArgumentParser, verb: str) -> None:
    """Whose code it is, if not ours."""
    files = command.add_mutually_exclusive_group()
    files.add_argument("--source", metavar="F.S", type=Path, help=f"a trampoline to {verb} in the place of ours")
    files.add_argument("--object", metavar="F.o", type=Path, help="the same, compiled: an object of kbuild's, say")
    files.add_argument("--vmlinux", metavar="F", type=Path, help=f"a kernel's image, to {verb} its trampolines")
    _belonging(command)
    _assembler(command)


def _belonging(command: argparse.ArgumentParser) -> None:
    """What belongs to a source, and to a kernel's image."""
    several: dict[str, Any] = {"action": "append", "default": []}
    command.add_argument(
        "--include", metavar="DIR", type=Path, help="a folder that the source includes from", **several
    )
    command.add_argument("--define", metavar="NAME=N", help="a symbol that the source is assembled with", **several)
    command.add_argument("--tree", metavar="DIR", type=Path, help="the kernel tree that the source is out of")
    command.add_argument("--build", metavar="DIR", type=Path, help="where that tree was built (O= of make)")
    command.add_argument("--config", metavar="F", type=Path, help="a .config for that tree, instead of the build's")
    command.add_argument("--system-map", metavar="F", type=Path, help="the symbols of a vmlinuz, which has none")


def _assembler(command: argparse.ArgumentParser) -> None:
    command.add_argument("--assembler", choices=("keystone", "gnu"), help="default: keystone, else GNU as")


def _output(command: argparse.ArgumentParser, *formats: str) -> None:
    command.add_argument("--format", choices=formats or ("text", "json"), default="text", help="default: text")
    _destination(command)


def _destination(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", dest="output", metavar="F", type=Path, help="write to a file")
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")


def colour(options: argparse.Namespace) -> bool:
    """Whether to colour: as asked, else only on a terminal that can, and not where NO_COLOR is set."""
    if options.color != "auto":
        return bool(options.color == "always")
    terminal = options.output is None and sys.stdout.isatty()
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(options: argparse.Namespace, text: str) -> None:
    """Print, or write to the file of -o. Raises InputError where that cannot be written."""
    if options.output is not None:
        write_file(options.output, text.encode())
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"standard output: cannot be written: {error.strerror}") from error


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises InputError where it cannot be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. argparse itself exits with 2 where it does not understand."""
    options = parser().parse_args(argv)
    try:
        return _run(options)
    except EmulatorError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return BAD if isinstance(error, RunError) else USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away; say nothing at exit
        return GOOD
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("MCOUNT_EMULATOR_DEBUG"):
            raise
        seed = getattr(options, "seed", None)
        print(
            f"{PROGRAM}: internal error, please report: {type(error).__name__}: {error} "
            f"(seed {seed}; MCOUNT_EMULATOR_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        return INTERNAL


def _run(options: argparse.Namespace) -> int:
    import importlib

    return int(importlib.import_module(options.run).run(options))
