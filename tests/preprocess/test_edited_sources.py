# SPDX-License-Identifier: GPL-2.0-only
"""Whatever somebody does to a source, it ends in a program or in an error with a place: preprocessor and front end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import catalog
from emulator.assembly import dialects
from emulator.assembly.piece import Source
from emulator.assembly.reader import read
from emulator.errors import AssemblyError
from emulator.kernel_tree.tree import Tree
from emulator.preprocess import _message, child, preprocess

SMALL = Path(__file__).parents[1] / "kernel_tree" / "small"
FILES = {"x86_64": "arch/x86/kernel/ftrace_64.S", "arm": "arch/arm/kernel/entry-ftrace.S"}
PIECES = [
    *(
        '"',
        "'",
        "(",
        ")",
        ",",
        "#",
        "##",
        "\\",
        "\\\n",
        "/*",
        "*/",
        "\n",
        ";",
        "%",
        "$",
        "@",
        "=",
        "\0",
        "\xff",
        "1b",
        "0x",
    ),
    *(
        "#if ",
        "#ifdef X\n",
        "#else\n",
        "#endif\n",
        "#define X(a) a##a\n",
        "#include <x.h>\n",
        "X(",
        "__stringify(",
        "SAVE(rax,",
    ),
    *(
        ".macro m a\n",
        ".endm\n",
        ".rept 1000\n",
        ".endr\n",
        ".if 1\n",
        ".endif\n",
        ".skip 1<<40\n",
        ".balign 3\n",
        ".popsection\n",
    ),
]
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 12), st.integers(0, 40), st.sampled_from(PIECES) | st.characters() | st.just("")),
    min_size=1,
    max_size=6,
)


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    """The text with so many characters replaced at each place."""
    for at, size, piece in edits:
        start = at % len(text)
        text = text[:start] + piece + text[start + size :] or "\n"
    return text


@pytest.mark.parametrize("name", FILES)
@given(edits=EDITS)
@settings(max_examples=40)
def test_the_preprocessor(name: str, edits: list[tuple[int, int, str]]) -> None:
    arch = catalog.load(name)
    job = json.loads(_message(Tree(SMALL).job(arch, arch.variant("6.12"), SMALL / FILES[name], {}, ()), 1))
    answer = child.preprocess({**job, "text": edited(job["text"], edits)})
    assert "text" in answer or (answer["error"] and "Error)" not in str(answer["error"]))


@pytest.fixture(scope="module")
def preprocessed() -> dict[str, str]:
    """The sources as the front end gets them."""
    archs = {name: catalog.load(name) for name in FILES}
    jobs = {
        name: Tree(SMALL).job(arch, arch.variant("6.12"), SMALL / FILES[name], {}, ()) for name, arch in archs.items()
    }
    return {name: preprocess(job) for name, job in jobs.items()}


@pytest.mark.parametrize("name", FILES)
@given(edits=EDITS)
@settings(max_examples=150)
def test_the_front_end(name: str, preprocessed: dict[str, str], edits: list[tuple[int, int, str]]) -> None:
    source = Source("x.s", edited(preprocessed[name], edits))
    try:
        program = read(source, dialects.load(catalog.load(name).engine.dialect))
    except AssemblyError as error:
        assert error.place  # noqa: PT017 - either end is fine, as long as it is one
    else:
        assert program.sections
