// SPDX-License-Identifier: GPL-2.0-only
// mcount, or __fentry__; ftrace_graph_caller, return_to_handler; x86_64 without DYNAMIC_FTRACE
// mcount is 3.6's, __fentry__ (CC_USING_FENTRY) 3.7's (arch/x86/kernel/entry_64.S): other frames, the same steps
//
// The site:            call mcount, behind push %rbp; mov %rsp, %rbp.  fentry: call __fentry__, first in the function
//                      Nothing is ever patched: the entry looks at the variables, at every call of every function
// On entry:            0(%rsp) = rip, the address behind the site; the parent slot is 8(%rbp), with fentry 8(%rsp)
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10, r11 and flags are free
// Calls:               ftrace_trace_function(ip = rip - MCOUNT_INSN_SIZE, parent_ip), unless it is ftrace_stub;
//                      then, and only then, the graph tracer, if one of its two variables is not its stub
// Leaves:              to rip with every live register as found
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// %rsp at each call    mcount          | ax | cx | dx | si | di | r8 | r9 | rip |
//                                        0    8    16   24   32   40   48   56
//                      fentry          struct pt_regs, with r9 r8 ax cx dx si di and ip filled, for the entry itself;
//                                      then | rip | parent_ip |
//                                             168   176

        .set    MCOUNT_INSN_SIZE, 5

        .ifdef CC_USING_FENTRY
        .set    SAVED_ax, PT_ax
        .set    SAVED_cx, PT_cx
        .set    SAVED_dx, PT_dx
        .set    SAVED_si, PT_si
        .set    SAVED_di, PT_di
        .set    SAVED_r8, PT_r8
        .set    SAVED_r9, PT_r9
        .set    SAVED_ip, PT_ip
        .set    SAVED_SIZE, PT_SIZE
        .else
        .set    SAVED_ax, 0
        .set    SAVED_cx, 8
        .set    SAVED_dx, 16
        .set    SAVED_si, 24
        .set    SAVED_di, 32
        .set    SAVED_r8, 40
        .set    SAVED_r9, 48
        .set    SAVED_SIZE, 56
        .set    SAVED_ip, SAVED_SIZE                    // no copy: where the site's call has put it
        .endif

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

        .macro SAVE                                     // with fentry rdx is spent
        sub     $SAVED_SIZE, %rsp
        mov     %rax, SAVED_ax(%rsp)
        mov     %rcx, SAVED_cx(%rsp)
        mov     %rdx, SAVED_dx(%rsp)
        mov     %rsi, SAVED_si(%rsp)
        mov     %rdi, SAVED_di(%rsp)
        mov     %r8, SAVED_r8(%rsp)
        mov     %r9, SAVED_r9(%rsp)
        .ifdef CC_USING_FENTRY
        mov     SAVED_SIZE(%rsp), %rdx                  // rdx = rip
        mov     %rdx, SAVED_ip(%rsp)
        .endif
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
        mov     SAVED_ip(%rsp), \to                     // to = rip
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

        .ifdef CC_USING_FENTRY
FUNC __fentry__
        .else
FUNC mcount
        .endif
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop)
        jne     ftrace_stub                             //      return
        cmpq    $ftrace_stub, ftrace_trace_function(%rip)
        jne     1f                                      // if (ftrace_trace_function != ftrace_stub) goto call it
        cmpq    $ftrace_stub, ftrace_graph_return(%rip)
        jne     ftrace_graph_caller                     // if (ftrace_graph_return != ftrace_stub) goto graph
        cmpq    $ftrace_graph_entry_stub, ftrace_graph_entry(%rip)
        jne     ftrace_graph_caller                     // if (ftrace_graph_entry != its stub) goto graph

LABEL ftrace_stub
        ret                                             // to rip

1:      SAVE
        IP      to=%rdi                                 // ip
        PARENT_SLOT to=%rsi
        mov     (%rsi), %rsi                            // parent_ip
        call    *ftrace_trace_function(%rip)            // ftrace_trace_function(ip, parent_ip)
        RESTORE
        jmp     ftrace_stub                             // and not to the graph tracer: one or the other
        .ifdef CC_USING_FENTRY
END __fentry__
        .else
END mcount
        .endif

// Entered by a jump from above; registers and stack are as at the entry.
//
// Calls:               prepare_ftrace_return(parent slot, self_addr = ip, frame_pointer), which may put
//                      return_to_handler into the parent slot; frame_pointer = the caller's rbp, with fentry 0
FUNC ftrace_graph_caller
        .ifndef CC_USING_FENTRY
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop): asked twice in 3.6
        jne     ftrace_stub                             //      return
        .endif

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
