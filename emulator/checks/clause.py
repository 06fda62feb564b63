# SPDX-License-Identifier: GPL-2.0-only
"""The clauses by their ids: a function that looks at one passage of a site, and what it may be asked of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from emulator.checks.scope import Scope, everywhere
from emulator.description import Ability, Arch, Variant
from emulator.errors import UnknownName

if TYPE_CHECKING:
    from emulator.checks.finding import Violation
    from emulator.checks.passage import Passage

Check = Callable[["Passage"], Iterator["Violation"] | None]


class Clause(NamedTuple):
    """A clause of the contract. `check` yields what it finds wrong in one passage; None: it has nothing to say there.

    Its docstring says what it asks, where the kernel promises it, and which real bugs broke it; explain prints it.
    """

    id: str
    title: str
    check: Check
    needs: Ability
    """What a variant must declare for the clause to be asked of it."""
    scope: Scope = everywhere
    """Why it has nothing to say on a variant that declares that."""

    def asked_of(self, variant: Variant) -> bool:
        """Whether the variant declares what the clause is about."""
        return self.needs in variant.abilities

    def unsupported(self, arch: Arch, variant: Variant) -> str:
        """Why the variant cannot be asked; empty where it can."""
        if not self.asked_of(variant):
            return f"the variant does not declare {self.needs.name}"
        return self.scope(arch, variant)

    @property
    def explanation(self) -> str:
        """The docstring, unindented."""
        return inspect.cleandoc(self.check.__doc__ or "")


CLAUSES: dict[str, Clause] = {}
"""By id, in the order in which they were declared."""
ORDER = "TCWGUPHN"
"""The letters of ids: transparency, the callback, write-back, graph, unwinding, patching, hardening, never."""


def clause(
    id_: str, title: str, *, needs: Ability = Ability.NONE, scope: Scope = everywhere
) -> Callable[[Check], Check]:
    """Declare a clause; ids are unique."""

    def declare(check: Check) -> Check:
        if id_ in CLAUSES:
            raise ValueError(f"clause {id_} is declared twice")
        CLAUSES[id_] = Clause(id_, title, check, needs, scope)
        return check

    return declare


def ordered() -> tuple[Clause, ...]:
    """All clauses, for people: by their letters, then by number."""
    return tuple(sorted(CLAUSES.values(), key=lambda item: (ORDER.index(item.id[0]), item.id)))


def find(id_: str) -> Clause:
    """The clause called `id_`. Raises UnknownName."""
    try:
        return CLAUSES[id_.upper()]
    except KeyError:
        raise UnknownName("clause", id_, CLAUSES) from None
