# SPDX-License-Identifier: GPL-2.0-only
"""The trampolines of Debian's kernels, from their packages: run, judged, and compared with ours.

Downloads the newest packages of each kernel with debug information, as apt finds them, into a folder that keeps what is
unpacked (some gigabytes pass through it), and prints a table. Ends with status 1 where a verdict on a real kernel is
bad, or where it behaves otherwise than ours and no line of a .real file beside the variant's source says why, with 2
where apt has no such package. Apt has to know each architecture: dpkg --add-architecture i386; apt-get update.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from emulator import catalog
from emulator.behaviour.changes import compare
from emulator.behaviour.saved import Side
from emulator.checks.finding import Verdict
from emulator.commands.diff import side
from emulator.core.ops import FtraceOps
from emulator.errors import EmulatorError, InputError, Place
from emulator.images.opening import opened
from emulator.lab import Lab
from emulator.report.lines import plain, table
from emulator.source import read_source
from emulator.subject import Subject, load

SUFFIX = ".real"
ARGUMENTS = ("C1", "C2", "C3", "C4")
FUNCTION = "vfs_read"
DEBUG = "./usr/lib/debug/boot/"


class Wanted(NamedTuple):
    """A kernel: a pattern of the names of its packages with debug information, and whose packages they are."""

    name: str
    pattern: str
    architecture: str


KERNELS = (
    Wanted("6.1 amd64", r"linux-image-6\.1\.0-\d+-amd64-dbg", "amd64"),
    Wanted("6.12 amd64 cloud", r"linux-image-6\.12\.\d+\+deb\d+-cloud-amd64-dbg", "amd64"),
    Wanted("6.1 armhf", r"linux-image-6\.1\.0-\d+-armmp-dbg", "armhf"),
    Wanted("6.1 i386", r"linux-image-6\.1\.0-\d+-686-pae-dbg", "i386"),
    Wanted("6.1 arm64", r"linux-image-6\.1\.0-\d+-arm64-dbg", "arm64"),
    Wanted("6.12 arm64 cloud", r"linux-image-6\.12\.\d+\+deb\d+-cloud-arm64-dbg", "arm64"),
)
SIGNED = ("amd64", "i386", "arm64")
"""Where a kernel stands in two packages; the one without a signature is of the very build that the other one is of."""


class Explained(NamedTuple):
    """A line of a .real file; all but the reason are patterns."""

    variants: str
    entry: str
    fact: str
    reason: str

    def covers(self, variant: str, entry: str, fact: str) -> bool:
        """Whether it says why that is different."""
        fits = any(fnmatchcase(variant, pattern.strip()) for pattern in self.variants.split(","))
        return fits and fnmatchcase(entry, self.entry) and fnmatchcase(fact, self.fact)


class Row(NamedTuple):
    """What was found of one image."""

    cells: tuple[str, ...]
    good: bool


HEAD = ("kernel", "taken for", "s", "MB", "arguments", "record", "at landing", "verdicts", "differences from ours")
BAD = ("FAIL", "UNRESOLVED")
PEAK = """\
import sys
from emulator.cli import main
code = main(sys.argv[1:])
print(open("/proc/self/status").read())
sys.exit(code)
"""
"""The command, which tells what it took: what the kernel says of a child counts its parent's memory too."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/mcount-emulator/kernels", metavar="DIR")
    parser.add_argument("--no-download", action="store_true", help="only what the folder has already")
    parser.add_argument("--only", default="*", metavar="PATTERN", help=f"of: {', '.join(one.name for one in KERNELS)}")
    options = parser.parse_args()
    kernels = [wanted for wanted in KERNELS if fnmatchcase(wanted.name, options.only)]
    if not kernels:
        parser.error(f"--only {options.only}: fits none of {', '.join(one.name for one in KERNELS)}")
    options.cache.mkdir(parents=True, exist_ok=True)
    rows, reasons, missing = [], dict[str, None](), False
    for wanted in kernels:
        try:
            images = _images(wanted, options.cache, download=not options.no_download)
        except LookupError as error:
            print(f"{wanted.name}: {error}", file=sys.stderr)
            missing = True
            continue
        for image, system_map in images:
            row, told = _row(image, system_map)
            rows.append(row)
            reasons |= dict.fromkeys(told)
            print(f"  {image.name}: {'good' if row.good else 'BAD'}", file=sys.stderr)
    print(plain([*table([HEAD, *(row.cells for row in rows)]), []]), end="")
    print("\n".join(reasons))
    return 2 if missing or not rows else 0 if all(row.good for row in rows) else 1


