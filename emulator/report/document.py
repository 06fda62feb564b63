# SPDX-License-Identifier: GPL-2.0-only
"""The same story as data: one JSON document, described in docs/json.md. Addresses and values are hex strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.core.ops import FtraceOps
from emulator.core.release import VARIABLES
from emulator.errors import EmulatorError, FtraceError
from emulator.lab import Lab
from emulator.play import DIRECT_FUNC, DIRECT_TRAMPOLINE
from emulator.provenance import ByteSeen, MemberSeen
from emulator.recording import Call, Pointer, Recording, RecordSeen
from emulator.report.direct import asked, direct_call
from emulator.report.graph import EVENTS, passage, through
from emulator.report.record import statement
from emulator.report.site import dynamic, instruction, labels, variable
from emulator.report.story import CALLS, allowed_changes, own_hit
from emulator.scenario import GraphEvent, Outcome

SCHEMA = "mcount-emulator/emulate/2"
Json = dict[str, Any]


def document(outcomes: Mapping[str, Outcome]) -> Json:
    """Everything that the text story says of one variant."""
    told = list(outcomes.values())
    lab, function = told[0].lab, told[0].function
    rec = lab.record(function)
    return {
        **_configuration(lab),
        "function": function,
        "site": {
            "ip": hex(rec.ip),
            "symbol": lab.symbol(rec.ip),
            "compiled": lab.patcher.compiled[rec.ip].hex(),
            "disabled": lab.variant.site.nop.hex() if dynamic(lab) else None,
        },
        "scenarios": [_scenario(outcome) for outcome in told],
    }


def _configuration(lab: Lab) -> Json:
    return {
        "schema": SCHEMA,
        "arch": lab.arch.name,
        "release": lab.release.name,
        "variant": lab.variant.name,
        "abilities": [ability.name for ability in lab.variant.abilities],
        "synthetic": lab.variant.synthetic,
        "source": lab.subject.origin,
        "notes": list(lab.subject.notes),
        "missing": list(lab.image.placement.missing),
        "seed": lab.seed,
    }


def _scenario(outcome: Outcome) -> Json:
    recording, lab = outcome.recording, outcome.lab
    return {
        "name": outcome.scenario.name,
        "title": outcome.scenario.title,
        "ops": [str(spec) for spec in outcome.scenario.ops],
        "function_trace_stop": outcome.scenario.stop,
        "refused": _refusal(outcome.refused),
        "error": str(outcome.trouble) if outcome.trouble else None,
        "site": _site(outcome),
        "labels": {label: instruction(lab, data, address) for label, address, data in labels(lab)},
        "variables": {name: variable(lab, name) for name in _pointers(lab)},
        "callbacks": [_callback(lab, call) for done in outcome.recordings for call in done.callbacks[:CALLS]],
        "left_out": sum(len(done.callbacks[CALLS:]) for done in outcome.recordings),
        "graph": _graph(outcome) if outcome.scenario.graph else None,
        "direct": _direct(outcome) if outcome.scenario.direct else None,
        **_landing(outcome, recording),
    }


def _pointers(lab: Lab) -> list[str]:
    """The kernel's pointers that this code reads."""
    return [name for name, kind in VARIABLES.items() if kind == "pointer" and name in lab.subject.trampolines.undefined]


def _site(outcome: Outcome) -> Json:
    """What was patched; a static variant's site stays as compiled, and has no record."""
    lab, rec = outcome.lab, outcome.lab.record(outcome.function)
    before = lab.variant.site.nop if dynamic(lab) else lab.patcher.compiled[rec.ip]
    return {
        "before": before.hex(),
        "after": outcome.site(outcome.function).hex(),
        "calls": lab.symbol(rec.target) if rec.target else None,
        "record": rec.describe(lab.release.bits) if dynamic(lab) else None,
    }


