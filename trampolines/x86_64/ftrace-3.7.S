// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, ftrace_graph_caller, return_to_handler; x86_64, 3.7 (arch/x86/kernel/entry_64.S)
//
// The site, disabled:  nopl 0(%rax,%rax)       enabled:  call ftrace_caller, or ftrace_regs_caller for SAVE_REGS
//                      CC_USING_FENTRY: first in the function.  Else mcount: behind push %rbp; mov %rsp, %rbp
// On entry:            0(%rsp) = rip, the address behind the site; the parent slot is 8(%rbp), with fentry 8(%rsp)
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10, r11 and flags are free in ftrace_caller,
//                      r11 alone in ftrace_regs_caller, and pt_regs promises all three there
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip, op, regs) at ftrace_call and ftrace_regs_call,
//                      which the core patches; regs = NULL from ftrace_caller, %rsp from ftrace_regs_caller
//                      op = &function_trace_op, where function_trace_op itself was meant: a fault of this release
// Leaves:              to rip, from ftrace_regs_caller to regs->ip, with rsp as before the site's call; every live
//                      register as found, from ftrace_regs_caller as regs has it (never loaded back: r11 cs sp ss);
//                      both by way of ftrace_graph_call: a jmp to ftrace_stub, which the core points to
//                      ftrace_graph_caller while the graph tracer is on
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// ftrace_caller fills ax cx dx si di r8 r9 ip, for itself. ftrace_regs_caller fills every member but orig_ax.
//
// %rsp at the call     struct pt_regs, PT_SIZE = 168; the return address that the site pushed follows it
//       +0 .. +167     | r15 r14 r13 r12 bp bx r11 r10 | r9 r8 ax cx dx si di | orig_ax | ip cs flags sp ss |
//                        0   8   16  24  32 40 48  56    64 72 80 88 96 .. 112  120       128 .. 144  152 160
//          +168        | rip |                                                 fentry: | parent_ip |
//                        168                                                             176
//                      ftrace_regs_caller's pushf lands in ss, from where it is copied to flags

        .set    MCOUNT_INSN_SIZE, 5
        .set    __KERNEL_CS, 0x10
        .set    __KERNEL_DS, 0x18

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

// Makes room for the rest of a pt_regs, of which `pushed` bytes are there, and saves what C may change. rdx is spent.
        .macro SAVE pushed=0
        sub     $PT_SIZE-\pushed, %rsp
        mov     %rax, PT_ax(%rsp)                       // regs->ax = rax, ...
        mov     %rcx, PT_cx(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rsi, PT_si(%rsp)
        mov     %rdi, PT_di(%rsp)
        mov     %r8, PT_r8(%rsp)
        mov     %r9, PT_r9(%rsp)
        mov     PT_SIZE(%rsp), %rdx                     // rdx = rip
        mov     %rdx, PT_ip(%rsp)                       // regs->ip = rdx
        .endm

// Loads it back, and gives up the room but for the `keep` bytes at its upper end.
        .macro RESTORE keep=0
        mov     PT_r9(%rsp), %r9                        // r9 = regs->r9, ...
        mov     PT_r8(%rsp), %r8
        mov     PT_di(%rsp), %rdi
        mov     PT_si(%rsp), %rsi
        mov     PT_dx(%rsp), %rdx
        mov     PT_cx(%rsp), %rcx
        mov     PT_ax(%rsp), %rax
        add     $PT_SIZE-\keep, %rsp
        .endm

        .macro IP to                                    // after SAVE
        mov     PT_ip(%rsp), \to                        // to = rip
        sub     $MCOUNT_INSN_SIZE, \to                  // to -= 5: the record's address
        .endm

        .macro PARENT_SLOT to                           // after SAVE
        .ifdef CC_USING_FENTRY
        lea     PT_SIZE+8(%rsp), \to                    // to = what the traced function's caller pushed
        .else
        lea     8(%rbp), \to                            // to = the same, above the frame of the traced function
        .endif
        .endm

        .macro ARGUMENTS                                // the first three of func
        lea     function_trace_op(%rip), %rdx           // op = &function_trace_op, an ops ** (3.13 made it a mov)
        IP      to=%rdi                                 // ip
        PARENT_SLOT to=%rsi
        mov     (%rsi), %rsi                            // parent_ip
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
        ARGUMENTS
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

FUNC ftrace_regs_caller
        pushfq                                          // first: everything below changes flags. Into regs->ss
        cmpl    $0, function_trace_stop(%rip)           // if (function_trace_stop)
        jne     1f                                      //      give flags back and return

        SAVE    pushed=8
        ARGUMENTS
        mov     %r15, PT_r15(%rsp)                      // regs->r15 = r15, ...
        mov     %r14, PT_r14(%rsp)
        mov     %r13, PT_r13(%rsp)
        mov     %r12, PT_r12(%rsp)
        mov     %r11, PT_r11(%rsp)
        mov     %r10, PT_r10(%rsp)
        mov     %rbp, PT_bp(%rsp)
        mov     %rbx, PT_bx(%rsp)
        mov     PT_ss(%rsp), %rcx                       // rcx = flags at the site
        mov     %rcx, PT_flags(%rsp)                    // regs->flags = rcx
        movq    $__KERNEL_DS, PT_ss(%rsp)               // regs->ss = __KERNEL_DS
        movq    $__KERNEL_CS, PT_cs(%rsp)               // regs->cs = __KERNEL_CS
        lea     PT_SIZE+8(%rsp), %rcx                   // rcx = rsp before the site's call
        mov     %rcx, PT_sp(%rsp)                       // regs->sp = rcx. orig_ax stays what was on the stack
        mov     %rsp, %rcx                              // regs
LABEL ftrace_regs_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)

        mov     PT_flags(%rsp), %rax                    // regs->ss = regs->flags: where popfq will look
        mov     %rax, PT_ss(%rsp)
        mov     PT_ip(%rsp), %rax                       // rip = regs->ip: func may have moved it
        mov     %rax, PT_SIZE(%rsp)
        mov     PT_r15(%rsp), %r15                      // r15 = regs->r15, ...
        mov     PT_r14(%rsp), %r14
        mov     PT_r13(%rsp), %r13
        mov     PT_r12(%rsp), %r12
        mov     PT_r10(%rsp), %r10                      // and r11 stays lost: no load here, by the contract
        mov     PT_bp(%rsp), %rbp
        mov     PT_bx(%rsp), %rbx
        RESTORE keep=8
        popfq                                           // flags
        jmp     ftrace_graph_call

1:      popfq                                           // flags, which the comparison changed
        jmp     ftrace_stub
END ftrace_regs_caller

// Entered by the jump at ftrace_graph_call, behind either entry; the stack is as at their entry. Where func has moved
// regs->ip, rip is the new address, and so self_addr is wrong: a weakness of this release.
//
// Calls:               prepare_ftrace_return(parent slot, self_addr = ip, frame_pointer), which may put
//                      return_to_handler into the parent slot; frame_pointer = the caller's rbp, with fentry 0
FUNC ftrace_graph_caller
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
