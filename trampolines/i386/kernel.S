// SPDX-License-Identifier: GPL-2.0-only
// The fake kernel's own text, i386: traced functions and their callers, as a compiler leaves them
//
// The functions are those of trampolines/x86_64/kernel.S, which says what each is for:
//
//      trace_selftest_dynamic_test_func, ..._func2     return 0
//      proc_reg_write          returns -EIO
//      schedule                stands at an address that is not aligned
//      device_is_dependent     returns how many levels down it called itself: the lowest byte of its first argument;
//                              the other arguments are the same at each level
//      __x86_return_thunk, __x86_indirect_thunk_eax, ...       not traced
//
// Assembled with the variant's defines, which are the kernel's own names:
//
//      CC_USING_FENTRY         -mfentry: the site is the function's first instruction; else -pg, behind the prologue
//      CONFIG_FRAME_POINTER    -fno-omit-frame-pointer; always so without CC_USING_FENTRY
//      CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS         direct trampolines, which are in direct.S
//
// The site:            e8 rel32, call __fentry__ or mcount; boot makes a 5-byte NOP of it
// At the site:         fentry  0(%esp) = parent_ip             mcount  0(%ebp) = the caller's ebp, 4(%ebp) = parent_ip
//                      eax edx ecx = arguments (-mregparm=3)
// Stack:               esp = 0 (mod 4), as kernels are built (-mpreferred-stack-boundary=2)
//
// Sections:            .text           the functions, 16-byte aligned but for schedule
//                      __mcount_loc    .long site              one per function, the address of the e8 byte
//                      __callers       .long function, caller  enter the caller, and a real call reaches the function

        .ifndef CC_USING_FENTRY
        .set    CONFIG_FRAME_POINTER, 1
        .endif

// -- what a compiler puts around a body -------------------------------------------------------------------------------

        .macro SITE mcount
        .pushsection __mcount_loc, "a"
        .long   1f
        .popsection
1:      call    \mcount
        .endm

        .macro FUNCTION name, align=16                  // up to where registers and stack are ready for the body
        .text
        .balign \align
        .globl  \name
        .type   \name, @function
\name:
        .ifdef CC_USING_FENTRY
        SITE    __fentry__
        .endif
        .ifdef CONFIG_FRAME_POINTER
        push    %ebp
        mov     %esp, %ebp
        .endif
        .ifndef CC_USING_FENTRY
        SITE    mcount
        .endif
        .endm

        .macro END name                                 // the stack is as FUNCTION left it
        .ifdef CONFIG_FRAME_POINTER
        pop     %ebp
        .endif
        ret
        .size   \name, . - \name
        .endm

// -- bodies -----------------------------------------------------------------------------------------------------------

// Folds everything that must survive a trampoline into eax: eax = rol(eax, turn) ^ register, over and over. A turn of
// its own for each function gives each register a rotation of its own, so that a changed one shows.
        .macro FOLD turn:req
        .irp    register, edx, ecx, ebx, esi, edi, ebp
        rol     $\turn, %eax
        xor     %\register, %eax
        .endr
        .ifdef CONFIG_FRAME_POINTER
        rol     $\turn, %eax
        xor     (%ebp), %eax                            // the caller's ebp; %ebp itself is the frame's address here
        .endif
        .endm

        .macro LEAF name:req, turn:req, align=16
        FUNCTION \name, \align
        FOLD    \turn
        END     \name
        .endm

        .macro CALLER name:req, function:req            // return function(as called)
        FUNCTION \name
        call    \function
        END     \name
        CALLS   \name, \function
        .endm

        .macro CALLS caller:req, function:req
        .pushsection __callers, "a"
        .long   \function, \caller
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
        push    %ebx
        push    %esi
        mov     %eax, %ebx                              // file = eax
        mov     %edx, %esi                              // buf = edx
        add     %ecx, %eax
        call    vfs_read                                // eax = vfs_read(file + ecx, buf, ...)
        rol     $13, %eax
        xor     %ebx, %eax
        add     %esi, %eax                              // return (rol(eax, 13) ^ file) + buf
        pop     %esi
        pop     %ebx
        END     kernel_read

        FUNCTION vfs_readv                              // a tail call: vfs_read returns to vfs_readv's caller
        .ifdef CONFIG_FRAME_POINTER
        pop     %ebp
        .endif
        jmp     vfs_read                                // return vfs_read(as called)
        .size   vfs_readv, . - vfs_readv

// -- for the kernel's own tests, and for graphs -----------------------------------------------------------------------

        .macro CONSTANT name:req, value:req
        FUNCTION \name
        mov     $\value, %eax                           // return value
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
        .fill   0xfb, 1, 0x90
        LEAF    schedule, turn=13, align=1

        FUNCTION device_is_dependent                    // 16 bytes of stack a level
        .ifdef CONFIG_FRAME_POINTER
        sub     $8, %esp
        .else
        sub     $12, %esp
        .endif
        test    %al, %al                                // if (levels == 0)
        jz      1f                                      //      return 0
        dec     %eax
        call    device_is_dependent
        inc     %eax                                    // return device_is_dependent(levels - 1, as called) + 1
        jmp     2f
1:      xor     %eax, %eax
2:
        .ifdef CONFIG_FRAME_POINTER
        add     $8, %esp
        .else
        add     $12, %esp
        .endif
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
        .irp    reg, eax, ebx, ecx, edx, esi, edi, ebp
        THUNK   __x86_indirect_thunk_\reg, jmp *%\reg
        .endr
