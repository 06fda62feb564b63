// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, ftrace_graph_caller, return_to_handler; i386, 6.1 (arch/x86/kernel/ftrace_32.S)
//
// The site:            lea %ds:0(%esi,%eiz,1), %esi, or call ftrace_caller, ftrace_regs_caller or ftrace_graph_caller
//
// These are those of ftrace-6.12.S, to the instruction, with its contract and its pictures. What 6.1 has otherwise:
//
//      return_to_handler   passes frame_pointer = 0, and no record: retfunc does not see what the function returns
//      ftrace_stub_direct_tramp        is not there; the selftest has a C function of its own, trace_direct_tramp

        .set    AS_IN_6_1, 1
        .include "ftrace-6.12.S"

// Where a function returns to whose return the graph tracer took; esp is as the real return would have left it.
//
// On entry:            eax, edx = the function's return value
// Live:                eax, edx and what a callee preserves; all else is free
// Calls:               ftrace_return_to_handler(frame_pointer = 0)
// Leaves:              to the address that this returns; eax, edx, esp as on entry; ecx is spent
FUNC return_to_handler
        push    %eax
        push    %edx
        mov     $0, %eax                                // frame_pointer
        call    ftrace_return_to_handler
        mov     %eax, %ecx                              // ecx = the function's own return address
        pop     %edx
        pop     %eax
        jmp     *%ecx
END return_to_handler
