# SPDX-License-Identifier: GPL-2.0-only
"""What is told of two behaviours, what follows from something else and is not, and where it was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from emulator import catalog
from emulator.behaviour.changes import Change, changed, compare
from emulator.behaviour.saved import Facts, Path, Side

COST = {"cost.instructions": "34", "cost.stores": "15"}
GOOD: Facts = {
    "entry": "ftrace_caller",
    "calls": "probe_func",
    "arguments.probe.op": "&probe",
    "record.bx": "rbx",
    "loaded_back.bx": "yes",
    "goes_to": "the function",
    "registers.r11": "lost",
    **COST,
}


def without(*facts: str, **more: str) -> Facts:
    named = {name.replace("_in_", "."): what for name, what in more.items()}
    return {fact: what for fact, what in {**GOOD, **named}.items() if fact not in facts}


def side(paths: Mapping[str, Path] | None, **verdicts: str) -> Side:
    return Side("x86_64", "6.12", "6.12", "ours", dict(verdicts), None if paths is None else dict(paths))


def path(**passages: Facts) -> Path:
    return Path("a path", passages=passages)


# -- facts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (GOOD, []),
        (without(record_in_bx="stale"), [Change("record.bx", "rbx", "stale")]),
        (without("loaded_back.bx"), [Change("loaded_back.bx", "yes", "no")]),
        (without("registers.r11"), [Change("registers.r11", "lost", "as it should be")]),
        (without(registers_in_rbx="r12"), [Change("registers.rbx", "as it should be", "r12")]),
        (without("calls"), [Change("calls", "probe_func", "nothing")]),
    ],
)
def test_one_fact(new: Facts, told: list[Change]) -> None:
    assert list(changed(GOOD, new)) == told
    assert list(changed(new, GOOD)) == [Change(fact, was, now) for fact, now, was in told]


def test_where_control_did_not_go_on_nothing_is_said_of_registers_and_cost() -> None:
    lost = without(*COST, "registers.r11", "loaded_back.bx", goes_to="a fault in ftrace_caller")
    assert list(changed(GOOD, lost)) == [Change("goes_to", "the function", "a fault in ftrace_caller")]


def test_without_a_record_nothing_is_said_of_its_members() -> None:
    none = without("record.bx", "loaded_back.bx")
    assert list(changed(GOOD, none)) == [Change("record", "handed over", "none")]
    assert list(changed(none, GOOD)) == [Change("record", "none", "handed over")]


def test_without_the_callback_nothing_is_said_of_its_arguments() -> None:
    none = without("calls", "arguments.probe.op")
    assert list(changed(GOOD, none)) == [Change("calls", "probe_func", "nothing")]


# -- hunks -------------------------------------------------------------------------------------------------------------


def test_changes_seen_in_the_same_places_are_told_together() -> None:
    new = without(record_in_bx="stale", calls="live_func")
    old_paths = {"one": path(f=GOOD, g=GOOD), "two": path(f=GOOD)}
    (hunk,) = compare(side(old_paths), side({"one": path(f=new, g=new), "two": path(f=new)})).hunks
    assert hunk.entry == "ftrace_caller"
    assert hunk.where == {"one": (), "two": ()}
    assert [change.fact for change in hunk.changes] == ["calls", "record.bx"]


def test_passages_are_named_where_not_all_are_meant() -> None:
    idle = {"entry": "nothing", **COST}
    old = {"one": path(f=GOOD, g=GOOD, idle=idle), "two": path(f=GOOD, idle=idle)}
    new = {"one": path(f=GOOD, g=without("calls"), idle=idle), "two": path(f=without("calls"), idle=idle)}
    (hunk,) = compare(side(old), side(new)).hunks
    assert hunk.where == {"one": ("g",), "two": ()}


def test_costs_that_differ_by_the_same_number_are_told_together() -> None:
    other = {**GOOD, "cost.instructions": "60"}
    old = {"one": path(f=GOOD), "two": path(f=other)}
    new = {
        "one": path(f={**GOOD, "cost.instructions": "33"}),
        "two": path(f={**other, "cost.instructions": "59"}),
    }
    (hunk,) = compare(side(old), side(new)).hunks
    assert hunk.changes == (Change("cost.instructions", "34, 60", "33, 59"),)


def test_a_private_copy_and_its_original_are_one_entry() -> None:
    old = {"one": path(f={**GOOD, "entry": "a copy of ftrace_caller"}), "two": path(f=GOOD)}
    new = {name: path(f={**item.passages["f"], "goes_to": "x"}) for name, item in old.items()}
    (hunk,) = compare(side(old), side(new)).hunks
    assert (hunk.entry, hunk.where) == ("ftrace_caller", {"one": (), "two": ()})


def test_an_entry_that_has_changed() -> None:
    new = path(f={**GOOD, "entry": "nothing"})
    (hunk,) = compare(side({"one": path(f=GOOD)}), side({"one": new})).hunks
    assert hunk.entry == "ftrace_caller -> nothing"
    assert hunk.changes == (Change("entry", "ftrace_caller", "nothing"),)


def test_a_passage_that_is_missing() -> None:
    (hunk,) = compare(side({"one": path(f=GOOD, g=GOOD)}), side({"one": path(f=GOOD)})).hunks
    assert (hunk.where, hunk.changes) == ({"one": ("g",)}, (Change("reached", "yes", "no"),))


def test_a_passage_that_is_missing_because_the_run_went_astray_before_is_no_news() -> None:
    lost = without(*COST, goes_to="a fault")
    (hunk,) = compare(side({"one": path(f=GOOD, g=GOOD)}), side({"one": path(f=lost)})).hunks
    assert hunk.changes == (Change("goes_to", "the function", "a fault"),)


def test_facts_of_a_path_itself() -> None:
    old, new = Path("a path"), Path("a path", {"refused": "-EBUSY"})
    (hunk,) = compare(side({"one": old}), side({"one": new})).hunks
    assert hunk.changes == (Change("refused", "no", "-EBUSY"),)


def test_paths_that_only_one_side_has() -> None:
    difference = compare(side({"one": path(), "two": path()}), side({"two": path(), "three": path()}))
    assert (difference.gone, difference.come, difference.compared) == ({"one": "a path"}, {"three": "a path"}, 1)
    assert difference.hunks == ()
    assert difference


def test_a_side_of_which_no_kernel_could_be_made() -> None:
    (hunk,) = compare(side({"one": path()}), side(None)).hunks
    assert hunk.changes == (Change("behaviour", "there is one", "none: no kernel could be made"),)
    assert not compare(side(None), side(None))


# -- verdicts ----------------------------------------------------------------------------------------------------------


def test_verdicts_that_changed_are_told_where_both_have_them() -> None:
    old = side({}, T1="PASS", T2="PASS", T3="UNTESTED", T4="FAIL (eflags)", T5="PASS")
    new = side({}, T1="PASS", T2="FAIL (rsp)", T3="PASS", T4="FAIL (control flags)", G1="FAIL (on)")
    assert compare(old, new).findings == (
        Change("T2", "PASS", "FAIL (rsp)"),
        Change("T4", "FAIL (eflags)", "FAIL (control flags)"),
    )


# -- our own -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", catalog.names())
def test_nothing_differs_from_itself(arch: str, ours: Callable[[str, str], Side]) -> None:
    one = ours(arch, "6.12")
    assert not compare(one, replace(one))


def test_the_same_source_at_another_place_is_the_same(
    ours: Callable[[str, str], Side], edited: Callable[..., Side]
) -> None:
    comment = "// ftrace_caller, ftrace_regs_caller, return_to_handler; x86_64, 6.12"
    moved = edited("x86_64", "6.12", (comment, f"        .fill 64, 1, 0x90\n{comment}"))
    assert not compare(ours("x86_64", "6.12"), moved)
