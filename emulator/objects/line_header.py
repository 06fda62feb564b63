# SPDX-License-Identifier: GPL-2.0-only
"""The header of a line number program: DWARF 5 section 6.2.4, and its forerunners since version 2."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from emulator.objects.cursor import Cursor, Damaged

VERSIONS = range(2, 6)
MOST_FILES = 1 << 12
"""Files and directories that one program may name; C files of the kernel name up to 600."""
DW_LNCT_PATH, DW_LNCT_DIRECTORY = 1, 2
DW_FORM_BLOCK, DW_FORM_STRING, DW_FORM_UDATA, DW_FORM_STRP, DW_FORM_LINE_STRP = 0x09, 0x08, 0x0F, 0x0E, 0x1F
SIZES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}
"""DW_FORM_data*: bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a program needs to know. `files` are paths by the numbers that this version gives them."""

    version: int
    unit: int
    """The smallest instruction, in bytes."""
    line_base: int
    line_range: int
    opcode_base: int
    operands: bytes
    """How many LEB128 operands each standard opcode has, from opcode 1 on."""
    files: dict[int, str]


def read_header(cursor: Cursor, offset_size: int, strings: bytes) -> Header | None:
    """The header at the cursor, which is behind unit_length, and moves on to the program; None for another version.

    Raises Damaged.
    """
    version = cursor.number(2)
    if version not in VERSIONS:
        return None
    if version >= 5:
        cursor.skip(2)  # address_size, segment_selector_size
    length = cursor.number(offset_size)
    program = cursor.at + length
    if program > cursor.end:
        raise Damaged(f"the header of {length} bytes is longer than its unit", cursor.at)
    unit = cursor.number(1)
    cursor.skip(2 if version >= 4 else 1)  # maximum_operations_per_instruction, default_is_stmt
    base = cursor.number(1)
    line_range, opcode_base = cursor.number(1), cursor.number(1)
    start = cursor.skip(max(opcode_base - 1, 0))
    operands = bytes(cursor.data[start : cursor.at])
    tables = Cursor(cursor.data, cursor.at, program, cursor.order)
    files = _files_5(tables, offset_size, strings) if version >= 5 else _files_2(tables)
    cursor.at = program
    return Header(version, unit, base - 256 if base > 127 else base, line_range, opcode_base, operands, files)


def _files_2(cursor: Cursor) -> dict[int, str]:
    """Both tables end with an empty name, and count from 1: 0 is the compilation's directory, told elsewhere."""
    folders = {0: ""}
    while name := cursor.name():
        folders[len(folders)] = name
        _expect_few(folders, cursor)
    files: dict[int, str] = {}
    while name := cursor.name():
        folder, _, _ = cursor.uleb(), cursor.uleb(), cursor.uleb()
        files[len(files) + 1] = posixpath.join(folders.get(folder, ""), name)
        _expect_few(files, cursor)
    return files


def _files_5(cursor: Cursor, offset_size: int, strings: bytes) -> dict[int, str]:
    """Both tables say how they are made, and count from 0: that is the compilation's directory, and its file."""
    folders = [path for path, _ in _entries(cursor, offset_size, strings)]
    home = folders[0] + "/" if folders and folders[0] else ""
    files = {}
    for number, (name, folder) in enumerate(_entries(cursor, offset_size, strings)):
        path = posixpath.join(folders[folder], name) if folder < len(folders) and name else name
        files[number] = path.removeprefix(home)
    return files


def _entries(cursor: Cursor, offset_size: int, strings: bytes) -> list[tuple[str, int]]:
    """(path, number of its directory) of each entry of a table."""
    forms = [(cursor.uleb(), cursor.uleb()) for _ in range(cursor.number(1))]
    count = cursor.uleb()
    if count > MOST_FILES or (count and not forms):
        raise Damaged(f"a table of {count} names", cursor.at)
    entries = []
    for _ in range(count):
        values = [(content, _form(cursor, form, offset_size, strings)) for content, form in forms]
        paths = [value for content, value in values if content == DW_LNCT_PATH and isinstance(value, str)]
        folders = [value for content, value in values if content == DW_LNCT_DIRECTORY and isinstance(value, int)]
        entries.append((paths[0] if paths else "", folders[0] if folders else 0))
    return entries


def _form(cursor: Cursor, form: int, offset_size: int, strings: bytes) -> str | int:
    """The value at the cursor. Raises Damaged for a form that no line table has."""
    if form == DW_FORM_STRING:
        return cursor.name()
    if form == DW_FORM_LINE_STRP:
        offset = cursor.number(offset_size)
        return Cursor(strings, min(offset, len(strings)), len(strings), cursor.order).name()
    if form == DW_FORM_STRP:  # no compiler does that here; its section is not looked at
        cursor.skip(offset_size)
        return ""
    if form == DW_FORM_UDATA:
        return cursor.uleb()
    if form == DW_FORM_BLOCK:
        cursor.skip(cursor.uleb())
        return 0
    if form not in SIZES:
        raise Damaged(f"form {form:#x}, which no line table has", cursor.at)
    return cursor.number(SIZES[form])


def _expect_few(names: dict[int, str], cursor: Cursor) -> None:
    if len(names) > MOST_FILES:
        raise Damaged(f"more than {MOST_FILES} names", cursor.at)
