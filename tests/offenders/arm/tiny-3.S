// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for arm, 3.6 and 3.7, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      SAVE            makes the frame
//      CALL            the call that the core patches
//      LEAVE           to the function
//
// sp at each call      | r0 | r1 | r2 | r3 | return | parent |
//                        0    4    8    12   16       20       24 = sp before the site's push

        .syntax unified
        .arm
        .text

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .ifndef OWN_SAVE
        .macro SAVE
        push    {r0-r3, lr}
        .endm
        .endif

        .ifndef OWN_CALL
        .macro CALL
LABEL ftrace_call
        bl      ftrace_stub
        .endm
        .endif

        .ifndef OWN_LEAVE
        .macro LEAVE
        pop     {r0-r3, ip, lr}
        bx      ip
        .endm
        .endif

LABEL __gnu_mcount_nc
        mov     ip, lr
        pop     {lr}
        bx      ip

LABEL ftrace_caller
        SAVE
        sub     r0, lr, #4
        ldr     r1, [sp, #20]
        CALL
LABEL ftrace_graph_call
        mov     r0, r0
        LEAVE

LABEL ftrace_graph_caller
        sub     r0, fp, #4
        ldr     r1, [sp, #16]
        sub     r1, r1, #4
        mov     r2, fp
        bl      prepare_ftrace_return
        LEAVE

LABEL return_to_handler
        push    {r0-r3}
        mov     r0, fp
        bl      ftrace_return_to_handler
        mov     lr, r0
        pop     {r0-r3}
        bx      lr

LABEL ftrace_stub
        bx      lr
