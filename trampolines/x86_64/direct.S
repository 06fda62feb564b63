// SPDX-License-Identifier: GPL-2.0-only
// my_tramp, my_tramp1, my_tramp2: direct trampolines; x86_64, 6.1 and 6.12, as a module brings its own for
// register_ftrace_direct(): what samples/ftrace/*.c do with inline assembly. Included by kernel.S. Not traced
//
// The site:            call my_tramp, or call ftrace_regs_caller, which leaves to my_tramp where an ops has put its
//                      address into orig_ax (arch/x86/kernel/ftrace_64.S): the stack and the registers are the same
// On entry:            0(%rsp) = rip, the address behind the site, or where another ops has moved regs->ip;
//                      8(%rsp) = parent_ip
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15: nobody else saves what the traced function needs;
//                      r10, r11 and flags are free
// Calls:               my_tramp1, my_tramp2: my_direct_func1, my_direct_func2, with the traced function's arguments;
//                      my_tramp: my_direct_func(ip = rip - MCOUNT_INSN_SIZE)
// Leaves:              to rip, with rsp = the parent slot and every live register as found
//
// %rsp at the call     | rdi | rsi | rdx | rcx | r8 | r9 | rax | rbp | rip | parent_ip |
//                        0     8     16    24    32   40   48    56    64    72
//                                                                ^ rbp points here

        .set    MCOUNT_INSN_SIZE, 5

        .macro DIRECT_TRAMPOLINE name:req
        .text
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .ifdef CONFIG_X86_KERNEL_IBT
        endbr64
        .endif
        push    %rbp
        mov     %rsp, %rbp
        .irp    register, rax, r9, r8, rcx, rdx, rsi, rdi
        push    %\register
        .endr
        .endm

        .macro DIRECT_END name:req
        .irp    register, rdi, rsi, rdx, rcx, r8, r9, rax
        pop     %\register
        .endr
        pop     %rbp
        ret                                             // to rip
        .size   \name, . - \name
        .endm

        DIRECT_TRAMPOLINE my_tramp1
        call    my_direct_func1                         // my_direct_func1(as the traced function was called)
        DIRECT_END my_tramp1

        DIRECT_TRAMPOLINE my_tramp2
        call    my_direct_func2                         // my_direct_func2(as the traced function was called)
        DIRECT_END my_tramp2

        DIRECT_TRAMPOLINE my_tramp
        mov     8(%rbp), %rdi                           // rdi = rip
        sub     $MCOUNT_INSN_SIZE, %rdi                 // ip = rip - 5: the record's address
        call    my_direct_func                          // my_direct_func(ip)
        DIRECT_END my_tramp
