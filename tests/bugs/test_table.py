# SPDX-License-Identifier: GPL-2.0-only
"""docs/bugs.md is what the tests here say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "bugs.md"


def test_the_committed_page_is_fresh() -> None:
    made = subprocess.run([sys.executable, HERE / "table.py"], capture_output=True, text=True, check=True)
    assert PAGE.read_text() == made.stdout, "make it anew: python tests/bugs/table.py > docs/bugs.md"


def test_every_file_of_a_bug_is_on_the_page() -> None:
    named = {re.sub(r"test_(\w+)_(\d+)", r"\1-\2", path.stem).upper() for path in HERE.glob("test_???_[0-9][0-9].py")}
    assert len(named) > 20
    assert named <= set(re.findall(r"^\| (\w+-\d+) \|", PAGE.read_text(), re.MULTILINE))
