# SPDX-License-Identifier: GPL-2.0-only
"""The examples run on every architecture, say the same each time, and show what their pages promise."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from emulator import catalog

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))

ESSENTIAL = {
    ("first_callback.py", "x86_64"): """
        x86_64 3.6
          called by  ftrace_caller -> probe
        x86_64 3.7
          op         &function_trace_op
          regs       NULL
        x86_64 6.12
          ip         ffffffff81002000, vfs_read
          parent_ip  ffffffff810020cb, ksys_read+0xb
          op         &probe
          regs       NULL
          called by  ftrace_trampoline[probe] -> probe""",
    ("first_callback.py", "arm"): """
        arm 3.6
          called by  ftrace_caller -> ftrace_test_stop_func -> probe
        arm 3.7
          op         &probe
          called by  ftrace_caller -> ftrace_ops_list_func -> probe
        arm 6.12
          ip         c010200c, vfs_read+0xc
          regs       NULL
          fregs      NULL
          called by  ftrace_caller -> probe""",
    ("change_a_register.py", "x86_64"): """
        x86_64 3.6
          ops 'clamp': release 3.6 has no FTRACE_OPS_FL_SAVE_REGS
        x86_64 3.7
          device_is_dependent(7) = 7, untraced
          regs->di was 7, and is 2 now
          device_is_dependent(7) = 2, the callback ran 3 times
          device_is_dependent(7) = 7, untraced again
        x86_64 6.12
          regs->di was 7, and is 2 now
          device_is_dependent(7) = 2, the callback ran 3 times
          a change of these members would not have been loaded back: r11, orig_ax, cs, sp, ss
          device_is_dependent(7) = 7, untraced again""",
    ("change_a_register.py", "arm"): """
        arm 3.7
          register_ftrace_function: -EINVAL: clamp wants SAVE_REGS, and this kernel has no DYNAMIC_FTRACE_WITH_REGS
        arm 6.12
          regs->r0 was 7, and is 2 now
          device_is_dependent(7) = 2, the callback ran 3 times
          a change of these members would not have been loaded back: sp, cpsr, ORIG_r0""",
    ("two_ops.py", "x86_64"): """
        x86_64 3.7
          probe registered: record (2) R
            callback: op probe, regs full
            callback: op tracer, regs full
            vfs_read -> ftrace_regs_caller -> ftrace_ops_list_func -> probe
            vfs_read -> ftrace_regs_caller -> ftrace_ops_list_func -> tracer
          probe unregistered: record (1) R
            callback: op tracer, regs full
        x86_64 6.12
          tracer registered: record (1)
            callback: op tracer, regs NULL
            vfs_read -> ftrace_trampoline[tracer] -> tracer
          probe registered: record (2) R
            callback: op probe, regs full
            callback: op tracer, regs full
            vfs_read -> ftrace_regs_caller -> ftrace_ops_list_func -> tracer
          probe unregistered: record (1)
            callback: op tracer, regs NULL
            vfs_read -> ftrace_trampoline[tracer] -> tracer""",
    ("two_ops.py", "arm"): """
        arm 3.7
          register_ftrace_function: -EINVAL: probe wants SAVE_REGS, and this kernel has no DYNAMIC_FTRACE_WITH_REGS
        arm 6.12
          probe registered: record (2) R
            callback: op tracer, regs full
          probe unregistered: record (1)
            callback: op tracer, regs NULL
            vfs_read -> ftrace_caller -> tracer""",
    ("kprobe.py", "x86_64"): """
        a kprobe with SAVE_REGS, record (1) R
          pre_handler: regs->ip is addr+1, argument 0x1234
        a kprobe with IPMODIFY | SAVE_REGS, record (1) R I
          pre_handler: regs->ip is addr+1, argument 0x1234
          post_handler: regs->ip is addr+5
          pre_handler: regs->ip = return_eio
          schedule() = 0xfffffffffffffffb""",
    ("kprobe.py", "arm"): """
          post_handler: regs->ip is addr+4
          schedule() = 0xfffffffb""",
    ("livepatch.py", "x86_64"): """
        x86_64 6.12, DYNAMIC | IPMODIFY | PERMANENT
        patched:
          klp_ftrace_handler: regs is NULL, fregs is not
          livepatch_vfs_read(file=0x100, buf=0x200, count=42)
          vfs_read() = 0x2a
          register_ftrace_function: -EBUSY: another ops changes the ip of vfs_read (IPMODIFY)
          kernel.ftrace_enabled: -EBUSY: a PERMANENT ops is registered: it stays 1
          vfs_read() = 0x2a
          register_ftrace_function: -EBUSY: livepatch again is PERMANENT, and ftrace_enabled is 0""",
    ("livepatch.py", "arm"): """
        arm 6.12, DYNAMIC | IPMODIFY | PERMANENT | SAVE_REGS
          klp_ftrace_handler: regs is full
          vfs_read() = 0x2a
          kernel.ftrace_enabled: -EBUSY: a PERMANENT ops is registered: it stays 1""",
    ("direct_call.py", "x86_64"): """
          register_ftrace_direct: -EINVAL: direct is not INITIALIZED: set its filter first
          my_tramp1 alone
            my_direct_func1(0x100, 0x200)
            the site called my_tramp1; vfs_read returned 0xc5a42dfbec5a3080
          my_tramp1 beside an ops
            probe: vfs_read
            my_direct_func1(0x100, 0x200)
            the site called ftrace_regs_caller; vfs_read returned 0xc5a42dfbec5a3080
          modified to my_tramp2, beside an ops
            probe: vfs_read
            my_direct_func2(0x100, 0x200)
          my_tramp2 alone
            my_direct_func2(0x100, 0x200)
            the site called my_tramp2; vfs_read returned 0xc5a42dfbec5a3080
          not traced any more
            the site called nothing; vfs_read returned 0xc5a42dfbec5a3080""",
    ("direct_call.py", "arm"): """
        arm 6.12
          register_ftrace_direct: -ENODEV: this kernel has no DYNAMIC_FTRACE_WITH_DIRECT_CALLS""",
    ("call_graph.py", "x86_64"): """
          ksys_readv() {
            vfs_readv() {
              vfs_read(); /* = 0xc5a42dfbec5a3080 */
            } /* vfs_readv = 0xc5a42dfbec5a3080 */
          } /* ksys_readv = 0xc5a42dfbec5a3080 */
          device_is_dependent() {
            device_is_dependent() {
              device_is_dependent() {
                device_is_dependent(); /* = 0x0 */
              } /* device_is_dependent = 0x1 */
            } /* device_is_dependent = 0x2 */
          } /* device_is_dependent = 0x3 */
          proc_reg_write(); /* = -5 */""",
    ("call_graph.py", "arm"): """
          ksys_readv() {
            vfs_readv() {
              vfs_read();
            }
          }
          device_is_dependent() {
            device_is_dependent() {
              device_is_dependent() {
                device_is_dependent();
              }
            }
          }
          proc_reg_write();""",
}
"""{(example, architecture): lines that it prints, in this order, others between them}, indented by 8 more."""


@cache
def run(example: str, arch: str, hash_seed: int = 0) -> subprocess.CompletedProcess[str]:
    """Run an example on the code of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, f"examples/{example}", arch]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def missing(printed: str, essential: str) -> list[str]:
    """The essential lines from the first one on that is not there in its turn."""
    rest = iter(printed.splitlines())
    wanted = [line.removeprefix(" " * 8) for line in essential.splitlines()[1:]]
    for index, line in enumerate(wanted):
        if line not in rest:
            return wanted[index:]
    return []


