# SPDX-License-Identifier: GPL-2.0-only
"""X64-27 (6.10): per-CPU accounting ran where the base of per-CPU data was gone already.

There is no per-CPU base here either: an access through gs goes to unmapped memory, and the passage never lands.
"""

from __future__ import annotations

import pytest


@pytest.mark.caught("T2", "x86_64", "6.1-ibt 6.12")
def test_an_entry_counts_in_per_cpu_data_without_a_base(bug):
    saving = "FUNC ftrace_caller\n        SAVE\n"
    bug.edit((saving, saving.replace("SAVE", "incq %gs:0x40\nSAVE")), file="ftrace-6.12.S")
    bug.must_be_caught()
