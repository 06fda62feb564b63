# SPDX-License-Identifier: GPL-2.0-only
"""Macros, loops, conditionals and included files worked off: what comes out is labels, directives and instructions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from emulator.assembly import includes, macros
from emulator.assembly.arguments import split_arguments, squeeze, string_bytes, unquote
from emulator.assembly.conditions import DIRECTIVES, Conditions, Knowledge
from emulator.assembly.lexer import Statement, lex, split
from emulator.assembly.piece import Source
from emulator.errors import Place

NESTING_LIMIT = 100
"""How deep macros, loops and included files nest."""
WORK_LIMIT = 200_000
"""Statements that one source may come to; a long one counts once more for each 256 characters."""
LENGTH_LIMIT = 1 << 16
"""The longest statement, in characters, after arguments are put in."""

LABEL = ":"


class Flat(NamedTuple):
    """One step: `op` is an instruction, a directive in lower case, `.set` for every assignment, or LABEL."""

    op: str
    operands: str
    statement: Statement


@dataclass(slots=True)
class _Frame:
    """Statements being worked off: the source, a macro's body, the rounds of a loop, an included file."""

    statements: Iterator[Statement]
    floor: int
    """Conditionals that were open before."""
    file: bool = False
    """A whole file, which .exitm does not end."""


_LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$]*|\d{1,9})\s*:(?!:)\s*")
_HEAD = re.compile(r"\s*([^\s=(\"]+)\s*")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_.$][\w.$]*)\s*==?\s*(.*)", re.DOTALL)
_LOOPS = frozenset({".rept", ".irp", ".irpc", ".rep"})
_BLOCKS = {".macro": (frozenset({".macro"}), ".endm"), **dict.fromkeys(_LOOPS, (_LOOPS, ".endr"))}


