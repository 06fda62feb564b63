# SPDX-License-Identifier: GPL-2.0-only
"""Campaigns of mutants: how many were caught, by which clause first, and who survived; as text, document and page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from emulator.mutants.campaign import Campaign, Judged
from emulator.mutants.field import Operator
from emulator.mutants.survivors import Known
from emulator.report.lines import WIDTH, Cell, Line, Span, heading, line, table

SCHEMA = "mcount-emulator/mutants/1"
INTRODUCTION = """<!-- SPDX-License-Identifier: GPL-2.0-only -->
<!-- Made by `mcount-emulator mutate ARCH... --format markdown`: numbers of a campaign that was run. -->

# Mutants

What the contract's checks are worth. Every mutant differs from our own trampoline in one instruction: dropped, done
twice, with another displacement, immediate, register or access width, with its branch turned round, or exchanged with
the next one. Its bytes are run through the exercises of `mcount-emulator check` that come to that instruction, with two
seeds; each way through them is taken once more with the stack below sp overwritten before each instruction.

- *caught*: by a clause (the first one that says something counts below), by the kernel that refuses to work with such
  code (*refused*), or by a run that comes to no judgeable end (*unresolved*).
- *equivalent*: it survived, and stands with the reason in a `.survivors` file beside the trampoline.
- *unexplained*: it survived, and nobody knows why: a check is missing.
- The *rate* is of all mutants, equivalent ones included: nothing is left out to make it look better.

Not made at all are mutants that provably do the same (two independent instructions exchanged, one that depends on
nothing it changes done twice), and mutants of instructions that no exercise comes to; those instructions stand in the
`.survivors` files as well, with the reason.

