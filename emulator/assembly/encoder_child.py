# SPDX-License-Identifier: GPL-2.0-only
"""The guarded child of emulator.assembly.encoder: keystone, one instruction at a time, over two pipes.

Run as a file, by itself: `python -I -S encoder_child.py FOLDER`, FOLDER being that of the keystone package. It talks to
the shared library through ctypes, which starts in half the time that the package's own binding takes to import.

stdin   frames: a line `ARCH MODE,MODE COUNT`, then COUNT lines, each an instruction
stdout  for each instruction, and once at the start: what keystone printed, NUL, the answer, NUL
        an answer is the bytes in hex, or `!` and a message; the first one is `ready`

Standard error is the same pipe, so what keystone prints comes before the answer that it belongs to.

Nothing is imported here that the interpreter does not load quickly: no typing, no contextlib, no pathlib.
"""

import ctypes
import os
import resource
import sys
import time

MEMORY = 1 << 30
"""Bytes of address space."""
SECONDS = 2
"""Processor time for one frame, many times what its few hundred instructions need."""
LONGEST = 1 << 12

LIBRARIES = ("libkeystone.so", "libkeystone.dylib", "libkeystone.so.0")


def load(folder: str) -> tuple[ctypes.CDLL, dict[str, int]]:
    """The shared library, from `folder` or else from the system, and keystone's constants."""
    sys.path.append(folder)
    import keystone_const  # type: ignore[import-not-found]  # noqa: PLC0415

    beside = [name for name in LIBRARIES if name in os.listdir(folder)]  # noqa: PTH208
    library = ctypes.CDLL(f"{folder}/{beside[0]}" if beside else LIBRARIES[-1])
    pointer, size = ctypes.POINTER(ctypes.c_ubyte), ctypes.POINTER(ctypes.c_size_t)
    library.ks_open.argtypes = (ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(ctypes.c_void_p))
    library.ks_option.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    library.ks_asm.argtypes = (
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_uint64,
        ctypes.POINTER(pointer),
        size,
        size,
    )
    library.ks_errno.argtypes = (ctypes.c_void_p,)
    library.ks_strerror.restype = ctypes.c_char_p
    library.ks_free.argtypes = (pointer,)
    library.ks_free.restype = None
    return library, vars(keystone_const)


class Keystone:
    """The engines opened so far."""

    def __init__(self, folder: str) -> None:
        self.library, self.constants = load(folder)
        self.engines: dict[tuple[str, str], ctypes.c_void_p] = {}

    def engine(self, arch: str, modes: str) -> ctypes.c_void_p:
        """The handle for KS_ARCH_<arch> and the or-ed KS_MODE_<mode>s; x86 is opened for AT&T syntax."""
        if (arch, modes) not in self.engines:
            self.engines[arch, modes] = self.open(arch, modes)
        return self.engines[arch, modes]

    def open(self, arch: str, modes: str) -> ctypes.c_void_p:
        """A new handle. Raises KeyError or ValueError where this keystone has no such architecture or mode."""
        number = self.constants[f"KS_ARCH_{arch}"]
        mode = sum(self.constants[f"KS_MODE_{name}"] for name in modes.split(","))
        handle = ctypes.c_void_p()
        status = self.library.ks_open(number, mode, ctypes.byref(handle))
        if status:
            raise ValueError(self.library.ks_strerror(status).decode())
        # Setting any option, even to its default, is what makes numbers hexadecimal instead of undefined.
        if number == self.constants["KS_ARCH_X86"]:
            self.library.ks_option(handle, self.constants["KS_OPT_SYNTAX"], self.constants["KS_OPT_SYNTAX_ATT"])
        else:
            self.library.ks_option(handle, self.constants["KS_OPT_SYM_RESOLVER"], None)
        return handle

    def encode(self, engine: ctypes.c_void_p, text: bytes) -> bytes:
        """The answer for one instruction at address 0."""
        encoding, size, count = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.c_size_t(), ctypes.c_size_t()
        results = ctypes.byref(encoding), ctypes.byref(size), ctypes.byref(count)
        if self.library.ks_asm(engine, text, 0, *results):
            message: bytes = self.library.ks_strerror(self.library.ks_errno(engine))
            return b"!" + message.split(b" (KS_ERR")[0].lower()
        # "No error" with no bytes is how keystone answers operands that it cannot match. A prefix counts by itself.
        data = ctypes.string_at(encoding, size.value) if count.value else b""
        self.library.ks_free(encoding)
        return data.hex().encode() or b"!invalid operands"


def limit(kind: int, most: int) -> None:
    """Lower one of the process's limits; where the system has no such limit, the parent's clock is the only one."""
    try:  # noqa: SIM105
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    except (ValueError, OSError):
        pass


def frame() -> tuple[str, str, list[bytes]] | None:
    """The next frame, read whole before it is answered, so that neither side waits for the other; None at the end."""
    header = sys.stdin.buffer.readline(LONGEST)
    if not header:
        return None
    arch, modes, count = header.decode().split()
    return arch, modes, [sys.stdin.buffer.readline(LONGEST).rstrip(b"\n") for _ in range(int(count))]


def answer(text: bytes) -> None:
    """Write one answer, at once: the next instruction may be the last."""
    os.write(1, b"\0" + text + b"\0")


def main() -> None:
    """Answer frames until standard input ends."""
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_AS, MEMORY)
    keystone = Keystone(sys.argv[1])
    answer(b"ready")
    while received := frame():
        arch, modes, texts = received
        # By its own clock: one that a busy machine cannot upset. Beyond it the process is killed.
        limit(resource.RLIMIT_CPU, int(time.process_time()) + SECONDS)
        engine = keystone.engine(arch, modes)
        for text in texts:
            answer(keystone.encode(engine, text))


if __name__ == "__main__":
    main()
