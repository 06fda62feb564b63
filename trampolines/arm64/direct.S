// SPDX-License-Identifier: GPL-2.0-only
// my_tramp, my_tramp1, my_tramp2: direct trampolines; arm64, 6.12, as a module brings its own for
// register_ftrace_direct(): what samples/ftrace/*.c do with inline assembly. Included by kernel.S. Not traced
//
// The site:            mov x9, lr; bl my_tramp, or bl ftrace_caller, which leaves to my_tramp by its ops, or where
//                      another ops has put its address into fregs->direct_tramp (arch/arm64/kernel/entry-ftrace.S)
// On entry:            x30 = pc, the address behind the site, or where another ops has moved fregs->pc;
//                      x9 = parent_ip
// Live:                x0-x8, x18-x29: nobody else saves what the traced function needs; x10-x17 and flags are free
// Calls:               my_tramp1, my_tramp2: my_direct_func1, my_direct_func2, with the traced function's arguments;
//                      my_tramp: my_direct_func(ip = pc - MCOUNT_INSN_SIZE)
// Leaves:              to pc, with x30 = parent_ip, sp and every live register as found
//
// The stack at the call, from sp, which is x29:
//
//      sp ->  | x29 | x30 | x0 .. x8 | x9  |
//             0     8     16         88    96

        .set    MCOUNT_INSN_SIZE, 4
        .set    DIRECT_x0, 16
        .set    DIRECT_x2, 32
        .set    DIRECT_x4, 48
        .set    DIRECT_x6, 64
        .set    DIRECT_x8, 80
        .set    DIRECT_SIZE, 96

        .macro DIRECT_TRAMPOLINE name:req
        .text
        .balign 8
        .globl  \name
        .type   \name, %function
\name:
        bti     c
        stp     x29, x30, [sp, #-DIRECT_SIZE]!
        mov     x29, sp
        stp     x0, x1, [sp, #DIRECT_x0]
        stp     x2, x3, [sp, #DIRECT_x2]
        stp     x4, x5, [sp, #DIRECT_x4]
        stp     x6, x7, [sp, #DIRECT_x6]
        stp     x8, x9, [sp, #DIRECT_x8]
        .endm

        .macro DIRECT_END name:req
        ldp     x0, x1, [sp, #DIRECT_x0]
        ldp     x2, x3, [sp, #DIRECT_x2]
        ldp     x4, x5, [sp, #DIRECT_x4]
        ldp     x6, x7, [sp, #DIRECT_x6]
        ldp     x8, x30, [sp, #DIRECT_x8]               // lr = parent_ip
        ldp     x29, x9, [sp], #DIRECT_SIZE
        ret     x9                                      // to pc
        .size   \name, . - \name
        .endm

        DIRECT_TRAMPOLINE my_tramp1
        bl      my_direct_func1                         // my_direct_func1(as the traced function was called)
        DIRECT_END my_tramp1

        DIRECT_TRAMPOLINE my_tramp2
        bl      my_direct_func2                         // my_direct_func2(as the traced function was called)
        DIRECT_END my_tramp2

        DIRECT_TRAMPOLINE my_tramp
        sub     x0, x30, #MCOUNT_INSN_SIZE              // ip = the record's address
        bl      my_direct_func                          // my_direct_func(ip)
        DIRECT_END my_tramp
