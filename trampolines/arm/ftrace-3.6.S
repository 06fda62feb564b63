// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, arm with DYNAMIC_FTRACE: 3.6 and 3.7 (arch/arm/kernel/entry-common.S)
//
// The site, enabled:   push {lr}; bl ftrace_caller
//           disabled:  push {lr}; pop {lr}
//           compiled:  push {lr}; bl __gnu_mcount_nc
// On entry:            lr = the site's return address, [sp] = the traced function's own return address (parent)
// Live:                r0-r3 (arguments), r4-fp; ip is free
// Calls:               func(ip = lr - 4, parent_ip = parent) at ftrace_call, which the core points to func: neither op
//                      nor regs, and function_trace_stop is not tested here;
//                      prepare_ftrace_return(fp - 4, ip, fp) when the core has turned ftrace_graph_call into a branch:
//                      FUNCTION_GRAPH_TRACER means frame pointers, and the lr that the traced function returns through
//                      is there
// Leaves:              r0-fp as found, lr = parent, sp as before the site's push; ip and flags unknown
//
// The stack at ftrace_call, from sp (24 bytes keep it a multiple of 8):
//
//      sp ->  | r0 | r1 | r2 | r3 | lr | parent |
//             0    4    8    12   16   20       24 = sp before the site's push

        .syntax unified
        .arm
        .text

        .set    MCOUNT_INSN_SIZE, 4
        .set    FRAME_lr, 16
        .set    FRAME_parent, 20

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

// -- what a site calls before boot has disabled it --------------------------------------------------------------------

FUNC __gnu_mcount_nc
        mov     ip, lr
        pop     {lr}                            // lr = parent
        mov     pc, ip                          // back to the site; its word is gone from the stack as well
END __gnu_mcount_nc

// -- the tracer -------------------------------------------------------------------------------------------------------

        .macro LEAVE
        pop     {r0-r3, ip, lr}                 // ip = the site's return address, lr = parent
        mov     pc, ip
        .endm

FUNC ftrace_caller
        push    {r0-r3, lr}
        ldr     r1, [sp, #FRAME_parent]         // parent_ip = parent
        SITE_ADDRESS r0, lr                     // ip = rec->ip
LABEL ftrace_call
        bl      ftrace_stub                     // func(ip, parent_ip)
LABEL ftrace_graph_call
        mov     r0, r0                          // or b ftrace_graph_caller
        LEAVE
END ftrace_caller

FUNC ftrace_graph_caller
        sub     r0, fp, #4                      // parent = &the lr that the function's prologue saved
        ldr     r1, [sp, #FRAME_lr]
        SITE_ADDRESS r1, r1                     // self = rec->ip
        mov     r2, fp                          // frame_pointer = fp
        bl      prepare_ftrace_return
        LEAVE
END ftrace_graph_caller

// -- where a function returns to that the graph tracer has hooked -----------------------------------------------------

// On entry: fp = the caller's, r0, r1 = what the traced function returns. Leaves: to the caller, r0-r3 as found.
FUNC return_to_handler
        push    {r0-r3}
        mov     r0, fp                          // frame_pointer = the caller's fp
        bl      ftrace_return_to_handler
        mov     lr, r0                          // lr = the return address that was replaced
        pop     {r0-r3}
        mov     pc, lr
END return_to_handler

// -- a callback that does nothing -------------------------------------------------------------------------------------

FUNC ftrace_stub
        mov     pc, lr
END ftrace_stub
