# SPDX-License-Identifier: GPL-2.0-only
"""What is different between two behaviours: the facts that changed, once for all paths on which they did."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emulator.behaviour.saved import Facts, Path, Side

HANDLER = "return_to_handler"
AFTERWARDS = ("registers", "stack", "loaded_back", "cost")
"""What there is to be said only where control went on."""
UNSAID = {
    "registers": "as it should be",
    "stack": "as it should be",
    "loaded_back": "no",
    "record": "not in it",
    "argument": "not passed",
    "calls": "nothing",
    "callbacks": "nobody",
    "unwinds": "the frame pointer is as at the site",
    "ends": "well",
    "refused": "no",
}
"""What a fact is that a document leaves out."""

ORDER = (
    "reached",
    "entry",
    "calls",
    "callbacks",
    "arguments",
    "graph",
    "argument",
    "record",
    "loaded_back",
    "unwinds",
    "goes_to",
    "registers",
    "stack",
    "cost",
)
"""The sections in the order in which they are told."""


class Change(NamedTuple):
    """One fact, as it was and as it is."""

    fact: str
    old: str
    new: str


class Spot(NamedTuple):
    """Where a change was seen: the exercise, and the passage or return in it; "": the exercise as a whole."""

    path: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that were all seen in the same places, behind the same entry."""

    entry: str
    where: Mapping[str, tuple[str, ...]]
    """{exercise: the passages in it}; none: all that go through the entry."""
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is different between two variants."""

    old: Side
    new: Side
    hunks: tuple[Hunk, ...]
    findings: tuple[Change, ...]
    gone: dict[str, str]
    """{exercise: title} of those that only the old one has."""
    come: dict[str, str]
    compared: int
    """How many exercises both have."""

    def __bool__(self) -> bool:
        return bool(self.hunks or self.findings or self.gone or self.come)


def compare(old: Side, new: Side) -> Difference:
    """The difference between two sides of one architecture."""
    was, now = old.paths or {}, new.paths or {}
    both = [name for name in was if name in now]
    hunks = _hunks({name: (was[name], now[name]) for name in both})
    if (old.paths is None) != (new.paths is None):
        there = ("none: no kernel could be made", "there is one")
        words = there if old.paths is None else there[::-1]
        hunks = (Hunk("the kernel", {}, (Change("behaviour", *words),)),)
        was, now = {}, {}
    return Difference(old, new, hunks, tuple(_findings(old, new)), _only(was, now), _only(now, was), len(both))


def _only(these: Mapping[str, Path], those: Mapping[str, Path]) -> dict[str, str]:
    return {name: path.title for name, path in these.items() if name not in those}


def _findings(old: Side, new: Side) -> Iterator[Change]:
    """Clauses whose verdict, or what is wrong, changed; what was not asked on one side cannot have."""
    for clause, was in old.verdicts.items():
        now = new.verdicts.get(clause, was)
        if was != now and "UNTESTED" not in (was, now):
            yield Change(clause, was, now)


# -- facts ------------------------------------------------------------------------------------------------------------


def changed(old: Facts, new: Facts) -> Iterator[Change]:
    """The facts of one passage that changed, but not those that only follow from another that is told."""
    for fact in dict.fromkeys((*old, *new)):
        section = fact.partition(".")[0]
        if not _follows(section, fact, old, new):
            unsaid = UNSAID.get(section, "none")
            was, now = old.get(fact, unsaid), new.get(fact, unsaid)
            if was != now:
                yield Change(fact, was, now)
    if _has(old, "record") != _has(new, "record"):
        words = ("handed over", "none")
        yield Change("record", *(words if _has(old, "record") else words[::-1]))


def _has(facts: Facts, section: str) -> bool:
    return any(fact.startswith(f"{section}.") for fact in facts)


def _follows(section: str, fact: str, old: Facts, new: Facts) -> bool:
    """Whether a fact cannot be compared, because one side never got that far or did not do such a thing at all."""
    if section in AFTERWARDS and not (_has(old, "cost") and _has(new, "cost")):
        return True
    if section in ("record", "loaded_back") and not (_has(old, "record") and _has(new, "record")):
        return True
    callback = fact.rpartition(".")[0] if section == "arguments" else section if section == "graph" else ""
    return bool(callback) and not (_has(old, callback) and _has(new, callback))


# -- hunks ------------------------------------------------------------------------------------------------------------


def _hunks(pairs: Mapping[str, tuple[Path, Path]]) -> tuple[Hunk, ...]:
    """All changes of all paths, those together that are seen in the same places."""
    spots: dict[tuple[str, str, Hashable], list[tuple[Spot, Change]]] = {}
    through: dict[str, list[Spot]] = {}
    for spot, entry, changes in _places(pairs):
        through.setdefault(entry, []).append(spot)
        for change in changes:
            spots.setdefault((entry, change.fact, _alike(change)), []).append((spot, change))
    together: dict[tuple[str, tuple[Spot, ...]], list[Change]] = {}
    for (entry, *_), seen in spots.items():
        where = tuple(spot for spot, _ in seen)
        together.setdefault((entry, where), []).append(_merged([change for _, change in seen]))
    return tuple(
        Hunk(entry, _where(seen, through[entry]), tuple(sorted(changes, key=_rank)))
        for (entry, seen), changes in together.items()
    )


def _alike(change: Change) -> Hashable:
    """What two changes of one fact have in common that are told as one; of costs it is the difference."""
    if change.fact.startswith("cost.") and change.old.isdecimal() and change.new.isdecimal():
        return int(change.new) - int(change.old)
    return change


def _merged(changes: Sequence[Change]) -> Change:
    """Changes that are told as one: "57, 62" was and "58, 63" is."""
    each = list(dict.fromkeys(changes))
    old, new = (", ".join(values) for values in ([item.old for item in each], [item.new for item in each]))
    return Change(changes[0].fact, old, new)


def _rank(change: Change) -> int:
    section = change.fact.partition(".")[0]
    return ORDER.index(section) if section in ORDER else len(ORDER)


def _where(seen: Sequence[Spot], through: Sequence[Spot]) -> dict[str, tuple[str, ...]]:
    """Exercises, with the labels only where not everything in them is meant."""
    where: dict[str, tuple[str, ...]] = {}
    for path in dict.fromkeys(spot.path for spot in seen):
        labels = tuple(spot.label for spot in seen if spot.path == path)
        every = tuple(spot.label for spot in through if spot.path == path)
        where[path] = () if labels == every else labels
    return where


def _places(pairs: Mapping[str, tuple[Path, Path]]) -> Iterator[tuple[Spot, str, list[Change]]]:
    """Every passage and return: where it is, behind which entry, and what changed there."""
    for name, (old, new) in pairs.items():
        for kind in ("passages", "returns"):
            was, now = getattr(old, kind), getattr(new, kind)
            for label in dict.fromkeys((*was, *now)):
                known = [side[label] for side in (was, now) if label in side]
                entry = HANDLER if kind == "returns" else _entry(known)
                yield Spot(name, label), entry, list(_both(label, (was, old), (now, new)))
        yield Spot(name), "the run", list(changed(old.own, new.own))


def _both(label: str, old: tuple[Mapping[str, Facts], Path], new: tuple[Mapping[str, Facts], Path]) -> Iterable[Change]:
    """What changed in one passage; one that is missing only because its run had gone astray before is no news."""
    (was, _), (now, _) = old, new
    if label in was and label in now:
        return changed(was[label], now[label])
    lacking = new[1] if label in was else old[1]
    if _astray(lacking):
        return ()
    words = ("yes", "no")
    return [Change("reached", *(words if label in was else words[::-1]))]


def _astray(path: Path) -> bool:
    """Whether one of its runs did not get to its end."""
    every = (*path.passages.values(), *path.returns.values())
    return bool(path.own) or any(not _has(facts, "cost") for facts in every)


def _entry(known: Sequence[Facts]) -> str:
    """What the site calls, private copies apart; both where that has changed."""
    names = [facts.get("entry", "").removeprefix("a copy of ") for facts in known]
    return " -> ".join(dict.fromkeys(name or "?" for name in names))
