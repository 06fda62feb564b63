# SPDX-License-Identifier: GPL-2.0-only
"""Bugs of the core and of other architectures' patchers, in our models of both."""

from __future__ import annotations

import pytest

from emulator.copies import Original
from emulator.core import addresses, choice, filters, ftrace, functions, patching, records, registration
from emulator.core.direct import Direct
from emulator.core.returns import RETURN_TO_HANDLER, Returns
from emulator.patcher import Patcher

# -- who is called -----------------------------------------------------------------------------------------------------


def patched_list(bug, *, newest_first=True, most=None, tests=True, own_op=True):
    """The list function, with something left out."""

    def list_func(core, ip, parent_ip, _op, record):
        if core.release.list_func_tests_stop and core.function_trace_stop:
            return
        regs = record.get_regs() if record else None
        for ops in list(core.ops)[:: 1 if newest_first else -1][:most]:
            wanted = not tests or functions.ops_test(core, ops, ip, regs)
            if not ops.has("STUB") and wanted:
                core.call(ops.func_address, ip, parent_ip, ops if own_op else core.list_end, record)

    bug.patch(ftrace, "FUNCTIONS", {**functions.FUNCTIONS, choice.LIST_FUNC: list_func})


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
@pytest.mark.caught("C0", "arm", "3.7 6.12")
def test_the_list_ends_behind_the_first_ops(bug):
    """PA-05"""
    patched_list(bug, most=1)
    bug.must_be_caught()


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
def test_the_list_is_gone_through_from_its_end(bug):
    """GEN"""
    patched_list(bug, newest_first=False)
    bug.must_be_caught()


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
def test_the_list_does_not_look_at_hashes(bug):
    """GEN"""
    patched_list(bug, tests=False)
    bug.must_be_caught()


@pytest.mark.caught("C3", "x86_64", "3.7 6.12")
def test_the_list_hands_on_the_op_that_it_got(bug):
    """GEN"""
    patched_list(bug, own_op=False)
    bug.must_be_caught()


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
def test_the_recursion_bit_stays_set(bug):
    """GEN"""

    def sticky(core, ip, parent_ip, op, record):
        if not core.current.trace_recursion:
            functions.ops_list_func(core, ip, parent_ip, op, record)
            core.current.trace_recursion = 1 << 30

    bug.patch(ftrace, "FUNCTIONS", {**functions.FUNCTIONS, choice.LIST_FUNC: sticky})
    bug.must_be_caught()


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
def test_one_of_two_ops_is_called_directly(bug):
    """GEN"""
    choose = choice.choose

    def first(core):
        return choice.Choice(core.ops[0].func_address, core.ops[0]) if core.ops else choose(core)

    bug.patch(choice, "choose", first)
    bug.must_be_caught()


@pytest.mark.caught("C3", "x86_64", "3.7-ops-no-regs")
@pytest.mark.caught("C3", "arm", "6.12")
def test_function_trace_op_is_never_written(bug):
    """PPC-17"""
    bug.patch(choice, "set_trace_op", lambda _core: None)
    bug.must_be_caught()


# -- which entry a site calls ------------------------------------------------------------------------------------------


@pytest.mark.caught("C4", "x86_64", "3.7 6.12")
@pytest.mark.caught("C4", "arm", "6.12")
def test_every_site_calls_the_plain_entry(bug):
    """S390-03"""
    bug.patch(addresses, "ftrace_addr", lambda core, *, regs: core.platform.address("ftrace_caller"))
    bug.must_be_caught()


@pytest.mark.caught("C4", "x86_64", "3.7 6.12")
@pytest.mark.caught("C4", "arm", "6.12")
def test_a_site_stays_at_the_entry_that_it_calls(bug):
    """S390-03"""
    bug.patch(Patcher, "modify_call", lambda _self, _ip, _old, _target: None)
    bug.must_be_caught()


@pytest.mark.caught("C4", "x86_64", "3.7 6.12")
@pytest.mark.caught("C4", "arm", "6.12")
def test_regs_go_with_any_ops_that_goes(bug):
    """GEN"""
    drop = records.drop_reference

    def drop_regs(rec, ops, registered, release):
        drop(rec, ops, registered, release)
        rec.flags &= ~release.bits.REGS

    for module in (registration, filters):
        if hasattr(module, "drop_reference"):
            bug.patch(module, "drop_reference", drop_regs)
    bug.must_be_caught()


# -- what is written to text -------------------------------------------------------------------------------------------


@pytest.mark.caught("P1", "x86_64", "3.6 6.12")
@pytest.mark.caught("P1", "arm", "3.6 6.12")
def test_the_distance_is_counted_from_the_wrong_end(bug):
    """A64-04"""
    make_call, size = Patcher.make_call, len(bug.variant.site.call.opcode)
    bug.patch(Patcher, "make_call", lambda self, ip, target: make_call(self, ip, target + size))
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.7 6.12")
@pytest.mark.caught("P1", "arm", "3.7 6.12")
def test_more_is_written_than_the_site_has(bug):
    """MIPS-08"""
    make_nop = Patcher.make_nop

    def longer(self, ip, old):
        make_nop(self, ip, old)
        self._memory.write(ip + len(self.variant.site.nop), b"\x00")

    bug.patch(Patcher, "make_nop", longer)
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "6.12")
def test_another_nop_than_the_ones_at_boot(bug):
    """PPC-15"""
    make_nop = Patcher.make_nop

    def five_nops(self, ip, old):
        make_nop(self, ip, old)
        self._memory.write(ip, b"\x90" * 5)

    bug.patch(Patcher, "make_nop", five_nops)
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.7 6.12")
@pytest.mark.caught("P1", "arm", "3.7 6.12")
def test_nobody_looks_at_what_is_written_over(bug):
    """RV-10"""
    bug.patch(Patcher, "_expect", lambda _self, _ip, _old: None)
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.6 3.7 6.12")
@pytest.mark.caught("P1", "arm", "3.7 6.12")
def test_the_labels_are_never_pointed_elsewhere(bug):
    """S390-05"""
    bug.patch(Patcher, "update_trace_func", lambda _self, _func: None)
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.7 6.12")
@pytest.mark.caught("P1", "arm", "6.12")
def test_one_of_two_labels_is_pointed_elsewhere(bug):
    """SH-02"""
    update = Patcher.update_trace_func

    def first(self, func):
        self._calls = self._calls[:1]
        update(self, func)

    bug.patch(Patcher, "update_trace_func", first)
    bug.must_be_caught()


