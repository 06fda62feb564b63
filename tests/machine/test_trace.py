# SPDX-License-Identifier: GPL-2.0-only
"""Raw traces and their decoded shapes, against an oracle that keeps one dict a byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.machine import trace
from emulator.machine.trace import SIZE_BITS, StateTracer, Tracer, decode, unexplained

ADDRESS = st.integers(0, 40) | st.integers((1 << 64) - 60, (1 << 64) - 20)
WRITE = st.builds(lambda address, size: ~(address << SIZE_BITS | size), ADDRESS, st.integers(1, 16))
RAW = st.lists(st.integers(0, (1 << 64) - 1) | WRITE, max_size=30).map(tuple)


def naive(raw, first, last):
    """{byte: (pc, number of its instruction, number of its write)} of the events [first, last)."""
    found, pc, step, order = {}, 0, -1, 0
    for event, item in enumerate(raw):
        if item >= 0:
            pc, step = item, step + 1
            continue
        address, size = divmod(-item - 1, 1 << SIZE_BITS)
        if first <= event < last:
            found |= {address + index: (pc, step, order) for index in range(size)}
        order += 1
    return found


@given(RAW, st.integers(0, 30), st.integers(0, 30))
def test_a_decoded_shape_says_what_happened(raw, first, last):
    shape = decode(raw)
    assert shape.pcs == tuple(item for item in raw if item >= 0)
    assert [raw[event] for event in shape.step_events] == list(shape.pcs)
    assert len(shape.writes) == len(raw) - len(shape.pcs)
    assert all(raw[event] < 0 for event in shape.write_events)
    writers = shape.writers(first, last)
    assert {byte: (write.pc, write.step, write.order) for byte, write in writers.items()} == naive(raw, first, last)
    assert shape.writers(first, last) is writers
    window = raw[first:last]
    assert shape.between(first, last) == [item for item in window if item >= 0]
    assert shape.steps(first, last) == sum(item >= 0 for item in window)
    assert shape.stores(first, last) == sum(item < 0 for item in window)
    assert sorted(byte for span in shape.spans() for byte in range(*span)) == sorted(
        byte for write in shape.writes for byte in range(write.address, write.address + write.size)
    )


def test_a_known_shape_is_not_decoded_again(traced):
    tracer = traced.machine.tracer
    raw = (1, ~(8 << SIZE_BITS | 4), 2)
    assert tracer.shape(raw) is tracer.shape((1, ~(8 << SIZE_BITS | 4), 2))
    assert tracer.shape((1, ~(8 << SIZE_BITS | 8), 2)) is not tracer.shape(raw)


def test_shapes_are_not_kept_without_end(traced, monkeypatch):
    monkeypatch.setattr(trace, "KEPT", 100)
    tracer = traced.machine.tracer
    for number in range(1000):
        assert tracer.shape((number,) * 9).pcs == (number,) * 9
    assert len(tracer._shapes) <= 13


def test_instructions_and_writes_come_in_their_order(traced):
    behind = traced.put(traced.code.store, traced.code.load)
    traced.run(result=traced.data.base)
    tracer = traced.machine.tracer
    shape = tracer.shape(tuple(tracer.events))
    assert shape.pcs[0] == traced.start
    assert shape.pcs[2] == behind
    assert shape.pcs[-1] == traced.exit
    (write,) = shape.writes
    assert (write.step, write.pc, write.address, write.size) == (
        0,
        traced.start,
        traced.data.base,
        traced.arch.word,
    )
    assert tracer.values == [traced.data.base]
    tracer.clear()
    assert (tracer.events, tracer.values) == ([], [])


def test_the_state_before_each_instruction_is_that_of_single_steps(arch, guest):
    again = type(guest)(arch, StateTracer)
    for side in (guest, again):
        side.put(side.code.store, side.code.nop, side.code.load)
    again.run(limit=40, result=again.data.base)
    stop = guest.run(limit=1, result=guest.data.base)
    for state in again.machine.tracer.states[1:]:
        assert again.layout.unpack(state) == guest.layout.unpack(stop.registers)
        stop = guest.machine.run(guest.pc(stop), stop.registers, 1)


def test_a_change_must_be_explained():
    before, now = bytes(range(16)), bytes([0, 1, 9, 9, *range(4, 15), 0])
    assert unexplained(0x100, before, now, []) == 0x102
    assert unexplained(0x100, before, now, [(0x102, 0x103)]) == 0x103
    assert unexplained(0x100, before, now, [(0x102, 0x104)]) == 0x10F
    assert unexplained(0x100, before, now, [(0x10F, 0x120), (0x80, 0x104), (0x10, 0x20)]) is None


@given(st.binary(min_size=1, max_size=24), st.data())
def test_unexplained_against_every_byte_by_itself(before, data):
    now = data.draw(st.binary(min_size=len(before), max_size=len(before)))
    span = st.integers(90, 130)
    spans = data.draw(st.lists(st.tuples(span, span).map(lambda pair: tuple(sorted(pair))), max_size=4))
    strange = [
        100 + index
        for index, (old, new) in enumerate(zip(before, now, strict=True))
        if old != new and not any(first <= 100 + index < end for first, end in spans)
    ]
    assert unexplained(100, before, now, spans) == (strange[0] if strange else None)


def test_a_tracer_needs_no_python_for_an_instruction(traced):
    assert isinstance(traced.machine.tracer, Tracer)
    assert not isinstance(traced.machine.tracer, StateTracer)
