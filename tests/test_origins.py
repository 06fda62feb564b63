# SPDX-License-Identifier: GPL-2.0-only
"""What a value follows, told from several samples."""

from __future__ import annotations

import pytest

from emulator.core.ops import FtraceOps
from emulator.description import Const, Member, Reg, Return, Sum, Value, Word
from emulator.lab import Lab
from emulator.origins import Evidence, Sample, describe, part
from emulator.recording import Hit
from emulator.replay import Inputs, recorded, varied

MEMBER = Member("probed", 0, 8)


@pytest.fixture(scope="module")
def hit() -> Hit:
    lab = Lab("x86_64")
    lab.register(FtraceOps("probe", lambda *_: None))
    return lab.call("vfs_read").hit


def evidence(hit: Hit, value: Value | list[int], count: int = 5) -> Evidence:
    """Samples whose record holds a value, or these numbers."""
    inputs = [recorded(hit), *(varied(hit, number) for number in range(1, count))]
    numbers = value if isinstance(value, list) else [evaluate(hit, each, value) for each in inputs]
    records = [number.to_bytes(8, "little") for number in numbers]
    return Evidence(hit, [Sample(each, record) for each, record in zip(inputs, records, strict=True)])


def evaluate(hit: Hit, inputs: Inputs, value: Value) -> int:
    number = inputs.evaluate(value, hit.ip + 5)
    assert number is not None
    return number


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (Reg("rax"), "rax"),
        (Reg("eflags"), "eflags"),
        (Sum("rsp", 0x10), "rsp+0x10"),
        (Sum("rbx", -8), "rbx-0x8"),
        (Word("rsp", 0), "[rsp]"),
        (Word("rsp", 24), "[rsp+0x18]"),
        (Return(), "landing"),
        (Const(7), "0x7"),
    ],
)
@pytest.mark.parametrize("promise", [None, Reg("rdx"), Const(1)])
def test_every_kind_of_value_is_recognised_whatever_was_promised(
    hit: Hit, value: Value, short: str, promise: Value | None
) -> None:
    origin = evidence(hit, value).origin(MEMBER, promise)
    assert origin is not None
    assert origin.short == short


def test_addresses_have_names(hit: Hit) -> None:
    symbols = hit.lab.image.symbols
    for name, shown in (
        ("ftrace_stub", "the address ftrace_stub"),
        ("function_trace_op", "the address &function_trace_op"),
    ):
        origin = evidence(hit, Const(symbols.address(name))).origin(MEMBER, None)
        assert origin is not None
        assert origin.what == shown
    behind = evidence(hit, Const(hit.ip + 6)).origin(MEMBER, None)
    assert behind is not None
    assert behind.what == "the address behind the site +0x1"


def test_a_register_multiplied_is_nothing_known(hit: Hit) -> None:
    numbers = [recorded(hit), *(varied(hit, number) for number in range(1, 5))]
    doubled = [inputs.registers["rax"] * 2 % (1 << 64) for inputs in numbers]
    found = evidence(hit, doubled)
    assert found.origin(MEMBER, Reg("rax")) is None
    assert found.byte(3, Reg("rax"), 3) == (found.byte(3, None, 3)[0], False)


def test_two_samples_are_not_enough_to_call_anything_constant(hit: Hit) -> None:
    found = evidence(hit, Const(7), count=2)
    assert not found.certain
    assert found.origin(MEMBER, None) is None
    assert found.origin(MEMBER, Const(7)) is not None
    assert "not to be told" in found.byte(0, None, 0)[0].what


def test_bytes_have_places() -> None:
    assert part(describe(Reg("rax")), 2).what == "byte 2 of register rax at the site"
    assert part(describe(Const(7)), 2) == describe(Const(7))


def test_the_word_that_is_the_return_address_is_said_to_be_that(hit: Hit) -> None:
    origin = evidence(hit, Word("rsp", 0)).origin(MEMBER, None)
    assert origin is not None
    assert origin.what.endswith("the return address of the traced function")
