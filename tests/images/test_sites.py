# SPDX-License-Identifier: GPL-2.0-only
"""Real functions of an image: their sites by __mcount_loc, and runs from there to landing."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.checks.finding import Verdict
from emulator.cli import main
from emulator.core.fgraph_ops import FgraphOps
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Sum
from emulator.errors import InputError
from emulator.images.opening import opened
from emulator.images.sites import START, STOP, Sites
from emulator.lab import Lab
from emulator.placement import placement
from kernels import SmallKernel, ours, small_kernel

NAMES = [(name, release) for name in catalog.names() for release in catalog.load(name).releases]
PADDED = [
    (name, variant.name)
    for name in catalog.names()
    for variant in catalog.load(name).variants
    if Ability.KERNEL_IBT in variant.abilities
]


def framed(name: str, variant: str) -> bool:
    """Whether its functions find their own return address by the frame that they have built."""
    declared = catalog.load(name)
    slot = declared.variant(variant).site.parent_slot
    return isinstance(slot, Sum) and slot.base == declared.abi.frame_pointer


@pytest.fixture(params=[name for name in (*NAMES, *PADDED) if not framed(*name)], ids="-".join)
def kernel(request: pytest.FixtureRequest) -> SmallKernel:
    arch = catalog.load(request.param[0])
    return small_kernel(arch, arch.variant(request.param[1]))


def lab(kernel: SmallKernel, tmp_path: Path, function: str) -> Lab:
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.written())
    return Lab(subject=opened(path).subject(kernel.variant, function))


def test_a_function_is_entered_where_its_site_begins_and_returns_where_it_lands(
    kernel: SmallKernel, tmp_path: Path
) -> None:
    made = lab(kernel, tmp_path, "vfs_write")
    rec, site = made.record("vfs_write"), kernel.variant.site
    assert made.address("vfs_write") == kernel.address("vfs_write")
    assert rec.ip - kernel.address("vfs_write") in range(32)
    assert made.runner.entry("vfs_write") == rec.ip - len(site.prologue)
    seen: list[tuple[int, str]] = []
    ops = FtraceOps("probe", lambda ip, parent, *_: seen.append((ip, made.symbol(parent))))
    made.set_filter(ops, "vfs_write")
    made.register(ops)
    recording = made.call("vfs_write")
    assert seen == [(rec.ip, "[exit]")]
    assert all(found.verdict is not Verdict.FAIL for found in made.check(recording))


def test_the_laboratory_s_own_functions_are_gone_but_not_its_direct_trampolines(
    kernel: SmallKernel, tmp_path: Path
) -> None:
    made = lab(kernel, tmp_path, "vfs_write")
    assert len(made.functions) == 2
    assert "vfs_write" in made.functions
    if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in kernel.variant.abilities:
        assert made.address("my_tramp1")


def test_the_graph_tracer_takes_a_real_function_s_return(kernel: SmallKernel, tmp_path: Path) -> None:
    if Ability.FUNCTION_GRAPH_TRACER not in kernel.variant.abilities:
        pytest.skip("no graph tracer")
    made, entered = lab(kernel, tmp_path, "vfs_write"), list[str]()
    returned: list[int] = []

    def entry(trace: object, *_: object) -> int:
        entered.append("vfs_write")
        return 1

    made.register_graph(FgraphOps("graph", entry, lambda *_: returned.append(1)))
    made.call("vfs_write")
    assert entered == ["vfs_write"]
    assert returned == [1]


def test_something_else_at_the_site_is_refused(kernel: SmallKernel, tmp_path: Path) -> None:
    ip = lab(kernel, tmp_path, "vfs_write").record("vfs_write").ip
    site = kernel.variant.site
    other = site.nop if site.mcount else site.call.opcode
    kernel.patch(ip, other)
    before = len(site.prologue)
    where = rf"vfs_write\+{ip - before - kernel.address('vfs_write'):#x} \({ip - before:#x}\)"
    meant = f"a call of {site.mcount}" if site.mcount else "NOPs to be patched"
    what = f"expected .*, {meant}, found .*{other.hex(' ')}"
    with pytest.raises(InputError, match=f"{where}: {what}"):
        lab(kernel, tmp_path, "vfs_write")


def test_a_function_without_a_site_is_refused(kernel: SmallKernel, tmp_path: Path) -> None:
    start, _, flags = kernel.sections[".text"]
    assert flags
    kernel.symbols["untraced"] = (start, 4, 2)
    with pytest.raises(InputError, match=f"untraced at {start:#x} has no site: no entry of {START} lies in it"):
        lab(kernel, tmp_path, "untraced")


def test_entries_of_weak_functions_that_lost_are_passed_over(kernel: SmallKernel, tmp_path: Path) -> None:
    start = kernel.address(START)
    word = kernel.arch.word
    at = start - kernel.sections[".data"][0]
    table = kernel.sections[".data"][1][at : kernel.address(STOP) - kernel.sections[".data"][0]]
    kernel.symbols[START] = (start - word, 0, 0)
    kernel.patch(start - word, bytes(word))
    assert table
    assert lab(kernel, tmp_path, "vfs_write").record("vfs_write").ip


@pytest.mark.parametrize(
    ("symbol", "change", "says"),
    [
        (STOP, -(1 << 30), "are 0x"),
        (STOP, 1, "are 0x"),
        (STOP, 1 << 16, "ends after"),
        (START, None, f"has no symbol {START}"),
    ],
)
def test_a_table_that_is_none_is_refused(
    symbol: str, change: int | None, says: str, kernel: SmallKernel, tmp_path: Path
) -> None:
    if change is None:
        del kernel.symbols[symbol]
    else:
        kernel.symbols[symbol] = (kernel.address(symbol) + change, 0, 0)
    with pytest.raises(InputError, match=says):
        lab(kernel, tmp_path, "vfs_write")


@pytest.mark.parametrize(("name", "variant"), PADDED)
def test_one_landing_pad_is_enough_for_a_kernel_that_has_them(name: str, variant: str, tmp_path: Path) -> None:
    arch = catalog.load(name)
    kernel, path = small_kernel(arch, arch.variant(variant)), tmp_path / "vmlinux"
    site, pad = kernel.variant.site, arch.landing_pad
    starts = [ip - len(site.prologue) - len(pad) for ip, _ in placement(ours(arch, kernel.variant)).sites]
    padded = [start for start in starts if kernel.bytes_at(start, len(pad)) == pad]
    assert padded

    def told() -> bool:
        path.write_bytes(kernel.written())
        image = opened(path)
        return Sites(image.contents, image.names, arch, site).padded()

    for start in padded:
        assert told()
        kernel.patch(start, bytes(len(pad)))
    assert not told()


@pytest.mark.parametrize(("name", "variant"), [*(name for name in NAMES if framed(*name)), ("x86_64", "3.7-mcount")])
def test_functions_with_a_frame_before_their_site_are_not_run(name: str, variant: str, tmp_path: Path) -> None:
    arch = catalog.load(name)
    with pytest.raises(InputError, match=r"vfs_write: functions of .* build a frame before their site"):
        lab(small_kernel(arch, arch.variant(variant)), tmp_path, "vfs_write")


@pytest.mark.parametrize("name", catalog.names())
def test_emulate_tells_the_story_of_a_real_function(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = catalog.load(name)
    path = tmp_path / "vmlinux"
    path.write_bytes(small_kernel(arch, arch.variant(arch.releases[-1])).written())
    assert main(["emulate", "--vmlinux", str(path), "--function", "vfs_write"]) == 0
    text = capsys.readouterr().out
    assert "vfs_write: rec->ip" in text
    assert "NOT BY CONTRACT" not in text


def test_diff_takes_an_image_beside_a_source_or_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arch = catalog.load("arm")
    path, source = tmp_path / "vmlinux", tmp_path / "mine.S"
    path.write_bytes(small_kernel(arch, arch.variant("6.12")).written())
    source.write_text(catalog.source_text(arch, "ftrace-6.1.S"))
    assert main(["diff", "arm:6.12", str(path)]) == 0
    assert main(["diff", str(source), str(path), "--arch", "arm"]) == 0
    assert capsys.readouterr().out.count("no change in behaviour") == 2
