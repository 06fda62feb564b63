// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, arm with DYNAMIC_FTRACE_WITH_REGS: 6.1 and 6.12 (arch/arm/kernel/entry-ftrace.S)
//
// The site, enabled:   push {lr}; bl ftrace_caller, or bl ftrace_regs_caller where an ops has SAVE_REGS
//           disabled:  push {lr}; add sp, sp, #4
//           compiled:  push {lr}; bl __gnu_mcount_nc
// On entry:            lr = the site's return address, [sp] = the traced function's own return address (parent)
// Live:                r0-r3 (arguments), r4-fp; ip is free for us, but pt_regs promises its value
// Calls:               func(ip = lr - 4, parent_ip = parent, op = *function_trace_op, regs = NULL or sp)
//                      at ftrace_call, ftrace_regs_call, which the core points to func;
//                      prepare_ftrace_return(&parent, ip, fp, sp before the site's push)
//                      when the core has turned ftrace_graph_call, ftrace_graph_regs_call into a branch
// Leaves:              ftrace_caller: r0-fp as found, lr = parent, sp as before the site's push; ip and flags unknown
//                      ftrace_regs_caller: r0-fp, ip, lr, pc from the record; sp as before the site's push, whatever
//                      regs->sp says; flags unknown
//
// The stack of ftrace_caller at ftrace_call, from sp (24 bytes keep it a multiple of 8):
//
//      sp ->  | r0 | r1 | r2 | r3 | lr | parent |
//             0    4    8    12   16   20       24 = sp before the site's push
//
// The stack of ftrace_regs_caller at ftrace_regs_call, a struct pt_regs:
//
//      sp ->  | r0 .. r10 | fp | ip | sp | lr | pc | cpsr | ORIG_r0 |
//             0           44   48   52   56   60   64     68        72 = sp before the site's push
//
//      lr is the parent, pc the site's return address, cpsr whatever was there before: nobody writes it.
//      ORIG_r0 is the word that the site pushed: it holds the parent on entry.

        .syntax unified
        .arm
        .text

        .set    MCOUNT_INSN_SIZE, 4
        .set    FRAME_lr, 16
        .set    FRAME_parent, 20
        .set    FRAME_SIZE, 24
        .set    RETURN_SIZE, 16                 // of return_to_handler's r0-r3

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

// rd = the address of the bl that returns to rn; bit 0 of rn would be set in a Thumb kernel
        .macro SITE_ADDRESS rd, rn
        bic     \rd, \rn, #1
        sub     \rd, \rd, #MCOUNT_INSN_SIZE
        .endm

// rd = the variable's contents
        .macro LOAD_VARIABLE rd, variable
        movw    \rd, #:lower16:\variable
        movt    \rd, #:upper16:\variable
        ldr     \rd, [\rd]
        .endm

// -- what a site calls before boot has disabled it --------------------------------------------------------------------

FUNC __gnu_mcount_nc
        push    {lr}
        ldr     lr, [sp, #4]                    // lr = parent
        ldr     pc, [sp], #8                    // back to the site; its word is gone from the stack as well
END __gnu_mcount_nc

// -- regs = NULL ------------------------------------------------------------------------------------------------------

        .macro LEAVE
        pop     {r0-r3}
        ldr     lr, [sp, #FRAME_parent - FRAME_lr]
        ldr     pc, [sp], #FRAME_SIZE - FRAME_lr
        .endm

FUNC ftrace_caller
        push    {r0-r3, lr}
        ldr     r1, [sp, #FRAME_parent]         // parent_ip = parent
        SITE_ADDRESS r0, lr                     // ip = rec->ip
        LOAD_VARIABLE r2, function_trace_op     // op = function_trace_op
        mov     r3, #0                          // regs = NULL
LABEL ftrace_call
        bl      ftrace_stub                     // func(ip, parent_ip, op, regs)
LABEL ftrace_graph_call
        mov     r0, r0                          // or b ftrace_graph_caller
        LEAVE
END ftrace_caller

FUNC ftrace_graph_caller
        add     r0, sp, #FRAME_parent           // parent = &the word that the site pushed
        ldr     r1, [sp, #FRAME_lr]
        SITE_ADDRESS r1, r1                     // self = rec->ip
        mov     r2, fp                          // frame_pointer = fp
        add     r3, sp, #FRAME_SIZE             // stack_pointer = sp before the site's push
        bl      prepare_ftrace_return
        LEAVE
END ftrace_graph_caller

// -- regs = a struct pt_regs ------------------------------------------------------------------------------------------

        .macro LEAVE_REGS
        pop     {r0-fp, ip}                     // r0 .. ip = regs->uregs[0 .. 12]
        ldr     lr, [sp, #PT_lr - PT_sp]        // lr = regs->lr; regs->sp is not loaded
        add     sp, sp, #PT_pc - PT_sp
        ldr     pc, [sp], #PT_SIZE - PT_pc      // pc = regs->pc
        .endm

FUNC ftrace_regs_caller
        str     lr, [sp, #PT_pc - PT_ORIG_r0]!  // regs->pc = the site's return address
        ldr     lr, [sp, #PT_ORIG_r0 - PT_pc]   // lr = parent, still where the site pushed it
        str     r0, [sp, #PT_ORIG_r0 - PT_pc]   // regs->ORIG_r0 = r0
        str     lr, [sp, #PT_lr - PT_pc]!       // regs->lr = parent
        add     lr, sp, #PT_SIZE - PT_lr        // lr = sp before the site's push
        push    {r0-fp, ip, lr}                 // regs->uregs[0 .. 12] = r0 .. ip, regs->sp = lr
        ldr     lr, [sp, #PT_pc]
        SITE_ADDRESS r0, lr                     // ip = rec->ip
        ldr     r1, [sp, #PT_lr]                // parent_ip = parent
        LOAD_VARIABLE r2, function_trace_op     // op = function_trace_op
        mov     r3, sp                          // regs = sp
LABEL ftrace_regs_call
        bl      ftrace_stub                     // func(ip, parent_ip, op, regs)
LABEL ftrace_graph_regs_call
        mov     r0, r0                          // or b ftrace_graph_regs_caller
        LEAVE_REGS
END ftrace_regs_caller

FUNC ftrace_graph_regs_caller
        add     r0, sp, #PT_lr                  // parent = &regs->lr
        ldr     r1, [sp, #PT_pc]
        SITE_ADDRESS r1, r1                     // self = rec->ip
        mov     r2, fp                          // frame_pointer = fp
        add     r3, sp, #PT_SIZE                // stack_pointer = sp before the site's push
        bl      prepare_ftrace_return
        LEAVE_REGS
END ftrace_graph_regs_caller

// -- where a function returns to that the graph tracer has hooked -----------------------------------------------------

// On entry: sp as the traced function leaves it, r0, r1 = what it returns. Leaves: to its caller, r0-r3 as found.
FUNC return_to_handler
        push    {r0-r3}
        add     r0, sp, #RETURN_SIZE            // frame_pointer = sp as the function left it
        bl      ftrace_return_to_handler
        mov     lr, r0                          // lr = the return address that was replaced
        pop     {r0-r3}
        bx      lr
END return_to_handler

// -- callbacks that do nothing ----------------------------------------------------------------------------------------

FUNC ftrace_stub
        bx      lr
END ftrace_stub

FUNC ftrace_stub_graph                          // in 6.1 a second name of ftrace_stub, which the linker script gives
        bx      lr
END ftrace_stub_graph
