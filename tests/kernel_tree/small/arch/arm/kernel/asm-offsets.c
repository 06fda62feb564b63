/* SPDX-License-Identifier: GPL-2.0-only */
  DEFINE(S_LR,	offsetof(struct pt_regs, ARM_lr));
  DEFINE(TI_FLAGS,	offsetof(struct thread_info, flags));
