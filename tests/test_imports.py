# SPDX-License-Identifier: GPL-2.0-only
"""Any module can be the first that is imported: no two import each other while they are loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import emulator

PACKAGE = Path(str(emulator.__file__)).parent


def sources(folder: Path) -> dict[str, str]:
    """{module: source} of a package."""
    names = {path: path.relative_to(folder.parent).with_suffix("").parts for path in folder.rglob("*.py")}
    return {".".join(parts).removesuffix(".__init__"): path.read_text() for path, parts in names.items()}


def when_loaded(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, those of functions and for type checkers apart."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            checking = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            yield from when_loaded([] if checking else node.body)


def imported(source: str, modules: Mapping[str, str]) -> Iterator[str]:
    """The modules among these that a source imports."""
    for node in when_loaded(ast.parse(source).body):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in modules else str(node.module) for name in names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def circle(modules: Mapping[str, str]) -> list[str]:
    """Modules each of which imports the one before it, the first one again at the end; none: there is no circle."""
    wanted = {name: {one for one in imported(source, modules) if one in modules} for name, source in modules.items()}
    try:
        TopologicalSorter(wanted).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_needs_another_to_be_loaded_first() -> None:
    assert circle(sources(PACKAGE)) == []


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ("from p import first", True),
        ("import p.first", True),
        ("class Later:\n from p.first import one", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from p import first", False),
        ("def later() -> None:\n from p import first", False),
    ],
)
def test_a_circle_is_seen(second: str, found: bool) -> None:
    modules = {"p": "", "p.first": "from p.second import two", "p.second": second}
    assert bool(circle(modules)) == found