@pytest.mark.parametrize("arch", catalog.names())
@pytest.mark.parametrize("example", EXAMPLES)
def test_it_ends_well_and_shows_what_it_promises(example: str, arch: str) -> None:
    done = run(example, arch)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert missing(done.stdout, ESSENTIAL.get((example, arch), "")) == []


@pytest.mark.parametrize("arch", catalog.names())
@pytest.mark.parametrize("example", EXAMPLES)
def test_it_prints_the_same_each_time(example: str, arch: str) -> None:
    assert run(example, arch, hash_seed=1).stdout == run(example, arch).stdout


@pytest.mark.parametrize(
    ("printed", "left"),
    [("a\nb\nc\n", []), ("b\na\n", ["b"]), ("a\n", ["b"]), ("", ["a", "b"]), ("  a\nb\n", ["a", "b"])],
)
def test_lines_are_looked_for_in_their_order(printed: str, left: list[str]) -> None:
    assert missing(printed, "\n        a\n        b") == left


def test_no_essential_lines_are_left_of_an_example_that_has_gone() -> None:
    assert {example for example, _ in ESSENTIAL} == set(EXAMPLES)


def test_without_an_architecture_it_is_x86_64() -> None:
    command = [sys.executable, "examples/kprobe.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == run("kprobe.py", "x86_64").stdout


# -- pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_opening_names_the_kernels_files_and_how_to_run_it(example: str) -> None:
    opening = ast.get_docstring(ast.parse((ROOT / "examples" / example).read_text()))
    assert opening is not None
    assert re.search(r"^The kernel: .*\bkernel/\w+/\w+\.c", opening, re.MULTILINE | re.DOTALL)
    assert opening.endswith(f"\nRun: .venv/bin/python examples/{example} [ARCH]")


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(r"^- `examples/(\w+\.py)`: \S", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == EXAMPLES