@pytest.mark.caught("P1", "x86_64", "3.7 6.12")
def test_sites_are_left_as_they_are(bug):
    """PPC-12"""
    bug.patch(Patcher, "make_call", lambda _self, _ip, _target: None)
    bug.must_be_caught()


@pytest.mark.caught("C0", "x86_64", "3.7 6.12")
def test_no_site_is_ever_replaced(bug):
    """A64-03"""
    bug.patch(patching, "replace_code", lambda _core, *, enable: None)
    bug.must_be_caught()


@pytest.mark.caught("G1", "x86_64", "3.6 3.7")
@pytest.mark.caught("G1", "arm", "3.7 6.12")
def test_the_graph_caller_is_never_switched_off(bug):
    """A64-02"""
    switch = Patcher.switch_graph_caller
    bug.patch(Patcher, "switch_graph_caller", lambda self, *, on: switch(self, on=on) if on else None)
    bug.must_be_caught()


# -- private copies ----------------------------------------------------------------------------------------------------


@pytest.mark.caught("P2", "x86_64", "6.1 6.12 6.12-fp")
def test_a_copy_keeps_the_jump_to_the_direct_call(bug):
    """X64"""
    copy = Original.copy

    def jumping(self, address, ops):
        self._jump = None
        return copy(self, address, ops)

    bug.patch(Original, "copy", jumping)
    bug.must_be_caught()


@pytest.mark.caught("P2", "x86_64", "6.1 6.12")
def test_a_copy_points_to_another_ops(bug):
    """PPC-17"""
    copy = Original.copy
    bug.patch(Original, "copy", lambda self, address, ops: copy(self, address, ops + 8))
    bug.must_be_caught()


# -- direct calls ------------------------------------------------------------------------------------------------------


@pytest.mark.caught("W2", "x86_64", "6.1 6.12")
def test_a_direct_call_is_not_sent_elsewhere(bug):
    """X64-35"""
    bug.patch(Direct, "modify", lambda _self, _ops, _address: None)
    bug.must_be_caught()


@pytest.mark.caught("W2", "x86_64", "6.1 6.12")
def test_a_direct_call_is_not_taken_back(bug):
    """X64-35"""
    bug.patch(Direct, "unregister", lambda _self, _ops, _address, *, free_filters=False: None)
    bug.must_be_caught()


# -- the graph tracer --------------------------------------------------------------------------------------------------


@pytest.mark.caught("G2", "x86_64", "3.6 6.12")
@pytest.mark.caught("G2", "arm", "3.6 6.12")
def test_a_return_is_taken_that_nobody_wanted(bug):
    """GEN"""
    ask = Returns._entryfunc
    bug.patch(Returns, "_entryfunc", lambda self, gops, func, depth: ask(self, gops, func, depth) or True)
    bug.must_be_caught()


@pytest.mark.caught("G2", "x86_64", "6.1 6.12")
def test_what_is_kept_of_a_refused_return_stays(bug):
    """GEN"""
    push = Returns._push_and_ask

    def push_for_good(self, entry):
        taken = push(self, entry)
        if not taken and self._graph.users:
            self._graph.stack.entries.append(entry)
        return taken

    bug.patch(Returns, "_push_and_ask", push_for_good)
    bug.must_be_caught()


@pytest.mark.caught("G2", "x86_64", "3.7 6.12")
@pytest.mark.caught("G2", "arm", "3.6 6.12")
def test_a_return_is_kept_but_its_word_is_not_the_one_returned_through(bug):
    """A64-12"""
    bug.patch(Patcher, "write_word", lambda _self, _address, _value: None)
    bug.must_be_caught()


@pytest.mark.caught("G2", "x86_64", "3.7 6.12")
@pytest.mark.caught("G2", "arm", "3.6 6.12")
def test_the_hook_is_written_whether_or_not_the_entry_succeeded(bug):
    """S390"""
    prepare = Returns.prepare_ftrace_return

    def always(self, parent, self_addr, frame_pointer):
        prepare(self, parent, self_addr, frame_pointer)
        self._core.platform.write_word(parent, self._core.platform.address(RETURN_TO_HANDLER))

    bug.patch(Returns, "prepare_ftrace_return", always)
    bug.must_be_caught()


@pytest.mark.caught("G3", "x86_64", "3.7 6.12")
def test_the_oldest_return_is_given_back_first(bug):
    """SH-03"""

    def oldest(self, _frame_pointer, _retval):
        return self._graph.stack.entries.pop(0).ret

    bug.patch(Returns, "ftrace_return_to_handler", oldest)
    bug.must_be_caught()
