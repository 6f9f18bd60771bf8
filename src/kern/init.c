/* Tables of kernels: the reference first, overwritten level by level. */
#include "kern/levels.h"

#include <pthread.h>
#include <string.h>

static struct sk_kern current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void sk_kern_init(struct sk_kern *k, enum sk_isa level)
{
    sk_norm_ref(k->norm);
    sk_point_ref(k->point);
    sk_dropout_ref(k->point);
    sk_pool_ref(k->pool);
    sk_act_ref(k->act);
    sk_depthwise_ref(k->depthwise);
    sk_conv_ref(k->conv);
    sk_linear_ref(k->linear);
    sk_optim_ref(&k->optim);
    memset(k->wino, 0, sizeof k->wino);
    sk_resize_ref(&k->resize);
    sk_peak_ref(&k->peak);
#ifdef SK_NO_X86
    (void)level;
#else
    if (level >= SK_ISA_AVX2) {
        sk_norm_avx2(k->norm);
        sk_norm_grad_avx2(k->norm);
        sk_point_avx2(k->point);
        sk_act_avx2(k->act);
        sk_depthwise_avx2(k->depthwise);
        sk_optim_avx2(&k->optim);
        sk_wino_avx2(k->wino);
        sk_resize_avx2(&k->resize);
        sk_peak_avx2(&k->peak);
    }
    if (level >= SK_ISA_AVX512) {
        sk_norm_avx512(k->norm);
        sk_norm_grad_avx512(k->norm);
        sk_point_avx512(k->point);
        sk_pool_avx512(k->pool);
        sk_act_avx512(k->act);
        sk_depthwise_avx512(k->depthwise);
        sk_optim_avx512(&k->optim);
        sk_wino_avx512(k->wino);
        sk_peak_avx512(&k->peak);
    }
    if (level >= SK_ISA_AVX512_BF16) {
        sk_wino_avx512bf16(k->wino);
        sk_peak_avx512bf16(&k->peak);
    }
#endif
}

static void make_current(void)
{
    sk_kern_init(&current, sk_isa_level());
}

const struct sk_kern *sk_kern_get(void)
{
    pthread_once(&once, make_current);
    return &current;
}
