// SPDX-License-Identifier: GPL-2.0-only
// __gnu_mcount_nc, arm without DYNAMIC_FTRACE: 3.6 and 3.7 (arch/arm/kernel/entry-common.S),
// 6.1 and 6.12 (entry-ftrace.S)
//
// The site, always:    push {lr}; bl __gnu_mcount_nc
// On entry:            lr = the site's return address, [sp] = the traced function's own return address (parent)
// Live:                r0-r3 (arguments), r4-fp; ip is free
// Calls:               one of these, or nobody:
//                      ftrace_trace_function(ip = lr - 4, parent_ip = parent) unless that is ftrace_stub: neither op
//                      nor regs, and function_trace_stop is not tested here;
//                      else prepare_ftrace_return(fp - 4, ip, fp) if ftrace_graph_return is not ftrace_stub or
//                      ftrace_graph_entry is not ftrace_graph_entry_stub: 3.x traces graphs only with frame pointers,
//                      and the lr that the traced function returns through is there
// Leaves:              r0-fp as found, lr = parent, sp as before the site's push; ip and flags unknown
//
// The stack at either call, from sp (24 bytes keep it a multiple of 8):
//
//      sp ->  | r0 | r1 | r2 | r3 | lr | parent |
//             0    4    8    12   16   20       24 = sp before the site's push
//
// RETURN_TO_HANDLER_SP: as in 6.x, prepare_ftrace_return(&parent, ip, fp, sp before the site's push), and
// ftrace_return_to_handler() gets sp instead of fp; the exit leaves ip alone.
//
// FTRACE_STUB_GRAPH: as in 6.12, ftrace_graph_return is ftrace_stub_graph while nobody traces graphs. That is another
// address than ftrace_stub, with which it is compared: the graph caller is called for nothing at every site.

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

// rd = the address of the bl that returns to rn; bit 0 of rn would be set in a Thumb kernel
        .macro SITE_ADDRESS rd, rn
        bic     \rd, \rn, #1
        sub     \rd, \rd, #MCOUNT_INSN_SIZE
        .endm

// rd = the variable's contents
        .macro LOAD_VARIABLE rd, variable
        ldr     \rd, =\variable
        ldr     \rd, [\rd]
        .endm

        .macro LEAVE
        .ifdef  RETURN_TO_HANDLER_SP
        pop     {r0-r3}
        ldr     lr, [sp, #FRAME_parent - FRAME_lr]
        ldr     pc, [sp], #FRAME_SIZE - FRAME_lr
        .else
        pop     {r0-r3, ip, lr}                 // ip = the site's return address, lr = parent
        mov     pc, ip
        .endif
        .endm

// -- the tracer, or the graph tracer, or neither ----------------------------------------------------------------------

FUNC __gnu_mcount_nc
        push    {r0-r3, lr}
        ldr     r0, =ftrace_stub
        LOAD_VARIABLE r2, ftrace_trace_function
        cmp     r2, r0
        bne     .Ltrace                         // if (ftrace_trace_function != ftrace_stub) goto trace;
        LOAD_VARIABLE r2, ftrace_graph_return
        cmp     r2, r0
        bne     ftrace_graph_caller             // if (ftrace_graph_return != ftrace_stub) goto graph;
        ldr     r0, =ftrace_graph_entry_stub
        LOAD_VARIABLE r2, ftrace_graph_entry
        cmp     r2, r0
        bne     ftrace_graph_caller             // if (ftrace_graph_entry != ftrace_graph_entry_stub) goto graph;
        LEAVE
.Ltrace:
        ldr     r1, [sp, #FRAME_parent]         // parent_ip = parent
        SITE_ADDRESS r0, lr                     // ip = the site's bl
        blx     r2                              // ftrace_trace_function(ip, parent_ip)
        LEAVE
END __gnu_mcount_nc

FUNC ftrace_graph_caller
        ldr     r1, [sp, #FRAME_lr]
        SITE_ADDRESS r1, r1                     // self = the site's bl
        mov     r2, fp                          // frame_pointer = fp
        .ifdef  RETURN_TO_HANDLER_SP
        add     r0, sp, #FRAME_parent           // parent = &the word that the site pushed
        add     r3, sp, #FRAME_SIZE             // stack_pointer = sp before the site's push
        .else
        sub     r0, fp, #4                      // parent = &the lr that the function's prologue saved
        .endif
        bl      prepare_ftrace_return
        LEAVE
END ftrace_graph_caller

// -- where a function returns to that the graph tracer has hooked -----------------------------------------------------

// On entry: sp and fp as the traced function leaves them, r0, r1 = what it returns.
// Leaves: to its caller, r0-r3 as found.
FUNC return_to_handler
        push    {r0-r3}
        .ifdef  RETURN_TO_HANDLER_SP
        add     r0, sp, #RETURN_SIZE            // frame_pointer = sp as the function left it
        .else
        mov     r0, fp                          // frame_pointer = the caller's fp
        .endif
        bl      ftrace_return_to_handler
        mov     lr, r0                          // lr = the return address that was replaced
        pop     {r0-r3}
        mov     pc, lr
END return_to_handler

// -- a callback that does nothing -------------------------------------------------------------------------------------

FUNC ftrace_stub
        mov     pc, lr
END ftrace_stub

        .ifdef  FTRACE_STUB_GRAPH
FUNC ftrace_stub_graph
        bx      lr
END ftrace_stub_graph
        .endif

        .ltorg                                  // the addresses that ldr rd, =symbol loads
