# SPDX-License-Identifier: GPL-2.0-only
"""Compressed kernels: bzImage, zImage and zboot images in every format, Images, damaged ones, and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.errors import InputError
from emulator.images import compression, vmlinuz
from emulator.images.opening import opened
from emulator.images.vmlinuz import unpacked
from emulator.lab import Lab
from kernels import SmallKernel, small_kernel

KERNEL = b"\x7fELF" + random.Random("a kernel").randbytes(200_000) + bytes(100_000)


def lz4_legacy(data: bytes) -> bytes:
    block = pytest.importorskip("lz4.block")
    parts = [data[at : at + (8 << 20)] for at in range(0, len(data), 8 << 20)]
    blocks = [block.compress(part, mode="high_compression", store_size=False) for part in parts]
    return b"\x02\x21\x4c\x18" + b"".join(struct.pack("<I", len(one)) + one for one in blocks)


def zstd(data: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("zstandard").ZstdCompressor(level=10).compress(data)
    return compressed


def xz_x86(data: bytes) -> bytes:
    """As scripts/xz_wrap.sh does: with the filter that makes calls compress better."""
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    return lzma.compress(data, check=lzma.CHECK_CRC32, filters=filters)


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": xz_x86,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "lz4": lz4_legacy,
    "zstd": zstd,
}


def bzimage(payload: bytes, *, protocol: int = 0x20F, sectors: int = 3, size: int | None = None) -> bytes:
    """A boot sector and set-up code with a header, some code, the payload."""
    head = bytearray((sectors + 1) * 512)
    head[0x1F1], head[0x1FE:0x200] = sectors, b"\x55\xaa"
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, protocol)
    struct.pack_into("<II", head, 0x248, 64, len(payload) if size is None else size)
    return bytes(head) + b"\x90" * 64 + payload + bytes(32)


def zimage(payload: bytes) -> bytes:
    """Code that begins with eight NOPs, the three words behind them, the payload."""
    return struct.pack("<9I", *[0xE1A00000] * 8, 0) + struct.pack("<I", 0x016F2818) + b"\x11" * 0x100 + payload


def arm64_image(data: bytes = KERNEL, *, flags: int = 0xA) -> bytes:
    """A kernel as it stands in memory, which begins with a header of 64 bytes."""
    return struct.pack("<4xIQQQ24x4sI", 0x14000000, 0, len(data), flags, b"ARM\x64", 0) + data[64:]


def zboot(payload: bytes, *, size: int | None = None) -> bytes:
    """A PE image's header with the place of the payload, some code, the payload."""
    head = struct.pack("<2s2x4sII8x32s", b"MZ", b"zimg", 0x200, len(payload) if size is None else size, b"gzip")
    return head.ljust(0x200, b"\x22") + payload + bytes(32)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trailer", [b"", struct.pack("<I", len(KERNEL))])
def test_every_format_comes_back(way: str, trailer: bytes) -> None:
    """The build appends the size of what is inside, but for gzip, which has it already (scripts/Makefile.lib)."""
    found = unpacked(bzimage(WAYS[way](KERNEL) + trailer), "vmlinuz")
    assert bytes(found.data[:]) == KERNEL
    assert found.machine is None


@pytest.mark.parametrize("way", WAYS)
def test_a_zimage_is_found_behind_its_code(way: str) -> None:
    found = unpacked(zimage(WAYS[way](KERNEL) + struct.pack("<I", len(KERNEL))), "vmlinuz")
    assert bytes(found.data[:]) == KERNEL
    assert found.machine == catalog.load("arm").engine.elf_machine


@pytest.mark.parametrize("way", WAYS)
def test_a_zboot_image_holds_an_image(way: str) -> None:
    found = unpacked(zboot(WAYS[way](arm64_image()) + struct.pack("<I", len(KERNEL))), "vmlinuz")
    assert bytes(found.data[:]) == arm64_image()
    assert found.machine == catalog.load("arm64").engine.elf_machine


