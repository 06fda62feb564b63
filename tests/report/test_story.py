# SPDX-License-Identifier: GPL-2.0-only
"""The story against the kernel's documented behaviour: what stands in it, and that a fault would stand out."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.report import story as report
from emulator.report import summary
from emulator.report.lines import plain
from emulator.scenario import Outcome, story, tell
from emulator.subject import load


def told(arch_name: str, variant_name: str) -> dict[str, Outcome]:
    arch = catalog.load(arch_name)
    variant = arch.variant(variant_name)
    (subject,) = load(arch, [variant])
    return tell(subject, story(variant, "vfs_read", "vfs_write"), "vfs_read", seed=1)


def rows(text: str, *words: str) -> list[str]:
    """The lines that begin with these words."""
    return [row for row in text.splitlines() if row.split()[: len(words)] == list(words)]


def test_6_12_gives_each_ops_a_copy_and_two_on_one_function_the_list() -> None:
    text = plain(report.render(told("x86_64", "6.12")))
    site = text[: text.index("What callbacks get")]
    assert "ftrace_trampoline[probe]" in rows(site, "probe")[1]
    assert "ftrace_trampoline[kprobe]" in rows(site, "kprobe")[1]
    (both,) = rows(site, "probe+kprobe")
    assert "ftrace_regs_caller" in both
    assert "ftrace_ops_list_func" in both
    assert both.endswith("(2) R")
    (disjoint,) = rows(site, "probe+other")
    assert "ftrace_trampoline[probe]" in disjoint
    assert "ftrace_trampoline[other]" in rows(site, "at", "vfs_write")[0]


def test_3_7_sends_disjoint_ops_through_the_list_and_passes_the_variables_address() -> None:
    text = plain(report.render(told("x86_64", "3.7")))
    (disjoint,) = rows(text[: text.index("What callbacks get")], "probe+other")
    assert "ftrace_ops_list_func" in disjoint
    arguments = text[text.index("What callbacks get") :]
    assert "&function_trace_op" in rows(arguments, "probe", "probe")[0]
    assert "NULL" in rows(arguments, "probe", "probe")[0]
    assert "full 20/21" in rows(arguments, "kprobe", "kprobe")[0]


def test_3_6_passes_neither_op_nor_regs() -> None:
    text = plain(report.render(told("x86_64", "3.6")))
    arguments = text[text.index("What callbacks get") :]
    assert rows(arguments, "probe", "probe")[0].count("not passed") == 2
    assert "release 3.6 has no FTRACE_OPS_FL_SAVE_REGS" in text


def test_the_mails_helper_stands_between_on_arm_3_6_and_is_gone_at_3_7() -> None:
    lines = []
    for name in ("3.6", "3.7"):
        arch = catalog.load("arm")
        lines.append(plain(summary.render("arm", [(arch.variant(name), told("arm", name))])))
    assert "one ops    ftrace_test_stop_func > probe" in lines[0]
    assert "stopped    ftrace_test_stop_func tests function_trace_stop and returns" in lines[0]
    assert "one ops    ftrace_ops_list_func > probe" in lines[1]
    assert "stopped    ftrace_ops_list_func tests function_trace_stop and returns" in lines[1]
    assert "-EINVAL; IF_SUPPORTED: NULL" in lines[1]


@pytest.mark.parametrize(
    ("variant", "regs"), [("3.7-ops-no-regs", "&probe, NULL"), ("3.7-stop-no-ops", "&probe, NULL")]
)
def test_the_synthetic_variants_show_the_mails_two_cases(variant: str, regs: str) -> None:
    arch = catalog.load("x86_64")
    text = plain(summary.render("x86_64", [(arch.variant(variant), told("x86_64", variant))]))
    assert regs in text
    assert ("one ops    ftrace_ops_list_func > probe" in text) == (variant == "3.7-stop-no-ops")


@pytest.mark.parametrize("name", catalog.names())
def test_no_story_shows_a_fault_where_there_is_none(name: str) -> None:
    text = plain(report.render(told(name, catalog.load(name).releases[-1])))
    for word in ("WRONG", "NOT BY CONTRACT", "UNRESOLVED", "did not come back", " ! "):
        assert word not in text.replace(" !  written", "")


def test_quirks_are_said_where_they_show() -> None:
    old, new = (plain(report.title(next(iter(told("x86_64", name).values())).lab)) for name in ("3.7", "6.12"))
    assert "quirk: op: the callback gets the address of the variable function_trace_op" in old
    assert "orig_ax: never written" in old
    assert "orig_ax" not in new
    assert "IF_SUPPORTED alone gives no regs" in new


def test_what_is_not_run_yet_is_untested_by_name() -> None:
    arch = catalog.load("x86_64")
    text = plain(
        summary.render("x86_64", [(arch.variant("3.7-static"), None), (arch.variant("6.12"), told("x86_64", "6.12"))])
    )
    untested = [row.split(maxsplit=1)[1] for row in text.splitlines() if row.startswith("UNTESTED ")]
    assert [row.split("  ")[0] for row in untested] == [
        "static mcount",
        "the graph caller and return_to_handler",
        "direct calls",
    ]
    assert untested[0].endswith("3.7-static")
    assert untested[2].endswith("6.12")


def test_a_trampoline_that_goes_round_does_not_fill_the_report(tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, "ftrace-6.12.S")
    back = "        mov     PT_ip(%rsp), %rax                       // rip = fregs->ip"
    assert back in text
    path = tmp_path / "round.S"
    path.write_text(text.replace(back, f"{back}\n        sub     $5, %rax\n//"))
    (subject,) = load(arch, [arch.variant("6.12")], source=path)
    outcomes = tell(subject, story(arch.variant("6.12"), "vfs_read", "vfs_write")[1:2], "vfs_read", seed=1)
    shown = plain(report.render(outcomes))
    assert "more calls of callbacks" in shown
    assert len(shown.splitlines()) < 120


def test_a_lost_register_shows_in_the_result_and_at_landing(tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, "ftrace-6.12.S")
    path = tmp_path / "lost.S"
    path.write_text(text.replace("        mov     PT_si(%rsp), %rsi", "        //"))
    (subject,) = load(arch, [arch.variant("6.12")], source=path)
    shown = plain(
        report.render(tell(subject, story(arch.variant("6.12"), "vfs_read", "vfs_write"), "vfs_read", seed=1))
    )
    assert "rsi - NOT BY CONTRACT" in shown
    assert "vfs_read returned something else than untraced: probe, kprobe" in shown
    honest = plain(report.render(told("x86_64", "6.12")))
    assert "in every call, traced or not" in honest
