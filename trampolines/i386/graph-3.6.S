// SPDX-License-Identifier: GPL-2.0-only
// ftrace_graph_caller, return_to_handler; i386, 3.6 and 3.7 (arch/x86/kernel/entry_32.S), included by every trampoline
// of those releases; TEST_STOP_TWICE is 3.6, which looks at function_trace_stop once more
//
// The site:            none: ftrace_graph_caller is jumped to, with registers and stack as at the trampoline's entry
// Calls:               prepare_ftrace_return(parent slot, self_addr = rip - MCOUNT_INSN_SIZE, frame_pointer = *ebp),
//                      which may put return_to_handler into the parent slot
// Leaves:              to rip with every live register as found; flags are free
//
// %esp at the call     | dx | cx | ax | rip |
//                        0    4    8    12
FUNC ftrace_graph_caller
        .ifdef TEST_STOP_TWICE
        cmpl    $0, function_trace_stop                 // if (function_trace_stop)
        jne     ftrace_stub                             //      return
        .endif

        push    %eax
        push    %ecx
        push    %edx
        mov     3*4(%esp), %edx                         // edx = rip
        lea     4(%ebp), %eax                           // parent
        mov     (%ebp), %ecx                            // frame_pointer = ebp as it will be on return
        sub     $MCOUNT_INSN_SIZE, %edx                 // self_addr = rip - 5
        call    prepare_ftrace_return
        pop     %edx
        pop     %ecx
        pop     %eax
        ret                                             // to rip
END ftrace_graph_caller

// Where a function returns to whose return the graph tracer took; esp is as the real return would have left it.
//
// On entry:            eax, edx = the function's return value; ebp = the caller's again
// Live:                eax, edx and what a callee preserves; all else is free
// Calls:               ftrace_return_to_handler(frame_pointer = ebp)
// Leaves:              to the address that this returns; eax, edx, esp as on entry; ecx is spent
//
// %esp at the call     | dx | ax |
//                        0    4
FUNC return_to_handler
        push    %eax
        push    %edx
        mov     %ebp, %eax                              // frame_pointer
        call    ftrace_return_to_handler
        mov     %eax, %ecx                              // ecx = the function's own return address
        pop     %edx
        pop     %eax
        jmp     *%ecx
END return_to_handler
