// SPDX-License-Identifier: GPL-2.0-only
// The fake kernel's own text, x86_64: traced functions and their callers, as a compiler leaves them
//
// vfs_read and its neighbours are reached through a caller each. Functions for the kernel's own tests, and for graphs,
// stand behind them and are entered directly:
//
//      trace_selftest_dynamic_test_func, ..._func2     return 0: what kernel/trace/trace_selftest.c traces
//      proc_reg_write          returns -EIO: what a graph tracer's retfunc sees of a failure
//      schedule                a second function for a user of several, as in samples/ftrace/ftrace-direct-multi.c
//      device_is_dependent     returns how many levels down it called itself: the lowest byte of its first argument,
//                              so that any argument ends; the other arguments are the same at each level
//      __x86_return_thunk, __x86_indirect_thunk_rax, ...       not traced: what MITIGATION_RETHUNK and
//                              MITIGATION_RETPOLINE make of a return and of an indirect branch
//
// Assembled with the variant's defines, which are the kernel's own names:
//
//      CC_USING_FENTRY         -mfentry: the site is the function's first instruction; else -pg, behind the prologue
//      CONFIG_X86_KERNEL_IBT   -fcf-protection=branch -fpatchable-function-entry=16,16: the site is behind an endbr64
//      CONFIG_FRAME_POINTER    -fno-omit-frame-pointer; always so without CC_USING_FENTRY
//      CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS         direct trampolines, which are in direct.S
//
// The site:            e8 rel32, call __fentry__ or mcount; boot makes a 5-byte NOP of it
// At the site:         fentry  0(%rsp) = parent_ip             mcount  0(%rbp) = the caller's rbp, 8(%rbp) = parent_ip
//                      rdi rsi rdx rcx r8 r9 = arguments, rax = number of vector registers of a variadic call
// Stack:               rsp = 8 (mod 16) at every function's first byte, as the System V ABI asks
//
// Sections:            .text           the functions, 16-byte aligned but for schedule
//                      __mcount_loc    .quad site              one per function, the address of the e8 byte
//                      __callers       .quad function, caller  enter the caller, and a real call reaches the function

        .ifndef CC_USING_FENTRY
        .set    CONFIG_FRAME_POINTER, 1
        .endif

// -- what a compiler puts around a body -------------------------------------------------------------------------------

        .macro SITE mcount
        .pushsection __mcount_loc, "a"
        .quad   1f
        .popsection
1:      call    \mcount
        .endm

        .macro FUNCTION name, align=16                  // up to where registers and stack are ready for the body
        .text
        .balign \align
        .ifdef CONFIG_X86_KERNEL_IBT
        .fill   16, 1, 0x90                             // room for the hash and the thunk of FineIBT
        .endif
        .globl  \name
        .type   \name, @function
\name:
        .ifdef CONFIG_X86_KERNEL_IBT
        endbr64
        .endif
        .ifdef CC_USING_FENTRY
        SITE    __fentry__
        .endif
        .ifdef CONFIG_FRAME_POINTER
        push    %rbp
        mov     %rsp, %rbp
        .endif
        .ifndef CC_USING_FENTRY
        SITE    mcount
        .endif
        .endm

        .macro END name                                 // the stack is as FUNCTION left it
        .ifdef CONFIG_FRAME_POINTER
        pop     %rbp
        .endif
        ret
        .size   \name, . - \name
        .endm

        .macro ALIGN_STACK                              // rsp = 0 (mod 16), no register and no flag changed
        .ifndef CONFIG_FRAME_POINTER
        push    %rax                                    // the frame pointer does it otherwise
        .endif
        .endm

        .macro UNALIGN_STACK
        .ifndef CONFIG_FRAME_POINTER
        add     $8, %rsp
        .endif
        .endm

// -- bodies -----------------------------------------------------------------------------------------------------------

