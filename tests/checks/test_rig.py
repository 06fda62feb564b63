# SPDX-License-Identifier: GPL-2.0-only
"""What makes the contract bite, taken away piece by piece: then somebody who breaks a clause is no longer caught."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from emulator import catalog, image, runner
from emulator.checks.exercises import EXERCISES
from emulator.checks.judge import Judgement, judge
from emulator.checks.rig import FUNCTION, TARGET, Rig
from emulator.description import Arch
from emulator.seeding import Scribbler
from emulator.subject import Subject, load

FOLDER = Path(__file__).resolve().parents[1] / "offenders"


def subject(arch: str, variant: str, name: str | Path | None = None) -> Subject:
    """A variant with an offender's source, or a file's, or its own."""
    declared = catalog.load(arch)
    source = FOLDER / arch / f"{name}.S" if isinstance(name, str) else name
    (loaded,) = load(declared, [declared.variant(variant)], source=source)
    return loaded


def changed(folder: Path, arch: str, variant: str, tiny: str, steps: str) -> Subject:
    """A variant with the small trampoline, of which these steps are other ones."""
    (folder / tiny).write_text((FOLDER / arch / tiny).read_text())
    path = folder / "changed.S"
    path.write_text(f'{steps}\n        .include "{tiny}"\n')
    return subject(arch, variant, path)


def judged(subject: Subject, *names: str, seeds: Iterable[int] = (1,), disturb: bool = False) -> dict[str, list[str]]:
    """{clause: what is wrong} in some exercises, or in all."""
    exercises = [EXERCISES[name] for name in names]
    return wrong(judge(subject, seeds, exercises=exercises, disturb=disturb, events=False))


def wrong(judgement: Judgement) -> dict[str, list[str]]:
    return {id_: list(seen.wrong) for id_, seen in judgement.seen.items() if seen.wrong}


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant", "name", "exercise", "clause"), [
    ("arm", "6.1", "T1-arguments-exchanged", "one", "T1"),
    ("x86_64", "6.12", "C5-slots-exchanged", "regs", "C5"),
])  # fmt: skip
def test_registers_that_are_all_zero_hide_which_is_which(
    arch: str, variant: str, name: str, exercise: str, clause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offender = subject(arch, variant, name)
    assert clause in judged(offender, exercise)

    def zeros(arch: Arch, _numbers: object) -> dict[str, int]:
        return {register.name: 0 for register in arch.registers} | {arch.abi.flags: arch.abi.flags_base}

    monkeypatch.setattr(runner, "seeded_registers", zeros)
    assert clause not in judged(offender, exercise)


@pytest.mark.parametrize("exercise", ["one", "two", "elsewhere"])
def test_a_stack_that_is_all_zero_hides_what_nobody_has_written(exercise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offender = subject("x86_64", "6.12", "C4-mark-left-over")
    assert {"C4", "C5"} <= judged(offender, "one").keys()
    monkeypatch.setattr(image, "_poison", lambda _seed: bytes(image.STACK_SIZE))
    assert judged(offender, exercise) == {}


def test_no_two_registers_and_no_two_seeds_hold_the_same() -> None:
    ours = subject("x86_64", "6.12")
    first, second = (Rig(ours, seed).lab.runner._values for seed in (1, 2))
    abi = ours.arch.abi
    numbers = [value for values in (first, second) for name, value in values.items() if name != abi.flags]
    assert len(set(numbers)) == len(numbers)
    assert all(value >> 48 for value in numbers), "upper halves are dirty, too"
    assert Rig(ours, 1).lab.image.poison != Rig(ours, 2).lab.image.poison


SIGNED = """
        .set    OWN_LEAVE, 1
        .macro LEAVE
        test    %rbx, %rbx
        jns     5f
        xor     %r8d, %r8d
5:      lea     AREA(%rsp), %rsp
        .endm
"""


def test_what_shows_with_some_values_only_takes_several_seeds(tmp_path: Path) -> None:
    offender = changed(tmp_path, "x86_64", "6.12", "tiny-6.S", SIGNED)
    seeds = {seed: bool(judged(offender, "one", seeds=[seed])) for seed in range(1, 9)}
    assert set(seeds.values()) == {False, True}
    assert judged(offender, "one", seeds=range(1, 9)) == {"T1": ["r8"]}


WIDE = """
        .set    OWN_TEST_STOP, 1
        .macro TEST_STOP
        cmpq    $0, function_trace_stop(%rip)
        jne     ftrace_stub
        .endm