class Expander:
    """Iterating gives the Flat steps of a source in order.

    Conditions ask `symbols` about what the steps before have defined, so work off each step before asking for the
    next. `comment` and `symbol` are the dialect's characters (see lexer.lex and arguments.squeeze). Raises
    AssemblyError.
    """

    def __init__(self, source: Source, symbols: Knowledge, comment: str, symbol: str) -> None:
        self._source, self._symbols, self._comment, self._symbol = source, symbols, comment, symbol
        self._conditions = Conditions()
        self._macros: dict[str, macros.Macro] = {}
        self._frames: list[_Frame] = []
        self._work = 0
        self._calls = 0
        self._directives: dict[str, Callable[[Statement, str, str], None]] = {
            ".macro": self._define,
            ".endm": self._stray,
            ".endr": self._stray,
            ".exitm": self._exit,
            ".purgem": self._purge,
            ".rept": self._repeat,
            ".rep": self._repeat,
            ".irp": self._each_argument,
            ".irpc": self._each_character,
            ".include": self._include,
            ".err": self._fail,
            ".error": self._fail,
            ".warning": self._fail,
            ".altmacro": self._refuse,
        }

    def __iter__(self) -> Iterator[Flat]:
        statements = lex(self._source.name, self._source.text, self._comment)
        self._frames = [_Frame(iter(statements), 0, file=True)]
        while self._frames:
            statement = next(self._frames[-1].statements, None)
            if statement is None:
                self._leave()
                continue
            self._spend(statement)
            try:
                yield from self._step(statement)
            except ValueError as error:
                raise statement.error(str(error)) from None

    # -- one statement

    def _step(self, statement: Statement) -> Iterator[Flat]:
        labels, op, operands = _anatomy(statement.text)
        active = self._conditions.active
        if labels and active:
            yield from (Flat(LABEL, label, statement) for label in labels)
        if op in DIRECTIVES:
            self._conditions.handle(op, operands, statement, self._symbols, self._frames[-1].floor)
        elif not active or not op:
            return
        elif macro := self._macros.get(op):
            self._call(macro, operands, statement)
        elif handler := self._directives.get(op):
            handler(statement, op, operands)
        else:
            yield Flat(op, operands, statement)

    def _spend(self, statement: Statement) -> None:
        self._work += 1 + len(statement.text) // 256
        if self._work > WORK_LIMIT:
            raise statement.error(f"this source comes to more than {WORK_LIMIT} statements")

    # -- frames

    def _enter(self, statements: Iterable[Statement], cause: Statement, *, file: bool = False) -> None:
        if len(self._frames) >= NESTING_LIMIT:
            short = Statement(cause.text, cause.place, cause.calls[:3])
            raise short.error(f"macros, loops and includes nest more than {NESTING_LIMIT} deep")
        self._frames.append(_Frame(iter(statements), self._conditions.depth, file))

    def _leave(self) -> None:
        frame = self._frames.pop()
        if self._conditions.depth > frame.floor:
            raise self._conditions.innermost.error("no .endif for this")

    def _exit(self, statement: Statement, _op: str, _operands: str) -> None:
        frame = self._frames[-1]
        if frame.file:
            raise statement.error(".exitm outside of a macro")
        self._conditions.drop(frame.floor)
        frame.statements = iter(())

    def _block(self, statement: Statement, op: str) -> list[Statement]:
        """What stands between a block's first statement and its end."""
        openers, closer = _BLOCKS[op]
        body: list[Statement] = []
        depth = 1
        for inner in self._frames[-1].statements:
            self._spend(inner)
            word = _anatomy(inner.text)[1]
            depth += (word in openers) - (word == closer)
            if not depth:
                return body
            body.append(inner)
        raise statement.error(f"no {closer} for this")

    # -- macros

    def _define(self, statement: Statement, op: str, operands: str) -> None:
        macro = macros.define(operands, self._block(statement, op), self._symbol)
        if macro.name.lower() in self._macros:
            raise statement.error(f"macro {macro.name!r} is there already (.purgem forgets it)")
        self._macros[macro.name.lower()] = macro

    def _purge(self, _statement: Statement, _op: str, operands: str) -> None:
        if self._macros.pop(operands.strip().lower(), None) is None:
            raise ValueError(f"there is no macro {operands.strip()!r}")

    def _call(self, macro: macros.Macro, operands: str, statement: Statement) -> None:
        values = {**macro.arguments(operands, self._symbol), "@": str(self._calls)}
        self._calls += 1
        calls = (statement.place, *statement.calls)
        self._enter(macros.instantiate(macro.body, values, lambda old, text: self._again(old, text, calls)), statement)

    def _again(self, old: Statement, text: str, calls: tuple[Place, ...]) -> Sequence[Statement]:
        new = Statement(text, old.place, calls)
        if len(text) > LENGTH_LIMIT:
            raise new.error(f"with its arguments put in this is longer than {LENGTH_LIMIT} characters")
        # an argument may have brought separators along
        return split(new, text, self._comment) if ";" in text and text is not old.text else (new,)

    # -- loops

    def _rounds(self, cause: Statement, body: Sequence[Statement], rounds: Iterable[dict[str, str]]) -> None:
        def work() -> Iterator[Statement]:
            for values in rounds:
                self._spend(cause)
                for old in body:
                    text = macros.substitute(old.text, values)
                    yield from (old,) if text is old.text else self._again(old, text, old.calls)

        self._enter(work(), cause)

    def _repeat(self, statement: Statement, op: str, operands: str) -> None:
        count = self._symbols.constant(operands)
        if count < 0:
            raise ValueError(f"cannot repeat {count} times")
        self._rounds(statement, self._block(statement, op), ({} for _ in range(count)))

    def _each_argument(self, statement: Statement, op: str, operands: str) -> None:
        name, values = self._loop_header(operands)
        found = split_arguments(values, self._symbol) or [""]
        self._rounds(statement, self._block(statement, op), [{name: unquote(value)} for value in found])

    def _each_character(self, statement: Statement, op: str, operands: str) -> None:
        name, values = self._loop_header(operands)
        found = "".join(unquote(values.strip()).split()) or [""]
        self._rounds(statement, self._block(statement, op), [{name: value} for value in found])

    def _loop_header(self, operands: str) -> tuple[str, str]:
        match = re.match(r"([\w.$]+)(?:\s*,\s*|\s+|$)", operands)
        if match is None:
            raise ValueError("expected the loop's symbol")
        return match[1], operands[match.end() :]

    # -- the rest

    def _include(self, statement: Statement, _op: str, operands: str) -> None:
        name = string_bytes(operands.strip()).decode(errors="replace")
        path, text = includes.find(name, self._source.name, self._source.includes)
        self._enter(lex(path, text, self._comment), statement, file=True)

    def _fail(self, _statement: Statement, op: str, operands: str) -> None:
        raise ValueError(unquote(squeeze(operands, "")) or f"{op} reached")

    def _stray(self, _statement: Statement, op: str, _operands: str) -> None:
        raise ValueError(f"{op} without a beginning")

    def _refuse(self, _statement: Statement, op: str, _operands: str) -> None:
        raise ValueError(f"{op} is not supported")


@lru_cache(maxsize=8192)
def _anatomy(text: str) -> tuple[tuple[str, ...], str, str]:
    """(labels, the word behind them in lower case, its operands); an assignment by `=` is a `.set`.

    What begins with no word stays whole: the reader will not know it.
    """
    labels: list[str] = []
    while label := _LABEL.match(text):
        labels.append(label[1])
        text = text[label.end() :]
    if assignment := _ASSIGNMENT.match(text):
        return tuple(labels), ".set", f"{assignment[1]},{assignment[2]}"
    if head := _HEAD.match(text):
        return tuple(labels), head[1].lower(), text[head.end() :]
    return tuple(labels), text.strip(), ""
