// SPDX-License-Identifier: GPL-2.0-only
// return_to_handler, ftrace_stub and ftrace_stub_graph, arm64: 6.1 (arch/arm64/kernel/entry-ftrace.S). Included by what
// has FUNC and END
//
// The site:            return_to_handler stands in for the return address of a function that the graph tracer has
//                      hooked; the others are called where nobody traces
// On entry:            return_to_handler: x0-x7 = what the function returns, x29 and sp as it leaves them
// Live:                x0-x7, x18-x29
// Calls:               ftrace_return_to_handler(frame_pointer = x29)
// Leaves:              to the function's caller, x0-x7 as found
//
//      sp ->  | x0 .. x7 |
//             0          64 = sp as the function leaves it

        .set    RETURN_x0, 0
        .set    RETURN_x2, 16
        .set    RETURN_x4, 32
        .set    RETURN_x6, 48
        .set    RETURN_SIZE, 64

FUNC return_to_handler
        sub     sp, sp, #RETURN_SIZE
        stp     x0, x1, [sp, #RETURN_x0]
        stp     x2, x3, [sp, #RETURN_x2]
        stp     x4, x5, [sp, #RETURN_x4]
        stp     x6, x7, [sp, #RETURN_x6]
        mov     x0, x29                                 // frame_pointer = the caller's
        bl      ftrace_return_to_handler
        mov     x30, x0                                 // lr = the return address that was replaced
        ldp     x0, x1, [sp, #RETURN_x0]
        ldp     x2, x3, [sp, #RETURN_x2]
        ldp     x4, x5, [sp, #RETURN_x4]
        ldp     x6, x7, [sp, #RETURN_x6]
        add     sp, sp, #RETURN_SIZE
        ret
END return_to_handler

FUNC ftrace_stub
        bti     c
        ret
END ftrace_stub

FUNC ftrace_stub_graph
        bti     c
        ret
END ftrace_stub_graph
