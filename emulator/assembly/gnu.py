# SPDX-License-Identifier: GPL-2.0-only
"""GNU as from PATH, behind the interface that the built-in assembler has.

What it resolves itself never becomes a fixup: references inside one section (a branch to a local label) are bytes in
the Piece already. That is right wherever the section is placed, but such a field cannot be re-based by itself.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from emulator.assembly import dialects, gnu_listing
from emulator.assembly.gnu_text import Text, prepare
from emulator.assembly.piece import Fixup, Line, Piece, Source
from emulator.description import Arch, Engine
from emulator.elf import Elf
from emulator.errors import AssemblyError, InputError, Place
from emulator.objects import piece_of

SECONDS = 10
BOUNDED = 'ulimit -t 10; ulimit -f 65536; ulimit -v 524288 2>/dev/null; exec "$@"'
"""For /bin/sh: seconds of processor time, blocks of 512 bytes in a file, kilobytes of memory."""
MOST_MESSAGES = 1 << 16
MOST_CALLS = 8
"""Macro calls named in one error."""

MESSAGE = re.compile(r"(?P<file>.*?):(?P<line>\d+): *(?P<kind>Error|Fatal error|Info): *(?P<text>.*)")


class GnuAssembler:
    """One run of `as` per source, in a folder of its own that is gone afterwards."""

    name = "gnu"

    def available(self, arch: Arch) -> str | None:
        """None where a GNU as for `arch` is on PATH, otherwise why not."""
        if _tool(arch, os.environ.get("PATH", "")) is None:
            tried = ", ".join(f"{prefix}as" for prefix in arch.engine.gnu)
            return f"no GNU as for {arch.name} is on PATH (tried {tried})"
        return None

    def assemble(self, arch: Arch, sources: Sequence[Source]) -> list[Piece]:
        """A Piece for each source. Raises AssemblyError for the first error, InputError where there is no `as`."""
        tool = _tool(arch, os.environ.get("PATH", ""))
        if tool is None:
            raise InputError(str(self.available(arch)))
        return [_assemble(tool, arch, source) for source in sources]


@functools.cache
def _tool(arch: Arch, _path: str) -> str | None:
    """The first `as` on PATH that writes objects for this machine; the host's own may be for another one."""
    for prefix in arch.engine.gnu:
        tool = shutil.which(f"{prefix}as")
        if tool and _writes(tool, arch):
            return tool
    return None


def _writes(tool: str, arch: Arch) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            _run(tool, arch.engine, folder, "", [])
            _read(folder, tool, arch)
        except (InputError, OSError):
            return False
    return True


def _run(tool: str, engine: Engine, folder: str, text: str, options: Sequence[str]) -> str:
    """Assemble `text` to out.o in the folder; what `as` printed. Raises InputError where it takes too long."""
    Path(folder, "in.s").write_text(text, encoding="utf-8")
    command = ["/bin/sh", "-c", BOUNDED, "sh", tool, *engine.gnu_flags, *options, "-o", "out.o", "in.s"]
    environment = {**os.environ, "LC_ALL": "C"}
    with Path(folder, "messages").open("w+b") as messages:
        try:
            subprocess.run(  # noqa: S603 - the command is ours, the source is a file
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
                timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InputError(f"{tool} took longer than {SECONDS} seconds") from None
        messages.seek(0)
        return messages.read(MOST_MESSAGES).decode("utf-8", "replace")


def _read(folder: str, name: str, arch: Arch) -> Piece:
    """What `as` has written; `name` is for messages."""
    return piece_of(Elf(Path(folder, "out.o").read_bytes(), name), arch)


def _assemble(tool: str, arch: Arch, source: Source) -> Piece:
    text = prepare(source, dialects.load(arch.engine.dialect).comment)
    with tempfile.TemporaryDirectory() as folder:
        try:
            messages = _run(tool, arch.engine, folder, text.text, list(_options(source)))
        except InputError as error:
            raise InputError(str(error), Place(source.name)) from None
        _complain(messages, text, source)
        try:
            listing = Path(folder, "listing").read_text(encoding="utf-8", errors="replace")
            piece = _read(folder, source.name, arch)
            used = Path(folder, "used").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            last = messages.strip().splitlines()[-1:] or ["it needed too much time, memory or disk"]
            raise InputError(f"{tool} failed: {last[0][:300]}", Place(source.name)) from None
    _check_files(used, source)
    return _with_lines(piece, text, listing)


def _options(source: Source) -> Iterator[str]:
    yield from (*gnu_listing.OPTIONS[1:], f"{gnu_listing.OPTIONS[0]}=listing", "--MD", "used", "--no-warn")
    for name, value in source.defines.items():
        yield from ("--defsym", f"{name}={value:#x}")
    for folder in _folders(source):
        yield from ("-I", str(folder))


def _folders(source: Source) -> list[Path]:
    return [Path(folder).resolve() for folder in (str(Path(source.name).parent), *source.includes)]


def _check_files(used: str, source: Source) -> None:
    """Every file that `as` says it read lies below an include folder. Raises InputError."""
    names = [name.replace("\\ ", " ") for name in re.split(r"(?<!\\)\s+", used.replace("\\\n", " ").strip())[1:]]
    for name in names:
        if name == "in.s":
            continue
        if not any(Path(name).resolve().is_relative_to(folder) for folder in _folders(source)):
            raise InputError(
                f"{name!r} lies outside of the source's folder and the include folders", Place(source.name)
            )


def _complain(messages: str, text: Text, source: Source) -> None:
    """Raises AssemblyError for the first error among the messages, with the macro calls that follow it."""
    found = [match for match in map(MESSAGE.match, messages.splitlines()) if match]
    first = next((index for index, match in enumerate(found) if match["kind"] != "Info"), None)
    if first is None:
        return
    calls: list[Place] = []
    for match in found[first + 1 :]:
        if match["kind"] != "Info":
            break
        calls.append(_place(match, text, source))
    del calls[MOST_CALLS:]
    statement = text.statement(int(found[first]["line"]))
    shown = statement.text if statement and found[first]["file"] == "in.s" else ""
    raise AssemblyError(found[first]["text"], _place(found[first], text, source), shown, calls)


def _place(match: re.Match[str], text: Text, source: Source) -> Place:
    line = int(match["line"])
    if match["file"] != "in.s":
        return Place(match["file"], line)
    statement = text.statement(line)
    return statement.place if statement else Place(source.name)


def _with_lines(piece: Piece, text: Text, listing: str) -> Piece:
    """The piece with its source lines, and the places of its fixups taken from them."""
    lines = tuple(line for line in gnu_listing.lines(listing, text) if _inside(line, piece))
    owners = {(line.section, line.offset + at): line for line in lines for at in range(line.size)}
    placed = tuple(_with_place(fixup, owners) for fixup in piece.fixups)
    return dataclasses.replace(piece, lines=lines, fixups=placed)


def _inside(line: Line, piece: Piece) -> bool:
    section = piece.sections.get(line.section)
    return section is not None and line.offset + line.size <= len(section.data)


def _with_place(fixup: Fixup, owners: dict[tuple[str, int], Line]) -> Fixup:
    owner = owners.get((fixup.section, fixup.offset))
    return fixup._replace(place=owner.place) if owner else fixup