@pytest.mark.parametrize("inside", [KERNEL, arm64_image()])
def test_a_gz_holds_an_image_or_an_elf_file(inside: bytes) -> None:
    found = unpacked(gzip.compress(inside), "Image.gz")
    assert bytes(found.data[:]) == inside
    assert (found.machine is None) == (inside is KERNEL)


def test_an_image_is_the_kernel_itself() -> None:
    assert unpacked(arm64_image(), "Image").data == arm64_image()


def test_what_only_looks_like_a_beginning_is_passed_over() -> None:
    found = unpacked(zimage(b"\x1f\x8b\x08\0" + b"\xfd7zXZ\0 no" + gzip.compress(KERNEL)), "vmlinuz")
    assert bytes(found.data[:]) == KERNEL


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_payload_says_where_it_stands(way: str, share: float) -> None:
    payload = WAYS[way](KERNEL)
    with pytest.raises(InputError, match=rf"^vmlinuz:0x840: cannot be decompressed \({way}\)"):
        unpacked(bzimage(payload[: int(len(payload) * share)]), "vmlinuz")


@pytest.mark.parametrize("way", WAYS)
def test_mutated_payloads_come_back_or_are_refused(way: str) -> None:
    payload, chance = WAYS[way](KERNEL[:20_000]), random.Random(f"payload {way}")
    for _ in range(60):
        changed = bytearray(payload)
        for _ in range(chance.choice((1, 4))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            unpacked(bzimage(bytes(changed)), "vmlinuz")
        except InputError as error:
            assert str(error).startswith("vmlinuz:0x840: ")  # noqa: PT017 - most are refused, some are not


@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_ends_at_its_limit(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vmlinuz, "MOST", 1 << 20)
    with pytest.raises(InputError, match="becomes more than 1048576 bytes"):
        unpacked(bzimage(WAYS[way](bytes(24 << 20))), "vmlinuz")


@pytest.mark.parametrize("way", ["xz", "zstd"])
def test_a_bomb_is_told_by_its_ratio_too(way: str) -> None:
    with pytest.raises(InputError, match="becomes more than"):
        unpacked(bzimage(WAYS[way](bytes(24 << 20))), "vmlinuz")


@pytest.mark.parametrize("way", WAYS)
def test_no_piece_is_large(way: str) -> None:
    form = compression.format_of(memoryview(WAYS[way](b"x")))
    assert form is not None
    sizes = [len(piece) for piece in form.pieces(memoryview(WAYS[way](bytes(20 << 20))))]
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= 17 << 20


@pytest.mark.parametrize(("way", "package"), [("lz4", "lz4"), ("zstd", "zstandard")])
def test_a_missing_package_is_named(way: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bzimage(WAYS[way](KERNEL))
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"compressed by {way}: install the package {package}, or mcount-emulator\["):
        unpacked(image, "vmlinuz")


DAMAGED: dict[str, tuple[bytes, str]] = {
    "a short header": (bzimage(b"")[:0x24A], r":0x248: ends within the setup header"),
    "an old protocol": (bzimage(gzip.compress(KERNEL), protocol=0x207), r":0x206: has boot protocol 2\.07"),
    "no payload": (bzimage(b""), r"the payload .* is not within the file's"),
    "a payload beyond the end": (bzimage(gzip.compress(KERNEL), size=1 << 31), r"the payload .* is not within"),
    "an unknown format": (bzimage(b"\x89LZO" + bytes(64)), r"compressed in a way unknown here: 89 4c 5a 4f"),
    "an empty zImage": (zimage(b""), r"holds nothing that is compressed"),
    "nothing known": (b"MZ" + bytes(600), r":0x0: is no ELF file, bzImage, zImage or Image: it begins with 4d 5a"),
    "a big-endian Image": (arm64_image(flags=0xB), r":0x18: is a big-endian Image"),
    "a big-endian one inside": (gzip.compress(arm64_image(flags=0xB)), r"is a big-endian Image"),
    "a short zboot header": (zboot(b"")[:15], r":0x8: ends within the header, after 15 bytes"),
    "a zboot payload beyond the end": (
        zboot(gzip.compress(KERNEL), size=1 << 31),
        r":0x8: the payload \[0x200, .* is not",
    ),
    "a zboot payload of nothing": (zboot(b""), r":0x8: the payload .* is not within"),
    "an unknown zboot format": (zboot(b"\x89LZO" + bytes(64)), r":0x200: the payload is compressed in a way unknown"),
    "a truncated gz": (gzip.compress(KERNEL)[:-9], r":0x0: cannot be decompressed \(gzip\)"),
    "a gz of something else": (gzip.compress(b"#!/bin/sh\n" * 9), r"holds neither an ELF file nor an Image: .* 23 21"),
    "a gz of a gz": (gzip.compress(gzip.compress(KERNEL)), r"holds neither an ELF file nor an Image: .* 1f 8b"),
    "nothing inside": (bzimage(gzip.compress(b"")), r"becomes nothing"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_headers_say_where(what: str) -> None:
    data, says = DAMAGED[what]
    with pytest.raises(InputError, match=rf"^vmlinuz.*{says}"):
        unpacked(data, "vmlinuz")


# -- whole kernels -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=catalog.names())
def kernel(request: pytest.FixtureRequest) -> SmallKernel:
    arch = catalog.load(request.param)
    return small_kernel(arch, arch.variant(arch.releases[-1]))


def binary(kernel: SmallKernel) -> bytes:
    """objcopy -O binary: the sections as they stand in memory."""
    first = min(address for address, _, _ in kernel.sections.values())
    data = bytearray(kernel.end - first)
    for address, there, _ in kernel.sections.values():
        data[address - first : address - first + len(there)] = there
    return bytes(data)


BARE: dict[str, Callable[[bytes], bytes]] = {
    "arm": lambda data: zimage(gzip.compress(data)),
    "arm64": lambda data: zboot(gzip.compress(arm64_image(data))),
}
"""Those whose vmlinuz holds no ELF file."""


@pytest.fixture
def compressed(kernel: SmallKernel, tmp_path: Path) -> tuple[Path, Path]:
    """A vmlinuz as the architecture has it, and its System.map."""
    image, system_map = tmp_path / "vmlinuz", tmp_path / "System.map"
    kernel.stripped = True
    bare = BARE.get(kernel.arch.name)
    if bare:
        text, code, _ = kernel.sections[".text"]
        kernel.symbols |= {"_text": (text, 0, 0), "_etext": (text + len(code), 0, 0), "_end": (kernel.end, 0, 0)}
        image.write_bytes(bare(binary(kernel)))
    else:
        image.write_bytes(bzimage(gzip.compress(kernel.written())))
    system_map.write_bytes(kernel.system_map())
    return image, system_map


def test_a_compressed_kernel_runs_by_its_system_map(kernel: SmallKernel, compressed: tuple[Path, Path]) -> None:
    image = opened(*compressed)
    lab = Lab(subject=image.subject(image.recognise().variant, "vfs_read"))
    assert lab.variant.name == kernel.variant.name
    assert lab.record("vfs_read").ip
    flags = {"SAVE_REGS"} if lab.variant.regs else ()
    ops, seen = FtraceOps("probe", lambda *_: seen.append(1), flags=flags), list[int]()
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    lab.call("vfs_read")
    assert seen == [1]


def test_a_compressed_kernel_needs_its_system_map(compressed: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="has no symbols: --system-map says where they are"):
        opened(compressed[0])


def test_the_system_map_of_another_kernel_is_refused(kernel: SmallKernel, compressed: tuple[Path, Path]) -> None:
    image, system_map = compressed
    call = kernel.variant.plain.call
    if call is None:
        pytest.skip("no label is patched by which another kernel's System.map would show")
    kernel.symbols[call] = (kernel.address(call) + 16, 0, 0)
    system_map.write_bytes(kernel.system_map())
    found = opened(image, system_map)
    with pytest.raises(InputError, match=rf"{call} \(0x.*expected a call of ftrace_stub"):
        found.subject(kernel.variant)
