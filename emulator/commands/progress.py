# SPDX-License-Identifier: GPL-2.0-only
"""A bar on a terminal for work that takes long; silent for short work, and wherever nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar

PATIENCE = 1.0
"""Seconds before there is a bar."""
WIDTH = 40

Item = TypeVar("Item")


class Progress:
    """`over` passes items on and counts them; the bar is gone at the end."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._start = time.monotonic()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items, counted."""
        for item in items:
            self.done += 1
            self._show()
            yield item

    def _show(self) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._start < PATIENCE:
            return
        full = WIDTH * self.done // self.total
        sys.stderr.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {self.done}/{self.total}\x1b[K")
        sys.stderr.flush()
        self._shown = True
