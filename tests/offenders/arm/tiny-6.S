// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for arm, 6.1 and 6.12, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      SAVE, SAVE_REGS         makes the frame, or the record
//      ARGUMENTS               r0 = ip, r1 = parent_ip, r2 = op; `return` and `parent` say where they are
//      RECORD                  r3 = NULL
//      BEHIND, BEHIND_REGS     behind the callback: the NOP that becomes a branch to the graph caller
//      GRAPH_ARGUMENTS         r0 = where the parent's address is, r1 = ip, r2 = fp, r3 = sp before the site's push
//      LEAVE, LEAVE_REGS       to the function
//      EXIT                    return_to_handler
//
// sp at the calls of ftrace_caller             | r0 | r1 | r2 | r3 | return | parent |
//                                                0    4    8    12   16       20       24 = sp before the site's push
// sp at the calls of ftrace_regs_caller        a struct pt_regs

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

        .ifndef OWN_SAVE_REGS
        .macro SAVE_REGS
        sub     sp, sp, #PT_ORIG_r0
        stm     sp, {r0-r12}
        str     lr, [sp, #PT_pc]
        ldr     lr, [sp, #PT_ORIG_r0]                   // parent: the word that the site pushed
        str     lr, [sp, #PT_lr]
        str     r0, [sp, #PT_ORIG_r0]
        add     lr, sp, #PT_SIZE
        str     lr, [sp, #PT_sp]
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        sub     r0, r0, #4
        ldr     r1, [sp, #\parent]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     r2, [r2]
        .endm
        .endif

        .ifndef OWN_RECORD
        .macro RECORD
        mov     r3, #0
        .endm
        .endif

        .ifndef OWN_BEHIND
        .macro BEHIND
LABEL ftrace_graph_call
        mov     r0, r0
        .endm
        .endif

        .ifndef OWN_BEHIND_REGS
        .macro BEHIND_REGS
LABEL ftrace_graph_regs_call
        mov     r0, r0
        .endm
        .endif

        .ifndef OWN_GRAPH_ARGUMENTS
        .macro GRAPH_ARGUMENTS return, parent, size
        add     r0, sp, #\parent
        ldr     r1, [sp, #\return]
        sub     r1, r1, #4
        mov     r2, fp
        add     r3, sp, #\size
        .endm
        .endif

        .ifndef OWN_LEAVE
        .macro LEAVE
        pop     {r0-r3, ip, lr}
        bx      ip
        .endm
        .endif

        .ifndef OWN_LEAVE_REGS
        .macro LEAVE_REGS
        ldm     sp, {r0-r12}
        ldr     lr, [sp, #PT_pc]
        str     lr, [sp, #PT_cpsr]                      // next to the word behind the record, which is read with it
        ldr     lr, [sp, #PT_lr]
        str     lr, [sp, #PT_pc]
        add     sp, sp, #PT_pc
        ldr     lr, [sp], #PT_cpsr - PT_pc
        ldr     pc, [sp], #PT_SIZE - PT_cpsr
        .endm
        .endif

        .ifndef OWN_EXIT
        .macro EXIT
        push    {r0-r3}
        add     r0, sp, #16
        bl      ftrace_return_to_handler
        mov     lr, r0
        pop     {r0-r3}
        bx      lr
        .endm
        .endif

LABEL __gnu_mcount_nc
        mov     ip, lr
        pop     {lr}
        bx      ip

LABEL ftrace_caller
        SAVE
        ARGUMENTS return=16, parent=20
        RECORD
LABEL ftrace_call
        bl      ftrace_stub
        BEHIND
        LEAVE

LABEL ftrace_graph_caller
        GRAPH_ARGUMENTS return=16, parent=20, size=24
        bl      prepare_ftrace_return
        LEAVE

LABEL ftrace_regs_caller
        SAVE_REGS
        ARGUMENTS return=PT_pc, parent=PT_lr
        mov     r3, sp
LABEL ftrace_regs_call
        bl      ftrace_stub
        BEHIND_REGS
        LEAVE_REGS

LABEL ftrace_graph_regs_caller
        GRAPH_ARGUMENTS return=PT_pc, parent=PT_lr, size=PT_SIZE
        bl      prepare_ftrace_return
        LEAVE_REGS

LABEL return_to_handler
        EXIT

LABEL ftrace_stub
        bx      lr

LABEL ftrace_stub_graph
        bx      lr
