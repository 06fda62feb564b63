# SPDX-License-Identifier: GPL-2.0-only
"""Sources that need a preprocessor: pcpp and our front end give the very bytes of GNU cpp and as.

A small tree of our own has the mechanisms of the kernel's headers. The kernel's own sources are compared where
MCOUNT_EMULATOR_TREES names a folder with kernel trees, linux-source-6.1 and the like.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from emulator import catalog
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Piece, Source
from emulator.errors import Place
from emulator.kernel_tree.tree import Tree
from emulator.preprocess import Job, preprocess

Comparison = Callable[[str, str, Mapping[str, int]], None]
ROUNDS = 20
SOURCES = {
    "x86_64": "arch/x86/kernel/ftrace_64.S",
    "arm": "arch/arm/kernel/entry-ftrace.S",
    "i386": "arch/x86/kernel/ftrace_32.S",
    "arm64": "arch/arm64/kernel/entry-ftrace.S",
}
NOWHERE = Place("")
UNWINDER = {"__aeabi_unwind_cpp_pr0": 0, "__aeabi_unwind_cpp_pr1": 0}
"""What .ARM.exidx refers to."""
SMALL = {name: Path(__file__).parents[1] / "kernel_tree" / "small" / source for name, source in SOURCES.items()}


def by_cpp(job: Job, folder: Path) -> str:
    """What GNU cpp makes of a job; headers that only a build has are made one by one, as cpp misses them."""
    if (cpp := shutil.which("cpp")) is None:
        pytest.skip("no cpp on PATH")
    made = folder / "made"
    for name, text in job.made.items():
        write(made / name, text)
    options = [f"-D{name}={value}" for name, value in job.macros.items()]
    for path in job.before:
        options += ["-include", str(path)]
    for place in (made, *job.folders):
        options += ["-I", str(place)]
    command = [cpp, "-undef", "-nostdinc", "-x", "assembler-with-cpp", *options, job.name]
    for _ in range(ROUNDS):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        missing = re.search(r"fatal error: (\S+): No such file", done.stderr)
        if missing is None:
            assert done.returncode == 0, done.stderr
            return done.stdout
        write(made / missing[1], stand_in(missing[1], job))
    pytest.fail(f"cpp misses more than {ROUNDS} headers")


def stand_in(name: str, job: Job) -> str:
    """What stands in for a header."""
    generic = name.replace("asm/", "asm-generic/", 1)
    found = any((place / generic).is_file() for place in job.folders)
    return f"#include <{generic}>\n" if found and generic != name else ""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def assembled(name: str, text: str) -> Piece:
    (piece,) = KeystoneAssembler().assemble(catalog.load(name), [Source("x.s", text)])
    return dataclasses.replace(piece, lines=(), fixups=tuple(fixup._replace(place=NOWHERE) for fixup in piece.fixups))


def expect_same(name: str, variant: str, source: Path, tree: Tree, folder: Path, same_as_gnu: Comparison) -> None:
    """Our front end makes the same of pcpp's text as of cpp's; and of cpp's it makes what GNU as does."""
    arch = catalog.load(name)
    job = tree.job(arch, arch.variant(variant), source, {}, ())
    expected = by_cpp(job, folder)
    assert assembled(name, preprocess(job)) == assembled(name, expected)
    same_as_gnu(name, expected, UNWINDER)


def configurations(*releases: str) -> Iterator[tuple[str, str]]:
    """(architecture, variant)."""
    for name in catalog.names():
        for variant in catalog.load(name).variants:
            if variant.release in releases and name in SOURCES:
                yield name, variant.name


@pytest.mark.gnu_as
@pytest.mark.parametrize(("name", "variant"), list(configurations("6.12")))
def test_a_small_tree(name: str, variant: str, tmp_path: Path, same_as_gnu: Comparison) -> None:
    tree = Tree(SMALL[name].parents[3])
    expect_same(name, variant, SMALL[name], tree, tmp_path, same_as_gnu)


@pytest.mark.gnu_as
@pytest.mark.parametrize(("name", "variant"), list(configurations("6.1", "6.12")))
def test_the_kernels_own_trees(name: str, variant: str, tmp_path: Path, same_as_gnu: Comparison) -> None:
    release = catalog.load(name).variant(variant).release
    root = Path(os.environ.get("MCOUNT_EMULATOR_TREES", "/nowhere"), f"linux-source-{release}")
    if not root.is_dir():
        pytest.skip(f"MCOUNT_EMULATOR_TREES names no folder with linux-source-{release}")
    expect_same(name, variant, root / SOURCES[name], Tree(root), tmp_path, same_as_gnu)
