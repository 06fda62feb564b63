# SPDX-License-Identifier: GPL-2.0-only
"""System.map: what nm -n writes, and what it never would."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import InputError
from emulator.images import system_map
from emulator.images.names import Name
from emulator.images.system_map import MapNames
from emulator.spans import Span

TEXT = b"""\
0000000000000000 D __per_cpu_start
ffffffff81000000 T _text
ffffffff81001000 t helper
ffffffff81001000 T helper
ffffffff81002000 W weak_one
ffffffff81002008 T ftrace_caller
ffffffff81002010 T __pfx_ftrace_caller
ffffffff82000000 D function_trace_op
ffffffff82000008 b helper
ffffffffc0000000 t in_a_module\t[ext4]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "System.map"


def test_names_have_their_addresses_and_global_ones_come_first(path: Path) -> None:
    path.write_bytes(TEXT)
    found = MapNames(path).named(["helper", "ftrace_caller", "caller", "function_trace_op", "weak_one", "in_a_module"])
    assert found == {
        "helper": Name("helper", 0xFFFFFFFF81001000),
        "ftrace_caller": Name("ftrace_caller", 0xFFFFFFFF81002008),
        "function_trace_op": Name("function_trace_op", 0xFFFFFFFF82000000, function=False),
        "weak_one": Name("weak_one", 0xFFFFFFFF81002000, binding="weak"),
        "in_a_module": Name("in_a_module", 0xFFFFFFFFC0000000, binding="local"),
    }


def test_a_name_cannot_give_orders_to_a_terminal(path: Path) -> None:
    path.write_bytes(b"ffffffff81000000 T \x1b[31mred\xff\n")
    (name,) = MapNames(path).within([Span(0, 1 << 64)])
    assert name.name == r"\x1b[31mred\\xff"
    assert name.name.isprintable()


def test_ranges_have_their_symbols_but_for_those_that_name_nothing(path: Path) -> None:
    path.write_bytes(TEXT.rstrip(b"\n"))
    spans = [Span(0xFFFFFFFF81002000, 0xFFFFFFFF81002011), Span(0xFFFFFFFFC0000000, 0xFFFFFFFFC0000001)]
    assert [name.name for name in MapNames(path).within(spans)] == ["weak_one", "ftrace_caller", "in_a_module"]


BAD = {
    "debian's stub": (
        b"ffffffffffffffff B The real System.map is in the linux-image-6.1.0-56-amd64-dbg package\n",
        r":1: is no line of a System.map: 'ffffffffffffffff B The real System.map is in",
    ),
    "text": (TEXT + b"what is this?\n", r":11: is no line of a System.map: 'what is this\?'"),
    "an empty line": (TEXT + b"\n" + TEXT, r":11: is no line"),
    "bytes": (b"\0" * 4096, r":1: is no line"),
    "long numbers": (b"f" * 40 + b" T x\n", r":1: is no line"),
    "a long name": (b"ffffffff81000000 T " + b"x" * 5000 + b"\n", r":1: is no line"),
    "hidden addresses": (b"0000000000000000 T _text\n" * 9, r"hides all addresses"),
    "nothing": (b"", r":1: is no line"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_none_says_in_which_line(what: str, path: Path) -> None:
    data, says = BAD[what]
    path.write_bytes(data)
    with pytest.raises(InputError, match=says) as error:
        MapNames(path)
    assert "\n" not in str(error.value)


def test_a_larger_file_than_any_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_map, "LIMIT", len(TEXT) - 1)
    path.write_bytes(TEXT)
    with pytest.raises(InputError, match=f"is larger than {len(TEXT) - 1} bytes"):
        MapNames(path)


@given(st.binary(max_size=200) | st.lists(st.sampled_from(TEXT.splitlines(keepends=True))).map(b"".join))
def test_any_bytes_are_names_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("map") / "System.map"
    path.write_bytes(data)
    try:
        names = MapNames(path)
    except InputError:
        return
    assert {name.name for name in names.within([Span(0, 1 << 64)])} >= set(names.named(["helper", "_text"]))