// Folds everything that must survive a trampoline into rax: rax = rol(rax, turn) ^ register, over and over. An odd turn
// gives each register a rotation of its own, so that a changed one shows, and two swapped ones too.
        .macro FOLD turn:req
        .irp    register, rdi, rsi, rdx, rcx, r8, r9, rbx, rbp, r12, r13, r14, r15
        rol     $\turn, %rax
        xor     %\register, %rax
        .endr
        .ifdef CONFIG_FRAME_POINTER
        rol     $\turn, %rax
        xor     (%rbp), %rax                            // the caller's rbp; %rbp itself is the frame's address here
        .endif
        .endm

        .macro LEAF name:req, turn:req, align=16
        FUNCTION \name, \align
        FOLD    \turn
        END     \name
        .endm

        .macro CALLER name:req, function:req            // return function(as called)
        FUNCTION \name
        ALIGN_STACK
        call    \function
        UNALIGN_STACK
        END     \name
        CALLS   \name, \function
        .endm

        .macro CALLS caller:req, function:req
        .pushsection __callers, "a"
        .quad   \function, \caller
        .popsection
        .endm

// -- the functions ----------------------------------------------------------------------------------------------------

        LEAF    vfs_read, turn=7
        LEAF    vfs_write, turn=11

        CALLER  ksys_read, vfs_read
        CALLER  ksys_write, vfs_write
        CALLER  bprm_read, kernel_read
        CALLER  ksys_readv, vfs_readv

        FUNCTION kernel_read                            // a call within a call: both may be traced
        ALIGN_STACK
        push    %rbx
        push    %r12
        mov     %rdi, %rbx                              // file = rdi
        mov     %rsi, %r12                              // buf = rsi
        lea     (%rdi,%rdx), %rdi
        call    vfs_read                                // rax = vfs_read(file + rdx, buf, ...)
        rol     $13, %rax
        xor     %rbx, %rax
        add     %r12, %rax                              // return (rol(rax, 13) ^ file) + buf
        pop     %r12
        pop     %rbx
        UNALIGN_STACK
        END     kernel_read

        FUNCTION vfs_readv                              // a tail call: vfs_read returns to vfs_readv's caller
        .ifdef CONFIG_FRAME_POINTER
        pop     %rbp
        .endif
        jmp     vfs_read                                // return vfs_read(as called)
        .size   vfs_readv, . - vfs_readv

// -- for the kernel's own tests, and for graphs -----------------------------------------------------------------------

        .macro CONSTANT name:req, value:req
        FUNCTION \name
        mov     $\value, %rax                           // return value
        END     \name
        .endm

        .set    EIO, 5

        CONSTANT trace_selftest_dynamic_test_func, 0
        CONSTANT trace_selftest_dynamic_test_func2, 0
        CONSTANT proc_reg_write, -EIO

// As -Os leaves functions, at any address: here the lowest byte of the site's return address is less than the 5 that
// are taken off to get at the record's.
        .text
        .balign 256, 0x90
        .ifdef CONFIG_X86_KERNEL_IBT
        .fill   0xfb - 16, 1, 0x90
        .else
        .fill   0xfb, 1, 0x90
        .endif
        LEAF    schedule, turn=13, align=1

        FUNCTION device_is_dependent                    // 16 bytes of stack a level
        xor     %eax, %eax
        test    %dil, %dil                              // if (levels == 0)
        jz      1f                                      //      return 0
        ALIGN_STACK
        dec     %rdi
        call    device_is_dependent
        inc     %rax                                    // return device_is_dependent(levels - 1, as called) + 1
        UNALIGN_STACK
1:
        END     device_is_dependent

        .ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
        .include "direct.S"
        .endif

// -- thunks (arch/x86/lib/retpoline.S), as boot leaves them on a CPU without the bugs ---------------------------------

        .macro THUNK name:req, instructions:vararg      // weak: a user's code may bring its own
        .text
        .balign 16
        .weak   \name
        .type   \name, @function
\name:
        \instructions
        int3
        .size   \name, . - \name
        .endm

        THUNK   __x86_return_thunk, ret
        .irp    reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        THUNK   __x86_indirect_thunk_\reg, jmp *%\reg
        .endr
