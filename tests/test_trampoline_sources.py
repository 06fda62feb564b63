# SPDX-License-Identifier: GPL-2.0-only
"""The trampolines as text: each states its contract, types no offset of a record, and has the labels it is known by."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from emulator import catalog
from emulator.description import Ability, Arch, Entry, GraphCall, Variant
from emulator.placement import placement
from emulator.subject import load

SPDX = "// SPDX-License-Identifier: GPL-2.0-only"
KERNEL = "kernel.S"
"""The fake kernel's own text, assembled for every variant."""
TRACED = {
    *("vfs_read", "vfs_write", "kernel_read", "vfs_readv", "ksys_read", "ksys_write", "bprm_read", "ksys_readv"),
    *("trace_selftest_dynamic_test_func", "trace_selftest_dynamic_test_func2"),
    *("proc_reg_write", "schedule", "device_is_dependent"),
}
"""Its functions, which are the same wherever it runs."""

ARCHITECTURES = [catalog.load(name) for name in catalog.names()]
SOURCES = [
    pytest.param(arch, path, id=f"{arch.name}/{path.name}")
    for arch in ARCHITECTURES
    for path in sorted(catalog.trampolines(arch).glob("*.S"))
]
VARIANTS = [
    pytest.param(arch, variant, id=f"{arch.name}/{variant.name}") for arch in ARCHITECTURES for variant in arch.variants
]

