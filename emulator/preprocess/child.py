# SPDX-License-Identifier: GPL-2.0-only
"""The guarded child of emulator.preprocess: pcpp, a C preprocessor in Python, on one source.

Run as a file, by itself: `python -I -S child.py FOLDER`, FOLDER being the one that pcpp's package is in.

stdin   an emulator.preprocess.Job as JSON
stdout  a JSON object: `text` and `files`, the preprocessed source with line markers and the paths of what was read; or
        `error`, and `file` and `line` as far as they are known

The source is hostile until the contrary is shown: every file lies below a named folder, and files, bytes, nesting,
tokens, memory and processor time have limits. Nothing of it is ever run.
"""

from __future__ import annotations

import json
import os
import resource
import stat
import sys

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    Job = dict[str, Any]

if __name__ == "__main__":
    sys.path.append(sys.argv[1])
from pcpp import Action, OutputDirective, Preprocessor  # noqa: E402 - found where the parent says

MEMORY = 1 << 30
"""Bytes of address space."""
LONGEST_FILE = 1 << 20
MOST_FILES = 2000
MOST_BYTES = 32 << 20
"""Of all files together, one that is read twice counted twice; the kernel's own come to 2 MB."""
DEEPEST = 100
"""Files that include each other."""
MOST_TOKENS = 8_000_000
"""Tokens looked at while macros are expanded; the kernel's own sources need 400,000."""
LONGEST_TEXT = 4 << 20
SHOWN = 200
"""Characters of a name or a message of the source's that are told."""

