/* Inside kern: what each file of kernels puts into its family's table. A file of a higher level overwrites just what it
 * has; init.c calls them from the reference up. */
#ifndef SKUA_KERN_LEVELS_H
#define SKUA_KERN_LEVELS_H

#include "kern/kern.h"

void sk_norm_ref(struct sk_kern_norm k[SK_K_TYPES]);
void sk_point_ref(struct sk_kern_point k[SK_K_TYPES]);
void sk_dropout_ref(struct sk_kern_point k[SK_K_TYPES]);
void sk_pool_ref(struct sk_kern_pool k[SK_K_TYPES]);
void sk_act_ref(struct sk_kern_act k[SK_K_TYPES]);
void sk_depthwise_ref(struct sk_kern_depthwise k[SK_K_TYPES]);
void sk_conv_ref(struct sk_kern_conv k[SK_K_TYPES]);
void sk_linear_ref(struct sk_kern_linear k[SK_K_TYPES]);
void sk_optim_ref(struct sk_kern_optim *k);
void sk_resize_ref(struct sk_kern_resize *k);
void sk_peak_ref(struct sk_kern_peak *k);

void sk_norm_avx2(struct sk_kern_norm k[SK_K_TYPES]);
void sk_norm_grad_avx2(struct sk_kern_norm k[SK_K_TYPES]);
void sk_point_avx2(struct sk_kern_point k[SK_K_TYPES]);
void sk_act_avx2(struct sk_kern_act k[SK_K_TYPES]);
void sk_depthwise_avx2(struct sk_kern_depthwise k[SK_K_TYPES]);
void sk_optim_avx2(struct sk_kern_optim *k);
void sk_wino_avx2(struct sk_kern_wino k[SK_WINO_ALGS][SK_WINO_TYPES]);
void sk_resize_avx2(struct sk_kern_resize *k);
void sk_peak_avx2(struct sk_kern_peak *k);

void sk_norm_avx512(struct sk_kern_norm k[SK_K_TYPES]);
void sk_norm_grad_avx512(struct sk_kern_norm k[SK_K_TYPES]);
void sk_point_avx512(struct sk_kern_point k[SK_K_TYPES]);
void sk_pool_avx512(struct sk_kern_pool k[SK_K_TYPES]);
void sk_act_avx512(struct sk_kern_act k[SK_K_TYPES]);
void sk_depthwise_avx512(struct sk_kern_depthwise k[SK_K_TYPES]);
void sk_optim_avx512(struct sk_kern_optim *k);
void sk_wino_avx512(struct sk_kern_wino k[SK_WINO_ALGS][SK_WINO_TYPES]);
void sk_peak_avx512(struct sk_kern_peak *k);

void sk_wino_avx512bf16(struct sk_kern_wino k[SK_WINO_ALGS][SK_WINO_TYPES]);
void sk_peak_avx512bf16(struct sk_kern_peak *k);

#endif
