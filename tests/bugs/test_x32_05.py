# SPDX-License-Identifier: GPL-2.0-only
"""X32-05 (2.6.35): two segment registers were stored into each other's slots.

On x86_64 the record has cs and ss.
"""

from __future__ import annotations

import pytest


@pytest.mark.caught("C5", "x86_64", "3.7 6.12")
def test_cs_and_ss_are_exchanged(bug):
    cs, ss = ".set    __KERNEL_CS, 0x", ".set    __KERNEL_DS, 0x"
    bug.edit((f"{cs}10", f"{cs}18"), (f"{ss}18", f"{ss}10"))
    bug.must_be_caught()


@pytest.mark.caught("C5", "i386", "3.7 6.1 6.12")
def test_ds_and_es_are_exchanged(bug):
    file = "ftrace-6.12.S" if bug.variant.release != "3.7" else ""
    bug.edit((".irp    segment, gs, fs, es, ds", ".irp    segment, gs, fs, ds, es"), file=file)
    bug.must_be_caught()
