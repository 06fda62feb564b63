# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree, and the build that belongs to it, if there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emulator.description import Arch, Kbuild, Variant
from emulator.errors import InputError, Place, UsageError
from emulator.kernel_tree import configuration, made
from emulator.kernel_tree.configuration import Configuration
from emulator.kernel_tree.owner import arch_of_source
from emulator.preprocess import Job, preprocess
from emulator.regular import is_file, is_folder
from emulator.source import read_source

KCONFIG = Path("include", "linux", "kconfig.h")
AUTOCONF = Path("include", "generated", "autoconf.h")
_VERSION = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL) *= *(\d{1,4}) *$", re.MULTILINE)

COMPILER = {
    "__KERNEL__": "1",
    "__ASSEMBLY__": "1",
    "__ASSEMBLER__": "1",
    "__ELF__": "1",
    "__GNUC__": "12",
    "__GNUC_MINOR__": "2",
    "__GNUC_PATCHLEVEL__": "0",
    "__STDC__": "1",
}
"""What every compiler for the kernel defines when it preprocesses assembler (cc -dM -E), and the kernel's Makefile."""


@dataclass(frozen=True)
class Tree:
    """`root` is the folder with the kernel's sources, `build` the one that O= names, `config` a .config.

    Raises InputError where a folder is not what it should be.
    """

    root: Path
    build: Path | None = None
    config: Path | None = None

    def __post_init__(self) -> None:
        for file in (Path("Makefile"), KCONFIG):
            if not is_file(self.root / file):
                raise InputError(f"is no kernel tree: it has no {file}", Place(str(self.root)))
        if self.build is not None and not any(is_file(self.build / file) for file in (AUTOCONF, Path(".config"))):
            raise InputError(f"is no build: it has neither {AUTOCONF} nor .config", Place(str(self.build)))

    @property
    def words(self) -> tuple[str, ...]:
        """The command line's words for this tree."""
        options = (("--tree", self.root), ("--build", self.build), ("--config", self.config))
        return tuple(word for option, path in options if path is not None for word in (option, str(path)))

    # -- what it is ---------------------------------------------------------------------------------------------------

    @cached_property
    def version(self) -> tuple[int, int, int]:
        """VERSION, PATCHLEVEL and SUBLEVEL. Raises InputError where the Makefile has none."""
        makefile = self.root / "Makefile"
        found = {name: int(number) for name, number in _VERSION.findall(read_source(makefile))}
        if not found.keys() >= {"VERSION", "PATCHLEVEL"}:
            raise InputError("has no VERSION and PATCHLEVEL", Place(str(makefile)))
        return found["VERSION"], found["PATCHLEVEL"], found.get("SUBLEVEL", 0)

    def release(self, arch: Arch) -> str:
        """The release that the tree is of. Raises UsageError where that one is not declared."""
        name = "{}.{}".format(*self.version)
        if name not in arch.releases:
            known = ", ".join(arch.releases)
            raise UsageError(f"{self.root} is Linux {name}; say by --release whose ftrace it has (known: {known})")
        return name

    @cached_property
    def configured(self) -> Configuration | None:
        """The configuration that was given: --config, else the build's, else the tree's own; None where there is none.

        Raises InputError.
        """
        if self.config is not None:
            return configuration.read(self.config)
        build = self.build_folder
        if build is None:
            return None
        if is_file(build / AUTOCONF):
            return configuration.read_autoconf(build / AUTOCONF)
        return configuration.read(build / ".config")

    @cached_property
    def build_folder(self) -> Path | None:
        """Where a build has left its headers: --build, or the tree itself if it was configured in place."""
        if self.build is not None:
            return self.build
        return self.root if is_file(self.root / AUTOCONF) else None

    def variant(self, arch: Arch, release: str | None = None) -> Variant:
        """The variant that is configured so, or the release's own. Raises UsageError where none fits."""
        release = release or self.release(arch)
        if self.configured is None:
            return arch.variant(release)
        return configuration.fitting(arch, release, self.configured)

    # -- preprocessing ------------------------------------------------------------------------------------------------

    def preprocess(
        self, arch: Arch, variant: Variant, source: Path, defines: Mapping[str, int], includes: Sequence[Path]
    ) -> str:
        """The source as that variant's kernel would be assembled from it. Raises InputError and UsageError."""
        return preprocess(self.job(arch, variant, source, defines, includes))

    def job(
        self, arch: Arch, variant: Variant, source: Path, defines: Mapping[str, int], includes: Sequence[Path]
    ) -> Job:
        """What the preprocessor is asked for that. Raises InputError and UsageError."""
        assumed = configuration.assumed(arch, variant)
        if self.configured is not None:
            among = [item for item in arch.variants if item.release == variant.release]
            configuration.expect_fitting(variant, self.configured, among)
        self._expect_arch(arch, source)
        assert arch.kbuild is not None  # noqa: S101 - assumed() has looked
        return Job(
            name=str(source),
            text=read_source(source),
            macros=self._macros(arch.kbuild, variant, source) | {name: f"({value})" for name, value in defines.items()},
            before=[self.root / KCONFIG, *(self.root / name for name in arch.kbuild.before)],
            folders=[*includes, *self._folders(arch)],
            roots=[self.root, source.parent, *includes, *([self.build_folder] if self.build_folder else [])],
            made=self._made(arch, variant, self.configured or assumed, defines),
            generated=made.generated(self._arch(arch) / "include"),
        )

    def unknown(self, arch: Arch, variant: Variant, defines: Mapping[str, int]) -> frozenset[str]:
        """The names of asm-offsets.h that nobody here has a number for."""
        if self._built("generated/asm-offsets.h"):
            return frozenset()
        known = made.asm_offsets(arch, variant).keys() | defines.keys()
        return made.asm_offset_names(self._arch(arch) / "kernel") - known

    def _arch(self, arch: Arch) -> Path:
        return self.root / "arch" / arch.kernel

    def _expect_arch(self, arch: Arch, source: Path) -> None:
        """Raises UsageError for a file of another architecture's."""
        if not is_folder(self._arch(arch)):
            raise InputError(f"has no arch/{arch.kernel}", Place(str(self.root)))
        try:
            inside = source.resolve().relative_to(self.root.resolve()).parts
        except (ValueError, OSError, RuntimeError):
            return
        if inside[:1] == ("arch",) and inside[1:2] != (arch.kernel,):
            raise UsageError(f"{source} is a file of arch/{inside[1]}, not of arch/{arch.kernel}, which {arch.name} is")
        owner = arch_of_source(Path(*inside))
        if owner and owner.name != arch.name:
            raise UsageError(f"{source} is a file of {owner.name}, not of {arch.name}")

    def _folders(self, arch: Arch) -> list[Path]:
        """Where <...> is looked for: LINUXINCLUDE of the kernel's Makefile, then the folder of trampolines."""
        own, build = self._arch(arch), self.build_folder
        outputs: list[tuple[Path, Path | None]] = [
            (own / "include", build and build / "arch" / arch.kernel / "include" / "generated"),
            (self.root / "include", build and build / "include"),
            (own / "include" / "uapi", build and build / "arch" / arch.kernel / "include" / "generated" / "uapi"),
            (self.root / "include" / "uapi", build and build / "include" / "generated" / "uapi"),
            (own / "kernel", None),
        ]
        return list(dict.fromkeys(folder for pair in outputs for folder in pair if folder is not None))

    def _macros(self, kbuild: Kbuild, variant: Variant, source: Path) -> dict[str, str]:
        """What the compiler and the build's command for this file define."""
        using = {name: str(value) for name, value in variant.defines.items() if name.startswith("CC_USING_")}
        macros = {**COMPILER, **kbuild.macros, **using}
        for name, value in made.flags(self._command_file(source)) if self.build_folder else ():
            if value is None:
                macros.pop(name, None)
            else:
                macros[name] = value
        return macros

    def _command_file(self, source: Path) -> Path:
        """The build's .NAME.o.cmd for a source of the tree."""
        assert self.build_folder is not None  # noqa: S101 - the caller has looked
        try:
            inside = source.resolve().relative_to(self.root.resolve())
        except (ValueError, OSError, RuntimeError):
            inside = Path(source.name)
        return self.build_folder / inside.parent / f".{inside.stem}.o.cmd"

    def _made(self, arch: Arch, variant: Variant, config: Configuration, defines: Mapping[str, int]) -> dict[str, str]:
        """The headers that a build makes and that are not there; --config counts more than the build's autoconf.h."""
        values = {name: value for name, value in config.values.items() if name not in defines}
        offsets = {name: value for name, value in made.asm_offsets(arch, variant).items() if name not in defines}
        headers = {
            "generated/autoconf.h": Configuration(values, config.origin).header(),
            "generated/asm-offsets.h": made.values(offsets),
            "linux/version.h": made.version_header(self.version),
        }
        mine = ("generated/autoconf.h",) if self.config is not None else ()
        return {name: text for name, text in headers.items() if name in mine or not self._built(name)}

    def _built(self, header: str) -> bool:
        """Whether the build has made a header."""
        build = self.build_folder
        folders = ("include", "include/generated/uapi")
        return build is not None and any(is_file(build / folder / header) for folder in folders)
