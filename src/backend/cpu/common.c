/* What the kernels of the cpu backend share: checks at open, and cutting work into blocks. */
#include "backend/cpu/cpu.h"

static enum sk_code accept_tensor(const struct sk_desc *d, const char *side, int i, struct sk_err *err)
{
    if (d->layout != SK_LAYOUT_DENSE)
        return sk_fail(err, SK_UNSUPPORTED, "%s %d is not dense", side, i);
    return SK_OK;
}

enum sk_code sk_cpu_accept(const struct sk_op_desc *op, int variant, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (variant > 0)
        return sk_fail(err, SK_UNSUPPORTED, SK_NO_MORE);
    for (int i = 0; i < op->in_count && code == SK_OK; i++)
        code = accept_tensor(&op->in[i], "input", i, err);
    for (int i = 0; i < op->out_count && code == SK_OK; i++)
        code = accept_tensor(&op->out[i], "output", i, err);
    return code;
}

enum sk_code sk_cpu_open(void **self, size_t size, const struct sk_op_desc *op, int variant,
                         struct sk_kernel_need *need, struct sk_err *err)
{
    *self = NULL;
    *need = (struct sk_kernel_need){0};
    enum sk_code code = sk_cpu_accept(op, variant, err);
    if (code != SK_OK)
        return code;
    snprintf(need->label, sizeof need->label, "%s", sk_isa_name(sk_isa_level()));
    *self = sk_alloc(1, size, err);
    return *self != NULL ? SK_OK : SK_NOMEM;
}

enum sk_code sk_cpu_type(const struct sk_desc *d, const char *what, enum sk_ktype *t, struct sk_err *err)
{
    if (d->dtype != SK_F32 && d->dtype != SK_BF16)
        return sk_fail(err, SK_UNSUPPORTED, "%s is %s, neither f32 nor bf16", what, sk_dtype_name(d->dtype));
    *t = d->dtype == SK_BF16 ? SK_K_BF16 : SK_K_F32;
    return SK_OK;
}

enum sk_code sk_cpu_want(const struct sk_desc *d, const char *what, enum sk_dtype dtype, struct sk_err *err)
{
    if (d->dtype != dtype)
        return sk_fail(err, SK_UNSUPPORTED, "%s is %s, not %s", what, sk_dtype_name(d->dtype), sk_dtype_name(dtype));
    return SK_OK;
}

struct sk_cpu_blocks sk_cpu_blocks_make(size_t n, size_t size)
{
    return (struct sk_cpu_blocks){n, size, (n + size - 1) / size};
}

struct sk_cpu_blocks sk_cpu_rows_make(size_t rows, size_t c)
{
    return sk_cpu_blocks_make(rows, c < SK_CPU_BLOCK ? SK_CPU_BLOCK / c : 1);
}

void sk_cpu_share(size_t n, size_t *from, size_t *to)
{
    size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
    size_t each = n / threads, more = n % threads;
    *from = me * each + (me < more ? me : more);
    *to = *from + each + (me < more);
}

struct sk_conv_shape sk_cpu_conv_shape(const struct sk_attr *attr, const struct sk_desc *x, const struct sk_desc *w,
                                       const struct sk_desc *y)
{
    return (struct sk_conv_shape){.n = (int)x->dim[0],
                                  .h = (int)x->dim[1],
                                  .w = (int)x->dim[2],
                                  .c = (int)x->dim[3],
                                  .k = (int)w->dim[0],
                                  .r = (int)w->dim[2],
                                  .s = (int)w->dim[3],
                                  .p = (int)y->dim[1],
                                  .q = (int)y->dim[2],
                                  .stride = attr->stride,
                                  .pad = attr->pad,
                                  .groups = attr->groups};
}
