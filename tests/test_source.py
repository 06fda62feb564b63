# SPDX-License-Identifier: GPL-2.0-only
"""Any path either gives its text or one message that names it, and never blocks."""

import os
from pathlib import Path

import pytest

from emulator.errors import InputError
from emulator.source import read_source


@pytest.mark.parametrize("data", [b"nop\n", "nop // sch\u00f6n\n".encode(), b"\r\nnop"])
def test_text_is_returned_as_it_stands(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "good.S"
    path.write_bytes(data)
    assert read_source(path).encode() == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"bad\.S: is empty$"),
        (b" \n\t\n", r"bad\.S: is empty$"),
        (b"nop\n\x7fELF\0", r"bad\.S:2: is binary"),
        (b"nop\n\nnop // sch\xf6n\n", r"bad\.S:3: is not UTF-8: byte 0xf6$"),
        (b"nop\n" * 3, r"bad\.S: is larger than 8 bytes$"),
    ],
)
def test_what_is_not_source_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.S"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_source(path, limit=8 if "larger" in message else 100)


def test_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "full.S"
    path.write_text("nop\nnop\n")
    assert read_source(path, limit=8) == "nop\nnop\n"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.S: cannot be read: No such file"):
        read_source(tmp_path / "absent.S")


def test_a_path_that_cannot_exist_is_an_error_too() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_source(Path("a\0b"))
    with pytest.raises(InputError, match="cannot be read"):
        read_source(Path("a" * 5000))


def test_a_folder_is_not_a_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_source(tmp_path)


def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.S")
    with pytest.raises(InputError, match="not a regular file"):
        read_source(tmp_path / "fifo.S")


def test_an_endless_device_is_refused() -> None:
    with pytest.raises(InputError, match="not a regular file"):
        read_source(Path("/dev/zero"))
