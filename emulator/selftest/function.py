# SPDX-License-Identifier: GPL-2.0-only
"""trace_selftest_startup_function(): the tests that a kernel runs on its function tracer when it boots.

Source: kernel/trace/trace_selftest.c; what its printk() says where it fails is said here too.
"""

from __future__ import annotations

from functools import partial

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError
from emulator.lab import Lab
from emulator.selftest.case import Case, Expected, Kernel, expect
from emulator.selftest.probes import F1, F2, Probe, Tracer, call, call_all, has_global, safe

SOURCE = "kernel/trace/trace_selftest.c: function"


def function(lab: Lab) -> None:
    """The tracer is on for a while; something must be in the buffer."""
    tracer = Tracer(lab).start()
    call_all(lab)
    tracer.stop()
    expect(tracer.count, "no entries found")


def dynamic_ftrace(lab: Lab) -> None:
    """With a filter on one function nothing else is seen, and its one call is."""
    tracer = Tracer(lab)
    call(lab, F1)
    tracer.filter(f"*{F1}")
    tracer.start()
    call_all(lab, F1)
    expect(not tracer.count, f"filter did not filter: {', '.join(tracer.seen)}")
    call(lab, F1)
    expect(tracer.count == 1, f"filter failed count={tracer.count}")


# -- trace_selftest_ops() ----------------------------------------------------------------------------------------------

SOME, ANY = "+", "-"
"""Of a count: not zero; not looked at."""


class _Ops:
    """The five probes, and their counts as the kernel prints them."""

    def __init__(self, lab: Lab, *, with_global: bool) -> None:
        self.lab = lab
        self.probes = [Probe(lab, f"test_probe{number}") for number in (1, 2, 3)]
        flags = {"GLOBAL"} if has_global(lab) else {"PID"}
        self.tracer = Probe(lab, "test_global", flags) if with_global else None
        self.dynamic = Probe(lab, "dyn_ops", home="module")

    @property
    def counts(self) -> list[int]:
        every = (*self.probes, self.tracer, self.dynamic)
        return [probe.count if probe else 0 for probe in every]

    def expect(self, step: str, expected: str) -> None:
        """Compare with five counts, as in "(1 0 1 + -)". Without a global ops its count is not looked at."""
        wanted = expected.strip("()").split()
        wanted[3] = wanted[3] if self.tracer else ANY
        pairs = list(zip(wanted, self.counts, strict=True))
        good = all(want == ANY or (got > 0 if want == SOME else got == int(want)) for want, got in pairs)
        got = " ".join(str(count) for count in self.counts)
        expect(good, f"{step}: expected ({' '.join(wanted)}), got ({got})")

    def hit(self, function: str, step: str, expected: str) -> None:
        call(self.lab, function)
        self.expect(f"{step}, {'F1' if function == F1 else 'F2'} called", expected)

    def register(self) -> None:
        first, second, third = self.probes
        first.on(f"*{F1}").start()
        second.on(f"*{F2}").start()
        third.on(f"*{F1}", f"*{F2}").start()
        if self.tracer:
            self.tracer.start()

    def unregister(self) -> None:
        """In the order in which they were registered, on purpose."""
        self.dynamic.stop()
        for probe in (*self.probes, self.tracer):
            if probe:
                probe.stop()

    def reset(self) -> None:
        for probe in (*self.probes, self.tracer, self.dynamic):
            if probe:
                probe.seen.clear()


def ops(lab: Lab, cnt: int) -> None:
    """Three probes with filters, one of them dynamic, and the global ops; every call counts where it should.

    The first time with the tracer on, filtered; the second with it off. Then later kernels leave the global ops to it.
    """
    if cnt == 1:
        tracer = Tracer(lab)
        tracer.filter(f"*{F1}")
        tracer.start()
    test = _Ops(lab, with_global=cnt > 1 or has_global(lab))
    test.register()
    test.hit(F1, "three probes", "(1 0 1 + -)")
    test.hit(F2, "three probes", "(1 1 2 - -)")
    test.dynamic.start()
    if test.tracer:
        test.tracer.seen.clear()
    test.hit(F1, "a dynamic probe", "(2 1 3 + +)")
    test.hit(F2, "a dynamic probe", "(2 2 4 - -)")
    if not has_global(lab):
        lab.set_filter(test.probes[2].ops, f"!{F1}")
        test.hit(F1, "F1 removed from probe 3", "(3 2 4 + +)")
        test.hit(F2, "F1 removed from probe 3", "(3 3 5 - -)")
    test.unregister()
    test.reset()
    call(lab, F1)
    test.hit(F1, "everything off", "(0 0 0 0 0)")


# -- recursion ---------------------------------------------------------------------------------------------------------


