# SPDX-License-Identifier: GPL-2.0-only
"""What a user names is a regular file, or one clear error; a name that can be no file's is none, and no crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.cli import USAGE, main
from emulator.errors import InputError
from emulator.regular import is_file, is_folder, open_regular

LONG = "a" * 5000
"""Longer than any file system has names."""


def test_what_is_there_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "fifo")
    assert [is_file(tmp_path / name) for name in ("file", "fifo", "none", ".")] == [True, False, False, False]
    assert [is_folder(tmp_path / name) for name in (".", "file", "fifo", "none")] == [True, False, False, False]


@pytest.mark.parametrize("name", [LONG, "a\0b"])
def test_what_can_be_no_path_is_not_there(name: str, tmp_path: Path) -> None:
    assert not is_file(tmp_path / name)
    assert not is_folder(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"), open_regular(tmp_path / name):
        pass


def test_a_folder_and_a_fifo_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, reason in ((".", "Is a directory"), ("fifo", "not a regular file")):
        with pytest.raises(InputError, match=f"cannot be read: {reason}"), open_regular(tmp_path / name):
            pass


def test_an_error_of_the_reader_is_its_own(tmp_path: Path) -> None:
    """Else a fault of ours would pass for one of the file."""
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"^ours$"), open_regular(tmp_path / "file"):
        raise ValueError("ours")
    with pytest.raises(InputError, match="file: cannot be read: broken"), open_regular(tmp_path / "file"):
        raise OSError(5, "broken")


@pytest.mark.parametrize(
    "words",
    [
        ["diff", LONG, "arm"],
        ["check", "arm", "-o", f"{LONG}/x"],
        ["check", "arm", "--source", LONG],
        ["check", "--source", LONG, "--tree", LONG],
        ["check", "arm", "--source", LONG, "--include", LONG],
        ["check", "arm", "--object", LONG],
        ["mutate", "arm", "--source", LONG],
        ["show", "--vmlinux", LONG],
    ],
    ids=lambda words: " ".join(word for word in words if LONG not in word),
)
def test_a_name_that_is_too_long_is_bad_input(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == USAGE
    assert "internal error" not in capsys.readouterr().err


def test_so_is_one_in_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.S"
    source.write_text(f'.include "{LONG}"\n')
    assert main(["check", "arm", "--source", str(source)]) == USAGE
    assert "there is no file" in capsys.readouterr().err
