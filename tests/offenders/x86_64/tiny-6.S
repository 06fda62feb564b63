// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for x86_64, 6.12, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      BEGIN           the first instructions of an entry
//      SAVE            makes the record, of which `pushed` bytes of flags lie above, and fills what both entries fill
//      MARK            says that the record is a partial one
//      SAVE_REST       fills the rest
//      ARGUMENTS       rdi = ip, rsi = parent_ip, rdx = op, rcx = fregs
//      LOAD_REST, LOAD load back what ftrace_regs_caller and what both entries honour
//      LEAVE           the room goes; rsp = the address of rip, or of the flags below it
//      DIRECT          rax = where to; to there, as if the site had called it
//      EXIT            return_to_handler
//
// %rsp at the call     | struct pt_regs, PT_SIZE | frames, with CONFIG_FRAME_POINTER | flags, if pushed | rip | parent_ip |
//                        0                         168                                 AREA

        .ifdef CONFIG_FRAME_POINTER
        .set    AREA, PT_SIZE + 5*8
        .else
        .set    AREA, PT_SIZE
        .endif

        .macro FUNC name
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .endm

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

        .ifndef OWN_BEGIN
        .macro BEGIN
        .ifdef CONFIG_X86_KERNEL_IBT
        endbr64
        .endif
        .endm
        .endif

        .ifndef OWN_FRAMES
        .macro FRAMES pushed
        push    %rbp
        pushq   16+\pushed(%rsp)                        // parent_ip
        push    %rbp
        mov     %rsp, %rbp
        pushq   24+\pushed(%rsp)                        // rip
        push    %rbp
        mov     %rsp, %rbp
        .endm
        .endif

        .ifndef OWN_SAVE
        .macro SAVE pushed=0
        .ifdef CONFIG_FRAME_POINTER
        FRAMES  \pushed
        .endif
        sub     $PT_SIZE, %rsp
        .irp    register, ax, cx, dx, si, di
        mov     %r\register, PT_\register(%rsp)
        .endr
        mov     %r8, PT_r8(%rsp)
        mov     %r9, PT_r9(%rsp)
        .ifdef CONFIG_FRAME_POINTER
        mov     AREA-8(%rsp), %rdx
        mov     %rdx, PT_bp(%rsp)
        .else
        mov     %rbp, PT_bp(%rsp)
        .endif
        movq    $0, PT_orig_ax(%rsp)
        lea     AREA+8+\pushed(%rsp), %rdx
        mov     %rdx, PT_sp(%rsp)
        mov     AREA+\pushed(%rsp), %rdx
        mov     %rdx, PT_ip(%rsp)
        .endm
        .endif

        .ifndef OWN_MARK
        .macro MARK
        movq    $0, PT_cs(%rsp)
        .endm
        .endif

        .ifndef OWN_SAVE_REST
        .macro SAVE_REST
        .irp    register, r15, r14, r13, r12, r11, r10
        mov     %\register, PT_\register(%rsp)
        .endr
        mov     %rbx, PT_bx(%rsp)
        mov     AREA(%rsp), %rax
        mov     %rax, PT_flags(%rsp)
        movq    $0x10, PT_cs(%rsp)
        movq    $0x18, PT_ss(%rsp)
        .ifdef CONFIG_FRAME_POINTER
        lea     1(%rsp), %rbp
        .endif
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     AREA+8+\pushed(%rsp), %rsi
        mov     %rsp, %rcx
        .endm
        .endif

        .ifndef OWN_LOAD_REST
        .macro LOAD_REST
        mov     PT_flags(%rsp), %rax
        mov     %rax, AREA(%rsp)
        .irp    register, r15, r14, r13, r12, r10
        mov     PT_\register(%rsp), %\register
        .endr
        mov     PT_bx(%rsp), %rbx
        .endm
        .endif

        .ifndef OWN_LOAD
        .macro LOAD pushed=0
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm
        .endif

        .ifndef OWN_LEAVE
        .macro LEAVE
        lea     AREA(%rsp), %rsp
        .endm
        .endif

        .ifndef OWN_DIRECT
        .macro DIRECT
        xchg    %rax, AREA(%rsp)                        // where to, in the place of the flags
        mov     %rax, AREA-8(%rsp)                      // flags, at the end of the area
        LOAD    pushed=8
        lea     AREA-8(%rsp), %rsp
        call    2f                                      // as many calls as returns
2:      lea     8(%rsp), %rsp
        popfq
        ret
        .endm
        .endif

        .ifndef OWN_EXIT
        .macro EXIT
        sub     $PT_SIZE+8, %rsp
        mov     %rax, PT_ax(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rbp, PT_bp(%rsp)
        lea     PT_SIZE+8(%rsp), %rdi
        mov     %rdi, PT_sp(%rsp)
        mov     %rsp, %rdi
        call    ftrace_return_to_handler
        mov     %rax, %rdi
        mov     PT_ax(%rsp), %rax
        mov     PT_dx(%rsp), %rdx
        add     $PT_SIZE+8, %rsp
        call    3f
        int3
3:      mov     %rdi, (%rsp)
        ret
        .endm
        .endif

        .text

        .irp    name, __fentry__, ftrace_stub, ftrace_stub_graph, ftrace_stub_direct_tramp
FUNC \name
        BEGIN
        ret
END \name
        .endr

FUNC ftrace_caller
        BEGIN
        SAVE
        MARK
        ARGUMENTS ftrace_caller
LABEL ftrace_call
        call    ftrace_stub
        LOAD
        LEAVE
LABEL ftrace_caller_end
        ret
END ftrace_caller

FUNC ftrace_regs_caller
        BEGIN
        pushfq
        SAVE    pushed=8
        SAVE_REST
        ARGUMENTS ftrace_regs_caller, pushed=8
LABEL ftrace_regs_call
        call    ftrace_stub
        LOAD_REST
        mov     PT_orig_ax(%rsp), %rax
        test    %rax, %rax
LABEL ftrace_regs_caller_jmp
        jnz     1f
        LOAD    pushed=8
        LEAVE
        popfq
LABEL ftrace_regs_caller_end
        ret
1:      DIRECT
END ftrace_regs_caller

        .globl  return_to_handler
        .type   return_to_handler, @function
return_to_handler:
        EXIT
END return_to_handler
