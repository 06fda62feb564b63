// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_graph_caller, return_to_handler; x86_64, 3.6 (arch/x86/kernel/entry_64.S)
// With CC_USING_FENTRY a synthetic variant: the same behind -mfentry, which 3.6 did not know yet.
//
// The site, disabled:  nopl 0(%rax,%rax)       enabled:  call ftrace_caller
//                      mcount: behind push %rbp; mov %rsp, %rbp.  fentry: first in the function
// On entry:            0(%rsp) = rip, the address behind the site; the parent slot is 8(%rbp), with fentry 8(%rsp)
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10, r11 and flags are free
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip) at ftrace_call, which the core patches
// Leaves:              to rip with every live register as found, by way of ftrace_graph_call: a jmp to ftrace_stub,
//                      which the core points to ftrace_graph_caller while the graph tracer is on
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// %rsp at each call    | ax | cx | dx | si | di | r8 | r9 | rip |                fentry: | parent_ip |
//                        0    8    16   24   32   40   48   56                             64

        .set    MCOUNT_INSN_SIZE, 5

        .set    SAVED_ax, 0
        .set    SAVED_cx, 8
        .set    SAVED_dx, 16
        .set    SAVED_si, 24
        .set    SAVED_di, 32
        .set    SAVED_r8, 40
        .set    SAVED_r9, 48
        .set    SAVED_SIZE, 56

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

        .macro SAVE
        sub     $SAVED_SIZE, %rsp
        mov     %rax, SAVED_ax(%rsp)
        mov     %rcx, SAVED_cx(%rsp)
        mov     %rdx, SAVED_dx(%rsp)
        mov     %rsi, SAVED_si(%rsp)
        mov     %rdi, SAVED_di(%rsp)
        mov     %r8, SAVED_r8(%rsp)
        mov     %r9, SAVED_r9(%rsp)
        .endm

        .macro RESTORE
        mov     SAVED_r9(%rsp), %r9
        mov     SAVED_r8(%rsp), %r8
        mov     SAVED_di(%rsp), %rdi
        mov     SAVED_si(%rsp), %rsi
        mov     SAVED_dx(%rsp), %rdx
        mov     SAVED_cx(%rsp), %rcx
        mov     SAVED_ax(%rsp), %rax
        add     $SAVED_SIZE, %rsp
        .endm

        .macro IP to                                    // after SAVE
        mov     SAVED_SIZE(%rsp), \to                   // to = rip
        sub     $MCOUNT_INSN_SIZE, \to                  // to -= 5: the record's address
        .endm

        .macro PARENT_SLOT to                           // after SAVE
        .ifdef CC_USING_FENTRY
        lea     SAVED_SIZE+8(%rsp), \to                 // to = what the traced function's caller pushed
        .else
        lea     8(%rbp), \to                            // to = the same, above the frame of the traced function
        .endif
        .endm

        .text

// What every site calls until boot has patched it.
        .ifdef CC_USING_FENTRY
FUNC __fentry__
        ret
END __fentry__
        .else
FUNC mcount
        ret
END mcount
        .endif

FUNC ftrace_caller
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop)
        jne     ftrace_stub                             //      return

        SAVE
        IP      to=%rdi                                 // ip
        PARENT_SLOT to=%rsi
        mov     (%rsi), %rsi                            // parent_ip
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip)
        RESTORE

LABEL ftrace_graph_call
        jmp     ftrace_stub                             // e9 rel32: goto ftrace_graph_caller, when patched

        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it
ftrace_stub:
        ret                                             // to rip
END ftrace_caller

// Entered by the jump at ftrace_graph_call; registers and stack are as at ftrace_caller's entry.
//
// Calls:               prepare_ftrace_return(parent slot, self_addr = ip, frame_pointer), which may put
//                      return_to_handler into the parent slot; frame_pointer = the caller's rbp, with fentry 0
FUNC ftrace_graph_caller
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop)
        jne     ftrace_stub                             //      return

        SAVE
        PARENT_SLOT to=%rdi                             // parent
        IP      to=%rsi                                 // self_addr
        .ifdef CC_USING_FENTRY
        mov     $0, %edx                                // frame_pointer = 0: there is no frame yet
        .else
        mov     (%rbp), %rdx                            // frame_pointer = rbp as it will be on return
        .endif
        call    prepare_ftrace_return
        RESTORE
        ret                                             // to rip
END ftrace_graph_caller

        .include "return_to_handler-3.6.S"
