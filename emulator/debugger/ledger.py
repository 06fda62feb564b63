# SPDX-License-Identifier: GPL-2.0-only
"""What Python has noted of a run at one moment, so that what came later can be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.recording import Hit

if TYPE_CHECKING:
    from emulator.lab import Lab
    from emulator.runner import Run


class Ledger:
    """A run's passages, arrivals and callbacks as they are now, and the returns that the graph tracer has taken."""

    def __init__(self, lab: Lab, run: Run) -> None:
        self._lab, self._run = lab, run
        recording = run.recording
        lists: tuple[list[Any], ...] = (recording.hits, recording.arrivals, recording.callbacks, recording.returns)
        self._lists = [(noted, len(noted)) for noted in lists]
        self._open = [(hit, len(hit.arrivals)) for hit in run.open]
        self._arrivals = run.arrivals
        self._taken = lab.core.graph.returns.taken()

    def restore(self) -> None:
        """Forget what has been noted since."""
        for noted, length in self._lists:
            del noted[length:]
        for hit, arrivals in self._open:
            del hit.arrivals[arrivals:]
            _reopen(hit)
        self._run.open[:] = [hit for hit, _ in self._open]
        self._run.arrivals = self._arrivals
        self._lab.core.graph.returns.restore(self._taken)


def _reopen(hit: Hit) -> None:
    """The passage has not landed."""
    hit.landing, hit.landing_event, hit.landing_tail = None, 0, b""
    hit.landing_hooked = hit.kept_return = hit.kept_func = 0
