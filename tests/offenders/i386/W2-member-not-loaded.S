// SPDX-License-Identifier: GPL-2.0-only
// ebx is saved for the callback to see, and not loaded back: C has kept it, but a write to it is lost.
//
// Variant: 6.12
// Breaks: W2
// So also: W1

        .set    OWN_LOAD_REST, 1

        .macro LOAD_REST
        .irp    register, cx, dx, si, di, bp
        mov     PT_\register(%esp), %e\register
        .endr
        .endm

        .include "tiny-6.S"
