# SPDX-License-Identifier: GPL-2.0-only
"""The C preprocessor: pcpp, kept in a child process because a hostile source can make it run or grow without end.

What comes back has line markers, so that every line of it leads to the file and line that its author knows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.errors import InputError, Place

SECONDS = 20
"""Processor time for one source; the kernel's own take less than one."""
PATIENCE = 120.0
"""Seconds after which the child is killed, whatever it has used."""
MOST_OUTPUT = 64 << 20
"""Bytes of its answer."""

SCRIPT = Path(__file__).with_name("child.py")
_UNTELLABLE = re.compile(r'["\\\0-\x1f\x7f]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One source, and what the preprocessor is to know.

    `<name>` is looked for in `folders`, `"name"` in the folder of the file that asks first. Nothing is read outside of
    `roots`. A header in `made` is taken from there before all folders; of those that are nowhere, asm/x.h is
    asm-generic/x.h if there is such a one, and what stands in `generated` is empty, as is generated/*.
    """

    name: str
    text: str
    macros: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Path] = ()
    """Files that are read before the source."""
    folders: Sequence[Path] = ()
    roots: Sequence[Path] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    generated: Sequence[str] = ()
    hint: str = ""
    """What to do about a header that is nowhere."""


def available() -> str | None:
    """None where pcpp is installed, otherwise why there is no preprocessor. Does not import it."""
    return None if importlib.util.find_spec("pcpp") else "the Python package pcpp is not installed"


def preprocess(job: Job, seconds: int = SECONDS) -> str:
    """The source's text with everything included and expanded, and line markers `# N "file"`.

    Raises InputError with file and line for whatever a preprocessor would complain of, and for more than the bounds in
    child.py allow.
    """
    if reason := available():
        raise InputError(f"this source needs a C preprocessor, and {reason}", Place(job.name))
    for name in (job.name, *map(str, (*job.before, *job.folders))):
        if _UNTELLABLE.search(name):
            raise InputError("a path with a quotation mark, a backslash or a control character cannot be told in a "
                             "line marker", Place(repr(name)))  # fmt: skip
    answer = _answer(_run(_message(job, seconds), job), job, seconds)
    if "error" in answer:
        raise InputError(str(answer["error"]), _place(answer, job))
    return str(answer["text"])


def _message(job: Job, seconds: int) -> bytes:
    asked = {
        "name": job.name,
        "text": job.text.replace("\r\n", "\n"),
        "macros": "".join(f"#define {name} {value}\n" for name, value in job.macros.items()),
        "before": list(map(str, job.before)),
        "folders": list(map(str, job.folders)),
        "roots": [str(path.resolve()) for path in job.roots],
        "made": dict(job.made),
        "generated": list(job.generated),
        "hint": job.hint,
        "seconds": seconds,
    }
    return json.dumps(asked).encode()


def _run(message: bytes, job: Job) -> bytes:
    """What the child wrote, as much of it as could ever be an answer; nothing where it was killed."""
    spec = importlib.util.find_spec("pcpp")
    folder = ((spec and spec.submodule_search_locations) or [""])[0]
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(Path(folder).parent)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            return child.communicate(message, PATIENCE)[0][: MOST_OUTPUT + 1]
        except subprocess.TimeoutExpired:
            raise InputError(f"takes longer than {PATIENCE:.0f} seconds to preprocess", Place(job.name)) from None
        finally:
            child.kill()


def _answer(output: bytes, job: Job, seconds: int) -> dict[str, object]:
    with contextlib.suppress(ValueError):
        answer = json.loads(output)
        if isinstance(answer, dict):
            return answer
    raise InputError(f"takes more than {seconds} seconds, or too much memory, to preprocess", Place(job.name))


def _place(answer: Mapping[str, object], job: Job) -> Place:
    line = answer.get("line")
    return Place(str(answer.get("file") or job.name), line if isinstance(line, int) else 0)