class _Recursing:
    """An ops whose callback calls the traced function again."""

    def __init__(self, lab: Lab, name: str, flags: frozenset[str], count: int, most: int) -> None:
        self.lab, self.count, self.most = lab, count, most
        self.ops = FtraceOps(name, self._hit, flags=flags)

    def _hit(self, *_: object) -> None:
        before, self.count = self.count, self.count + 1
        if before <= self.most:
            call(self.lab, F1)

    def run(self) -> int:
        """Its count after one call."""
        self.lab.set_filter(self.ops, f"*{F1}", reset=True)
        self.lab.register(self.ops)
        call(self.lab, F1)
        self.lab.unregister(self.ops)
        return self.count


def recursion(lab: Lab) -> None:
    """A callback without protection of its own is not entered again; since 5.10 once, in case of an interrupt."""
    contexts = lab.release.recursion_contexts
    flags = frozenset({"RECURSION"} & lab.release.flags.keys())
    count = _Recursing(lab, "test_rec_probe", flags, 0, 10).run()
    twice = " (or twice)" if contexts else ""
    expect(count == 1 or (contexts and count == 2), f"callback not called once{twice} ({count})")
    expect(not contexts or count == 2, "callback called once: without interrupts the transition bit lets one more in")


def recursion_safe(lab: Lab) -> None:
    """A callback that protects itself is entered again, if nothing stands between it and the function."""
    count = _Recursing(lab, "test_recsafe_probe", safe(lab), 1, 0).run()
    wanted = 1 if lab.release.list_func_tests_stop and lab.core.force_list else 2
    expect(count == wanted, f"callback not called expected {wanted} times ({count})")


def recursion_safe_fails(kernel: Kernel) -> Expected | None:
    """3.7 expects less where the list function is forced, and forgets that its count begins with 1."""
    forced = kernel.release.list_unless not in kernel.abilities
    if not kernel.release.list_func_tests_stop or not forced:
        return None
    reason = "3.7 begins to count with 1 and wants 1 where FTRACE_FORCE_LIST_FUNC is set: one call makes 2"
    return Expected("callback not called expected 1 times (2)", reason)


def no_recursion_test(kernel: Kernel) -> str | None:
    """3.6 protects nobody but its list functions."""
    if kernel.release.protects_ops is None:
        return f"{kernel.release.name} protects no callback from recursion, and has no such test"
    return None


# -- regs --------------------------------------------------------------------------------------------------------------


def regs(lab: Lab) -> None:
    """SAVE_REGS gives regs, or is refused, and then only SAVE_REGS_IF_SUPPORTED is taken, and gives none."""
    supported = lab.core.with_regs
    probe = Probe(lab, "test_regs_probe", {"SAVE_REGS"})
    if lab.core.dynamic:
        probe.on(f"*{F1}")
    if not supported:
        expect(_refused(probe), "registered save-regs without arch support")
        probe.ops.flags |= {"SAVE_REGS_IF_SUPPORTED"}
    if supported or not probe.ops.has("ENABLED"):
        probe.start()
    call(lab, F1)
    probe.stop()
    expect(probe.count, "callback never called")
    expect(supported or not probe.regs, "callback received regs without arch support")
    expect(probe.regs or not supported, "callback received NULL regs")


def _refused(probe: Probe) -> bool:
    try:
        probe.start()
    except FtraceError:
        return True
    return False


def no_save_regs(kernel: Kernel) -> str | None:
    """SAVE_REGS came with 3.7."""
    return None if "SAVE_REGS" in kernel.release.flags else f"{kernel.release.name} has no FTRACE_OPS_FL_SAVE_REGS"


# -- the cases ---------------------------------------------------------------------------------------------------------

DYNAMIC = Ability.DYNAMIC_FTRACE

CASES = (
    Case(name="function", title="tracer function", source=SOURCE, run=function),
    Case(name="dynamic-ftrace", title="dynamic ftrace", source=SOURCE, run=dynamic_ftrace, needs=DYNAMIC),
    *(
        Case(
            name=f"ops-{cnt}",
            title=f"dynamic ftrace ops #{cnt}",
            source=SOURCE,
            run=partial(ops, cnt=cnt),
            needs=DYNAMIC,
        )
        for cnt in (1, 2)
    ),
    Case(
        name="recursion",
        title="ftrace recursion",
        source=SOURCE,
        run=recursion,
        needs=DYNAMIC,
        lacks=no_recursion_test,
    ),
    Case(
        name="recursion-safe",
        title="ftrace recursion safe",
        source=SOURCE,
        run=recursion_safe,
        needs=DYNAMIC,
        lacks=no_recursion_test,
        fails=recursion_safe_fails,
    ),
    Case(name="regs", title="ftrace regs", source=SOURCE, run=regs, lacks=no_save_regs),
)
