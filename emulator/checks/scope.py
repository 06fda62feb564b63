# SPDX-License-Identifier: GPL-2.0-only
"""What a variant lets no clause ask: why it has nothing to say there, though the ability it needs is declared."""

from __future__ import annotations

from collections.abc import Callable

from emulator.core import releases
from emulator.description import Ability, Arch, Return, Variant

Scope = Callable[[Arch, Variant], str]
"""The reason why a clause has nothing to say on a variant; empty where it has."""


def everywhere(_arch: Arch, _variant: Variant) -> str:
    """No variant is left out."""
    return ""


def with_op(_arch: Arch, variant: Variant) -> str:
    """Releases whose callbacks get their ops."""
    passed = releases.release(variant.release).callback_gets_op
    return "" if passed else "callbacks of this release get ip and parent_ip only"


def with_record(_arch: Arch, variant: Variant) -> str:
    """Entries that promise members of a record."""
    promised = any(entry.promises or entry.constants for entry in variant.entries)
    return "" if promised else "no entry promises a record"


def with_ip_loaded(arch: Arch, variant: Variant) -> str:
    """Entries that go to the ip in the record."""
    names = {member.name for member in arch.record(variant).members if isinstance(member.holds, Return)}
    loaded = any(names & set(entry.honours) for entry in variant.entries)
    return "" if loaded else "no entry loads ip back from a record"


def with_loads(_arch: Arch, variant: Variant) -> str:
    """Entries that load anything back."""
    loaded = any(entry.honours for entry in variant.entries)
    return "" if loaded else "no entry loads anything back from a record"


def with_frames(_arch: Arch, variant: Variant) -> str:
    """Entries that keep the chain of frame pointers."""
    return "" if any(entry.frames for entry in variant.entries) else "no entry builds a frame for unwinders"


def with_stop(_arch: Arch, variant: Variant) -> str:
    """Releases that have function_trace_stop."""
    there = releases.release(variant.release).has_trace_stop
    return "" if there else "this release has no function_trace_stop (gone since 3.17)"


def with_pushed_returns(arch: Arch, _variant: Variant) -> str:
    """Architectures whose calls push their return address."""
    return "a call pushes no return address" if arch.abi.link else ""


def with_hooks(_arch: Arch, variant: Variant) -> str:
    """Configurations that let anybody register for the graph tracer: 6.12 makes subops of it, which need filters."""
    dynamic = Ability.DYNAMIC_FTRACE in variant.abilities
    alone = releases.release(variant.release).graph_users == 1
    return "" if dynamic or alone else "without DYNAMIC_FTRACE this release refuses the graph tracer"
