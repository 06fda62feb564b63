# SPDX-License-Identifier: GPL-2.0-only
"""The function graph tracer: who calls whom, and what each function returns.

The kernel: register_ftrace_graph() in kernel/trace/fgraph.c. At a function's entry function_graph_enter() asks the
entryfunc; if that wants to hear of the end too, the return address goes onto a shadow stack, and return_to_handler
(arch/x86/kernel/ftrace_64.S, arch/arm/kernel/entry-ftrace.S) takes its place, which calls the retfunc and then goes
where the function would have gone. kernel/trace/trace_functions_graph.c writes both events into a buffer and prints
them later: only the next event tells whether a function has called another, and gets braces.

vfs_readv ends in a jump to vfs_read, a tail call: there is one return, and both ends are seen all the same. Return
values are known since 6.5 where the architecture has HAVE_FUNCTION_GRAPH_RETVAL: x86 has, 32-bit arm has not.

Run: .venv/bin/python examples/call_graph.py [ARCH]
"""

from __future__ import annotations

import sys
from collections import deque

from emulator import FgraphOps, Lab
from emulator.core.fgraph_ops import GraphEnt, GraphRet

lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "x86_64", release="6.12")
names = {lab.record(name).ip: name for name in lab.functions}
buffer: deque[GraphEnt | GraphRet] = deque()


def trace_graph_entry(trace: GraphEnt, _gops: FgraphOps) -> bool:
    """The entryfunc: True asks for the return."""
    buffer.append(trace)
    return True


def trace_graph_return(trace: GraphRet, _gops: FgraphOps) -> None:
    """The retfunc."""
    buffer.append(trace)


def retval(name: str, value: int | None) -> str:
    """print_graph_retval(): hexadecimal, but for error codes."""
    if value is None:
        return ""
    negative = value - (1 << 8 * lab.arch.word)
    return f" /* {name}= {negative if negative >= -4095 else hex(value)} */"


def print_graph() -> None:
    """print_graph_function(): a function whose entry is followed by a return at once is a leaf."""
    while buffer:
        event = buffer.popleft()
        name, indent = names[event.func], "  " * (event.depth + 1)
        if isinstance(event, GraphRet):
            print(f"{indent}}}{retval(f'{name} ', event.retval)}")
        elif isinstance(following := buffer[0], GraphRet):
            buffer.popleft()
            print(f"{indent}{name}();{retval('', following.retval)}")
        else:
            print(f"{indent}{name}() {{")


graph = FgraphOps("graph", trace_graph_entry, trace_graph_return)
lab.register_graph(graph)
for function, arguments in (
    ("kernel_read", (0x100, 0x200, 42)),
    ("vfs_readv", (0x100, 0x200, 42)),
    ("device_is_dependent", (3,)),
    ("proc_reg_write", ()),
):
    recording = lab.call(function, *arguments)
    print(f"{function}({', '.join(map(str, arguments))}) = {recording.result:#x}, on {lab.arch.name} 6.12:")
    print_graph()
lab.unregister_graph(graph)
