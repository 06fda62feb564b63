// SPDX-License-Identifier: GPL-2.0-only
// ebx is loaded only where a callback has changed it.
//
// Variant: 6.12
// Keeps: W2

        .set    OWN_LOAD_REST, 1

        .macro LOAD_REST
        cmp     PT_bx(%esp), %ebx
        je      4f
        mov     PT_bx(%esp), %ebx
4:
        .irp    register, cx, dx, si, di, bp
        mov     PT_\register(%esp), %e\register
        .endr
        .endm

        .include "tiny-6.S"
