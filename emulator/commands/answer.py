# SPDX-License-Identifier: GPL-2.0-only
"""A command's answer: one JSON document, or text, coloured where that is wanted."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from emulator.cli import colour, write
from emulator.report.lines import Line, coloured, plain


def answer(
    options: argparse.Namespace, document: Callable[[], dict[str, Any]], text: Callable[[], Sequence[Line]]
) -> None:
    """Write what --format asks for; only that is made. Raises InputError where it cannot be written."""
    if options.format == "json":
        import json  # noqa: PLC0415 - text need not wait for it

        write(options, json.dumps(document(), indent=1) + "\n")
    else:
        write(options, coloured(text()) if colour(options) else plain(text()))
