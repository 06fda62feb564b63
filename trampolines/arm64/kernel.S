// SPDX-License-Identifier: GPL-2.0-only
// The fake kernel's own text, arm64: as gcc 12 compiles functions of fs/read_write.c and fs/exec.c
//
// The site, at the function's first byte, or behind its landing pad; its second word is rec->ip:
//      as compiled             nop; nop (-fpatchable-function-entry=2)
//      disabled                mov x9, lr; nop
//      enabled                 mov x9, lr; bl ftrace_caller, ftrace_regs_caller or a direct trampoline
// On entry:            x0-x7 = arguments, x8 too may be one (where a struct is to go), lr = return address
// At the site:         every register as on entry; the function returns through lr as it is behind the site
// Calls:               each other, as listed at the end of this file and in __callers
// Leaves:              x0 = a number that every argument and every preserved register has a part in,
//                      x18-x29 and sp as found, x1-x17, lr and the flags unknown
//
// Functions for the kernel's own tests, and for graphs, stand at the end, return numbers of their own and are entered
// directly, without a caller:
//
//      trace_selftest_dynamic_test_func, ..._func2     return 0: what kernel/trace/trace_selftest.c traces
//      proc_reg_write          returns -EIO: what a graph tracer's retfunc sees of a failure
//      schedule                like vfs_read: one function more for a user of several
//      device_is_dependent     returns how many levels down it called itself: the lowest byte of its first argument,
//                              so that any argument ends; the other arguments are the same at each level
//
// The stack of a function that has its frame:
//
//      sp ->  | x29 | lr | x19 .. x22 | x0 .. x8, for mcount |
//             0     8    16           48                     120
//
// CC_USING_MCOUNT: -pg instead. The site is behind the prologue: mov x0, lr; bl _mcount, or a nop in its place. The
// function keeps its arguments on the stack meanwhile, and returns through the lr that it has saved at [x29, #8].
//
// CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS: functions are 8-byte aligned, and have two nops more before them, which become
// the address of an ops (-fpatchable-function-entry=4,2).
//
// CONFIG_ARM64_BTI_KERNEL: functions begin with a landing pad (-mbranch-protection=bti).
//
// Sections: __mcount_loc has a word for each site, the address of its bl; __callers has two words for each call that a
// run can use to get to a function: the function, then who calls it.

        .text

        .set    FRAME_x19, 16
        .set    FRAME_x21, 32
        .set    FRAME_x0, 48
        .set    FRAME_x2, 64
        .set    FRAME_x4, 80
        .set    FRAME_x6, 96
        .set    FRAME_x8, 112
        .ifdef  CC_USING_MCOUNT
        .set    FRAME_SIZE, 128
        .else
        .set    FRAME_SIZE, 48
        .endif

// -- what a compiler puts around a body -------------------------------------------------------------------------------

        .macro SITE_IS_HERE
        .pushsection __mcount_loc, "a", %progbits
        .xword  1b
        .popsection
        .endm

        .macro PATCHABLE
        nop                                     // boot makes it mov x9, lr
