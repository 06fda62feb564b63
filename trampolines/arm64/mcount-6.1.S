// SPDX-License-Identifier: GPL-2.0-only
// _mcount, ftrace_caller, arm64 without -fpatchable-function-entry: 6.1 (arch/arm64/kernel/entry-ftrace.S)
//
// The site, enabled:   mov x0, lr; bl ftrace_caller
//           disabled:  mov x0, lr; nop
//           compiled:  mov x0, lr; bl _mcount, behind the prologue, which has saved what it needs of x0-x17 and lr
//                      never patched: without DYNAMIC_FTRACE
// On entry:            x30 = the site's return address, [x29, #8] = the function's own return address (parent),
//                      [x29] = its caller's frame
// Live:                x18-x29
// Calls:               func(ip = x30 - 4, parent_ip = parent)
//                      dynamic: at ftrace_call, which is a nop until the core points it to func;
//                      static: if it is not ftrace_stub
//                      prepare_ftrace_return(ip, &parent, its caller's x29)
//                      dynamic: when the core has turned ftrace_graph_call into a branch;
//                      static: if ftrace_graph_return is not ftrace_stub, or ftrace_graph_entry not its stub
// Leaves:              x18-x29 and sp as found
//
// The stack at the calls, from sp, which is x29:
//
//      sp ->  | x29 = the function's frame | x30 |
//             0                            8     16 = sp at the site

        .text

        .set    MCOUNT_INSN_SIZE, 4
        .set    FRAME_SIZE, 16                          // of a frame record:
        .set    FRAME_fp, 0
        .set    FRAME_lr, 8

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

        .macro ENTER
        stp     x29, x30, [sp, #-FRAME_SIZE]!
        mov     x29, sp
        .endm

        .macro LEAVE
        ldp     x29, x30, [sp], #FRAME_SIZE
        ret
        .endm

        .macro PARENT rd                                // rd = parent
        ldr     \rd, [x29, #FRAME_fp]
        ldr     \rd, [\rd, #FRAME_lr]
        .endm

        .macro LOAD_VARIABLE rd, variable               // rd = the variable's contents
        adrp    \rd, \variable
        ldr     \rd, [\rd, #:lo12:\variable]
        .endm

// -- without DYNAMIC_FTRACE -------------------------------------------------------------------------------------------

        .ifndef CONFIG_DYNAMIC_FTRACE
FUNC _mcount
        bti     c
        ENTER
        LOAD_VARIABLE x2, ftrace_trace_function
        adr     x0, ftrace_stub
        cmp     x0, x2
        b.eq    skip_ftrace_call                        // if (ftrace_trace_function != ftrace_stub)
        ldr     x0, [x29, #FRAME_lr]
        sub     x0, x0, #MCOUNT_INSN_SIZE               // ip = the site
        PARENT  x1                                      // parent_ip = parent
        blr     x2                                      // ftrace_trace_function(ip, parent_ip)
skip_ftrace_call:
        LOAD_VARIABLE x2, ftrace_graph_return
        cmp     x0, x2                                  // x0 = ftrace_stub, unless a callback was called
        b.ne    ftrace_graph_caller                     // if (ftrace_graph_return != ftrace_stub) goto graph
        LOAD_VARIABLE x2, ftrace_graph_entry
        adrp    x0, ftrace_graph_entry_stub
        add     x0, x0, #:lo12:ftrace_graph_entry_stub
        cmp     x0, x2
        b.ne    ftrace_graph_caller                     // if (ftrace_graph_entry != its stub) goto graph
        LEAVE
END _mcount

// -- with DYNAMIC_FTRACE ----------------------------------------------------------------------------------------------

        .else
FUNC _mcount                                            // what a site calls before boot has disabled it
        bti     c
        ret
END _mcount

FUNC ftrace_caller
        bti     c
        ENTER
        sub     x0, x30, #MCOUNT_INSN_SIZE              // ip = rec->ip
        PARENT  x1                                      // parent_ip = parent
LABEL ftrace_call
        nop                                             // or bl func: func(ip, parent_ip)
LABEL ftrace_graph_call
        nop                                             // or b ftrace_graph_caller
        LEAVE
END ftrace_caller
        .endif

// -- the graph tracer -------------------------------------------------------------------------------------------------

FUNC ftrace_graph_caller
        bti     c
        ldr     x0, [x29, #FRAME_lr]
        sub     x0, x0, #MCOUNT_INSN_SIZE               // self_addr = rec->ip
        ldr     x1, [x29, #FRAME_fp]
        add     x1, x1, #FRAME_lr                       // parent = &the word that the function returns through
        ldr     x2, [x29, #FRAME_fp]
        ldr     x2, [x2, #FRAME_fp]                     // frame_pointer = its caller's
        bl      prepare_ftrace_return                   // prepare_ftrace_return(self_addr, parent, frame_pointer)
        LEAVE
END ftrace_graph_caller

        .include "return_to_handler-6.1.S"
