// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, arm64 with DYNAMIC_FTRACE_WITH_ARGS: 6.12 (arch/arm64/kernel/entry-ftrace.S)
//
// The site, enabled:   mov x9, lr; bl ftrace_caller, or bl of a direct trampoline that is within 128 MB
//           disabled:  mov x9, lr; nop
//           compiled:  nop; nop (-fpatchable-function-entry=2)
//           before it: with DYNAMIC_FTRACE_WITH_CALL_OPS 8 bytes, aligned, that are the address of an ops:
//                      ftrace_nop_ops, the one ops of the function, or ftrace_list_ops (-fpatchable-function-entry=4,2)
// On entry:            x30 = the site's return address, x9 = the traced function's own return address (parent)
// Live:                x0-x8 (arguments), x18-x29; x10-x17 and flags are free
// Calls:               func(ip = x30 - 4, parent_ip = parent, op, fregs = sp)
//                      CALL_OPS: op = the site's, func = op->func
//                      else: op = *function_trace_op, func at ftrace_call, which the core points to it
// Leaves:              x0-x8, fp, lr and pc from the record, sp as at the site, whatever fregs->sp says;
//                      x9-x17 and flags unknown
//                      to op->direct_call with everything as at the site's call, if that is not 0;
//                      to fregs->direct_tramp, if a callback has put its address there, with x30 = fregs->pc,
//                      x9 = fregs->lr
//
// The stack at the call, from sp:
//
//      sp ->  | x0 .. x8 | direct_tramp | fp | lr | sp | pc | x29 | x30 | fp  | x9  |
//             0          72             80   88   96   104  112   120   128   136   144 = sp at the site
//             struct __arch_ftrace_regs                     ^     our     the function's
//                                                           x29   frame   frame

        .text

        .set    MCOUNT_INSN_SIZE, 4
        .set    FRAME_SIZE, 16                          // of a frame record: fp, lr
        .set    FRAME_ours, FREGS_SIZE
        .set    FRAME_function, FREGS_SIZE + FRAME_SIZE
        .set    STACK_SIZE, FREGS_SIZE + 2 * FRAME_SIZE
        .set    OPS_LITERAL, -16                        // from x30, rounded down to 8 bytes

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

        .macro SAVE_ARGUMENTS                           // x0-x7 into the record at sp
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x3, [sp, #FREGS_x2]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        .endm

        .macro LOAD_ARGUMENTS                           // and back
        ldp     x0, x1, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        .endm

// -- what a site calls ------------------------------------------------------------------------------------------------

FUNC ftrace_caller
        bti     c
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS
        bic     x11, x30, #7                            // a landing pad before the site is rounded away
        ldr     x11, [x11, #OPS_LITERAL]                // op = the site's
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
        ldr     x17, [x11, #FTRACE_OPS_direct_call]
        cbnz    x17, ftrace_caller_direct               // if (op->direct_call) goto it, which no bl reaches
        .endif
        .endif

        mov     x10, sp
        sub     sp, sp, #STACK_SIZE
        SAVE_ARGUMENTS
        str     x8, [sp, #FREGS_x8]
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
        str     xzr, [sp, #FREGS_direct_tramp]          // fregs->direct_tramp = 0
        .endif
        str     x29, [sp, #FREGS_fp]
        str     x9, [sp, #FREGS_lr]                     // fregs->lr = parent
        str     x10, [sp, #FREGS_sp]                    // fregs->sp = sp at the site
        str     x30, [sp, #FREGS_pc]                    // fregs->pc = the site's return address

        stp     x29, x9, [sp, #FRAME_function]          // the frame that the function has not made yet
        add     x29, sp, #FRAME_function
        stp     x29, x30, [sp, #FRAME_ours]             // and ours
        add     x29, sp, #FRAME_ours

        sub     x0, x30, #MCOUNT_INSN_SIZE              // ip = rec->ip
        mov     x1, x9                                  // parent_ip = parent
        mov     x3, sp                                  // fregs = sp
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS
        mov     x2, x11                                 // op
        ldr     x4, [x2, #FTRACE_OPS_func]
        blr     x4                                      // op->func(ip, parent_ip, op, fregs)
        .else
        adrp    x2, function_trace_op
        ldr     x2, [x2, #:lo12:function_trace_op]      // op = function_trace_op
LABEL ftrace_call
        bl      ftrace_stub                             // func(ip, parent_ip, op, fregs)
        .endif

        LOAD_ARGUMENTS
        ldr     x8, [sp, #FREGS_x8]
        ldr     x29, [sp, #FREGS_fp]
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
        ldr     x17, [sp, #FREGS_direct_tramp]
        cbnz    x17, ftrace_caller_direct_late          // if (fregs->direct_tramp) goto it
        .endif
        ldr     x30, [sp, #FREGS_lr]
        ldr     x9, [sp, #FREGS_pc]
        add     sp, sp, #STACK_SIZE                     // fregs->sp is not loaded
        ret     x9                                      // to fregs->pc

        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
LABEL ftrace_caller_direct_late
        ldr     x9, [sp, #FREGS_lr]                     // as the site's mov and bl leave them
        ldr     x30, [sp, #FREGS_pc]
        add     sp, sp, #STACK_SIZE
LABEL ftrace_caller_direct
        br      x17                                     // from x16 and x17 a branch may land on bti c
        .endif
END ftrace_caller

// -- a direct trampoline that does nothing ----------------------------------------------------------------------------

        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
FUNC ftrace_stub_direct_tramp
        bti     c
        mov     x10, x30
        mov     x30, x9                                 // lr = parent
        ret     x10                                     // to the site
END ftrace_stub_direct_tramp
        .endif

// -- where a function returns to that the graph tracer has hooked -----------------------------------------------------

// On entry: x0-x7 = what the function returns, x29 and sp as it leaves them. Leaves: to its caller, x0-x7 as found.
FUNC return_to_handler
        sub     sp, sp, #FREGS_SIZE
        SAVE_ARGUMENTS
        str     x29, [sp, #FREGS_fp]
        mov     x0, sp
        bl      ftrace_return_to_handler                // ftrace_return_to_handler(fregs)
        mov     x30, x0                                 // lr = the return address that was replaced
        LOAD_ARGUMENTS
        add     sp, sp, #FREGS_SIZE
        ret
END return_to_handler

// -- callbacks that do nothing ----------------------------------------------------------------------------------------

FUNC ftrace_stub
        bti     c
        ret
END ftrace_stub

FUNC ftrace_stub_graph
        bti     c
        ret
END ftrace_stub_graph
