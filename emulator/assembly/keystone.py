# SPDX-License-Identifier: GPL-2.0-only
"""The assembler that is always there: our front end, and keystone for the bytes of single instructions."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.assembly import dialects, encoder
from emulator.assembly.dialects import Dialect, Draft, Encoding
from emulator.assembly.encoder import Encoder
from emulator.assembly.layout import Layout
from emulator.assembly.lexer import Statement
from emulator.assembly.piece import Piece, Source
from emulator.assembly.reader import read
from emulator.description import Arch


class KeystoneAssembler:
    """Assembles for every Arch that has a dialect here."""

    name = "keystone"

    def __init__(self, using: Encoder | None = None) -> None:
        self._encoder = using

    def available(self, arch: Arch) -> str | None:
        """None where keystone is installed and knows `arch`, otherwise why not."""
        return encoder.available()

    def assemble(self, arch: Arch, sources: Sequence[Source]) -> list[Piece]:
        """One Piece for each source; all their instructions go to the encoder at once.

        Raises AssemblyError for the first thing that is wrong in a source, and the encoder's InputError.
        """
        dialect = dialects.load(arch.engine.dialect)
        programs = [read(source, dialect) for source in sources]
        waiting = [pair for program in programs for pair in program.drafts()]
        texts = list(dict.fromkeys(draft.text for _, draft in waiting))
        using = self._encoder or encoder.shared()
        answers = dict(zip(texts, using.encode(arch.engine, texts), strict=True))
        for atom, draft in waiting:
            atom.encoding = _complete(atom.statement, draft, dialect, answers[draft.text])
        return [Layout(program, dialect).run() for program in programs]


def _complete(statement: Statement, draft: Draft, dialect: Dialect, answer: bytes | str) -> Encoding:
    """The encoding of an instruction. Raises AssemblyError."""
    if isinstance(answer, str):
        raise statement.error(answer)
    try:
        return dialect.complete(draft, answer)
    except ValueError as error:
        raise statement.error(str(error)) from None
