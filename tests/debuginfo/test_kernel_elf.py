# SPDX-License-Identifier: GPL-2.0-only
"""The ELF file of a kernel, by what others read in it: readelf, objdump, pyelftools."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from functools import cache

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from emulator import FgraphOps, FtraceOps, Lab, catalog
from emulator.cli import main
from emulator.debugger.timeline import Timeline
from emulator.debuginfo.kernel import ASSEMBLER, C99, elf, home, source
from emulator.description import Ability
from emulator.unwind import unwinding

EVERY = [(arch.name, variant.name) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
DEFAULTS = [(arch.name, arch.releases[-1]) for arch in map(catalog.load, catalog.names()) if arch.variants]
FUNCTION = "vfs_read"
needs_readelf = pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf")


def kernel(arch, variant, flags=frozenset(), *, graph=False):
    lab = Lab(arch, variant=variant)
    if Ability.DYNAMIC_FTRACE in lab.variant.abilities:
        ops = FtraceOps("probe", lambda *_: None, flags=flags)
        lab.set_filter(ops, FUNCTION)
        lab.register(ops)
    dynamic = Ability.DYNAMIC_FTRACE in lab.variant.abilities
    has_graph = Ability.FUNCTION_GRAPH_TRACER in lab.variant.abilities
    if graph and has_graph and (dynamic or lab.release.graph_users == 1):
        lab.register_graph(FgraphOps("graph", lambda *_: True, lambda *_: None))
    return lab


@cache
def known(arch, variant):
    """What runs show of a variant: the same for all its kernels."""
    return unwinding(Lab(arch, variant=variant).subject, 1)


def written(lab):
    return elf(lab, known(lab.arch.name, lab.variant.name))


@pytest.fixture(scope="module")
def files():
    made = {}

    def make(arch, variant):
        if (arch, variant) not in made:
            lab = kernel(arch, variant)
            made[arch, variant] = lab, written(lab)
        return made[arch, variant]

    return make


# -- names, lines, types -----------------------------------------------------------------------------------------------


@needs_readelf
@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_readelf_has_nothing_to_complain_of(files, tmp_path, arch, variant):
    _, data = files(arch, variant)
    (tmp_path / "elf").write_bytes(data)
    words = [
        "readelf",
        "-W",
        "-a",
        "--debug-dump=info,abbrev,decodedline,rawline,frames-interp,Ranges",
        tmp_path / "elf",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not re.search(r"(?i)warning|corrupt|unknown (tag|at|form)", done.stdout)


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_every_name_is_there_with_its_address(files, arch, variant):
    lab, data = files(arch, variant)
    table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
    found = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
    assert {name: found.get(name) for name in lab.image.symbols} == {
        name: lab.address(name) % (1 << 8 * lab.arch.word) for name in lab.image.symbols
    }


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_every_instruction_has_its_line_and_copies_have_their_originals(files, arch, variant):
    lab, data = files(arch, variant)
    dwarf = ELFFile(io.BytesIO(data)).get_dwarf_info()
    unit, _ = dwarf.iter_CUs()
    program = dwarf.line_program_for_CU(unit)
    names = [entry.name.decode() for entry in program["file_entry"]]
    rows = {
        entry.state.address: (names[entry.state.file - 1], entry.state.line)
        for entry in program.get_entries()
        if entry.state and not entry.state.end_sequence
    }
    placed = lab.image.placement
    for at in (*placed.trampolines.lines, *placed.kernel.lines):
        assert rows[at.address] == (source(at.line.place.file), at.line.place.line)
    for copy in lab.image.symbols.copies:
        for address in range(copy.function.address, copy.function.end):
            original = copy.original + address - copy.function.address
            assert rows.get(address) == rows.get(original) or original >= placed.label("ftrace_caller")
    assert {name.startswith("trampolines/") and (home() / name).is_file() for name in names} == {True}


@pytest.mark.parametrize(("arch", "variant"), DEFAULTS)
def test_macros_lines_are_those_of_their_bodies(files, arch, variant):
    lab, _ = files(arch, variant)
    bodies = [at for at in lab.image.placement.kernel.lines if at.line.calls]
    assert bodies
    texts = {at.line.place.file: (home() / at.line.place.file).read_text().splitlines() for at in bodies}
    for at in bodies:
        assert texts[at.line.place.file][at.line.place.line - 1].split("//")[0].strip()


@needs_readelf
@pytest.mark.parametrize(("arch", "variant"), DEFAULTS)
def test_types_are_the_declared_ones(files, arch, variant):
    lab, data = files(arch, variant)
    code, unit = ELFFile(io.BytesIO(data)).get_dwarf_info().iter_CUs()
    assert [each.get_top_DIE().attributes["DW_AT_language"].value for each in (code, unit)] == [ASSEMBLER, C99]
    structs = {
        die.attributes["DW_AT_name"].value.decode(): {
            child.attributes["DW_AT_name"].value.decode(): child.attributes["DW_AT_data_member_location"].value
            for child in die.iter_children()
        }
        for die in unit.iter_DIEs()
        if die.tag == "DW_TAG_structure_type"
    }
    assert structs["pt_regs"] == {member.name: member.offset for member in lab.arch.pt_regs.members}
    assert structs["ftrace_ops"] == {member.name: member.offset for member in lab.patcher.ops_layout.members}
    variables = {
        die.attributes["DW_AT_name"].value.decode(): die.get_DIE_from_attribute("DW_AT_type").tag
        for die in unit.iter_DIEs()
        if die.tag == "DW_TAG_variable"
    }
    assert variables["function_trace_op"] == "DW_TAG_pointer_type"
    assert variables["function_trace_stop"] == "DW_TAG_base_type"
    assert variables["probe"] == "DW_TAG_structure_type"


# -- frames ------------------------------------------------------------------------------------------------------------


class Unwinder:
    """Goes from frame to frame by .debug_frame alone, as its document says."""

    def __init__(self, lab, data):
        self.lab, self.names = lab, lab.arch.gdb.dwarf
        self.tables = {}
        self.columns = {}
        for entry in ELFFile(io.BytesIO(data)).get_dwarf_info().CFI_entries():
            if isinstance(entry, FDE):
                start, size = entry["initial_location"], entry["address_range"]
                rows = entry.get_decoded().table
                for row, after in zip(rows, [*rows[1:], {"pc": start + size}], strict=True):
                    self.tables.update(dict.fromkeys(range(row["pc"], after["pc"]), row))
                self.column = entry.cie["return_address_register"]

    def frames(self, packed):
        """The functions, innermost first."""
        abi, symbols = self.lab.arch.abi, self.lab.image.symbols
        values, inner, found = self.lab.layout.unpack(packed), True, []
        while len(found) < 12:
            pc = values[abi.pc]
            function = symbols.function(pc)
            found.append(function.name if function else hex(pc))
            row = self.tables.get(pc if inner else pc - 1)
            if row is None:
                return [*found, "no frame"]
            cfa = values[self.names[row["cfa"].reg]] + row["cfa"].offset
            values = {name: self.value(row, number, cfa, values) for number, name in enumerate(self.names)}
            back, values[abi.sp], inner = values[self.names[self.column]], cfa, False
            if back is None:
                return found
            values[abi.pc] = back
        return found

    def value(self, row, number, cfa, values):
        rule = row.get(number)
        if rule is None or rule.type == "SAME_VALUE":
            return values[self.names[number]]
        if rule.type == "UNDEFINED":
            return None
        if rule.type == "REGISTER":
            return values[self.names[rule.arg]]
        return self.lab.image.memory.read_word(cfa + rule.arg)


@pytest.mark.parametrize("flags", [frozenset(), frozenset({"SAVE_REGS"})])
@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_at_every_instruction_the_way_out_is_known(arch, variant, flags):
    """The trampoline, or what it calls, was called by vfs_read, and that by ksys_read, which nobody has called."""
    if flags and Ability.DYNAMIC_FTRACE_WITH_REGS not in catalog.load(arch).variant(variant).abilities:
        pytest.skip("no SAVE_REGS here")
    lab = kernel(arch, variant, flags)
    unwinder, timeline = Unwinder(lab, written(lab)), Timeline(lab, FUNCTION)
    seen = set()
    while not timeline.ended:
        names = unwinder.frames(timeline.registers)
        assert names[-1] == "ksys_read" or _given_back(lab, timeline, names), names
        seen.add(tuple(names))
        assert timeline.forward() is None
    assert ("ksys_read",) in seen
    assert ("vfs_read", "ksys_read") in seen
    if Ability.DYNAMIC_FTRACE in lab.variant.abilities:
        hit = lab.image.symbols.function(lab.record(FUNCTION).target).name
        assert (hit, "vfs_read", "ksys_read") in seen
        ours = {hit, *lab.image.placement.trampolines.symbols}
        assert any(len(names) == 4 and names[1] in ours for names in seen)


def _given_back(lab, timeline, names):
    """A trampoline's last instruction, where the link register is its caller's again: the one column that DWARF has for
    that register and the address to return to cannot hold both.
    """
    link = lab.arch.abi.link
    if link is None or names[1:] != [FUNCTION] or not lab.image.in_trampoline(timeline.pc):
        return False
    back = lab.image.symbols.function(lab.layout.get(timeline.registers, link))
    return back is not None and back.name in ("ksys_read", "return_to_handler")


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_with_the_graph_tracer_there_is_always_a_frame(arch, variant):
    """The return address is the tracer's then: a way out there may be none, but no wrong one.

    When the tracer has given the last one back, return_to_handler is on its way to where ksys_read was called from.
    """
    lab = kernel(arch, variant, graph=True)
    unwinder, timeline = Unwinder(lab, written(lab)), Timeline(lab, FUNCTION)
    while not timeline.ended:
        names = unwinder.frames(timeline.registers)
        given_back = names[0] == "return_to_handler" and not lab.core.graph.returns.hooked
        ends = ("ksys_read", "return_to_handler", "no frame", *(["[exit]"] if given_back else []))
        assert names[-1] in ends or _given_back(lab, timeline, names), names
        assert len(names) < 6
        assert timeline.forward() is None


@pytest.mark.parametrize(("arch", "variant"), DEFAULTS)
def test_the_registers_of_the_traced_function_are_found(arch, variant):
    """At the callback, one frame up and another one: what the function had in its registers at the site."""
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS in catalog.load(arch).variant(variant).abilities
    lab = kernel(arch, variant, frozenset({"SAVE_REGS"} if regs else ()))
    unwinder, timeline = Unwinder(lab, written(lab)), Timeline(lab, FUNCTION)
    site, callback = lab.record(FUNCTION).ip, lab.address("probe_func")
    while timeline.pc != site:
        timeline.forward()
    wanted = lab.layout.unpack(timeline.registers)
    while timeline.pc != callback:
        timeline.forward()
    values = lab.layout.unpack(timeline.registers)
    for address in (callback, None):
        row = unwinder.tables[address or values[lab.arch.abi.pc] - 1]
        cfa = values[unwinder.names[row["cfa"].reg]] + row["cfa"].offset
        values = {name: unwinder.value(row, number, cfa, values) for number, name in enumerate(unwinder.names)}
        values[lab.arch.abi.pc], values[lab.arch.abi.sp] = values[unwinder.names[unwinder.column]], cfa
    others = {lab.arch.abi.pc, lab.arch.abi.link, lab.arch.abi.flags}
    kept = {name: value for name, value in values.items() if value is not None and name not in others}
    assert kept == {name: wanted[name] for name in kept}
    assert set(kept) >= set(lab.arch.abi.arguments) | set(lab.arch.abi.preserved) & set(unwinder.names)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_file_is_written(tmp_path):
    assert main(["elf", "arm", "-o", str(tmp_path / "kernel")]) == 0
    read = ELFFile((tmp_path / "kernel").open("rb"))
    assert read.get_machine_arch() == "ARM"
    read.close()


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
def test_objdump_shows_private_copies_with_the_source(tmp_path):
    assert main(["elf", "x86_64", "-o", str(tmp_path / "kernel")]) == 0
    words = ["objdump", "-d", "-l", "-j", ".modules", tmp_path / "kernel"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "<ftrace_trampoline[kprobe]>:" in text
    assert re.search(r"trampolines/x86_64/ftrace-6\.12\.S:169\n.*call.*<kprobe_func>", text)


def test_a_file_that_cannot_be_written(tmp_path, capsys):
    assert main(["elf", "arm", "-o", str(tmp_path / "no" / "kernel")]) == 2
    assert "cannot be written" in capsys.readouterr().err