NO_LINE_ENDS = dict.fromkeys(map(ord, "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), " ")
"""What str.splitlines() takes for the end of a line, and nobody else does."""

NAMED = ("define", "undef", "ifdef", "ifndef")
"""Directives that need a name."""
CONDITIONS = ("if", "elif")
UNSUPPORTED = ("include_next", "import", "line", "assert", "unassert", "elifdef", "elifndef", "embed")
MISSING = (FileNotFoundError, NotADirectoryError)


class RefusalError(Exception):
    """What is wrong with the source, and where."""

    def __init__(self, message: str, file: str | None = None, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.file, self.line = message, file, line


class Files:
    """Finds and reads headers. `roots` are resolved folders outside of which nothing is read."""

    def __init__(self, job: Job) -> None:
        self.folders, self.roots = job["folders"], job["roots"]
        self.made, self.generated = job["made"], frozenset(job["generated"])
        self.hint = job["hint"]
        self.read: dict[str, None] = {}
        self.texts: dict[str, str | None] = {}
        self.count = self.size = 0

    def find(self, name: str, folder: str | None, token: Any) -> tuple[str, str]:
        """(path, text) of what `#include` means by `name`; `folder` is looked into first where it is not None."""
        if name in self.made:
            return f"<{name}>", self.made[name]
        for place in [folder, *self.folders] if folder is not None else self.folders:
            path = os.path.join(place, name)
            text = self.text(path, token)
            if text is not None:
                return path, text
        return f"<{name}>", self.stand_in(name, token)

    def stand_in(self, name: str, token: Any) -> str:
        """What a build makes: a wrapper around the generic header, or one that need not be there for our sake."""
        if name.startswith("asm/"):
            generic = "asm-generic/" + name[len("asm/") :]
            if any(self.text(os.path.join(place, generic), token) is not None for place in self.folders):
                return f"#include <{generic}>\n"
        if name in self.generated or name.startswith("generated/"):
            return ""
        raise RefusalError(
            f"there is no header {name[:SHOWN]!r} in the include folders{self.hint}", token.source, token.lineno
        )

    def text(self, path: str, token: Any) -> str | None:
        """The file's text, None where there is no such file. Raises RefusalError where it may or can not be read."""
        if path not in self.texts:
            self.texts[path] = self.load(path, token)
        text = self.texts[path]
        if text is not None:
            self.count += 1
            self.size += len(text)
        if self.count > MOST_FILES or self.size > MOST_BYTES:
            raise RefusalError(f"more than {MOST_FILES} files or {MOST_BYTES} bytes", *position(token))
        return text

    def load(self, path: str, token: Any) -> str | None:
        """The file's text, read for the first time."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except MISSING:
            return None
        except (OSError, ValueError) as error:
            raise self.refusal(path, getattr(error, "strerror", None) or error, token) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self.refusal(path, "not a regular file", token)
        with open(descriptor, "rb") as file:
            real = os.path.realpath(path)
            if not any(real.startswith(os.path.join(root, "")) for root in self.roots):
                raise self.refusal(path, "lies outside of the tree and the include folders", token)
            data = file.read(LONGEST_FILE + 1)
        if len(data) > LONGEST_FILE:
            raise self.refusal(path, f"is larger than {LONGEST_FILE} bytes", token)
        self.read[path] = None
        return decode(data, path)

    def refusal(self, path: str, reason: object, token: Any) -> RefusalError:
        """What to raise about a file that is asked for."""
        return RefusalError(f"{path[:SHOWN]} cannot be included: {reason}", *position(token))


def position(token: Any) -> tuple[str | None, int]:
    """Where an #include stands; nowhere for a file that the job names."""
    return (token.source, token.lineno) if token else (None, 0)


def decode(data: bytes, path: str) -> str:
    """The text of a file's bytes."""
    if b"\0" in data:
        raise RefusalError("is binary, not a source: a NUL byte", path, data.count(b"\n", 0, data.index(b"\0")) + 1)
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RefusalError("is not UTF-8", path, data.count(b"\n", 0, error.start) + 1) from None


def escaped(text: str) -> str:
    """As the text stands in a string literal."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Strict(Preprocessor):  # type: ignore[misc]
    """A preprocessor that makes an error of whatever pcpp would print, or pass over."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.files = Files(job)
        self.rewrite_paths: list[tuple[str, str]] = []
        self.auto_pragma_once_enabled = False
        self.spent = self.depth = 0
        self.branches: list[list[str]] = []

    # -- errors

    def on_error(self, file: str, line: int, msg: str) -> None:
        where = self.lastdirective if file == "unknown" and self.lastdirective else None
        raise RefusalError(msg[:SHOWN], where.source if where else file, where.lineno if where else line)

    def on_include_not_found(self, _malformed: bool, _system: bool, _folder: str, includepath: str) -> None:
        raise self.refusal(f"malformed #include: {includepath[:SHOWN]}")

    def on_directive_handle(self, directive: Any, toks: list[Any], _ifpassthru: bool, _preceding: list[Any]) -> bool:
        self.lastdirective = directive
        name = directive.value
        if name in NAMED and (not toks or toks[0].type != self.t_ID):
            raise self.refusal(f"#{name} without a name")
        if name in CONDITIONS and not toks:
            raise self.refusal(f"#{name} without a condition")
        if name == "define" and toks[0].value == "defined":
            raise self.refusal("'defined' cannot be defined")
        if name == "pragma" and not toks:
            raise OutputDirective(Action.IgnoreAndRemove)
        self.follow(name)
        return True

    def follow(self, name: str) -> None:
        """Keep account of conditionals: pcpp lets branches follow #else."""
        open_ones = self.branches[-1]
        if name in ("if", "ifdef", "ifndef"):
            open_ones.append("if")
        elif name == "endif" and open_ones:
            open_ones.pop()
        elif name in ("else", "elif") and open_ones:
            if open_ones[-1] == "else":
                raise self.refusal(f"#{name} after #else")
            open_ones[-1] = name

    def on_directive_unknown(self, directive: Any, toks: list[Any], _ifpassthru: bool, _preceding: list[Any]) -> bool:
        """A comment of the assembler's may begin with `#`; and what a compiler only warns of is no error here."""
        if directive.value == "error":
            raise self.refusal("#error " + "".join(token.value for token in toks)[:SHOWN])
        if directive.value in UNSUPPORTED:
            raise self.refusal(f"#{directive.value} is not supported")
        return True

    def refusal(self, message: str) -> RefusalError:
        token = self.lastdirective
        return RefusalError(message, token.source, token.lineno)

    # -- bounds

    def collect_args(self, tokenlist: list[Any], ignore_errors: bool = False) -> Any:
        """pcpp would leave the rest of the source as it is where a parenthesis is not closed."""
        result = super().collect_args(tokenlist, ignore_errors)
        if not result[0]:
            raise RefusalError("the macro's arguments have no end", tokenlist[0].source, tokenlist[0].lineno)
        for token in tokenlist[: result[0]]:
            if "\n" in token.value and token.type in self.t_WS:
                token.value = " "  # an invocation over several lines is one line of assembler
        return result

    def expand_macros(self, tokens: list[Any], expanding_from: Sequence[str] = ()) -> Any:
        self.spent += 1 + len(tokens)
        if self.spent > MOST_TOKENS:
            token = tokens[0] if tokens else self.lastdirective
            raise RefusalError(f"macros come to more than {MOST_TOKENS} tokens", token.source, token.lineno)
        return super().expand_macros(tokens, list(expanding_from))

    def macro_expand_args(self, macro: Any, args: list[Any]) -> Any:
        """pcpp's `#x` doubles every backslash; the C standard (6.10.3.2) doubles those inside of literals only."""
        spelled = {number: "".join(token.value for token in args[number]) for number, _ in macro.str_patch}
        replaced = super().macro_expand_args(macro, args)
        if any("\\" in text for text in spelled.values()):
            right = dict(self.stringized(args[number]) for number in spelled)
            for token in replaced:
                token.value = right.get(token.value, token.value)
        return replaced

    def stringized(self, tokens: list[Any]) -> tuple[str, str]:
        """(the string that pcpp makes of an argument, the one to be made); several blanks count as one."""
        kept = [
            token
            for before, token in zip([None, *tokens], tokens, strict=False)
            if not (before and before.type in self.t_WS and token.type in self.t_WS)
        ]
        values = [(token.value, token.type in (self.t_STRING, self.t_CHAR)) for token in kept]
        wrong = "".join(escaped(value) for value, _ in values)
        return f'"{wrong}"', '"' + "".join(escaped(value) if literal else value for value, literal in values) + '"'

    # -- files

    def parsegen(self, text: str, source: str | None = None, abssource: str | None = None) -> Iterator[Any]:
        self.branches.append([])
        yield from super().parsegen(text.translate(NO_LINE_ENDS), source, abssource)
        self.branches.pop()

    def include(self, tokens: list[Any], _line: Any) -> Iterator[Any]:
        directive = self.lastdirective
        if not tokens:
            raise self.refusal("#include without a file")
        name, folder = self.named(tokens)
        if self.depth >= DEEPEST:
            raise self.refusal(f"files include each other more than {DEEPEST} deep")
        path, text = self.files.find(name, folder, directive)
        if path in self.include_once:
            return
        self.depth += 1
        yield from self.parsegen(text, path, path)
        self.depth -= 1
        self.lastdirective = directive

    def named(self, tokens: list[Any]) -> tuple[str, str | None]:
        """(name, folder of the file that says so or None) of `"name"` or `<name>`."""
        if tokens[0].type == self.t_STRING:
            return tokens[0].value[1:-1], os.path.dirname(tokens[0].source) or "."
        words = [token.value for token in tokens]
        if words[0] != "<" or ">" not in words:
            raise self.refusal(f"malformed #include {''.join(words)[:SHOWN]}")
        return "".join(words[1 : words.index(">")]), None

    # -- output

    def all_lines(self, job: Job) -> Iterator[str]:
        """What a compiler would read: the macros of its command line, the headers before the source, the source."""
        yield from self.lines("<command line>", job["macros"])
        for path in job["before"]:
            text = self.files.text(path, None)
            if text is None:
                raise RefusalError("is not there", path)
            yield from self.lines(path, text)
        yield from self.lines(job["name"], job["text"])

    def lines(self, name: str, text: str) -> Iterator[str]:
        """The preprocessed text, line by line, with a marker wherever the next line is not the next one there."""
        file: str | None = None
        line = 0
        for tokens in self.grouped(self.parsegen(text, name, name)):
            first = next((token for token in tokens if token.type not in self.t_WS), None)
            if first is None:
                continue
            if first.source == file and 0 <= first.lineno - line < 8:
                yield "\n" * (first.lineno - line)
            else:
                yield f'# {first.lineno} "{first.source}"\n'
            file, line = first.source, first.lineno + 1
            yield "".join(" " if token.type == self.t_LINECONT else token.value for token in tokens).rstrip() + "\n"

    def grouped(self, tokens: Iterable[Any]) -> Iterator[list[Any]]:
        """The tokens of each line, without what ends it."""
        line: list[Any] = []
        for token in tokens:
            if token.value == "\n":
                yield line
                line = []
            else:
                line.append(token)
        yield line


def limit(kind: int, most: int) -> None:
    """Lower one of the process's limits; where the system has no such limit, the parent's clock is the only one."""
    try:  # noqa: SIM105
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    except (ValueError, OSError):
        pass


def preprocess(job: Job) -> dict[str, object]:
    """The answer to a job."""
    reader = Strict(job)
    try:
        return {"text": "".join(bounded(reader.all_lines(job), job["name"])), "files": list(reader.files.read)}
    except RefusalError as refusal:
        return {"error": refusal.message, "file": refusal.file, "line": refusal.line}
    except (RecursionError, MemoryError):
        return {"error": "macros or expressions nest too deep to be preprocessed", **place(reader)}
    except Exception as error:  # noqa: BLE001 - pcpp does not foresee every source
        return {"error": f"cannot be preprocessed ({type(error).__name__})", **place(reader)}


def bounded(lines: Iterable[str], name: str) -> Iterator[str]:
    """The lines, up to the most that is accepted of them."""
    size = 0
    for line in lines:
        size += len(line)
        if size > LONGEST_TEXT:
            raise RefusalError(f"comes to more than {LONGEST_TEXT} characters", name)
        yield line


def place(reader: Any) -> dict[str, object]:
    """The directive that was worked off last, or the source."""
    token = reader.lastdirective
    return {"file": token.source, "line": token.lineno} if token else {"file": None, "line": 0}


def main() -> None:
    """Answer one job."""
    limit(resource.RLIMIT_CORE, 0)
    job = json.load(sys.stdin)
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CPU, job["seconds"])
    json.dump(preprocess(job), sys.stdout)


if __name__ == "__main__":
    main()
