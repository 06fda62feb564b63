# SPDX-License-Identifier: GPL-2.0-only
"""The JSON document: complete, described in docs/json.md, and saying the same as the recording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import catalog
from emulator.description import Ability, Arch, Variant
from emulator.play import tell
from emulator.provenance import Status
from emulator.report.document import SCHEMA, document
from emulator.scenario import Outcome, story
from emulator.subject import load

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
ALL = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
IDS = [f"{arch.name} {variant.name}" for arch, variant in ALL]


def told(arch: Arch, variant: Variant) -> dict[str, Outcome]:
    (subject,) = load(arch, [variant])
    return tell(subject, story(variant, "vfs_read", "vfs_write"), "vfs_read", seed=2)


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_a_document_is_json_and_names_its_configuration(arch: Arch, variant: Variant) -> None:
    made = document(told(arch, variant))
    assert json.loads(json.dumps(made)) == made
    assert (made["schema"], made["arch"], made["variant"]) == (SCHEMA, arch.name, variant.name)
    assert made["release"] == variant.release
    dynamic = Ability.DYNAMIC_FTRACE in variant.abilities
    assert made["site"]["disabled"] == (variant.site.nop.hex() if dynamic else None)
    for scenario in made["scenarios"]:
        site = scenario["site"]
        assert (site["record"] is not None) == dynamic
        assert dynamic or site["before"] == site["after"] == made["site"]["compiled"]


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_a_callback_in_the_document_is_the_one_recorded(arch: Arch, variant: Variant) -> None:
    outcomes = told(arch, variant)
    for scenario, outcome in zip(document(outcomes)["scenarios"], outcomes.values(), strict=True):
        calls = [call for recording in outcome.recordings for call in recording.callbacks]
        for shown, call in zip(scenario["callbacks"], calls, strict=True):
            assert int(shown["ip"], 16) == call.ip
            assert int(shown["parent_ip"], 16) == call.parent_ip
            assert (shown["regs"] is None) == (call.regs is None)
            assert (shown["fregs"] is None) == (call.fregs is None)
            for record in filter(None, (shown["regs"], shown["fregs"])):
                check_record(record, arch, call.before, outcome)


def test_a_trampoline_that_goes_round_does_not_fill_the_document(tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    variant = arch.variant("6.12")
    text = catalog.source_text(arch, variant.source)
    back = "        mov     PT_ip(%rsp), %rax                       // rip = fregs->ip"
    assert back in text
    path = tmp_path / "round.S"
    path.write_text(text.replace(back, f"{back}\n        sub     $5, %rax\n//"))
    (subject,) = load(arch, [variant], source=path)
    (scenario,) = document(tell(subject, story(variant, "vfs_read", "vfs_write")[1:2], "vfs_read", seed=2))["scenarios"]
    assert len(scenario["callbacks"]) == 16
    assert scenario["left_out"] > 100
    assert scenario["error"]


def check_record(record: dict[str, Any], arch: Arch, before: bytes, outcome: Outcome) -> None:
    assert [member["name"] for member in record["members"]] == [member.name for member in outcome.lab.struct.members]
    for member in record["members"]:
        data = bytes.fromhex("".join(byte["value"] for byte in member["bytes"]))
        assert data == before[member["offset"] :][: member["size"]]
        assert int.from_bytes(data, "big" if arch.big_endian else "little") == int(member["value"], 16)
        for byte in member["bytes"]:
            assert (byte["writer"] is None) == (byte["status"] in ("unwritten", "callback"))
            if byte["writer"]:
                address = int(byte["writer"]["address"], 16)
                assert outcome.lab.symbol(address) == byte["writer"]["symbol"]


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=IDS)
def test_graph_and_direct_are_told_where_the_variant_has_them(arch: Arch, variant: Variant) -> None:
    made = {scenario["name"]: scenario for scenario in document(told(arch, variant))["scenarios"]}
    assert ("graph" in made) == (Ability.FUNCTION_GRAPH_TRACER in variant.abilities)
    assert ("direct" in made) == (Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in variant.abilities)
    for name, scenario in made.items():
        assert (scenario["graph"] is not None) == name.startswith("graph")
        assert (scenario["direct"] is not None) == name.startswith("direct")
    if Ability.DYNAMIC_FTRACE in variant.abilities and "graph" in made:
        events = made["graph"]["graph"]["events"]
        assert [(event["event"], event["depth"]) for event in events] == [
            ("entry", 0), ("entry", 1), ("return", 1), ("return", 0)
        ]  # fmt: skip
        known = made["none"]["result"] if Ability.FUNCTION_GRAPH_RETVAL in variant.abilities else None
        assert events[2]["retval"] == known
    if "direct" in made:
        assert made["direct"]["site"]["calls"] == made["direct"]["direct"]["trampoline"] == "my_tramp1"
        assert made["direct"]["direct"]["asked_by"] is None
        assert made["direct_beside"]["direct"]["asked_by"] == variant.direct
        beside = made["direct"]["direct"]["arguments"] if variant.shares_direct_calls else None
        assert made["direct_beside"]["direct"]["arguments"] == beside


def test_the_labels_and_pointers_are_those_of_the_scenario() -> None:
    arch = catalog.load("x86_64")
    made = {scenario["name"]: scenario for scenario in document(told(arch, arch.variant("3.7")))["scenarios"]}
    assert made["none"]["labels"]["ftrace_call"] == "callq ftrace_stub"
    assert made["both"]["labels"]["ftrace_call"] == "callq ftrace_ops_list_func"
    assert made["none"]["labels"]["ftrace_graph_call"] == "jmp ftrace_stub"
    assert made["graph"]["labels"]["ftrace_graph_call"] == "jmp ftrace_graph_caller"
    static = {item["name"]: item["variables"] for item in document(told(arch, arch.variant("3.7-static")))["scenarios"]}
    assert static["none"]["ftrace_trace_function"] == "ftrace_stub"
    assert static["probe"]["ftrace_trace_function"] == "ftrace_ops_list_func"
    assert static["graph"]["ftrace_graph_return"] == "retfunc"


def keys(value: object) -> Iterator[str]:
    """Every key of a document, at any depth, but those that are names of registers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(list(inner.values()) if key in ("changed", "labels", "variables") else inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_key_is_described() -> None:
    described = DOCS.read_text()
    arch = catalog.load("x86_64")
    for name in ("3.7", "3.7-static", "6.12"):
        for key in set(keys(document(told(arch, arch.variant(name))))):
            assert f"`{key}`" in described, key
    assert "`nonsense`" not in described


def test_every_status_is_described_with_its_letter() -> None:
    described = DOCS.read_text()
    for status in Status:
        assert f"| `{status.name.lower()}` | `{status.value}` | {status.meaning} |" in described
