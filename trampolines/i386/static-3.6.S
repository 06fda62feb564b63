// SPDX-License-Identifier: GPL-2.0-only
// mcount, ftrace_graph_caller, return_to_handler; i386 without DYNAMIC_FTRACE, 3.6 and 3.7 (arch/x86/kernel/entry_32.S)
//
// The site:            call mcount, behind push %ebp; mov %esp, %ebp. Nothing is ever patched: the entry looks at the
//                      variables, at every call of every function
// On entry:            0(%esp) = rip, the address behind the site; 4(%ebp) = parent_ip, the word at the parent slot
// Live:                eax edx ecx (regparm(3) arguments), ebx esi edi ebp; flags are free
// Calls:               ftrace_trace_function(ip = rip - MCOUNT_INSN_SIZE, parent_ip), unless it is ftrace_stub;
//                      then, and only then, the graph tracer, if one of its two variables is not its stub
// Leaves:              to rip with every live register as found
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

FUNC mcount
        cmpl    $0, function_trace_stop                 // if (function_trace_stop)
        jne     ftrace_stub                             //      return
        cmpl    $ftrace_stub, ftrace_trace_function
        jne     1f                                      // if (ftrace_trace_function != ftrace_stub) goto call it
        cmpl    $ftrace_stub, ftrace_graph_return
        jne     ftrace_graph_caller                     // if (ftrace_graph_return != ftrace_stub) goto graph
        cmpl    $ftrace_graph_entry_stub, ftrace_graph_entry
        jne     ftrace_graph_caller                     // if (ftrace_graph_entry != its stub) goto graph

LABEL ftrace_stub
        ret                                             // to rip

1:      push    %eax
        push    %ecx
        push    %edx
        mov     3*4(%esp), %eax                         // eax = rip
        mov     4(%ebp), %edx                           // parent_ip
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
        call    *ftrace_trace_function                  // ftrace_trace_function(ip, parent_ip)
        pop     %edx
        pop     %ecx
        pop     %eax
        jmp     ftrace_stub                             // and not to the graph tracer: one or the other
END mcount

        .include "graph-3.6.S"
