# SPDX-License-Identifier: GPL-2.0-only
"""Documents of check as somebody may have saved, or damaged, them."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.behaviour.saved import LIMIT, SCHEMA, read, sides
from emulator.errors import InputError

PASSAGE = {"entry": "nothing", "calls": ["a", "b"], "arguments": {"probe": {"op": "&probe"}}, "cost": {"stores": 0}}
DOCUMENT: dict[str, Any] = {
    "schema": SCHEMA,
    "seeds": [1],
    "variants": [
        {
            "arch": "x86_64",
            "release": "6.12",
            "variant": "6.12",
            "source": "ours",
            "clauses": [
                {
                    "id": "C5",
                    "title": "the record",
                    "verdict": "FAIL",
                    "findings": [{"what": "bx", "verdict": "FAIL"}, {"what": "ax", "verdict": "XFAIL"}],
                },
                {
                    "id": "T1",
                    "title": "registers",
                    "verdict": "PASS",
                    "findings": [{"what": "a quirk that has gone", "verdict": "PASS"}],
                },
            ],
            "behaviour": {"paths": {"one": {"title": "one ops", "passages": {"f": PASSAGE}, "returns": {}}}},
        }
    ],
}


def test_a_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(DOCUMENT))
    (side,) = read(path)
    assert (side.name, side.release, side.source) == ("x86_64 6.12", "6.12", "ours")
    assert side.verdicts == {"C5 the record": "FAIL (ax, bx)", "T1 registers": "PASS"}
    assert side.paths is not None
    assert side.paths["one"].passages["f"] == {
        "entry": "nothing",
        "calls": "a, b",
        "arguments.probe.op": "&probe",
        "cost.stores": "0",
    }


def test_a_variant_without_behaviour() -> None:
    bare = copy.deepcopy(DOCUMENT)
    bare["variants"][0]["behaviour"] = None
    assert sides(bare, "it")[0].paths is None


def test_what_would_steer_a_terminal_is_replaced() -> None:
    evil = copy.deepcopy(DOCUMENT)
    evil["variants"][0]["source"] = "\x1b[31mred\n"
    evil["variants"][0]["behaviour"]["paths"]["one"]["passages"]["f"] = {"e\x07ntry": "\x1b[2J"}
    (side,) = sides(evil, "it")
    assert side.source == "?[31mred?"
    assert side.paths is not None
    assert side.paths["one"].passages["f"] == {"e?ntry": "?[2J"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "it: has no schema: what can be compared is 'mcount-emulator/check/1'"),
        ([], "it: has no schema"),
        (None, "it: has no schema"),
        ({"schema": 1}, "it: has no schema"),
        ({"schema": "mcount-emulator/emulate/2"}, "it: has the schema 'mcount-emulator/emulate/2'"),
        ({"schema": "mcount-emulator/check/2", "variants": []}, "it: has the schema 'mcount-emulator/check/2'"),
        ({"schema": SCHEMA}, "it: the document lacks 'variants'"),
        ({"schema": SCHEMA, "variants": {}}, "it: variants is not a list"),
        ({"schema": SCHEMA, "variants": [3]}, r"it: variants\[0\] is not an object"),
        ({"schema": SCHEMA, "variants": [{"arch": 3}]}, r"it: variants\[0\].arch is not a string"),
    ],
)
def test_documents_of_another_kind(document: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sides(document, "it")


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (None, "passages.f.entry is no fact"),
        (1.5, "passages.f.entry is no fact"),
        ([{}], r"passages.f.entry\[0\] is not a string"),
        ({"a": {"b": {"c": "too deep"}}}, "passages.f.entry.a.b is no fact"),
    ],
)
def test_facts_that_are_none(fact: object, message: str) -> None:
    damaged = copy.deepcopy(DOCUMENT)
    damaged["variants"][0]["behaviour"]["paths"]["one"]["passages"]["f"]["entry"] = fact
    with pytest.raises(InputError, match=message):
        sides(damaged, "it")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("{", "is no JSON document"),
        ('{"schema": ', "is no JSON document"),
        ("[" * 200_000, "is no JSON document"),
        ("9" * 10_000, "is no JSON document|has no schema"),
        ("\0", "binary"),
    ],
)
def test_files_that_are_no_documents(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "saved.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    with path.open("wb") as file:
        file.truncate(LIMIT + 1)
    with pytest.raises(InputError, match="is larger than"):
        read(path)


def places(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.none()), st.just({}), st.floats())


@settings(max_examples=200)
@given(place=st.sampled_from(places(DOCUMENT)[1:]), value=ODD)
def test_a_damaged_document_is_read_or_refused(place: tuple[Any, ...], value: object) -> None:
    damaged: Any = copy.deepcopy(DOCUMENT)
    inner = damaged
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with suppress(InputError):
        assert all(isinstance(side.name, str) for side in sides(damaged, "it"))
