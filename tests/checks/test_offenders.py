# SPDX-License-Identifier: GPL-2.0-only
"""Every clause has somebody who breaks it, wherever it can be asked, and a neighbour who looks like that and may.

The offenders are in tests/offenders: a header says which clause each breaks, and which others that breaks as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from emulator import catalog, patcher
from emulator.checks.clause import CLAUSES
from emulator.checks.exercises import EXERCISES
from emulator.checks.judge import Judgement, judge
from emulator.copies import Original
from emulator.description import Ability, Site, ops_literal
from emulator.machine.memory import Memory
from emulator.patcher import Patcher
from emulator.subject import Subject, load

FOLDER = Path(__file__).resolve().parents[1] / "offenders"
HEADER = re.compile(
    r"// SPDX-License-Identifier: GPL-2\.0-only\n(?:// .+\n)+//\n// Variant: (\S+)\n"
    r"// (?:Keeps: (\w\d)|Breaks: (\w\d)(?:\n// So also: (\w\d(?:, \w\d)*))?)\n\n"
)
SEEDS = (1,)

THE_PATCHERS = {"P1", "P2"}
"""No trampoline can break these: those who do are in Python, below."""
OF_EVENTS = {"P3", "P4"}
"""And nor these: tests/checks/test_events.py."""


class Offender(NamedTuple):
    """A trampoline, and what its header says of it."""

    arch: str
    path: Path
    variant: str
    clause: str
    legal: bool
    also: frozenset[str]

    def __str__(self) -> str:
        return f"{self.arch}-{self.path.stem}"


def offender(path: Path) -> Offender:
    """Raises AssertionError for a header that cannot be read, and for a name that does not fit it."""
    found = HEADER.match(path.read_text())
    assert found, f"{path} has no header that can be read"
    variant, keeps, breaks, also = found.groups()
    clause = keeps or breaks
    assert path.name.startswith(f"{clause}-"), f"{path} is about {clause}"
    assert path.stem.endswith("-legal") == bool(keeps), f"{path} is legal, or not, but its name says otherwise"
    return Offender(path.parent.name, path, variant, clause, bool(keeps), frozenset((also or "").split(", ")) - {""})


EVERY = [offender(path) for path in sorted(FOLDER.glob("*/*.S")) if not path.name.startswith("tiny")]
ILLEGAL = [each for each in EVERY if not each.legal]
LEGAL = [each for each in EVERY if each.legal]


def subject(arch: str, variant: str, source: Path | None = None) -> Subject:
    """A variant, with another source if one is given; never one that another test has had."""
    declared = catalog.load(arch)
    (loaded,) = load(declared, [declared.variant(variant)], source=source)
    return loaded


def judged(each: Offender) -> Judgement:
    """What the contract says of it."""
    return judge(subject(each.arch, each.variant, each.path), SEEDS, events=False)


def broken(judgement: Judgement) -> set[str]:
    """The clauses that fire."""
    return {id_ for id_, seen in judgement.seen.items() if seen.wrong}


# -- those in assembly ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each", ILLEGAL, ids=str)
def test_an_offender_is_caught_by_its_clause_and_by_those_that_its_header_names(each: Offender) -> None:
    assert broken(judged(each)) == {each.clause, *each.also}


@pytest.mark.parametrize("each", LEGAL, ids=str)
def test_a_legal_neighbour_is_silent(each: Offender) -> None:
    judgement = judged(each)
    assert {id_: list(seen.wrong) for id_, seen in judgement.seen.items() if seen.wrong} == {}
    assert not judgement.unresolved
    assert judgement.seen[each.clause].asked, "its clause was never asked of it"


@pytest.mark.parametrize(("arch", "tiny", "variant"), [
    ("x86_64", "tiny-6.S", "6.12"), ("x86_64", "tiny-6.S", "6.12-ibt-fp"),
    ("x86_64", "tiny-3.S", "3.6"),
    ("i386", "tiny-6.S", "6.12"), ("i386", "tiny-6.S", "6.12-fp"), ("i386", "tiny-3.S", "3.6"),
    ("arm", "tiny-6.S", "6.1"), ("arm", "tiny-6.S", "6.12"), ("arm", "tiny-3.S", "3.6"), ("arm", "tiny-3.S", "3.7"),
    ("arm64", "tiny-6.S", "6.12"), ("arm64", "tiny-6.S", "6.12-bti"), ("arm64", "tiny-mcount.S", "6.1-mcount"),
])  # fmt: skip
def test_what_they_change_one_step_of_is_right(arch: str, tiny: str, variant: str) -> None:
    judgement = judge(subject(arch, variant, FOLDER / arch / tiny), SEEDS, events=False)
    assert {id_: list(seen.wrong) for id_, seen in judgement.seen.items() if seen.wrong} == {}
    assert not judgement.unresolved


@cache
def supported(arch: str) -> frozenset[str]:
    """The clauses that some variant can be asked."""
    declared = catalog.load(arch)
    every = CLAUSES.values()
    return frozenset(
        clause.id for clause in every if any(not clause.unsupported(declared, item) for item in declared.variants)
    )


@pytest.mark.parametrize("arch", catalog.names())
@pytest.mark.parametrize("kind", [ILLEGAL, LEGAL], ids=["offender", "neighbour"])
def test_every_clause_has_one_on_every_architecture_that_can_be_asked(arch: str, kind: list[Offender]) -> None:
    there = {each.clause for each in kind if each.arch == arch}
    assert supported(arch) - there - THE_PATCHERS - OF_EVENTS == set()
    assert there <= supported(arch)


@pytest.mark.parametrize("broken_header", [
    "// C1\n//\n// Variant: 6.12\n// Breaks: C1\n\n",
    "// SPDX-License-Identifier: GPL-2.0-only\n// Words.\n//\n// Breaks: C1\n\n",
    "// SPDX-License-Identifier: GPL-2.0-only\n// Words.\n//\n// Variant: 6.12\n// Breaks: C1, C2\n\n",
])  # fmt: skip
def test_a_header_that_says_too_little_is_seen(broken_header: str, tmp_path: Path) -> None:
    path = tmp_path / "C1-words.S"
    path.write_text(broken_header)
    with pytest.raises(AssertionError, match="no header"):
        offender(path)


def test_a_header_that_does_not_fit_the_name_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "C2-words.S"
    path.write_text("// SPDX-License-Identifier: GPL-2.0-only\n// Words.\n//\n// Variant: 6.12\n// Breaks: C1\n\n")
    with pytest.raises(AssertionError, match="is about C1"):
        offender(path)


# -- those in the patcher ---------------------------------------------------------------------------------------------

RELEASES = [(name, release) for name in catalog.names() for release in catalog.load(name).releases]
COPYING = [pair for pair in RELEASES
           if Ability.TRAMPOLINE_PER_OPS in catalog.load(pair[0]).variant(pair[1]).abilities]  # fmt: skip


def patched(arch: str, variant: str) -> Judgement:
    """What the contract says of our own trampolines in a kernel whose patcher is another one."""
    exercises = [EXERCISES[name] for name in ("disabled", "one", "two", "gone")]
    return judge(subject(arch, variant), SEEDS, exercises=exercises, disturb=False, events=False)


@pytest.mark.parametrize(("arch", "variant"), RELEASES)
def test_p1_fires_for_a_displacement_from_the_wrong_end(
    arch: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_call = Patcher.make_call
    monkeypatch.setattr(Patcher, "make_call", lambda self, ip, target: make_call(self, ip, target + self.insn_size))
    assert "P1" in broken(patched(arch, variant))


@pytest.mark.parametrize(("arch", "variant"), RELEASES)
def test_p1_is_silent_for_a_patcher_that_writes_the_same_twice(
    arch: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Memory.write

    def twice(self: Memory, address: int, data: bytes) -> None:
        write(self, address, data)
        write(self, address, data)

    monkeypatch.setattr(Memory, "write", twice)
    assert broken(patched(arch, variant)) == set()


SITES_WITH_OPS = [(name, variant.name) for name in catalog.names() for variant in catalog.load(name).variants
                  if Ability.DYNAMIC_FTRACE_WITH_CALL_OPS in variant.abilities]  # fmt: skip


def one_bit_off(_self: Patcher, ops: int) -> int:
    """The pointer is damaged."""
    return ops ^ 0x40


def the_next_one(self: Patcher, ops: int) -> int:
    """It leads to another ops than the one that wants the function."""
    return next((address for address in sorted(self._by_address) if address > ops), ops)


@pytest.mark.parametrize("wrong", [one_bit_off, the_next_one])
@pytest.mark.parametrize(("arch", "variant"), SITES_WITH_OPS)
def test_p1_fires_for_a_sites_pointer_to_something_else(
    arch: str, variant: str, wrong: Callable[[Patcher, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_site_ops = Patcher.set_site_ops
    monkeypatch.setattr(Patcher, "set_site_ops", lambda self, ip, ops: set_site_ops(self, ip, wrong(self, ops)))
    assert "P1" in broken(patched(arch, variant))


@pytest.mark.parametrize(("arch", "variant"), SITES_WITH_OPS)
def test_p1_fires_for_a_sites_pointer_that_is_not_aligned(
    arch: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misplaced(site: Site, ip: int, word: int) -> int:
        return (ops_literal(site, ip, word) or 0) - word // 2

    monkeypatch.setattr(patcher, "ops_literal", misplaced)
    assert "P1" in broken(patched(arch, variant))


@pytest.mark.parametrize(("arch", "variant"), SITES_WITH_OPS)
def test_c0_fires_for_a_pointer_that_leads_to_nobody(arch: str, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    modify_call = Patcher.modify_call

    def modify(self: Patcher, ip: int, old: int, target: int) -> None:
        known = next(ops for ops in self._by_address.values() if ops.name == "ftrace_nop_ops")
        self.set_site_ops(ip, known.address)
        modify_call(self, ip, old, target)

    monkeypatch.setattr(Patcher, "modify_call", modify)
    assert {"C0", "P1"} <= broken(patched(arch, variant))


@pytest.mark.parametrize(("arch", "variant"), COPYING)
def test_p2_fires_for_copies_whose_displacements_are_those_of_the_original(
    arch: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Original.copy

    def copied(self: Original, address: int, ops: int) -> bytes:
        made = copy(self, address, ops)
        load = made.index(b"\x48\x8b\x15")  # mov disp32(%rip), %rdx
        return made[:load] + self._code[load : load + 7] + made[load + 7 :]

    monkeypatch.setattr(Original, "copy", copied)
    assert "P2" in broken(patched(arch, variant))


@pytest.mark.parametrize(("arch", "variant"), COPYING)
def test_p2_is_silent_for_a_copy_that_is_put_together_backwards(
    arch: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Original._leaving
    monkeypatch.setattr(Original, "_leaving", lambda self: reversed(list(leaving(self))))
    assert broken(patched(arch, variant)) == set()
