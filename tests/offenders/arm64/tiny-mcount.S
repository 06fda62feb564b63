// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for arm64, 6.1-mcount, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      FRAME                   our frame in front of the function's
//      ARGUMENTS               x0 = ip, x1 = parent_ip
//      BEHIND                  behind the callback: the NOP that becomes a branch to the graph caller
//      GRAPH_ARGUMENTS         x0 = ip, x1 = where the parent's address is, x2 = the caller's frame
//      LEAVE                   to the function
//
// sp at the calls              | fp | lr |
//                                0    8    16 = sp at the site

        .text

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .ifndef OWN_FRAME
        .macro FRAME
        stp     x29, x30, [sp, #-16]!
        mov     x29, sp
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS
        sub     x0, x30, #4
        ldr     x10, [sp]
        ldr     x1, [x10, #8]
        .endm
        .endif

        .ifndef OWN_BEHIND
        .macro BEHIND
LABEL ftrace_graph_call
        nop
        .endm
        .endif

        .ifndef OWN_GRAPH_ARGUMENTS
        .macro GRAPH_ARGUMENTS
        ldp     x10, x0, [sp]
        sub     x0, x0, #4
        add     x1, x10, #8
        ldr     x2, [x10]
        .endm
        .endif

        .ifndef OWN_LEAVE
        .macro LEAVE
        ldp     x29, x30, [sp], #16
        ret
        .endm
        .endif

LABEL _mcount
        ret

LABEL ftrace_caller
        FRAME
        ARGUMENTS
LABEL ftrace_call
        bl      ftrace_stub
        BEHIND
        LEAVE

LABEL ftrace_graph_caller
        GRAPH_ARGUMENTS
        bl      prepare_ftrace_return
        LEAVE

LABEL return_to_handler
        stp     x0, x1, [sp, #-64]!
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        mov     x0, x29
        bl      ftrace_return_to_handler
        mov     x30, x0
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x0, x1, [sp], #64
        ret

LABEL ftrace_stub
        ret

LABEL ftrace_stub_graph
        ret
