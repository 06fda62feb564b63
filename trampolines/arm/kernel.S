// SPDX-License-Identifier: GPL-2.0-only
// The fake kernel's own text, arm, ARM state: as gcc 12 -pg compiles functions of fs/read_write.c and fs/exec.c (6.12)
//
// The site, behind the prologue, at +0xc (its address is rec->ip):
//      as compiled             push {lr}; bl __gnu_mcount_nc
//      disabled, 3.x           push {lr}; pop {lr}
//      disabled, 6.x           push {lr}; add sp, sp, #4
//      enabled                 push {lr}; bl ftrace_caller or ftrace_regs_caller
// On entry:            r0-r3 = arguments, lr = return address
// At the site:         every register as on entry but for sp; lr may change: the function returns through the stack
// Calls:               each other, as listed at the end of this file and in __callers
// Leaves:              r0 = a number that every argument and every preserved register has a part in,
//                      r4-fp and sp as found, r1-r3, ip, lr and the flags unknown
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
// The stack at the bl, from sp:
//
//      sp ->  | lr          | spare       | r4, r5, r6  | lr                      |
//             0             4             12            24                        28
//             the site's    for locals    the caller's  where the function returns to
//
// Sections: __mcount_loc has a word for each site, the address of its bl; __callers has two words for each call that a
// run can use to get to a function: the function, then who calls it.
//
// CONFIG_FRAME_POINTER: functions have an APCS frame (-mapcs -fno-omit-frame-pointer, which 3.x wants for graphs). Then
// the bl is at +0x14, ip and fp are not as on entry, and the function returns through fp - 4:
//
//      sp ->  | lr          | spare       | r4, r5, r6  | fp | ip = caller's sp | lr | pc |
//             0             4             16            28   32                 36   40 = fp
//
// FTRACE_TEST_STOP_FUNC: this release has ftrace_test_stop_func() (up to 3.6).

        .syntax unified
        .arm
        .text

// -- what a compiler puts around a body -------------------------------------------------------------------------------

        .macro SITE
        push    {lr}
1:      bl      __gnu_mcount_nc
        .pushsection __mcount_loc, "a", %progbits
        .word   1b
        .popsection
        .endm

        .macro FUNCTION name                    // up to where registers and stack are ready for the body
        .balign 4
        .globl  \name
        .type   \name, %function
\name:
        .ifdef  CONFIG_FRAME_POINTER
        mov     ip, sp
        push    {r4, r5, r6, fp, ip, lr, pc}
        sub     fp, ip, #4                      // fp = &the pc just saved
        sub     sp, sp, #12                     // room for locals; sp stays a multiple of 8
        .else
        push    {r4, r5, r6, lr}
        sub     sp, sp, #8                      // room for locals; sp stays a multiple of 8
        .endif
        SITE
        .endm

        .macro RESTORE destination              // the frame goes, and destination = the saved lr
        .ifdef  CONFIG_FRAME_POINTER
        sub     sp, fp, #24                     // sp = &the r4 just saved
        ldm     sp, {r4, r5, r6, fp, sp, \destination}
        .else
        add     sp, sp, #8
        pop     {r4, r5, r6, \destination}
        .endif
        .endm

        .macro END name                         // return r0
        RESTORE pc
        .size   \name, . - \name
        .endm

        .macro END_IN_CALL name, function       // return function(r0, ...), which returns to our caller itself
        RESTORE lr
        b       \function
        .size   \name, . - \name
        .endm

// -- bodies -----------------------------------------------------------------------------------------------------------

// Folds everything that must survive a trampoline into r0: r0 = register + ror(r0, turn), over and over. An odd turn
// gives each register a rotation of its own, so that a changed one shows, and two swapped ones too.
        .macro FOLD turn:req
        .irp    register, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, fp
        add     r0, \register, r0, ror #\turn
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
        .word   \function, \caller
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
        eor     r4, r4, r2, ror #9
        add     r5, r5, r3, ror #21
        bl      vfs_read
        eor     r0, r0, r4, ror #3
        add     r0, r5, r0, ror #17             // return r5 + ror(vfs_read(as called) ^ ror(r4, 3), 17)
        END     kernel_read

        FUNCTION vfs_readv                      // a tail call: vfs_read returns to vfs_readv's caller
        eor     r3, r3, r1, ror #13
        END_IN_CALL vfs_readv, vfs_read

// -- kernel/trace/ftrace.c of 3.6 -------------------------------------------------------------------------------------

// What ftrace_trace_function is where mcount does not test function_trace_stop. No site: kernel/trace is compiled
// without -pg.
//
// On entry:            r0 = ip, r1 = parent_ip, lr = the address behind ftrace_call; r3 is free
// Leaves:              to __ftrace_trace_function(ip, parent_ip), which returns to lr; stopped, to lr at once
        .ifdef  FTRACE_TEST_STOP_FUNC
        .balign 4
        .globl  ftrace_test_stop_func
        .type   ftrace_test_stop_func, %function
ftrace_test_stop_func:
        movw    r3, #:lower16:function_trace_stop
        movt    r3, #:upper16:function_trace_stop
        ldr     r3, [r3]
        cmp     r3, #0
        bxne    lr                              // if (function_trace_stop) return;
        movw    r3, #:lower16:__ftrace_trace_function
        movt    r3, #:upper16:__ftrace_trace_function
        ldr     r3, [r3]
        bx      r3                              // __ftrace_trace_function(ip, parent_ip);
        .size   ftrace_test_stop_func, . - ftrace_test_stop_func
        .endif

// -- for the kernel's own tests, and for graphs -----------------------------------------------------------------------

        .macro CONSTANT name:req, value:req
        FUNCTION \name
        mov     r0, #\value                     // return value
        END     \name
        .endm

        .set    EIO, 5

        CONSTANT trace_selftest_dynamic_test_func, 0
        CONSTANT trace_selftest_dynamic_test_func2, 0
        CONSTANT proc_reg_write, -EIO
        LEAF    schedule, turn=13

        FUNCTION device_is_dependent            // 24 bytes of stack a level, 40 with an APCS frame
        ands    r4, r0, #255
        moveq   r0, #0
        beq     1f                              // if (levels == 0) return 0;
        sub     r0, r0, #1
        bl      device_is_dependent
        add     r0, r0, #1                      // return device_is_dependent(levels - 1, as called) + 1;
1:
        END     device_is_dependent
