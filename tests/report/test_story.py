# SPDX-License-Identifier: GPL-2.0-only
"""The story against the kernel's documented behaviour: what stands in it, and that a fault would stand out."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.play import survey, tell
from emulator.report import story as report
from emulator.report import summary
from emulator.report.lines import plain
from emulator.scenario import Outcome, story
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


ALL = [(arch.name, variant.name) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


@pytest.mark.parametrize(("arch", "variant"), ALL, ids=map(" ".join, ALL))
def test_every_story_is_a_hundred_columns_wide_and_shows_no_fault(arch: str, variant: str) -> None:
    text = plain(report.render(told(arch, variant)))
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    promised = {name for entry in catalog.load(arch).variant(variant).entries for name in entry.promises}
    known = any(quirk.clause == "C5" and quirk.what in promised for quirk in catalog.load(arch).variant(variant).quirks)
    for word in ("WRONG", "NOT BY CONTRACT", "UNRESOLVED", "did not come back", *([] if known else [" ! "])):
        assert word not in text.replace(" !  written", "")


def test_quirks_are_said_where_they_show() -> None:
    old, new = (plain(report.title(next(iter(told("x86_64", name).values())).lab)) for name in ("3.7", "6.12"))
    assert "quirk: op: the callback gets the address of the variable function_trace_op" in old
    assert "orig_ax: never written" in old
    assert "orig_ax" not in new
    assert "IF_SUPPORTED alone gives no regs" in new


def part(text: str, first: str) -> str:
    """The lines from one on, up to the next empty one."""
    return text[text.index(first) :].split("\n\n", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("arch", "variant"), [("x86_64", "3.7-static"), ("arm", "3.7-static"), ("x86_64", "6.12-static")]
)
def test_a_static_variant_shows_its_site_unchanged_and_the_pointer_that_changes(arch: str, variant: str) -> None:
    text = plain(report.render(told(arch, variant)))
    site = part(text, "vfs_read: rec->ip")
    assert "ftrace_trace_function" in site
    (nobody,), (probe,) = rows(site, "(none)"), rows(site, "probe")
    assert nobody.replace("(none)", "probe ").split()[:5] == probe.split()[:5]
    assert "ftrace_stub" in nobody
    assert "ftrace_ops_list_func" in probe
    assert "filter=" not in text
    assert "-EINVAL: kprobe wants SAVE_REGS" in site


def test_static_mcount_calls_the_tracer_or_the_graph_caller() -> None:
    graph = part(plain(report.render(told("x86_64", "3.7-static"))), "The function graph")
    alone, beside = graph.split("probe+graph:")[:2]
    assert "vfs_read();" in alone
    assert "ftrace_graph_caller > prepare_ftrace_return" in alone
    assert "nothing is hooked: __fentry__ calls ftrace_ops_list_func instead" in beside


@pytest.mark.parametrize(("variant", "retval"), [("6.1", False), ("6.12", True)])
def test_the_graph_is_shown_as_function_graph_prints_it(variant: str, retval: bool) -> None:
    outcomes = told("x86_64", variant)
    result = outcomes["none"].recording
    assert result is not None
    graph = part(plain(report.render(outcomes)), "The function graph").splitlines()
    said = f"ret={result.result:#x}"
    assert graph[2] == "graph:"
    assert graph[3].split() == ["0", "ksys_read()", "{", "ftrace_graph_func"]
    assert graph[4].split()[:2] == ["1", "vfs_read();"]
    assert graph[4].endswith("  ftrace_graph_func")
    assert graph[5].split()[:4] == ["0", "}", "/*", "ksys_read"]
    assert [said in row for row in graph[3:6]] == [False, retval, retval]
    assert graph[8].endswith("  ftrace_ops_list_func > ftrace_graph_func")
    assert ("return values are not told" in "\n".join(graph)) != retval
    assert "graph, probe+graph: at the real return rcx rsi rdi r8 r9 r10 r11 eflags differ" in "\n".join(graph)


def test_the_labels_of_3_7_lead_to_the_graph_caller() -> None:
    text = plain(report.render(told("x86_64", "3.7")))
    (row,) = rows(text, "ftrace_graph_call")
    assert "jmp ftrace_stub  " in row
    assert row.endswith("jmp ftrace_graph_caller")
    assert "probe+graph: probe is called for ksys_read too, which is not in its filter" in text
    assert "not in its filter" not in plain(report.render(told("x86_64", "6.12")))


def test_a_direct_call_comes_from_the_site_or_behind_the_callbacks() -> None:
    text = plain(report.render(told("x86_64", "6.12")))
    assert "callq my_tramp1" in rows(part(text, "vfs_read: rec->ip"), "direct")[0]
    direct = part(text, "Direct calls of my_tramp1")
    assert rows(direct, "direct", "my_tramp1")
    assert rows(direct, "direct+probe", "ftrace_regs_caller", "ftrace_ops_list_func,", "orig_ax", "=", "my_tramp1")
    assert direct.count("vfs_read's arguments") == 2
    assert "probe of direct+probe" in text


def test_a_graph_tracer_that_loses_a_return_value_shows(tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, "ftrace-6.12.S")
    back = "        mov     PT_ax(%rsp), %rax                       // rax = fregs->ax"
    assert back in text
    path = tmp_path / "lost.S"
    path.write_text(text.replace(back, "        //"))
    (subject,) = load(arch, [arch.variant("6.12")], source=path)
    outcomes = tell(subject, story(arch.variant("6.12"), "vfs_read", "vfs_write"), "vfs_read", seed=1)
    shown = plain(report.render(outcomes))
    assert "graph, probe+graph: at the real return rax differ - NOT BY CONTRACT" in shown
    assert "vfs_read returned something else than untraced: graph, probe+graph" in shown


def test_a_source_without_a_graph_has_no_graph_and_everything_else(tmp_path: Path) -> None:
    arch = catalog.load("x86_64")
    text = catalog.source_text(arch, "ftrace-6.12.S")
    path = tmp_path / "plain.S"
    path.write_text(text.replace("return_to_handler", "return_elsewhere"))
    (subject,) = load(arch, [arch.variant("6.12")], source=path)
    outcomes = tell(subject, story(arch.variant("6.12"), "vfs_read", "vfs_write"), "vfs_read", seed=1)
    shown = plain(report.render(outcomes))
    assert "not tried: the source lacks return_to_handler, which the graph tracer needs" in shown
    assert "The function graph" not in shown
    assert "in every call, traced or not" in shown


@pytest.mark.parametrize("name", catalog.names())
def test_the_summary_says_the_same_of_scenarios_that_shared_a_kernel(name: str) -> None:
    arch = catalog.load(name)
    for variant in arch.variants:
        (subject,) = load(arch, [variant])
        scenarios = [item for item in story(variant, "vfs_read", "vfs_write") if summary.looks_at(variant, item)]
        shared = survey(subject, scenarios, "vfs_read", seed=1)
        assert summary.render(name, [(variant, shared)]) == summary.render(name, [(variant, told(name, variant.name))])


def way(text: str, title: str) -> str:
    """What the summary of one variant says behind a title."""
    (row,) = (row for row in text[text.index("what the trampoline calls") :].splitlines() if f" {title} " in row)
    return row.split(f" {title} ")[1].strip()


def test_the_summary_says_through_what_functions_are_hooked_and_called_directly() -> None:
    shown = {}
    for variant in ("3.7", "3.7-static", "6.12"):
        arch = catalog.load("x86_64")
        shown[variant] = plain(summary.render("x86_64", [(arch.variant(variant), told("x86_64", variant))]))
    assert way(shown["3.7"], "graph") == "ftrace_graph_caller > prepare_ftrace_return"
    assert way(shown["3.7-static"], "graph+ops") == "not hooked: ftrace_ops_list_func is called instead"
    assert way(shown["6.12"], "graph") == "ftrace_graph_func"
    assert way(shown["6.12"], "direct+ops") == "ftrace_regs_caller > ftrace_ops_list_func, orig_ax = my_tramp1"
    assert not any("UNTESTED" in text for text in shown.values())


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
