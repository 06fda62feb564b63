# SPDX-License-Identifier: GPL-2.0-only
"""Work in several processes: in order, and with an end for all of them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import workers
from emulator.errors import RunError

WAITING = """
import os, time
from emulator import workers

def wait(_):
    os.write(1, b"waiting\\n")
    time.sleep(60)

if __name__ == "__main__":
    list(workers.mapped(wait, [1, 2], 2))
"""
LONG = 30
"""Seconds, fewer than they would wait."""


@pytest.mark.parametrize("jobs", [1, 2])
def test_done_in_the_order_of_the_work(jobs: int) -> None:
    assert list(workers.mapped(abs, [-3, 2, -1], jobs)) == [3, 2, 1]


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(RunError, match="--jobs 1"):
        list(workers.mapped(os._exit, [1, 2], 2))


def test_whoever_is_killed_takes_the_others_along(tmp_path: Path) -> None:
    """They hold the pipe to which they write: it ends when the last of them does."""
    script = tmp_path / "waiting.py"
    script.write_text(WAITING)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, bufsize=0) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == [b"waiting\n"] * 2
        parent.kill()
        ready, _, _ = select.select([parent.stdout], [], [], LONG)
        assert ready
        assert parent.stdout.read() == b""
