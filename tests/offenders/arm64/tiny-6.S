// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for arm64, 6.12, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      PAD                     what an indirect branch may land on
//      OPS                     x11 = the site's ops
//      SAVE                    makes the record
//      FRAMES                  the function's frame and ours; x29 = ours
//      ARGUMENTS               x0 = ip, x1 = parent_ip, x2 = op
//      RECORD                  x3 = the record
//      CALL                    op->func
//      LOAD                    x0 to x8 and x29 out of the record
//      LEAVE                   to the function
//      DIRECT                  to the direct trampoline whose address is in x17
//      EXIT                    return_to_handler
//
// sp at the call               | a struct __arch_ftrace_regs | our fp, lr | the function's fp, lr |
//                                0                             112          128                     144 = sp at the site

        .text

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .ifndef OWN_PAD
        .macro PAD
        bti     c
        .endm
        .endif

        .ifndef OWN_OPS
        .macro OPS
        and     x11, x30, #~7
        sub     x11, x11, #16
        ldr     x11, [x11]
        .endm
        .endif

        .ifndef OWN_SAVE
        .macro SAVE
        sub     sp, sp, #FREGS_SIZE + 32
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x3, [sp, #FREGS_x2]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        stp     x8, xzr, [sp, #FREGS_x8]
        add     x10, sp, #FREGS_SIZE + 32
        stp     x29, x9, [sp, #FREGS_fp]
        stp     x10, x30, [sp, #FREGS_sp]
        .endm
        .endif

        .ifndef OWN_FRAMES
        .macro FRAMES
        stp     x29, x9, [sp, #FREGS_SIZE + 16]
        add     x12, sp, #FREGS_SIZE + 16
        stp     x12, x30, [sp, #FREGS_SIZE]
        add     x29, sp, #FREGS_SIZE
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS
        sub     x0, x30, #4
        mov     x1, x9
        mov     x2, x11
        .endm
        .endif

        .ifndef OWN_RECORD
        .macro RECORD
        mov     x3, sp
        .endm
        .endif

        .ifndef OWN_CALL
        .macro CALL
        ldr     x12, [x11, #FTRACE_OPS_func]
        blr     x12
        .endm
        .endif

        .ifndef OWN_LOAD
        .macro LOAD
        ldp     x0, x1, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        ldr     x8, [sp, #FREGS_x8]
        ldr     x29, [sp, #FREGS_fp]
        .endm
        .endif

        .ifndef OWN_LEAVE
        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        ret     x12
        .endm
        .endif

        .ifndef OWN_DIRECT
        .macro DIRECT
        ldr     x9, [sp, #FREGS_lr]
        ldr     x30, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        br      x17
        .endm
        .endif

        .ifndef OWN_EXIT
        .macro EXIT
        sub     sp, sp, #FREGS_SIZE
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x3, [sp, #FREGS_x2]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        str     x29, [sp, #FREGS_fp]
        mov     x0, sp
        bl      ftrace_return_to_handler
        mov     x30, x0
        ldp     x0, x1, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        add     sp, sp, #FREGS_SIZE
        ret
        .endm
        .endif

LABEL ftrace_caller
        PAD
        OPS
        ldr     x17, [x11, #FTRACE_OPS_direct_call]
        cbnz    x17, far
        SAVE
        FRAMES
        ARGUMENTS
        RECORD
        CALL
        LOAD
        ldr     x17, [sp, #FREGS_direct_tramp]
        cbnz    x17, late
        LEAVE
late:
        DIRECT
far:
        br      x17

LABEL ftrace_stub_direct_tramp
        bti     c
        mov     x12, x30
        mov     x30, x9
        ret     x12

LABEL return_to_handler
        EXIT

LABEL ftrace_stub
        bti     c
        ret

LABEL ftrace_stub_graph
        bti     c
        ret