# -- packages ----------------------------------------------------------------------------------------------------------


def _images(wanted: Wanted, cache: Path, *, download: bool) -> list[tuple[Path, Path]]:
    """(image, System.map) of a kernel: its vmlinux, and its vmlinuz. Raises LookupError."""
    package = newest(_search(wanted), wanted.pattern) if download else _kept(wanted, cache)
    if package is None:
        raise LookupError(f"apt knows no package {wanted.pattern} of {wanted.architecture}")
    version = package.removeprefix("linux-image-").removesuffix("-dbg")
    vmlinux, system_map, vmlinuz = (cache / f"{name}-{version}" for name in ("vmlinux", "System.map", "vmlinuz"))
    if not vmlinux.is_file():
        _unpack(f"{package}:{wanted.architecture}", [f"{DEBUG}{file.name}" for file in (vmlinux, system_map)], cache)
    if not vmlinuz.is_file() and download:
        plain_package = package.removesuffix("-dbg") + ("-unsigned" if wanted.architecture in SIGNED else "")
        _unpack(f"{plain_package}:{wanted.architecture}", [f"./boot/{vmlinuz.name}"], cache)
    return [(image, system_map) for image in (vmlinux, vmlinuz) if image.is_file()]


def _search(wanted: Wanted) -> list[str]:
    found = subprocess.run(["apt-cache", "pkgnames", "linux-image-"], capture_output=True, text=True, check=False)
    names = [name for name in found.stdout.split() if re.fullmatch(wanted.pattern, name)]
    policy = ["apt-cache", "policy", *(f"{name}:{wanted.architecture}" for name in names)]
    known = subprocess.run(policy, capture_output=True, text=True, check=False).stdout if names else ""
    return [name for name in names if re.search(rf"^{re.escape(name)}(:\w+)?:$", known, re.MULTILINE)]


def newest(names: Iterable[str], pattern: str) -> str | None:
    """The name with the highest numbers in it."""
    fitting = [name for name in names if re.fullmatch(pattern, name)]
    return max(fitting, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default=None)


def _kept(wanted: Wanted, cache: Path) -> str | None:
    names = [f"linux-image-{path.name.removeprefix('vmlinux-')}-dbg" for path in cache.glob("vmlinux-*")]
    return newest(names, wanted.pattern)