def _graph(outcome: Outcome) -> Json:
    """What the graph tracer was told, in order."""
    return {
        "through": through(outcome) if outcome.graph else None,
        "events": [_event(event) for event in outcome.graph[:EVENTS]],
        "left_out": len(outcome.graph[EVENTS:]),
    }


def _event(event: GraphEvent) -> Json:
    known = {"retval": hex(event.retval) if event.retval is not None else None, "overrun": event.overrun}
    entry = {"event": "return" if event.left else "entry", "function": event.function, "depth": event.depth}
    return {**entry, **known} if event.left else entry


def _direct(outcome: Outcome) -> Json:
    """The call of the direct trampoline."""
    hit = passage(outcome, outcome.function)
    call = direct_call(hit) if hit else None
    arguments = outcome.lab.arch.abi.arguments
    return {
        "trampoline": DIRECT_TRAMPOLINE,
        "asked_by": outcome.lab.variant.direct if hit and asked(hit) else None,
        "called": DIRECT_FUNC if call else None,
        "arguments": [hex(outcome.lab.layout.get(call.registers, name)) for name in arguments] if call else None,
    }


def _refusal(refused: EmulatorError | None) -> Json | None:
    if refused is None:
        return None
    return {"errno": refused.args[0] if isinstance(refused, FtraceError) else None, "rule": str(refused)}


def _landing(outcome: Outcome, recording: Recording | None) -> Json:
    hit = own_hit(recording) if recording else None
    cost = recording.cost(hit) if recording and hit else None
    changed = hit.changed() if hit else {}
    allowed = allowed_changes(outcome, hit) if hit else ()
    return {
        "landed": bool(hit and hit.landing),
        "changed": {
            name: {"expected": hex(was), "got": hex(now), "by_contract": name in allowed}
            for name, (was, now) in changed.items()
        },
        "result": hex(recording.result) if recording and not recording.outcome else None,
        "counts": {"instructions": cost.instructions, "stores": cost.stores, "stack": cost.stack} if cost else None,
    }


def _callback(lab: Lab, call: Call) -> Json:
    return {
        "ops": call.ops.name,
        "via": list(call.via),
        "function": call.arrival.hit.symbol if call.arrival.hit else None,
        "ip": hex(call.ip),
        "parent_ip": hex(call.parent_ip),
        "parent": lab.symbol(call.parent_ip),
        "op": _op(call),
        "regs": _record(lab, call.regs),
        "fregs": _record(lab, call.fregs),
        "passed": call.arrival.record is not None,
    }


def _op(call: Call) -> Json | None:
    match call.op:
        case FtraceOps():
            return {"address": hex(call.op.address), "symbol": f"&{call.op.name}"}
        case Pointer():
            return {"address": hex(call.op.address), "symbol": call.op.symbol}
        case _:
            return None


def _record(lab: Lab, record: RecordSeen | None) -> Json | None:
    if record is None:
        return None
    members = [{**_member(lab, seen), "honoured": record.honoured(seen.member.name).value} for seen in record]
    return {"address": hex(record.address), "kind": record.kind, "struct": lab.struct.name, "members": members}


def _member(lab: Lab, seen: MemberSeen) -> Json:
    return {
        "name": seen.member.name,
        "offset": seen.member.offset,
        "size": seen.member.size,
        "value": hex(seen.value),
        "status": seen.status.name.lower(),
        "origin": seen.origin.what,
        "bytes": [_byte(lab, byte) for byte in seen.bytes],
    }


def _byte(lab: Lab, byte: ByteSeen) -> Json:
    return {
        "value": f"{byte.value:02x}",
        "status": byte.status.name.lower(),
        "writer": _writer(lab, byte.writer),
        "origin": byte.origin.what,
    }


def _writer(lab: Lab, address: int | None) -> Json | None:
    if address is None:
        return None
    line = lab.image.symbols.line(address)
    return {
        "address": hex(address),
        "symbol": lab.symbol(address),
        "file": line.place.file if line else None,
        "line": (line.place.line or None) if line else None,
        "text": statement(line) if line else None,
    }
