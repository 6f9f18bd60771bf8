/* Shape rules: what each op demands of its inputs and what its outputs look like. Messages name shapes. */
#include <string.h>

#include "graph/op_rules.h"

static const struct sk_desc *input(const struct sk_graph *g, const struct sk_op *op, int i)
{
    return &g->tensor[op->in[i]].desc;
}

static enum sk_code want_rank(const struct sk_desc *d, int rank, const char *what, struct sk_err *err)
{
    if (d->rank == rank)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s must have %d dimensions, has %d", what, rank, d->rank);
}

static bool is_float(const struct sk_desc *d)
{
    return d->dtype == SK_F32 || d->dtype == SK_BF16;
}

static bool same_dims(const struct sk_desc *a, const struct sk_desc *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

/* A float32 vector of c elements: gamma, statistics, bias. */
static enum sk_code want_vector(const struct sk_desc *d, int64_t c, const char *what, struct sk_err *err)
{
    if (d->rank == 1 && d->dim[0] == c && d->dtype == SK_F32)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s must be %lld float32 values", what, (long long)c);
}

static enum sk_code want_same(const struct sk_desc *a, const struct sk_desc *b, const char *what, struct sk_err *err)
{
    if (same_dims(a, b) && a->dtype == b->dtype)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s differ in shape or type", what);
}

/* gamma, beta, mean, var of a norm over c channels, from input first on. */
static enum sk_code want_norm(const struct sk_graph *g, const struct sk_op *op, int first, int64_t c, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = first; i < first + 4 && code == SK_OK; i++)
        code = want_vector(input(g, op, i), c, "a parameter of the norm", err);
    return code;
}

/* An op must have all inputs and outputs that its attributes name. */
static enum sk_code want_counts(const struct sk_op *op, int in, int out, struct sk_err *err)
{
    if (op->in_count != in)
        return sk_fail(err, SK_INPUT, "has %d inputs, its attributes ask for %d", op->in_count, in);
    if (op->out_count != out)
        return sk_fail(err, SK_INPUT, "has %d outputs, its attributes ask for %d", op->out_count, out);
    return SK_OK;
}

static struct sk_desc vector(int64_t c)
{
    return sk_desc_make(SK_F32, 1, (int64_t[]){c});
}

/* Input i, where it is there, says how the batch is mixed. */
static enum sk_code want_mix(const struct sk_graph *g, const struct sk_op *op, int i, struct sk_err *err)
{
    return op->in_count <= i ? SK_OK : want_vector(input(g, op, i), SK_MIX_VALUES, "the mix", err);
}

SK_SHAPE_RULE(sk_shape_normalize)
{
    const struct sk_desc *x = input(g, op, 0);
    if (x->dtype != SK_U8 && x->dtype != SK_F32)
        return sk_fail(err, SK_INPUT, "pixels must be u8 or f32, are %s", sk_dtype_name(x->dtype));
    out[0] = sk_desc_make(op->attr.dtype, x->rank, x->dim);
    enum sk_code code = want_rank(x, 4, "the input", err);
    return code != SK_OK ? code : want_mix(g, op, 1, err);
}

