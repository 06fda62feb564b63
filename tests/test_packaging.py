# SPDX-License-Identifier: GPL-2.0-only
"""What a wheel holds, which versions are installed, and that imports name the one package only."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import emulator
from emulator import catalog

ROOT = Path(__file__).resolve().parents[1]

# -- the wheel ---------------------------------------------------------------------------------------------------------


def foreign(members: Iterable[str]) -> set[str]:
    """The top-level names in a wheel that are neither our package nor its metadata."""
    tops = {member.split("/")[0] for member in members}
    return {top for top in tops if top != "emulator" and not re.fullmatch(r"mcount_emulator-[\d.]+\.dist-info", top)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all files in a wheel made from this checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_has_one_package(wheel: set[str]) -> None:
    assert foreign(wheel) == set()


def test_a_second_package_is_seen() -> None:
    assert foreign(["emulator/cli.py", "mcount_emulator-0.1.0.dist-info/RECORD", "arch/arm.py", "stray.py"]) == {
        "arch",
        "stray.py",
    }


def test_the_wheel_carries_every_file_of_the_three_folders(wheel: set[str]) -> None:
    code = [path.relative_to(ROOT) for path in (ROOT / "emulator").rglob("*.py")]
    data = [Path("emulator") / path.relative_to(ROOT) for path in (ROOT / "arch").glob("*.py")]
    data += [Path("emulator") / path.relative_to(ROOT) for path in (ROOT / "trampolines").rglob("*.S")]
    assert {str(path) for path in (*code, *data)} - wheel == set()
    assert any(name.endswith("/licenses/COPYING") for name in wheel)
    assert "emulator/py.typed" in wheel


@pytest.mark.wheel
def test_the_catalog_reads_the_home_it_belongs_to() -> None:
    package = Path(str(emulator.__file__)).resolve().parent
    installed = package.parent == Path(sysconfig.get_path("purelib")).resolve()
    assert catalog.folder("arch") == (package if installed else package.parent) / "arch"


@pytest.mark.wheel
def test_the_console_script_is_the_command_line() -> None:
    if not required_by("mcount-emulator"):
        pytest.skip("mcount-emulator is not installed here")
    (script,) = metadata.entry_points(group="console_scripts", name="mcount-emulator")
    assert script.value == "emulator.__main__:script"
    assert callable(script.load())


def test_a_run_that_is_to_prove_a_wheel_refuses_the_checkout() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "tests/test_source.py"]
    plain = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    proving = subprocess.run([*command, "--installed"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert plain.returncode == 0, plain.stdout
    assert proving.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--installed, but the emulator under test is" in proving.stderr


# -- versions ----------------------------------------------------------------------------------------------------------


def pins(text: str) -> dict[str, Version]:
    """{canonical name: exact version} from the text of a constraints file, which holds nothing else."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([\w.]+)", line) for line in lines]
    assert all(found), lines
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


def asked_for() -> list[Requirement]:
    """Every requirement of pyproject.toml: to build, to run, to develop."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    lists = [project["build-system"]["requires"], project["project"]["dependencies"], *extras]
    return [Requirement(text) for texts in lists for text in texts]


def in_turn(requirements: Iterable[Requirement]) -> dict[str, Requirement]:
    """{canonical name: requirement}: these, and as far as they are installed, what they require in turn here."""
    found: dict[str, Requirement] = {}
    todo = list(requirements)
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name not in found:
            found[name] = requirement
            todo += [each for each in required_by(name) if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def required_by(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:
        return []


def unpinned(found: Mapping[str, Requirement], pinned: Mapping[str, Version]) -> list[str]:
    """The names without an exact version, or with one that their requirement excludes."""
    return sorted(name for name, each in found.items() if name not in pinned or pinned[name] not in each.specifier)


def test_every_dependency_has_one_exact_version_and_nothing_else_has() -> None:
    pytest.importorskip("hypothesis")
    pinned, found = pins((ROOT / "constraints.txt").read_text()), in_turn(asked_for())
    assert unpinned(found, pinned) == []
    assert set(pinned) - set(found) == set()


def test_a_missing_or_excluded_version_is_seen() -> None:
    found = {"rich": Requirement("rich>=14"), "mdurl": Requirement("mdurl")}
    assert unpinned(found, pins("rich==15.0.0\nmdurl==0.1\n")) == []
    assert unpinned(found, pins("rich==13.0\n")) == ["mdurl", "rich"]


def test_requirements_are_followed() -> None:
    assert {"pytest", "pluggy", "iniconfig"} <= set(in_turn([Requirement("pytest")]))


# -- imports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "status"), [("import arch\n", 1), ("from arch import arm\n", 1), ("import ast\n", 0)])
def test_the_package_that_happens_to_be_called_arch_cannot_be_imported(text: str, status: int) -> None:
    pytest.importorskip("ruff")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--stdin-filename",
        "x.py",
        "-",
    ]
    done = subprocess.run(command, cwd=ROOT, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == status, done.stdout
