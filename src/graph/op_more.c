/* Shape rules of ops that networks other than the plain ResNets use. */
#include <string.h>

#include "graph/op_rules.h"

static const struct sk_desc *input(const struct sk_graph *g, const struct sk_op *op, int i)
{
    return &g->tensor[op->in[i]].desc;
}

static enum sk_code want(bool fine, const char *what, struct sk_err *err)
{
    return fine ? SK_OK : sk_fail(err, SK_INPUT, "%s", what);
}

static bool is_activation(const struct sk_desc *d)
{
    return d->rank == 4 && (d->dtype == SK_F32 || d->dtype == SK_BF16);
}

static bool is_vector(const struct sk_desc *d, int64_t c)
{
    return d->rank == 1 && d->dim[0] == c && d->dtype == SK_F32;
}

static bool alike(const struct sk_desc *a, const struct sk_desc *b)
{
    return a->rank == b->rank && a->dtype == b->dtype &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static struct sk_desc gate_of(const struct sk_desc *x)
{
    return sk_desc_make(x->dtype, 4, (int64_t[]){x->dim[0], 1, 1, x->dim[3]});
}

SK_SHAPE_RULE(sk_shape_bias_grad)
{
    const struct sk_desc *dy = input(g, op, 0);
    (void)err;
    out[0] = sk_desc_make(SK_F32, 1, &dy->dim[dy->rank - 1]);
    return SK_OK;
}

static enum sk_code want_groups(const struct sk_op *op, const struct sk_desc *x, struct sk_err *err)
{
    int groups = op->attr.groups;
    if (groups >= 1 && x->dim[3] % groups == 0)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%lld channels cannot be divided into %d groups", (long long)x->dim[3], groups);
}

SK_SHAPE_RULE(sk_shape_group_norm)
{
    const struct sk_desc *x = input(g, op, 0);
    enum sk_code code = want(is_activation(x), "the input must be float [N,H,W,C]", err);
    if (code == SK_OK)
        code = want_groups(op, x, err);
    if (code == SK_OK)
        code = want(is_vector(input(g, op, 1), x->dim[3]) && is_vector(input(g, op, 2), x->dim[3]),
                    "gamma and beta must have a float32 value for each channel", err);
    out[0] = sk_desc_make(x->dtype, x->rank, x->dim);
    out[1] = out[2] = sk_desc_make(SK_F32, 2, (int64_t[]){x->dim[0], op->attr.groups});
    return code;
}

SK_SHAPE_RULE(sk_shape_group_norm_grad)
{
    const struct sk_desc *dy = input(g, op, 0), *x = input(g, op, 1);
    enum sk_code code = want(is_activation(x) && alike(dy, x), "gradient and input differ in shape or type", err);
    if (code == SK_OK)
        code = want_groups(op, x, err);
    out[0] = *x;
    out[1] = out[2] = sk_desc_make(SK_F32, 1, &x->dim[x->rank - 1]);
    return code;
}

SK_SHAPE_RULE(sk_shape_gate)
{
    const struct sk_desc *x = input(g, op, 0);
    enum sk_code code = want(is_activation(x), "the input must be float [N,H,W,C]", err);
    if (code != SK_OK)
        return code;
    struct sk_desc gate = gate_of(x);
    out[0] = *x;
    return want(alike(&gate, input(g, op, 1)), "the gate must be [N,1,1,C] of the input's type", err);
}

SK_SHAPE_RULE(sk_shape_gate_grad)
{
    const struct sk_desc *dy = input(g, op, 0), *x = input(g, op, 1);
    enum sk_code code = want(is_activation(x) && alike(dy, x), "gradient and input differ in shape or type", err);
    if (code == SK_OK)
        out[0] = gate_of(x);
    return code;
}

static int64_t windows(int64_t size, const struct sk_attr *a)
{
    return size <= a->kernel ? 1 : (size - a->kernel + a->stride - 1) / a->stride + 1;
}

SK_SHAPE_RULE(sk_shape_avg_window)
{
    const struct sk_desc *x = input(g, op, 0);
    const struct sk_attr *a = &op->attr;
    enum sk_code code = want(is_activation(x), "the input must be float [N,H,W,C]", err);
    if (code == SK_OK)
        code =
            want(a->stride >= 1 && a->kernel >= a->stride, "the kernel must be as large as the stride or larger", err);
    if (code == SK_OK)
        out[0] =
            sk_desc_make(x->dtype, 4, (int64_t[]){x->dim[0], windows(x->dim[1], a), windows(x->dim[2], a), x->dim[3]});
    return code;
}

SK_SHAPE_RULE(sk_shape_of_attr)
{
    (void)err;
    out[0] = sk_desc_make(input(g, op, 0)->dtype, 4, op->attr.dim);
    return SK_OK;
}

SK_SHAPE_RULE(sk_shape_max_all)
{
    const struct sk_desc *x = input(g, op, 0);
    enum sk_code code = want(is_activation(x), "the input must be float [N,H,W,C]", err);
    if (code != SK_OK)
        return code;
    out[0] = sk_desc_make(x->dtype, 2, (int64_t[]){x->dim[0], x->dim[3]});
    out[1] = sk_desc_make(SK_I32, 2, out[0].dim);
    return SK_OK;
}
