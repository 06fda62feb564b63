// SPDX-License-Identifier: GPL-2.0-only
// my_tramp, my_tramp1, my_tramp2: direct trampolines; i386, 6.1 and 6.12. Included by kernel.S. Not traced
//
// Kernels select HAVE_DYNAMIC_FTRACE_WITH_DIRECT_CALLS here, but their samples are for x86_64 only
// (HAVE_SAMPLE_FTRACE_DIRECT): this is what those would be.
//
// The site:            call my_tramp. Where another ops shares the function ftrace_regs_caller is called, which leaves
//                      orig_ax alone and never comes here
// On entry:            0(%esp) = rip, the address behind the site; 4(%esp) = parent_ip
// Live:                eax edx ecx, ebx esi edi ebp: nobody else saves what the traced function needs; flags are free
// Calls:               my_tramp1, my_tramp2: my_direct_func1, my_direct_func2, with the traced function's arguments;
//                      my_tramp: my_direct_func(ip = rip - MCOUNT_INSN_SIZE)
// Leaves:              to rip, with esp = the parent slot and every live register as found
//
// %esp at the call     | ecx | edx | eax | ebp | rip | parent_ip |
//                        0     4     8     12    16    20
//                                          ^ ebp points here

        .set    MCOUNT_INSN_SIZE, 5

        .macro DIRECT_TRAMPOLINE name:req
        .text
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        push    %ebp
        mov     %esp, %ebp
        .irp    register, eax, edx, ecx
        push    %\register
        .endr
        .endm

        .macro DIRECT_END name:req
        .irp    register, ecx, edx, eax
        pop     %\register
        .endr
        pop     %ebp
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
        mov     4(%ebp), %eax                           // eax = rip
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
        call    my_direct_func                          // my_direct_func(ip)
        DIRECT_END my_tramp