Do it yourself: `make mutants ARCH=x86_64 VARIANT=6.12`, or for a trampoline of your own
`mcount-emulator mutate x86_64 --source F.S`; `F.survivors` beside it is read too.
"""


def _rate(judged: Sequence[Judged]) -> str:
    """The share that was caught."""
    caught = sum(bool(item.fate.caught) for item in judged)
    return f"{100 * caught / len(judged):.1f} %" if judged else "-"


def _counts(campaign: Campaign) -> tuple[int, int, int]:
    """Caught, equivalent, unexplained."""
    caught = sum(bool(item.fate.caught) for item in campaign.judged)
    equivalent = sum(item.known is not None for item in campaign.judged)
    return caught, equivalent, len(campaign.unexplained)


def _by_clause(judged: Iterable[Judged]) -> list[tuple[str, int]]:
    return Counter(item.fate.caught for item in judged if item.fate.caught).most_common()


def _of(campaign: Campaign, operator: Operator) -> list[Judged]:
    return [item for item in campaign.judged if item.mutant.operator is operator]


# -- text --------------------------------------------------------------------------------------------------------------


def render(campaigns: Sequence[Campaign], unused: Sequence[Known] = ()) -> list[Line]:
    """For a terminal."""
    lines = [made for campaign in campaigns for made in _campaign(campaign)]
    bad = Span("UNUSED", "bold red")
    return lines + table([[bad, f"{known.position}: explains nothing: {known.change}"] for known in unused])


def _campaign(campaign: Campaign) -> list[Line]:
    subject, (caught, equivalent, unexplained) = campaign.subject, _counts(campaign)
    some = len(campaign.judged)
    of = f" of {campaign.total}" if some < campaign.total else ""
    return [
        heading(f"{subject.arch.name} {subject.variant.name}: {some}{of} mutants"),
        line(f"  {caught} caught ({_rate(campaign.judged)}), {equivalent} equivalent, {unexplained} unexplained"),
        *_pairs("caught first by", [f"{clause} {count}" for clause, count in _by_clause(campaign.judged)]),
        *_pairs("by operator", list(_operators(campaign))),
        *_survivors(campaign),
        [],
    ]


def _operators(campaign: Campaign) -> Iterable[str]:
    for operator in Operator:
        if judged := _of(campaign, operator):
            yield f"{operator.value} {sum(bool(item.fate.caught) for item in judged)}/{len(judged)}"


def _pairs(title: str, cells: Sequence[str]) -> list[Line]:
    """Cells side by side, in as many lines as they take."""
    rows = [""]
    for cell in cells:
        if len(rows[-1]) + len(cell) + 2 > WIDTH - 20:
            rows.append("")
        rows[-1] += f"{', ' if rows[-1] else ''}{cell}"
    return [line(f"  {'' if number else title:17}", row) for number, row in enumerate(rows)]


def _survivors(campaign: Campaign) -> list[Line]:
    rows: list[list[Cell]] = []
    for item in campaign.unexplained:
        mutant = item.mutant
        where = f"{mutant.place.where} ({mutant.place.source})"
        rows.append([Span("SURVIVES", "bold red"), where])
        rows.append(["", f"{mutant.operator.value}: {mutant.place.text} -> {mutant.text}"])
        if item.fate.what:
            rows.append(["", item.fate.what])
    for place, known in campaign.unreached:
        if known is None:
            rows.append([Span("UNREACHED", "bold red"), f"{place.where} ({place.source}): {place.text}"])
    bad = Span("CAUGHT", "bold red")
    rows += [[bad, f"{known.position} says that it survives: {mutant}"] for known, mutant in campaign.outdated]
    return table(rows, indent=2)


# -- JSON --------------------------------------------------------------------------------------------------------------


def document(campaigns: Sequence[Campaign], seed: int, unused: Sequence[Known] = ()) -> dict[str, Any]:
    """For programs."""
    return {
        "schema": SCHEMA,
        "seed": seed,
        "variants": [_document(campaign) for campaign in campaigns],
        "unused": [{"file": known.position.file, "line": known.position.line} for known in unused],
    }


def _document(campaign: Campaign) -> dict[str, Any]:
    subject, (caught, equivalent, unexplained) = campaign.subject, _counts(campaign)
    return {
        "arch": subject.arch.name,
        "variant": subject.variant.name,
        "origin": subject.origin,
        "mutants": campaign.total,
        "judged": len(campaign.judged),
        "caught": caught,
        "equivalent": equivalent,
        "unexplained": unexplained,
        "by_clause": dict(_by_clause(campaign.judged)),
        "by_operator": {
            operator.value: {"judged": len(some), "caught": sum(bool(item.fate.caught) for item in some)}
            for operator in Operator
            if (some := _of(campaign, operator))
        },
        "survivors": [_survivor(item) for item in campaign.judged if not item.fate.caught],
        "unreached": [
            {
                "where": place.where,
                "file": place.file,
                "line": place.line or None,
                "reason": known.reason if known else None,
            }
            for place, known in campaign.unreached
        ],
        "outdated": [
            {"file": known.position.file, "line": known.position.line, "mutant": str(mutant)}
            for known, mutant in campaign.outdated
        ],
    }


def _survivor(item: Judged) -> dict[str, Any]:
    place = item.mutant.place
    return {
        "where": place.where,
        "file": place.file,
        "line": place.line or None,
        "operator": item.mutant.operator.value,
        "old": place.text,
        "new": item.mutant.text,
        "reason": item.known.reason if item.known else None,
    }


# -- the page ----------------------------------------------------------------------------------------------------------


def markdown(campaigns: Sequence[Campaign]) -> str:
    """docs/mutants.md."""
    head = ["variant", "mutants", "caught", "equivalent", "unexplained", "rate"]
    rows = [[_name(item), str(item.total), *map(str, _counts(item)), _rate(item.judged)] for item in campaigns]
    by_operator = [
        [_name(item), *(_rate(_of(item, operator)).removesuffix(" %") for operator in Operator)] for item in campaigns
    ]
    clauses = sorted({clause for item in campaigns for clause, _ in _by_clause(item.judged)})
    first = [
        [_name(item), *(str(dict(_by_clause(item.judged)).get(clause, "")) for clause in clauses)] for item in campaigns
    ]
    parts = [
        INTRODUCTION,
        "## By variant\n\n" + _table(head, rows),
        "## By operator, in per cent\n\n" + _table(["variant", *(item.value for item in Operator)], by_operator),
        "## By the clause that says something first\n\n" + _table(["variant", *clauses], first),
        "## Equivalent mutants, by reason\n\n" + _table(["mutants", "variants", "reason"], _reasons(campaigns)),
    ]
    return "\n".join(parts)


def _name(campaign: Campaign) -> str:
    return f"{campaign.subject.arch.name} {campaign.subject.variant.name}"


def _reasons(campaigns: Sequence[Campaign]) -> list[list[str]]:
    found: dict[str, list[Campaign]] = {}
    for campaign in campaigns:
        for item in campaign.judged:
            if item.known:
                found.setdefault(item.known.reason, []).append(campaign)
    rows = [(len(each), len({_name(item) for item in each}), reason) for reason, each in found.items()]
    return [[str(count), str(variants), reason] for count, variants, reason in sorted(rows, reverse=True)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    shown = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in shown)