1:      nop
        SITE_IS_HERE
        .endm

        .macro MCOUNT
        stp     x0, x1, [sp, #FRAME_x0]
        stp     x2, x3, [sp, #FRAME_x2]
        stp     x4, x5, [sp, #FRAME_x4]
        stp     x6, x7, [sp, #FRAME_x6]
        str     x8, [sp, #FRAME_x8]
        mov     x0, x30
1:      bl      _mcount
        SITE_IS_HERE
        ldp     x0, x1, [sp, #FRAME_x0]
        ldp     x2, x3, [sp, #FRAME_x2]
        ldp     x4, x5, [sp, #FRAME_x4]
        ldp     x6, x7, [sp, #FRAME_x6]
        ldr     x8, [sp, #FRAME_x8]
        .endm

        .macro FUNCTION name                    // up to where registers and stack are ready for the body
        .balign 8
        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS
        nop                                     // the site's ops
        nop
        .endif
        .globl  \name
        .type   \name, %function
\name:
        .ifdef  CONFIG_ARM64_BTI_KERNEL
        bti     c
        .endif
        .ifndef CC_USING_MCOUNT
        PATCHABLE
        .endif
        stp     x29, x30, [sp, #-FRAME_SIZE]!
        mov     x29, sp
        stp     x19, x20, [sp, #FRAME_x19]
        stp     x21, x22, [sp, #FRAME_x21]
        .ifdef  CC_USING_MCOUNT
        MCOUNT
        .endif
        .endm

        .macro RESTORE                          // the frame goes
        ldp     x19, x20, [sp, #FRAME_x19]
        ldp     x21, x22, [sp, #FRAME_x21]
        ldp     x29, x30, [sp], #FRAME_SIZE
        .endm

        .macro END name                         // return x0
        RESTORE
        ret
        .size   \name, . - \name
        .endm

        .macro END_IN_CALL name, function       // return function(x0, ...), which returns to our caller itself
        RESTORE
        b       \function
        .size   \name, . - \name
        .endm

// -- bodies -----------------------------------------------------------------------------------------------------------

// Folds everything that must survive a trampoline into x0: x0 = register + ror(x0, turn), over and over. An odd turn
// gives each register a rotation of its own, so that a changed one shows, and two swapped ones too.
        .macro FOLD turn:req
        .irp    register, x1, x2, x3, x4, x5, x6, x7, x8, x18, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28
        ror     x0, x0, #\turn
        add     x0, x0, \register
        .endr
        .endm

        .macro LEAF name:req, turn:req
        FUNCTION \name
        FOLD    \turn
        END     \name
        .endm

        .macro CALLER name:req, function:req    // return function(as called), every register as our caller left it
        FUNCTION \name
        bl      \function
        END     \name
        CALLS   \name, \function
        .endm

        .macro CALLS caller:req, function:req
        .pushsection __callers, "a", %progbits
        .xword  \function, \caller
        .popsection
        .endm

// -- the functions ----------------------------------------------------------------------------------------------------

        LEAF    vfs_read, turn=7
        LEAF    vfs_write, turn=11

        CALLER  ksys_read, vfs_read
        CALLER  ksys_write, vfs_write
        CALLER  bprm_read, kernel_read
        CALLER  ksys_readv, vfs_readv

        FUNCTION kernel_read                    // a call within a call: both may be traced
        eor     x19, x19, x2, ror #9
        eor     x20, x20, x3, ror #21
        bl      vfs_read
        eor     x0, x0, x19, ror #3
        ror     x0, x0, #17
        add     x0, x20, x0                     // return x20 + ror(vfs_read(as called) ^ ror(x19, 3), 17)
        END     kernel_read

        FUNCTION vfs_readv                      // a tail call: vfs_read returns to vfs_readv's caller
        eor     x3, x3, x1, ror #13
        END_IN_CALL vfs_readv, vfs_read

// -- for the kernel's own tests, and for graphs -----------------------------------------------------------------------

        .macro CONSTANT name:req, value:req
        FUNCTION \name
        mov     x0, #\value                     // return value
        END     \name
        .endm

        .set    EIO, 5

        CONSTANT trace_selftest_dynamic_test_func, 0
        CONSTANT trace_selftest_dynamic_test_func2, 0
        CONSTANT proc_reg_write, -EIO
        LEAF    schedule, turn=13

        FUNCTION device_is_dependent            // FRAME_SIZE bytes of stack a level
        ands    x19, x0, #255
        csel    x0, xzr, x0, eq
        b.eq    1f                              // if (levels == 0) return 0;
        sub     x0, x0, #1
        bl      device_is_dependent
        add     x0, x0, #1                      // return device_is_dependent(levels - 1, as called) + 1;
1:
        END     device_is_dependent

        .ifdef  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
        .include "direct.S"
        .endif
