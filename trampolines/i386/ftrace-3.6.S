// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_graph_caller, return_to_handler; i386, 3.6 (arch/x86/kernel/entry_32.S)
//
// The site, disabled:  nopl 0(%eax,%eax)       enabled:  call ftrace_caller
//                      behind push %ebp; mov %esp, %ebp
// On entry:            0(%esp) = rip, the address behind the site; 4(%ebp) = parent_ip, the word at the parent slot
// Live:                eax edx ecx (regparm(3) arguments), ebx esi edi ebp; flags are free
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip) at ftrace_call, which the core patches
// Leaves:              to rip with every live register as found, by way of ftrace_graph_call: a jmp to ftrace_stub,
//                      which the core points to ftrace_graph_caller while the graph tracer is on
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// %esp at the call     | dx | cx | ax | rip |
//                        0    4    8    12

        .set    MCOUNT_INSN_SIZE, 5

        .macro FUNC name
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .endm

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

        .text

// What every site calls until boot has patched it.
FUNC mcount
        ret
END mcount

FUNC ftrace_caller
        cmpl    $0, function_trace_stop                 // if (function_trace_stop)
        jne     ftrace_stub                             //      return

        push    %eax
        push    %ecx
        push    %edx
        mov     3*4(%esp), %eax                         // eax = rip
        mov     4(%ebp), %edx                           // parent_ip
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip)
        pop     %edx
        pop     %ecx
        pop     %eax

LABEL ftrace_graph_call
        jmp     ftrace_stub                             // e9 rel32: goto ftrace_graph_caller, when patched

        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it
ftrace_stub:
        ret                                             // to rip
END ftrace_caller

        .set    TEST_STOP_TWICE, 1
        .include "graph-3.6.S"
