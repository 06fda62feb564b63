# SPDX-License-Identifier: GPL-2.0-only
"""The answer to which variant a file is."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.description import Variant


@dataclass(frozen=True, slots=True)
class Recognised:
    """The variant, why it, and what could not be told."""

    variant: Variant
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> tuple[str, ...]:
        """A sentence each, for a report."""
        told = (f"taken for {self.variant.name}: it {'; '.join(self.reasons)}",) if self.reasons else ()
        return (*told, *self.notes)
