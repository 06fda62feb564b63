# SPDX-License-Identifier: GPL-2.0-only
"""What `make real-kernels` does without a network: which package it chooses, and which differences it lets pass."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from emulator import catalog
from emulator.commands.diff import side
from emulator.description import Arch
from emulator.subject import Subject, load

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "real_kernels.py"
FILES = [
    pytest.param(arch, path, id=f"{name}-{path.name}")
    for name in catalog.names()
    for arch in [catalog.load(name)]
    for path in sorted(catalog.trampolines(arch).glob("*.real"))
]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("real_kernels", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def subjects(arch: Arch, source: str) -> list[Subject]:
    return load(arch, [variant for variant in arch.variants if variant.source == source])


def test_the_newest_package_is_the_one_with_the_highest_numbers(script: ModuleType) -> None:
    names = [f"linux-image-6.1.0-{number}-amd64-dbg" for number in (9, 47, 10)]
    names += ["linux-image-6.1.0-99-rt-amd64-dbg", "linux-image-amd64-dbg"]
    assert script.newest(names, script.KERNELS[0].pattern) == "linux-image-6.1.0-47-amd64-dbg"
    cloud = ["linux-image-6.12.9+deb12-cloud-amd64-dbg", "linux-image-6.12.117+deb12-cloud-amd64-dbg"]
    assert script.newest(cloud, script.KERNELS[1].pattern) == cloud[1]
    assert script.newest([], script.KERNELS[2].pattern) is None


@pytest.mark.parametrize(("arch", "path"), FILES)
def test_every_explanation_is_of_a_variant_s_cost(arch: Arch, path: Path, script: ModuleType) -> None:
    """Nothing but what it costs may be different: whatever a callback or a traced function sees is not in there."""
    found = subjects(arch, f"{path.stem}.S")
    assert found
    lines = list(script.explanations(found[0]))
    assert lines
    names = [subject.variant.name for subject in found]
    for line in lines:
        assert line.fact in ("cost.instructions", "cost.stores")
        assert any(line.covers(name, line.entry.replace("*", "ftrace_caller"), line.fact) for name in names)


def test_a_difference_without_an_explanation_is_told(script: ModuleType) -> None:
    (subject,) = subjects(catalog.load("arm"), "ftrace-6.1.S")[:1]
    ours, theirs = side(subject, 1), side(subject, 1)
    assert script.differences(subject, ours, theirs) == ([], [])
    assert theirs.paths
    passages = theirs.paths["regs"].passages
    facts = passages["vfs_read"]
    for fact in facts:
        passages["vfs_read"] = {**facts, fact: "something else"}
        unexplained, told = script.differences(subject, ours, theirs)
        assert bool(told) == (fact == "cost.instructions")
        assert bool(unexplained) == (not told)