TYPED_OFFSET = re.compile(
    r"""  (?<![\w+*)-]) -? (?P<displacement> 0x[0-9a-f]+ | \d+) \( %? \w+ \)      # 8(%rsp), 8(sp)
        | \[ \w+ , \s* [#] -? (?P<indexed> 0x[0-9a-f]+ | \d+) \] !?               # [sp, #8]
        | \b sp , \s* [#]? -? (?P<sum> 0x[0-9a-f]+ | \d+) \b                       # add r0, sp, #8
        | \$ -? (?P<adjustment> 0x[0-9a-f]+ | \d+) , \s* %[re]sp                    # add $8, %rsp
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A number where an instruction goes into the stack or makes room on it."""


# -- reading a source --------------------------------------------------------------------------------------------------


def contract(text: str) -> str:
    """The comment below the SPDX line: what is said before the first line that is not a comment."""
    lines = text.splitlines()[1:]
    end = next((at for at, line in enumerate(lines) if not line.startswith("//")), len(lines))
    return "\n".join(line[2:].strip() for line in lines[:end])


def code(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that says something to the assembler, without its comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        if said := line.split("//")[0].strip():
            yield number, said


def macros(text: str) -> Mapping[str, tuple[str, str]]:
    """Name to first parameter and body of each macro."""
    found = re.findall(r"^\s*\.macro\s+(\w+)[ ,]*(\w*).*?\n(.*?)^\s*\.endm", text, re.MULTILINE | re.DOTALL)
    return {name: (parameter, body) for name, parameter, body in found}


def labels(text: str) -> set[str]:
    """Names that stand before a colon, or behind a macro that puts its first argument there."""
    lines = "\n".join(line for _, line in code(text))
    found = set(re.findall(r"^([A-Za-z_.]\w*):", lines, re.MULTILINE))
    for macro, (parameter, body) in macros(lines).items():
        if parameter and re.search(rf"^\s*\\{parameter}:", body, re.MULTILINE):
            found.update(re.findall(rf"^{macro}\s+(\w+)", lines, re.MULTILINE))
    return found


def typed_offsets(text: str, word: int) -> list[str]:
    """Lines with a number of bytes beyond the two words that a site and its function's caller may have pushed."""
    return [
        f"{number}: {line}"
        for number, line in code(text)
        for match in TYPED_OFFSET.finditer(line)
        if int(next(filter(None, match.groups())), 0) > 2 * word
    ]


def included(text: str) -> set[str]:
    """The files that a source names in .include."""
    return set(re.findall(r'^\.include\s+"([^"]+)"', "\n".join(line for _, line in code(text)), re.MULTILINE))


def known_by(variant: Variant) -> set[str]:
    """Every label through which the core gets at a variant's trampolines."""
    names = {variant.site.mcount} if variant.site.mcount else set()
    for entry in variant.entries:
        names.update(_labels_of(entry))
    if variant.graph:
        names.add("return_to_handler")
        names.update(name for call in variant.graph.calls for name in _labels_of_graph(call))
    return names


def _labels_of(entry: Entry) -> Iterator[str]:
    every = (entry.symbol, entry.call, entry.end, entry.op_load, entry.direct_jump)
    return (name for name in every if name is not None)


def _labels_of_graph(call: GraphCall) -> Iterator[str]:
    yield from (call.label, call.caller)
    if isinstance(call.off, str):
        yield call.off


def whole(arch: Arch, source: str) -> str:
    """The text of a source and, at its end, of all that it includes."""
    text = catalog.source_text(arch, source)
    return "\n".join([text, *(whole(arch, name) for name in sorted(included(text)))])


def answers_to(arch: Arch, source: str) -> set[str]:
    """The releases whose real code the source stands for."""
    return {variant.release for variant in arch.variants if variant.source == source and not variant.synthetic}


# -- every source ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "path"), SOURCES)
def test_a_source_opens_with_its_licence_and_its_contract(arch: Arch, path: Path) -> None:
    text = catalog.source_text(arch, path.name)
    assert text.splitlines()[0] == SPDX
    assert re.search(r"^The site\b", contract(text), re.MULTILINE)


@pytest.mark.parametrize(("arch", "path"), SOURCES)
def test_a_contract_names_the_kernel_file_and_the_releases_it_answers_to(arch: Arch, path: Path) -> None:
    said = contract(catalog.source_text(arch, path.name))
    releases = answers_to(arch, path.name)
    assert not releases or re.search(rf"\barch/{arch.kernel}/[\w/]+/[\w-]+\.S\b", said)
    assert releases <= set(re.findall(r"(?<![\w.])\d+\.\d+(?!\.?\w)", said))


@pytest.mark.parametrize(("arch", "path"), SOURCES)
def test_a_source_is_used(arch: Arch, path: Path) -> None:
    texts = [other.read_text() for other in path.parent.glob("*.S")]
    names = {KERNEL, *(variant.source for variant in arch.variants)}
    assert path.name in names.union(*map(included, texts))


@pytest.mark.parametrize(("arch", "path"), SOURCES)
def test_a_source_fits_the_page(arch: Arch, path: Path) -> None:
    lines = catalog.source_text(arch, path.name).splitlines()
    assert [line for line in lines if len(line) > 120 or line != line.rstrip() or "\t" in line] == []


# -- every variant -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_the_source_of_a_variant_exists(arch: Arch, variant: Variant) -> None:
    folder = catalog.trampolines(arch)
    assert (folder / variant.source).is_file()
    assert (folder / KERNEL).is_file()


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_the_labels_that_a_variant_is_known_by_are_in_its_source(arch: Arch, variant: Variant) -> None:
    assert known_by(variant) - labels(whole(arch, variant.source)) == set()


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_what_a_variant_defines_is_asked_for(arch: Arch, variant: Variant) -> None:
    texts = [whole(arch, name) for name in (variant.source, KERNEL)]
    words = set(re.findall(r"\w+", "\n".join(line for text in texts for _, line in code(text))))
    assert variant.defines.keys() <= words


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_offsets_into_records_and_frames_have_names(arch: Arch, variant: Variant) -> None:
    assert typed_offsets(whole(arch, variant.source), arch.word) == []


@pytest.mark.parametrize("arch", ARCHITECTURES, ids=lambda arch: arch.name)
def test_every_kernel_has_the_same_traced_functions(arch: Arch) -> None:
    for subject in load(arch, arch.variants):
        sites = placement(subject).sites
        assert len(sites) == len(TRACED)
        assert {function for _, function in sites} == TRACED


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_a_direct_trampoline_is_there_where_direct_calls_are_and_is_not_traced(arch: Arch, variant: Variant) -> None:
    (subject,) = load(arch, [variant])
    placed = placement(subject)
    there = Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in variant.abilities
    assert there == (variant.direct is not None)
    for name in ("my_tramp", "my_tramp1", "my_tramp2"):
        assert (name in placed.symbols) == there
        assert name not in {function for _, function in placed.sites}


# -- the readers above see what they are for, and nothing else ---------------------------------------------------------


def test_a_contract_ends_where_the_code_begins() -> None:
    assert contract(f"{SPDX}\n// one\n//\n//   two\n\n// three\n") == "one\n\ntwo"
    assert contract(f"{SPDX}\n        nop\n// one\n") == ""
    assert contract(f"{SPDX}\n// one") == "one"


@pytest.mark.parametrize(
    "line",
    [
        "ldr r1, [sp, #56]",
        "str lr, [sp, #-12]!",
        "add r0, sp, #0x38",
        "sub sp, sp, #72",
        "mov %rdi, 112(%rsp)",
        "movq $0x18, 0xa0(%rsp)",
        "sub $168, %rsp",
        "sd ra, 24(sp)",
        "addi sp, sp, -32",
    ],
)
def test_a_typed_offset_is_seen(line: str) -> None:
    assert typed_offsets(f"nop\n        {line}  // [sp, #PT_lr]", word=4 if "[" in line or "#" in line else 8) == [
        f"2: {line}"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "ldr r1, [sp, #PT_lr]",
        "ldr pc, [sp], #8",
        "ldr lr, [sp, #4]",
        "str lr, [sp, #PT_pc - PT_ORIG_r0]!",
        "add r0, sp, #PT_SIZE",
        "mov %rdi, PT_di(%rsp)",
        "lea PT_SIZE+16(%rsp), %rcx",
        "mov 8(%rbp), %rdx",
        "sub $PT_SIZE-8, %rsp",
        "movq $0x18, PT_ss(%rsp)",
        "sub $5, %rdi",
        "add r0, r1, r0, ror #17",
        "nop // 168(%rsp)",
        ".set SAVED_SIZE, 56",
    ],
)
def test_a_named_offset_and_the_words_of_the_site_are_left_alone(line: str) -> None:
    assert typed_offsets(line, word=4 if "#" in line else 8) == []


def test_labels_are_seen_through_the_macros_that_make_them() -> None:
    text = """
        .macro FUNC name
        .globl  \\name
\\name:
        .endm
        .macro CALL name                // label:
        bl      \\name
        .endm
FUNC ftrace_caller
        CALL    ftrace_stub             // FUNC ftrace_call
ftrace_call:
1:      nop
.Ldone: nop
    """
    assert labels(text) == {"ftrace_caller", "ftrace_call", ".Ldone"}


def test_includes_are_seen_and_comments_are_not() -> None:
    assert included('        .include "frame.S"\n// .include "other.S"\n') == {"frame.S"}


def test_the_whole_of_a_source_has_the_labels_of_what_it_includes() -> None:
    arch = catalog.load("x86_64")
    assert "return_to_handler" not in labels(catalog.source_text(arch, "ftrace-3.7.S"))
    assert {"return_to_handler", "ftrace_caller"} <= labels(whole(arch, "ftrace-3.7.S"))


def test_the_graph_tracers_labels_are_asked_for() -> None:
    on_off = {"ftrace_graph_call", "ftrace_graph_caller", "ftrace_stub", "return_to_handler"}
    arch = catalog.load("x86_64")
    assert on_off <= known_by(arch.variant("3.7"))
    assert "return_to_handler" in known_by(arch.variant("6.12"))
    assert not on_off & known_by(arch.variant("6.12-static"))