"""


def test_what_lies_beside_an_int_is_not_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offender = changed(tmp_path, "x86_64", "3.6", "tiny-3.S", WIDE)
    assert "C0" in judged(offender, "one")
    monkeypatch.setattr(image, "VARIABLES", {})
    assert judged(offender, "one", "stopped") == {}


# -- C functions and interrupts ---------------------------------------------------------------------------------------

RED_ZONE = """
        .set    OWN_RECORD, 1
        .macro RECORD
        str     r3, [sp, #-8]
        mov     r3, #0
        .endm
        .set    OWN_LEAVE, 1
        .macro LEAVE
        ldr     r3, [sp, #-8]
        pop     {r0-r2}
        add     sp, sp, #4
        pop     {ip, lr}
        bx      ip
        .endm
"""


def test_a_callback_that_changes_no_register_hides_what_is_not_loaded_back(monkeypatch: pytest.MonkeyPatch) -> None:
    offender = subject("x86_64", "6.12", "T1-argument-lost")
    assert "T1" in judged(offender, "one")
    monkeypatch.setattr(Scribbler, "__call__", lambda _self, registers: registers)
    assert judged(offender, "one") == {}


def test_a_c_function_writes_below_sp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offender = changed(tmp_path, "arm", "6.1", "tiny-6.S", RED_ZONE)
    assert "T1" in judged(offender, "one")
    monkeypatch.setattr(runner.Runner, "hostile", property(lambda _self: False, lambda _self, _value: None), False)
    assert judged(offender, "one") == {}


@pytest.mark.parametrize(("arch", "variant"), [("x86_64", "6.12"), ("arm", "6.1")])
def test_nobody_writes_below_sp_and_a_load_from_there_passes(arch: str, variant: str) -> None:
    offender = subject(arch, variant, "U3-loaded-below-sp")
    assert "U3" in judged(offender, "one", disturb=True)
    assert judged(offender, "one") == {}


# -- ways out ---------------------------------------------------------------------------------------------------------

SMOKE = "one"
"""What a test that only looks whether a callback runs would do."""


@pytest.mark.parametrize(("arch", "variant", "name", "clause", "exercise"), [
    ("x86_64", "6.12", "C5-slots-exchanged", "C5", "regs"),
    ("x86_64", "6.12", "C4-mark-left-over", "C4", "two"),
    ("x86_64", "6.12", "H2-bare-return", "H2", "direct-shared"),
    ("x86_64", "6.12", "W1-ip-not-loaded", "W1", "ip-plain"),
    ("x86_64", "6.12", "W2-member-not-loaded", "W2", "write"),
    ("x86_64", "6.12", "G3-second-half-lost", "G3", "graph"),
    ("x86_64", "6.12", "G4-frame-pointer-missing", "G4", "graph"),
    ("x86_64", "3.6", "G1-graph-passed-by", "G1", "graph"),
    ("x86_64", "3.6", "N1-stop-not-tested", "N1", "stopped"),
    ("arm", "6.1", "C5-sp-behind-the-push", "C5", "regs"),
    ("arm", "6.1", "W1-pc-not-loaded", "W1", "ip"),
    ("arm", "6.1", "W2-member-not-loaded", "W2", "write"),
    ("arm", "6.1", "G1-graph-passed-by", "G1", "graph-regs"),
    ("arm", "6.1", "G2-sp-behind-the-push", "G2", "graph"),
    ("arm", "6.1", "G4-preserved-register", "G4", "graph"),
    ("arm", "3.6", "N1-helper-passed-by", "N1", "stopped"),
])  # fmt: skip
def test_who_breaks_another_way_out_passes_where_nobody_takes_it(
    arch: str, variant: str, name: str, clause: str, exercise: str
) -> None:
    offender = subject(arch, variant, name)
    assert clause in judged(offender, exercise)
    if name != "C4-mark-left-over":  # whose fault is on every way
        assert judged(offender, SMOKE) == {}


def test_a_function_is_run_to_its_real_return() -> None:
    """Where only the entry is looked at, one that hooks a copy of the return address has hooked a word all right."""
    offender = subject("x86_64", "3.6", "G2-copied-return-address")
    assert "returns through return_to_handler" in judged(offender, "graph")["G2"]


def test_above_the_first_frame_there_is_a_canary() -> None:
    offender = subject("x86_64", "6.12", "T5-callers-word")
    rig = Rig(offender, 1)
    rig.ops("probe", on="*")
    recording = rig.call()
    assert len(recording.above) == runner.HEADROOM
    assert recording.above != recording.tail
    ours = Rig(subject("x86_64", "6.12"), 1)
    ours.ops("probe", on="*")
    recording = ours.call()
    assert recording.above == recording.tail


# -- replays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant", "name"), [
    ("x86_64", "6.12", "T1-argument-lost"), ("arm", "6.1", "G2-sp-behind-the-push"),
])  # fmt: skip
def test_one_seed_replays_everything(arch: str, variant: str, name: str) -> None:
    def violations() -> list[tuple[str, object]]:
        judgement = judge(subject(arch, variant, name), [7], events=False)
        return [
            (id_, (each.exercise, each.violation))
            for id_, seen in judgement.seen.items()
            for each in seen.wrong.values()
        ]

    first = violations()
    assert first
    assert violations() == first


def test_a_run_that_is_sent_away_ends_where_it_was_sent_to() -> None:
    rig = Rig(subject("arm", "6.1"), 1)
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    recording = rig.call(FUNCTION)
    assert recording.cut_short
    assert recording.outcome is None
    assert recording.arrivals[-1].symbol == TARGET
