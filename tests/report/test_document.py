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
from emulator.provenance import Status
from emulator.report.document import SCHEMA, document
from emulator.scenario import Outcome, story, tell
from emulator.subject import load

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
DYNAMIC = [
    (arch, variant)
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]
IDS = [f"{arch.name} {variant.name}" for arch, variant in DYNAMIC]


def told(arch: Arch, variant: Variant) -> dict[str, Outcome]:
    (subject,) = load(arch, [variant])
    return tell(subject, story(variant, "vfs_read", "vfs_write"), "vfs_read", seed=2)


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC, ids=IDS)
def test_a_document_is_json_and_names_its_configuration(arch: Arch, variant: Variant) -> None:
    made = document(told(arch, variant))
    assert json.loads(json.dumps(made)) == made
    assert (made["schema"], made["arch"], made["variant"]) == (SCHEMA, arch.name, variant.name)
    assert made["release"] == variant.release
    assert made["site"]["disabled"] == variant.site.nop.hex()


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC, ids=IDS)
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
    assert [member["name"] for member in record["members"]] == [member.name for member in arch.pt_regs.members]
    for member in record["members"]:
        data = bytes.fromhex("".join(byte["value"] for byte in member["bytes"]))
        assert data == before[member["offset"] :][: member["size"]]
        assert int.from_bytes(data, "big" if arch.big_endian else "little") == int(member["value"], 16)
        for byte in member["bytes"]:
            assert (byte["writer"] is None) == (byte["status"] in ("unwritten", "callback"))
            if byte["writer"]:
                address = int(byte["writer"]["address"], 16)
                assert outcome.lab.symbol(address) == byte["writer"]["symbol"]


def keys(value: object) -> Iterator[str]:
    """Every key of a document, at any depth, but those that are names of registers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(list(inner.values()) if key == "changed" else inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_key_is_described() -> None:
    described = DOCS.read_text()
    arch = catalog.load("x86_64")
    for name in ("3.7", "6.12"):
        for key in set(keys(document(told(arch, arch.variant(name))))):
            assert f"`{key}`" in described, key
    assert "`nonsense`" not in described


def test_every_status_is_described_with_its_letter() -> None:
    described = DOCS.read_text()
    for status in Status:
        assert f"| `{status.name.lower()}` | `{status.value}` | {status.meaning} |" in described
