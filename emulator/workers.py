# SPDX-License-Identifier: GPL-2.0-only
"""Work done in this process or in several; what comes out does not depend on how many."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from emulator.collector import collect_rarely
from emulator.errors import RunError

Work = TypeVar("Work")
Done = TypeVar("Done")


def mapped(perform: Callable[[Work], Done], work: Sequence[Work], jobs: int) -> Iterator[Done]:
    """perform() of each, in the order of the work. Raises RunError where a process dies."""
    if jobs <= 1 or len(work) <= 1:
        yield from map(perform, work)
        return
    yield from _in_processes(perform, work, min(jobs, len(work)))


def _in_processes(perform: Callable[[Work], Done], work: Sequence[Work], jobs: int) -> Iterator[Done]:
    import multiprocessing  # noqa: PLC0415 - one in twenty of all modules that a short check loads
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415

    # Not by fork: engines and the assembler's child belong to one process.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, spawn, _serve)
    try:
        yield from pool.map(perform, work)
    except BrokenProcessPool:
        raise RunError("a process of --jobs died: try --jobs 1") from None
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def _serve() -> None:
    """Ctrl-C is for the process that the user has started; it ends the others, and so does its own end, of any kind."""
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Whoever was killed could not say so."""
    from multiprocessing import parent_process  # noqa: PLC0415 - see above

    parent = parent_process()
    assert parent is not None  # noqa: S101 - it is where we come from
    parent.join()
    os._exit(1)