static int64_t window_count(int64_t size, int kernel, int stride, int pad)
{
    int64_t room = size + 2 * (int64_t)pad - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

static int64_t groups(const struct sk_attr *a)
{
    return a->groups > 1 ? a->groups : 1;
}

SK_SHAPE_RULE(sk_shape_conv)
{
    const struct sk_desc *x = input(g, op, 0), *w = input(g, op, 1);
    const struct sk_attr *a = &op->attr;
    enum sk_code code = want_rank(x, 4, "the input", err);
    if (code == SK_OK)
        code = want_rank(w, 4, "the weight", err);
    if (code != SK_OK)
        return code;
    if (x->dim[3] != w->dim[1] * groups(a) || w->dim[0] % groups(a))
        return sk_fail(err, SK_INPUT, "the input has %lld channels, the weight takes %lld", (long long)x->dim[3],
                       (long long)(w->dim[1] * groups(a)));
    int64_t p = window_count(x->dim[1], (int)w->dim[2], a->stride, a->pad), q = window_count(x->dim[2], (int)w->dim[3], a->stride, a->pad);
    if (p < 1 || q < 1)
        return sk_fail(err, SK_INPUT, "pictures of %lldx%lld are too small here", (long long)x->dim[1], (long long)x->dim[2]);
    out[0] = sk_desc_make(x->dtype, 4, (int64_t[]){x->dim[0], p, q, w->dim[0]});
    out[1] = out[2] = vector(w->dim[0]);
    int residual = 2 + a->bias, plain = residual + a->residual;
    code = want_counts(op, plain + (a->norm ? 4 : 0), a->stats ? 3 : 1, err);
    if (code == SK_OK && a->bias)
        code = want_vector(input(g, op, 2), w->dim[0], "the bias", err);
    if (code == SK_OK && a->residual)
        code = want_same(input(g, op, residual), &out[0], "residual and output", err);
    return code == SK_OK && a->norm ? want_norm(g, op, plain, x->dim[3], err) : code;
}

/* Appended inputs of a norm_grad: x, gamma, beta, mean, var[, y][, second]. */
static enum sk_code want_norm_grad(const struct sk_graph *g, const struct sk_op *op, const struct sk_desc *dz, struct sk_err *err)
{
    enum { X = 2, GAMMA, PLAIN = GAMMA + 4 };
    enum sk_code code = want_counts(op, PLAIN + op->attr.residual + op->attr.second, 3, err);
    if (code == SK_OK)
        code = want_norm(g, op, GAMMA, dz->dim[3], err);
    if (code == SK_OK)
        code = want_same(input(g, op, X), dz, "gradient and x of the norm", err);
    for (int i = PLAIN; i < op->in_count && code == SK_OK; i++)
        code = want_same(input(g, op, i), dz, "gradient, y and second gradient", err);
    return code;
}

SK_SHAPE_RULE(sk_shape_conv_grad_data)
{
    const struct sk_desc *dy = input(g, op, 0), *w = input(g, op, 1);
    out[0] = sk_desc_make(dy->dtype, 4, op->attr.dim);
    out[1] = out[2] = vector(out[0].dim[3]);
    if (dy->dim[3] != w->dim[0] || out[0].dim[3] != w->dim[1] * groups(&op->attr))
        return sk_fail(err, SK_INPUT, "channels of gradient and weight differ");
    return op->attr.norm_grad ? want_norm_grad(g, op, &out[0], err) : want_counts(op, 2, 1, err);
}

SK_SHAPE_RULE(sk_shape_conv_grad_weight)
{
    const struct sk_desc *dy = input(g, op, 0), *x = input(g, op, 1);
    out[0] = sk_desc_make(SK_F32, 4, op->attr.dim);
    if (dy->dim[3] != out[0].dim[0] || x->dim[3] != out[0].dim[1] * groups(&op->attr))
        return sk_fail(err, SK_INPUT, "channels of gradient, input and weight differ");
    enum sk_code code = want_counts(op, op->attr.norm ? 6 : 2, 1, err);
    return code == SK_OK && op->attr.norm ? want_norm(g, op, 2, x->dim[3], err) : code;
}

SK_SHAPE_RULE(sk_shape_batch_norm)
{
    const struct sk_desc *x = input(g, op, 0);
    int64_t c = x->dim[x->rank - 1];
    enum sk_code code = is_float(x) ? want_vector(input(g, op, 1), c, "gamma", err) : sk_fail(err, SK_INPUT, "the input is no float");
    if (code == SK_OK)
        code = want_vector(input(g, op, 2), c, "beta", err);
    if (code == SK_OK && op->attr.residual)
        code = want_same(input(g, op, 3), x, "residual and input", err);
    if (code == SK_OK && sk_desc_count(x) == c)
        code = sk_fail(err, SK_INPUT, "batch norm in training needs more than one value of a channel, got a batch of one "
                                      "picture that is 1x1 here: a larger train.batch, train.drop_last, or larger pictures");
    out[0] = sk_desc_make(x->dtype, x->rank, x->dim);
    out[1] = out[2] = vector(c);
    return code;
}

SK_SHAPE_RULE(sk_shape_batch_norm_grad)
{
    const struct sk_desc *dy = input(g, op, 0), *x = input(g, op, 1);
    int64_t c = x->dim[x->rank - 1];
    out[0] = sk_desc_make(x->dtype, x->rank, x->dim);
    out[1] = out[2] = vector(c);
    if (op->attr.residual)
        out[3] = out[0];
    const struct sk_attr *a = &op->attr;
    enum sk_code code = a->reduced ? want_counts(op, 7, 1, err)
                                   : want_counts(op, 6 + (a->residual && a->relu) + a->second, a->residual ? 4 : 3, err);
    if (code == SK_OK)
        code = want_same(dy, x, "gradient and input", err);
    for (int i = 2; i < (a->reduced ? 7 : 6) && code == SK_OK; i++)
        code = want_vector(input(g, op, i), c, "a parameter of the norm", err);
    return code;
}

SK_SHAPE_RULE(sk_shape_batch_norm_infer)
{
    const struct sk_desc *x = input(g, op, 0);
    const struct sk_attr *a = &op->attr;
    int64_t c = x->dim[x->rank - 1];
    out[0] = sk_desc_make(x->dtype, x->rank, x->dim);
    enum sk_code code = want_counts(op, 5 + a->residual + (a->residual_norm ? 4 : 0), 1, err);
    if (code == SK_OK)
        code = want_norm(g, op, 1, c, err);
    if (code == SK_OK && a->residual)
        code = want_same(input(g, op, 5), x, "residual and input", err);
    return code == SK_OK && a->residual_norm ? want_norm(g, op, 6, c, err) : code;
}

SK_SHAPE_RULE(sk_shape_running_stats)
{
    int64_t c = input(g, op, 0)->dim[0];
    out[0] = out[1] = vector(c);
    return want_vector(input(g, op, 2), c, "the running mean", err);
}

SK_SHAPE_RULE(sk_shape_fold_norm)
{
    const struct sk_desc *w = input(g, op, 0);
    out[0] = *w;
    out[1] = vector(w->dim[0]);
    return want_vector(input(g, op, 1), w->dim[0], "gamma", err);
}

SK_SHAPE_RULE(sk_shape_same)
{
    const struct sk_desc *x = input(g, op, 0);
    out[0] = sk_desc_make(x->dtype, x->rank, x->dim);
    return is_float(x) ? SK_OK : sk_fail(err, SK_INPUT, "the input is no float");
}

SK_SHAPE_RULE(sk_shape_pair)
{
    enum sk_code code = sk_shape_same(g, op, out, err);
    return code != SK_OK ? code : want_same(input(g, op, 0), input(g, op, 1), "the inputs", err);
}

SK_SHAPE_RULE(sk_shape_max_pool)
{
    const struct sk_desc *x = input(g, op, 0);
    const struct sk_attr *a = &op->attr;
    enum sk_code code = want_rank(x, 4, "the input", err);
    if (code != SK_OK)
        return code;
    int64_t p = window_count(x->dim[1], a->kernel, a->stride, a->pad), q = window_count(x->dim[2], a->kernel, a->stride, a->pad);
    if (p < 1 || q < 1)
        return sk_fail(err, SK_INPUT, "pictures of %lldx%lld are too small here", (long long)x->dim[1], (long long)x->dim[2]);
    out[0] = sk_desc_make(x->dtype, 4, (int64_t[]){x->dim[0], p, q, x->dim[3]});
    out[1] = sk_desc_make(SK_U8, 4, out[0].dim);
    return SK_OK;
}

SK_SHAPE_RULE(sk_shape_max_pool_grad)
{
    const struct sk_desc *dy = input(g, op, 0);
    out[0] = sk_desc_make(dy->dtype, 4, op->attr.dim);
    return same_dims(dy, input(g, op, 1)) ? SK_OK : sk_fail(err, SK_INPUT, "gradient and positions differ in shape");
}

SK_SHAPE_RULE(sk_shape_avg_pool)
{
    const struct sk_desc *x = input(g, op, 0);
    out[0] = op->attr.keep ? sk_desc_make(x->dtype, 4, (int64_t[]){x->dim[0], 1, 1, x->dim[3]})
                           : sk_desc_make(x->dtype, 2, (int64_t[]){x->dim[0], x->dim[3]});
    return want_rank(x, 4, "the input", err);
}

SK_SHAPE_RULE(sk_shape_avg_pool_grad)
{
    const struct sk_desc *dy = input(g, op, 0);
    out[0] = sk_desc_make(dy->dtype, 4, op->attr.dim);
    return want_rank(dy, op->attr.keep ? 4 : 2, "the gradient", err);
}

SK_SHAPE_RULE(sk_shape_linear)
{
    const struct sk_desc *x = input(g, op, 0), *w = input(g, op, 1);
    enum sk_code code = want_rank(x, 2, "the input", err);
    if (code == SK_OK)
        code = want_rank(w, 2, "the weight", err);
    if (code != SK_OK)
        return code;
    if (x->dim[1] != w->dim[1])
        return sk_fail(err, SK_INPUT, "the input has %lld features, the weight takes %lld", (long long)x->dim[1], (long long)w->dim[1]);
    out[0] = sk_desc_make(SK_F32, 2, (int64_t[]){x->dim[0], w->dim[0]});
    return want_vector(input(g, op, 2), w->dim[0], "the bias", err);
}

SK_SHAPE_RULE(sk_shape_linear_grad_data)
{
    const struct sk_desc *dy = input(g, op, 0), *w = input(g, op, 1);
    out[0] = sk_desc_make(op->attr.dtype, 2, (int64_t[]){dy->dim[0], w->dim[1]});
    return dy->dim[1] == w->dim[0] ? SK_OK : sk_fail(err, SK_INPUT, "gradient and weight differ in shape");
}

SK_SHAPE_RULE(sk_shape_linear_grad_weight)
{
    const struct sk_desc *dy = input(g, op, 0), *x = input(g, op, 1);
    out[0] = sk_desc_make(SK_F32, 2, (int64_t[]){dy->dim[1], x->dim[1]});
    out[1] = vector(dy->dim[1]);
    return dy->dim[0] == x->dim[0] ? SK_OK : sk_fail(err, SK_INPUT, "gradient and input differ in batch");
}

static enum sk_code want_labels(const struct sk_graph *g, const struct sk_op *op, struct sk_err *err)
{
    const struct sk_desc *logits = input(g, op, 0), *label = input(g, op, 1);
    if (logits->rank != 2 || logits->dtype != SK_F32)
        return sk_fail(err, SK_INPUT, "logits must be float32 [N,K]");
    if (label->rank != 1 || label->dtype != SK_I32 || label->dim[0] != logits->dim[0])
        return sk_fail(err, SK_INPUT, "labels must be int32 [N]");
    int weights = op->attr.weighted ? op->in_count - 1 : op->in_count;
    enum sk_code code = weights > 2 ? want_mix(g, op, 2, err) : SK_OK;
    if (code == SK_OK && op->attr.weighted)
        code = want_vector(input(g, op, weights), logits->dim[1], "the weights of the classes", err);
    return code;
}

SK_SHAPE_RULE(sk_shape_loss)
{
    out[0] = vector(1);
    return want_labels(g, op, err);
}

SK_SHAPE_RULE(sk_shape_loss_grad)
{
    out[0] = *input(g, op, 0);
    return want_labels(g, op, err);
}

SK_SHAPE_RULE(sk_shape_topk)
{
    out[0] = sk_desc_make(SK_I32, 1, (int64_t[]){2});
    return want_labels(g, op, err);
}

SK_SHAPE_RULE(sk_shape_softmax)
{
    out[0] = *input(g, op, 0);
    return want_rank(input(g, op, 0), 2, "the logits", err);
}

SK_SHAPE_RULE(sk_shape_accumulate)
{
    out[0] = *input(g, op, 0);
    return want_same(input(g, op, 1), &out[0], "what is added and the sum", err);
}

SK_SHAPE_RULE(sk_shape_square_sum)
{
    (void)err;
    out[0] = sk_desc_make(SK_F32, 1, (int64_t[]){2});
    return op->in_count == 1 ? SK_OK : want_same(input(g, op, 1), &out[0], "two sums", err);
}

SK_SHAPE_RULE(sk_shape_update)
{
    int last = op->in_count - (op->attr.optim.clip_norm > 0);
    out[0] = *input(g, op, 0);
    for (int i = 1; i < last; i++) {
        enum sk_code code = want_same(input(g, op, i), &out[0], "parameter, gradient and slots", err);
        if (code != SK_OK)
            return code;
        if (i >= 2)
            out[i - 1] = out[0];
    }
    return SK_OK;
}

/* Multiply-adds count two. All three passes of a convolution cost the same: the products of one output with its window. */
SK_FLOPS_RULE(sk_flops_conv)
{
    const struct sk_desc *y, *w;
    if (op->kind == SK_OP_CONV)
        y = &g->tensor[op->out[0]].desc, w = input(g, op, 1);
    else if (op->kind == SK_OP_CONV_GRAD_DATA)
        y = input(g, op, 0), w = input(g, op, 1);
    else
        y = input(g, op, 0), w = &g->tensor[op->out[0]].desc;
    return 2.0 * (double)sk_desc_count(y) * (double)(w->dim[1] * w->dim[2] * w->dim[3]);
}

SK_FLOPS_RULE(sk_flops_linear)
{
    const struct sk_desc *a = input(g, op, 0), *b = input(g, op, 1);
    if (op->kind == SK_OP_LINEAR)
        return 2.0 * (double)sk_desc_count(b) * (double)a->dim[0];
    return 2.0 * (double)a->dim[0] * (double)a->dim[1] * (double)b->dim[1];
}

SK_FLOPS_RULE(sk_flops_max_pool)
{
    return (double)sk_desc_count(&g->tensor[op->out[0]].desc) * op->attr.kernel * op->attr.kernel;
}
