# SPDX-License-Identifier: GPL-2.0-only
"""Facts of two runs with different values as one: what is not the same in both is said to be either."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

QUICK = ("entry", "calls", "callbacks", "arguments", "graph", "unwinds", "goes_to", "stack", "cost")
"""The facts of a passage that are found without replays, in every run."""


def merged(path: Json, other: Json) -> Json:
    """One exercise of a thorough run, with what was different in another run."""
    passages = {
        label: _passage(path["passages"].get(label, {}), other["passages"].get(label, {}))
        for label in dict.fromkeys((*path["passages"], *other["passages"]))
    }
    own = {key: _either(path.get(key), other.get(key)) for key in ("refused", "ends") if key in path or key in other}
    return path | own | {"passages": passages}


def _passage(facts: Json, other: Json) -> Json:
    if not facts or not other:
        return {**(facts or other), "reached": "not with all values"}
    varying = {key: _either(facts.get(key), other.get(key)) for key in QUICK if facts.get(key) != other.get(key)}
    return {**facts, **varying}


def _either(one: object, other: object) -> object:
    """A fact as it was in two runs."""
    if one == other:
        return one
    if isinstance(one, dict) or isinstance(other, dict):
        sides = [side if isinstance(side, dict) else {} for side in (one, other)]
        return {key: _either(*(side.get(key) for side in sides)) for key in dict.fromkeys((*sides[0], *sides[1]))}
    return f"{_said(one)} or {_said(other)}"


def _said(fact: object) -> str:
    if isinstance(fact, list):
        return ", ".join(map(str, fact)) or "none"
    return "none" if fact is None else str(fact)
