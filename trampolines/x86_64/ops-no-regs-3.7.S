// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_graph_caller, return_to_handler; x86_64, synthetic: an architecture with ops and without regs
//
// No kernel had it. It is the middle case of the series that 3.7 merged: an architecture may pass op and still have no
// pt_regs to give; then its one trampoline passes regs = NULL to everybody, and SAVE_REGS is refused at registration.
// The rest is 3.7's ftrace_caller for fentry, but for its fault: op is what that series promised, the ops itself.
//
// The site, disabled:  nopl 0(%rax,%rax)       enabled:  call ftrace_caller       first in the function
// On entry:            0(%rsp) = rip, the address behind the site; 8(%rsp) = parent_ip, the word at the parent slot
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10, r11 and flags are free
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip, op = function_trace_op, regs = NULL)
//                      at ftrace_call, which the core patches
// Leaves:              to rip with every live register as found, by way of ftrace_graph_call: a jmp to ftrace_stub,
//                      which the core points to ftrace_graph_caller while the graph tracer is on
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// %rsp at each call    struct pt_regs for its offsets alone; the empty members are never written
//       +0 .. +167     | - - - - - - - - | r9 r8 ax cx dx si di | - | ip | - - - - |
//                        0                 64 72 80 88 96 .. 112  120 128  136
//          +168        | rip | parent_ip |
//                        168   176

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

        .macro SAVE                                     // rdx is spent
        sub     $PT_SIZE, %rsp
        mov     %rax, PT_ax(%rsp)
        mov     %rcx, PT_cx(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rsi, PT_si(%rsp)
        mov     %rdi, PT_di(%rsp)
        mov     %r8, PT_r8(%rsp)
        mov     %r9, PT_r9(%rsp)
        mov     PT_SIZE(%rsp), %rdx                     // rdx = rip
        mov     %rdx, PT_ip(%rsp)
        .endm

        .macro RESTORE
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        mov     PT_di(%rsp), %rdi
        mov     PT_si(%rsp), %rsi
        mov     PT_dx(%rsp), %rdx
        mov     PT_cx(%rsp), %rcx
        mov     PT_ax(%rsp), %rax
        add     $PT_SIZE, %rsp
        .endm

        .macro IP to                                    // after SAVE
        mov     PT_ip(%rsp), \to                        // to = rip
        sub     $MCOUNT_INSN_SIZE, \to                  // to -= 5: the record's address
        .endm

        .text

// What every site calls until boot has patched it.
FUNC __fentry__
        ret
END __fentry__

FUNC ftrace_caller
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop)
        jne     ftrace_stub                             //      return

        SAVE
        IP      to=%rdi                                 // ip
        mov     PT_SIZE+8(%rsp), %rsi                   // parent_ip
        mov     function_trace_op(%rip), %rdx           // op = function_trace_op
        mov     $0, %ecx                                // regs = NULL
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)
        RESTORE

LABEL ftrace_graph_call
        jmp     ftrace_stub                             // e9 rel32: goto ftrace_graph_caller, when patched

        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it
ftrace_stub:
        ret                                             // to rip
END ftrace_caller

// Entered by the jump at ftrace_graph_call; registers and stack are as at ftrace_caller's entry.
//
// Calls:               prepare_ftrace_return(parent slot, self_addr = ip, frame_pointer = 0), which may put
//                      return_to_handler into the parent slot
FUNC ftrace_graph_caller
        SAVE
        lea     PT_SIZE+8(%rsp), %rdi                   // parent
        IP      to=%rsi                                 // self_addr
        mov     $0, %edx                                // frame_pointer = 0: there is no frame yet
        call    prepare_ftrace_return
        RESTORE
        ret                                             // to rip
END ftrace_graph_caller

        .include "return_to_handler-3.6.S"
