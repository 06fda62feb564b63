// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, arm64 with DYNAMIC_FTRACE_WITH_REGS: 6.1 (arch/arm64/kernel/entry-ftrace.S)
//
// The site, enabled:   mov x9, lr; bl ftrace_caller, or bl ftrace_regs_caller where an ops has SAVE_REGS
//           disabled:  mov x9, lr; nop
//           compiled:  nop; nop (-fpatchable-function-entry=2)
// On entry:            x30 = the site's return address, x9 = the traced function's own return address (parent)
// Live:                x0-x8 (arguments), x18-x29; x10-x17 and flags are free
// Calls:               func(ip = x30 - 4, parent_ip = parent, op = *function_trace_op, regs = sp)
//                      at ftrace_call, which the core points to func, for both
// Leaves:              x0-x8, fp, lr and pc from the record, whichever of the two was called; sp as at the site,
//                      whatever regs->sp says; x9-x17 and flags unknown
//
// The stack at ftrace_call, from sp:
//
//      sp ->  | x0 .. x28 | fp | lr | sp | pc | pstate ..  | stackframe | ..  | fp  | x9  |
//             0           232  240  248  256  264          304          320   336   344   352 = sp at the site
//             struct pt_regs                               ^ x29: our         the function's
//                                                          frame              frame
//
// ftrace_caller leaves out x10 to x28. Neither writes pstate and what is behind it, but for stackframe.

        .text

        .set    MCOUNT_INSN_SIZE, 4
        .set    FRAME_SIZE, 16                          // of a frame record: fp, lr
        .set    FRAME_function, PT_SIZE
        .set    STACK_SIZE, PT_SIZE + FRAME_SIZE

        .macro FUNC name
        .globl  \name
        .type   \name, %function
        .balign 4
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

        .macro LABEL name
        .globl  \name
\name:
        .endm

// -- what a site calls ------------------------------------------------------------------------------------------------

        .macro SAVE_ARGUMENTS
        sub     sp, sp, #STACK_SIZE
        stp     x0, x1, [sp, #PT_x0]
        stp     x2, x3, [sp, #PT_x2]
        stp     x4, x5, [sp, #PT_x4]
        stp     x6, x7, [sp, #PT_x6]
        stp     x8, x9, [sp, #PT_x8]
        .endm

        .macro SAVE_SITE                                // what stands for sp, lr and pc; and the two frames
        add     x10, sp, #STACK_SIZE
        stp     x9, x10, [sp, #PT_lr]                   // regs->lr = parent, regs->sp = sp at the site
        str     x30, [sp, #PT_pc]                       // regs->pc = the site's return address
        stp     x29, x9, [sp, #FRAME_function]          // the frame that the function has not made yet
        add     x29, sp, #FRAME_function
        stp     x29, x30, [sp, #PT_stackframe_fp]       // and ours
        add     x29, sp, #PT_stackframe_fp
        .endm

FUNC ftrace_regs_caller
        bti     c
        SAVE_ARGUMENTS
        stp     x10, x11, [sp, #PT_x10]
        stp     x12, x13, [sp, #PT_x12]
        stp     x14, x15, [sp, #PT_x14]
        stp     x16, x17, [sp, #PT_x16]
        stp     x18, x19, [sp, #PT_x18]
        stp     x20, x21, [sp, #PT_x20]
        stp     x22, x23, [sp, #PT_x22]
        stp     x24, x25, [sp, #PT_x24]
        stp     x26, x27, [sp, #PT_x26]
        stp     x28, x29, [sp, #PT_x28]
        SAVE_SITE
        b       ftrace_common
END ftrace_regs_caller

FUNC ftrace_caller
        bti     c
        SAVE_ARGUMENTS
        str     x29, [sp, #PT_fp]
        SAVE_SITE
        b       ftrace_common
END ftrace_caller

FUNC ftrace_common
        sub     x0, x30, #MCOUNT_INSN_SIZE              // ip = rec->ip
        mov     x1, x9                                  // parent_ip = parent
        adrp    x2, function_trace_op
        ldr     x2, [x2, #:lo12:function_trace_op]      // op = function_trace_op
        mov     x3, sp                                  // regs = sp
LABEL ftrace_call
        bl      ftrace_stub                             // func(ip, parent_ip, op, regs)

        ldp     x0, x1, [sp, #PT_x0]
        ldp     x2, x3, [sp, #PT_x2]
        ldp     x4, x5, [sp, #PT_x4]
        ldp     x6, x7, [sp, #PT_x6]
        ldr     x8, [sp, #PT_x8]
        ldr     x29, [sp, #PT_fp]
        ldr     x30, [sp, #PT_lr]
        ldr     x9, [sp, #PT_pc]
        add     sp, sp, #STACK_SIZE                     // regs->sp is not loaded
        ret     x9                                      // to regs->pc
END ftrace_common

        .include "return_to_handler-6.1.S"