def _unpack(package: str, members: Sequence[str], cache: Path) -> None:
    """Download a package, and keep just these files of it. Raises LookupError."""
    print(f"  downloading {package}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        got = subprocess.run(["apt-get", "-q", "download", package], cwd=folder, capture_output=True, check=False)
        files = list(Path(folder).glob("*.deb"))
        if got.returncode or not files:
            raise LookupError(f"apt-get download {package}: {got.stderr.decode(errors='replace').strip()}")
        content = subprocess.Popen(["dpkg", "--fsys-tarfile", files[0]], stdout=subprocess.PIPE)
        tar = ["tar", "-x", f"--strip-components={members[0].count('/')}", *members]
        subprocess.run(tar, cwd=folder, stdin=content.stdout, check=True)
        content.wait()
        for member in members:
            (Path(folder) / Path(member).name).rename(cache / Path(member).name)


# -- one kernel --------------------------------------------------------------------------------------------------------


def _row(image: Path, system_map: Path) -> tuple[Row, list[str]]:
    name, given = image.name, None if image.name.startswith("vmlinux-") else system_map
    try:
        return _measured(image, given)
    except EmulatorError as error:
        return Row((name, f"{type(error).__name__}: {error}"), good=False), []


def _measured(image: Path, system_map: Path | None) -> tuple[Row, list[str]]:
    kernel = opened(image, system_map)
    subject = kernel.subject(kernel.recognise().variant)
    seconds, megabytes, status = _timed(image, system_map, "probe:SAVE_REGS" if subject.variant.regs else "probe")
    right, members, registers = _passage(kernel.subject(subject.variant, FUNCTION))
    theirs = side(subject, 1)
    bad = [clause for clause, verdict in theirs.verdicts.items() if verdict.startswith(BAD)]
    (own,) = load(subject.arch, [subject.variant])
    unexplained, told = differences(subject, side(own, 1), theirs)
    verdicts = f"{len(theirs.verdicts) - len(bad)} good, {len(bad)} bad"
    compared = f"{len(unexplained)} unexplained, {len(told)} kinds explained"
    good = not (status or bad or unexplained) and all(part == whole for part, whole in (right, members, registers))
    counts = [f"{part}/{whole}" for part, whole in (right, members, registers)]
    shown = (image.name, subject.variant.name, f"{seconds:.2f}", f"{megabytes}", *counts, verdicts, compared)
    return Row(shown, good), [*unexplained, *told]


def _timed(image: Path, system_map: Path | None, ops: str) -> tuple[float, int, int]:
    """Seconds, megabytes and exit status of one command that runs a trampoline, ftrace_regs_caller if there is one."""
    words = ["emulate", "--vmlinux", str(image), "--ops", ops, "-o", os.devnull]
    words += ["--system-map", str(system_map)] if system_map else []
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=False)
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    return time.monotonic() - start, int(peak[1]) // 1024 if peak else 0, done.returncode


def _passage(subject: Subject) -> tuple[tuple[int, int], ...]:
    """How much is right of what a callback at a real function gets, and of what is left: (right, all) three times."""
    lab = Lab(subject=subject)
    ops = FtraceOps("probe", lambda *_: None, flags={"SAVE_REGS"} if subject.variant.regs else ())
    lab.set_filter(ops, FUNCTION)
    lab.register(ops)
    recording = lab.call(FUNCTION)
    wrong = {found.clause for found in lab.check(recording) if found.verdict is Verdict.FAIL}
    call, entry, names = recording.callbacks[0], recording.hit.entry, lab.layout.names
    record = call.regs or call.fregs
    promises, clobbers = (entry.promises, entry.clobbers) if entry else ((), ())
    changed = recording.hit.changed().keys() - {*clobbers}
    right = len(ARGUMENTS) - len(wrong & {*ARGUMENTS})
    members = record.populated if record else 0
    return (right, len(ARGUMENTS)), (members, len(promises)), (len(names) - len(changed), len(names))


# -- against ours ------------------------------------------------------------------------------------------------------


def differences(subject: Subject, ours: Side, theirs: Side) -> tuple[list[str], list[str]]:
    """What is different and not explained, and the reasons of what is."""
    found = compare(ours, theirs)
    lines = list(explanations(subject))
    unexplained, told = [], dict[str, None]()
    for hunk in found.hunks:
        for change in hunk.changes:
            line = next((line for line in lines if line.covers(subject.variant.name, hunk.entry, change.fact)), None)
            what = f"{subject.arch.name} {subject.variant.name} {hunk.entry}: {change.fact}"
            if line is None:
                unexplained.append(f"{what}: {change.old} here, {change.new} in the image")
            else:
                told[f"{what}: {line.reason}"] = None
    unexplained += [f"{change.fact}: {change.old} here, {change.new} in the image" for change in found.findings]
    return unexplained, list(told)


def explanations(subject: Subject) -> Iterator[Explained]:
    """The lines of the file beside the variant's source. Raises InputError for one that is none."""
    path = catalog.trampolines(subject.arch) / Path(subject.variant.source).with_suffix(SUFFIX).name
    if not path.is_file():
        return
    for number, text in enumerate(read_source(path).splitlines(), 1):
        if text.strip() and not text.startswith("#"):
            fields = [field.strip() for field in text.split(" | ")]
            if len(fields) != len(Explained._fields) or not all(fields):
                raise InputError("expected: variants | entry | what is different | reason", Place(str(path), number))
            yield Explained(*fields)


if __name__ == "__main__":
    sys.exit(main())
