# SPDX-License-Identifier: GPL-2.0-only
"""AArch64 sources give the very bytes of GNU as and ld."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

Comparison = Callable[[str, str, Mapping[str, int]], None]

SOURCES = {
    "instructions": """
        mov x0, #16; mov x0, #-1; mov x0, #0xff00ff00ff00ff00; mov x0, #-38; mov w0, #-5; mov x29, sp; mov sp, x29
        mov x0, x1; mov lr, x9; mov x0, fp; movz x0, #0x12, lsl #16; movk x0, #0, lsl #48; movn x1, #3; mvn x0, x1
        stp x29, x30, [sp, #-16]!; ldp x29, x30, [sp], #16; stp x0, x1, [sp, 16]; stp q0, q1, [sp, #32]
        str xzr, [sp, #72]; str lr, [sp, #8]; ldr x11, [x11, #-16]; ldr x0, [x1, x2, lsl #3]; ldr x0, [sp, #-8]!
        ldur x0, [x1, #-8]; ldrb w0, [x1]; ldrsw x0, [x1, #4]; strh w0, [x1, #2]; ldr q0, [sp]; ldxr x0, [x1]
        add x0, x1, #0; add x0, x1, #1, lsl #12; add x29, sp, #128; sub sp, sp, #144; sub x0, x30, #4; adds x0, x0, #1
        subs x0, x0, #1; cmp x0, x2; cmp x0, #9; tst x0, #1; ands x19, x0, #255; bic x11, x30, #7; bic x11, x30, 0x7
        eor x0, x1, x2, ror #7; ror x0, x0, #17; lsl x0, x1, #3; and x0, x0, #0xfffffffffffffff8; neg x0, x1
        csel x0, xzr, x0, eq; cset x0, ne; cinc x0, x0, eq; ccmp x0, x1, #0, eq; ubfx x0, x1, #3, #4; mul x0, x1, x2
        extr x0, x1, x2, #3; rev x0, x1; br x17; blr x4; ret; ret x9; svc #0; brk #1; udf #7; dmb ish; isb; dsb sy
        mrs x16, sp_el0; mrs x0, tpidr_el1; mrs x0, nzcv; msr nzcv, x0; msr daifset, #2; msr daifclr, #15; msr spsel, #0
        ic ivau, x0; dc civac, x0; prfm pldl1keep, [x0]; .inst 0xd503201f, 0x94000000; mov x0, $4; MOV X1, X2
    """.replace("mov x0, $4; ", ""),
    "hints": """
        nop; yield; wfe; wfi; sev; sevl; hint #34; bti; bti c; bti j; bti jc; paciasp; autiasp; pacibsp; autibsp; csdb
        esb; xpaclri; pacia1716; autia1716; paciaz; autiaz; pacibz; autibz; dgh; sb; retaa; retab; eretaa; eretab
    """,
    "branches": """
        .globl g; .weak w
        g: nop; w: nop; l: nop
        b l; b g; b w; bl g; bl w; bl l; b.eq l; beq g; b.ne 1f; bls 1f; b.lt l; bge l; b.al l; bl outside; b outside
        b outside+8; 1: b .; b . + 8; b l - 4; b.hs 1b; blo 1f; cbz x0, l; cbnz w17, 1f; cbnz lr, g; cbz xzr, outside
        tbz x0, #0, l; tbnz x30, #63, 1f; tbz w1, #31, l; tbnz fp, 5, l; .skip 400; 1: b 1b; b.nv 1b
    """,
    "addresses and literals": """
        .globl g
        g: nop; l: nop
        adr x0, l; adr x1, f; adr lr, outside; adr x2, l+4; adrp x0, l; adrp x1, outside; adrp x2, outside+4096
        adrp x3, :pg_hi21:outside; add x0, x0, :lo12:l; add x0, x0, #:lo12:outside+8; ldr x0, [x0, #:lo12:outside]
        ldr w0, [x0, :lo12:outside]; str x1, [x2, #:lo12:outside+8]; ldrb w0, [x1, :lo12:l+1]; ldrh w0, [x1, :lo12:l+2]
        ldrsw x0, [x1, :lo12:l]; ldr q0, [x1, :lo12:outside]; strb w0, [x1, :lo12:outside+3]
        movz x0, #:abs_g3:outside; movk x0, #:abs_g2_nc:outside; movk x0, :abs_g1_nc:l; movk x0, :abs_g0_nc:outside
        movz x0, #:abs_g1:outside; movz x0, :abs_g1_s:outside; movn x0, :abs_g1_s:outside; movz x0, :abs_g2_s:l
        ldr x0, l; ldr w1, f; ldrsw x2, l; ldr x0, outside; ldr x1, =outside; ldr x2, =outside+4; ldr x3, =0x1234
        ldr x3, =0x1234; ldr x4, =-1; ldr x5, =l; ldr x6, =CONSTANT
        .ltorg
        f: nop; .xword outside, l, g, outside+8; .dword 5; .quad l-g; .word l-g, outside-., l-.; .xword outside-.
        ldr x0, =0x55aa55aa; .section .kprobes, "ax"; ldr x1, =l; bl l; .byte 1; .text; ldr x7, =0x55aa55ab; .byte 1
    """,
    "constants and aliases": """
        .set SIZE, 336; lr_at = 240; pointer .req x10; count .req w1
        str x30, [sp, #lr_at - 40]; ldr lr, [sp, #SIZE - lr_at]; sub sp, sp, #(SIZE + 16); add sp, sp, #SIZE - 4*2
        ldr count, [pointer, #CONSTANT]; add count, count, #CONSTANT; mov pointer, x1; cbz pointer, .
        cmp count, #'a'; .unreq count; eor x0, x0, #1 << 4; tbz pointer, #CONSTANT - 1, .
    """,
    "padding": """
        nop; .byte 1; .balign 4; .byte 1; .balign 16; .align 3; nop; .p2align 4; .data; .byte 1; .align 2; .byte 2
        .text; .byte 1; .balign 8, 0; .byte 3; .balign 4; nop; .align 5; .section .kprobes, "ax"; .byte 1
        .balign 32; nop; .section .only_data, "ax"; .byte 1; .balign 2; .byte 1; .section .rest, "a"
        .byte 1; .balign 16; .byte 2; .hword 3; .short 4; .quad 5; .ascii "abc"; .asciz "d"; .fill 3, 2, 0x1234; .skip 5
    """,
    "macros": """
        .macro two a, b=x1, rest:vararg; mov \\a, \\b; .ifnb \\rest; add \\rest; .endif; .endm
        two x0; two x2, x3; two b=x4, a=x5; two x0, x1, x2, x3, x4
        .macro site target; mov x9, x30; 1: bl \\target
        .pushsection __mcount_loc, "a", %progbits; .xword 1b; .popsection; .endm
        site outside; site outside; .irp register, x1, x2, x29; add x0, x0, \\register, lsl #3; .endr
        .irpc digit, 0123; mov x\\digit, #\\digit; .endr; .rept 3; nop; .endr
    """,
}


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("arm64", SOURCES[name], {"CONSTANT": 24})
