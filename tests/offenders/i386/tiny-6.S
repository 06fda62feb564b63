// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for i386, 6.12, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      BEGIN           the first instructions of ftrace_caller
//      FRAMES          two linked frames, with CONFIG_FRAME_POINTER
//      ARGUMENTS       eax = ip, edx = parent_ip, ecx = op; `at` bytes lie between esp and rip
//      NULL            the fourth argument of ftrace_caller, on the stack
//      CALLING         what ftrace_caller does last of all before its call
//      LOAD            loads back what ftrace_caller has saved, and gives up its room
//      SAVE_REST       fills what an int3 has saved of segments
//      LOAD_IP, LOAD_REST      load back what ftrace_regs_caller honours: ecx = where to go on; bx cx dx si di bp
//      GRAPH           what comes behind the callback: the jump that the core patches
//      GRAPH_ARGUMENTS eax = ip, edx = the parent slot
//      EXIT            return_to_handler
//
// %esp at ftrace_call          | NULL | dx | cx | ax | frames, with CONFIG_FRAME_POINTER | rip | parent_ip |
//                                0      4    8    12   16
// %esp at ftrace_regs_call     | regs | struct pt_regs, PT_SIZE | - | - | flags | rip | parent_ip |
//                                0      4                         72      80      84

        .set    AREA, PT_SIZE + 3*4

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
        .endm
        .endif

        .ifndef OWN_FRAMES
        .macro FRAMES
        push    4(%esp)                                 // parent_ip
        push    %ebp
        mov     %esp, %ebp
        push    8(%esp)                                 // rip
        push    %ebp
        mov     %esp, %ebp
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS at
        mov     \at(%esp), %eax
        sub     $5, %eax
        mov     \at+4(%esp), %edx
        mov     function_trace_op, %ecx
        .endm
        .endif

        .ifndef OWN_NULL
        .macro NULL
        push    $0
        .endm
        .endif

        .ifndef OWN_CALLING
        .macro CALLING
        .endm
        .endif

        .ifndef OWN_LOAD
        .macro LOAD
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm
        .endif

        .ifndef OWN_SAVE_REST
        .macro SAVE_REST
        .irp    segment, ds, es, fs, gs, ss
        movw    %\segment, PT_\segment(%esp)
        .endr
        .endm
        .endif

        .ifndef OWN_LOAD_IP
        .macro LOAD_IP
        mov     PT_ip(%esp), %ecx
        .endm
        .endif

        .ifndef OWN_LOAD_REST
        .macro LOAD_REST
        .irp    register, bx, cx, dx, si, di, bp
        mov     PT_\register(%esp), %e\register
        .endr
        .endm
        .endif

        .ifndef OWN_GRAPH
        .macro GRAPH
LABEL ftrace_graph_call
        jmp     ftrace_stub
        .endm
        .endif

        .ifndef OWN_GRAPH_ARGUMENTS
        .macro GRAPH_ARGUMENTS
        mov     12(%esp), %eax
        sub     $5, %eax
        lea     16(%esp), %edx
        .endm
        .endif

        .ifndef OWN_EXIT
        .macro EXIT
        sub     $PT_SIZE, %esp
        mov     %eax, PT_ax(%esp)
        mov     %edx, PT_dx(%esp)
        movl    $0, PT_bp(%esp)
        mov     %esp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %ecx
        mov     PT_ax(%esp), %eax
        mov     PT_dx(%esp), %edx
        add     $PT_SIZE, %esp
        jmp     *%ecx
        .endm
        .endif

        .text

        .irp    name, __fentry__, ftrace_stub_direct_tramp
FUNC \name
        ret
END \name
        .endr

FUNC ftrace_caller
        BEGIN
        .ifdef CONFIG_FRAME_POINTER
        FRAMES
        .set    FRAMES_SIZE, 16
        .else
        .set    FRAMES_SIZE, 0
        .endif
        push    %eax
        push    %ecx
        push    %edx
        ARGUMENTS at=12+FRAMES_SIZE
        NULL
        CALLING
LABEL ftrace_call
        call    ftrace_stub
        LOAD
        .ifdef CONFIG_FRAME_POINTER
        lea     8(%esp), %esp
        pop     %ebp
        lea     4(%esp), %esp
        .endif
        GRAPH
        .weak   ftrace_stub                             // so that the jump to it keeps its long form
ftrace_stub:
        ret
END ftrace_caller

FUNC ftrace_regs_caller
        pushf
        lea     4-AREA(%esp), %esp
        .irp    register, ax, bx, cx, dx, si, di, bp
        mov     %e\register, PT_\register(%esp)
        .endr
        movl    $0, PT_orig_ax(%esp)
        movl    $0x60, PT_cs(%esp)
        SAVE_REST
        mov     AREA-4(%esp), %eax
        mov     %eax, PT_flags(%esp)
        lea     AREA+4(%esp), %eax
        mov     %eax, PT_sp(%esp)
        mov     AREA(%esp), %eax
        mov     %eax, PT_ip(%esp)
        .ifdef CONFIG_FRAME_POINTER
        lea     -0x80000000(%esp), %ebp
        .endif
        ARGUMENTS at=AREA
        push    %esp
LABEL ftrace_regs_call
        call    ftrace_stub
        lea     4(%esp), %esp
        mov     PT_sp(%esp), %eax
        LOAD_IP
        mov     %ecx, -4(%eax)
        mov     PT_ax(%esp), %ecx
        mov     %ecx, -8(%eax)
        LOAD_REST
        lea     -8(%eax), %esp
        pop     %eax
        jmp     ftrace_graph_call
END ftrace_regs_caller

FUNC ftrace_graph_caller
        push    %eax
        push    %ecx
        push    %edx
        GRAPH_ARGUMENTS
        xor     %ecx, %ecx
        call    prepare_ftrace_return
        pop     %edx
        pop     %ecx
        pop     %eax
        ret
END ftrace_graph_caller

FUNC return_to_handler
        EXIT
END return_to_handler
