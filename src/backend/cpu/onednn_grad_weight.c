/* The gradient of a convolution's weights by oneDNN.
 *
 * The library makes it in a layout of its own choice, from where it is brought into OIHW. The pictures may be split
 * into a part for each thread: then every part has a primitive of its own, and the gradients of all parts are added up
 * in their order. */
#include "backend/cpu/onednn_conv.h"

struct grad_weight {
    struct sk_fold fold;
    int parts;
    struct sk_dnnl_prim *prim;       /* [parts] */
    struct sk_dnnl_reorder weights;  /* the library's layout to f32 OIHW */
    size_t size;                     /* of an element of x and y */
    size_t x_bytes, y_bytes;         /* of a part */
    size_t scratchpad, weight_bytes; /* of a part, multiples of 64 */
    size_t weight_count;             /* floats of a part's gradient */
    size_t at_scratchpad, at_weights, at_x,
        at_y; /* pieces of the scratch memory; the first two hold one for each part */
};

static enum sk_code open_part(struct sk_dnnl_prim *prim, const_dnnl_primitive_desc_t pd, size_t *scratchpad,
                              struct sk_err *err)
{
    static const struct {
        int arg;
        dnnl_query_t md;
    } table[] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                 {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
                 {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md}};
    enum sk_code code = sk_dnnl_prim_open(prim, pd, scratchpad, err);
    for (size_t i = 0; i < SK_COUNT(table) && code == SK_OK; i++)
        code = sk_dnnl_prim_arg(prim, table[i].arg, dnnl_primitive_desc_query_md(pd, table[i].md, 0), err);
    return code;
}

static enum sk_code open_parts(struct grad_weight *self, const_dnnl_primitive_desc_t pd, struct sk_err *err)
{
    size_t scratchpad = 0;
    enum sk_code code = SK_OK;
    self->prim = sk_alloc((size_t)self->parts, sizeof *self->prim, err);
    if (self->prim == NULL)
        return SK_NOMEM;
    for (int i = 0; i < self->parts && code == SK_OK; i++)
        code = open_part(&self->prim[i], pd, &scratchpad, err);
    self->scratchpad = (scratchpad + 63) / 64 * 64;
    return code;
}

static enum sk_code open_weights(struct grad_weight *self, const struct sk_conv_shape *s, sk_dnnl_md chosen,
                                 struct sk_err *err)
{
    struct sk_dnnl_desc plain = {0};
    enum sk_code code = sk_dnnl_conv_weights(&plain, s, dnnl_f32, false, err);
    if (code == SK_OK)
        code = sk_dnnl_reorder_open(&self->weights, chosen, sk_dnnl_desc_md(&plain), err);
    sk_dnnl_desc_release(&plain);
    self->weight_count = dnnl_memory_desc_get_size(chosen) / sizeof(float);
    self->weight_bytes = (self->weight_count * sizeof(float) + 63) / 64 * 64;
    return code;
}

/* The first part of a gradient that needs no reorder goes to the output itself. */
static void lay_out(struct grad_weight *self, struct sk_kernel_need *need)
{
    size_t parts = (size_t)self->parts, kept = self->weights.needed ? parts : parts - 1;
    size_t x = sk_fold_x_count(&self->fold) * self->size, y = sk_fold_y_count(&self->fold) * self->size;
    self->x_bytes = x / parts;
    self->y_bytes = y / parts;
    self->at_scratchpad = sk_cpu_piece(&need->scratch, parts * self->scratchpad);
    self->at_weights = sk_cpu_piece(&need->scratch, kept * self->weight_bytes);
    self->at_x = sk_cpu_piece(&need->scratch, self->fold.x ? x : 0);
    self->at_y = sk_cpu_piece(&need->scratch, self->fold.y ? y : 0);
}

static void close_grad_weight(void *me)
{
    struct grad_weight *self = me;
    if (self == NULL)
        return;
    for (int i = 0; i < self->parts && self->prim != NULL; i++)
        sk_dnnl_prim_release(&self->prim[i]);
    sk_free(self->prim);
    sk_dnnl_reorder_release(&self->weights);
    sk_free(self);
}

static enum sk_code open_chosen(struct grad_weight *self, const struct sk_dnnl_conv *want,
                                const struct sk_dnnl_choice *choice, struct sk_kernel_need *need, struct sk_err *err)
{
    self->fold = choice->fold;
    self->parts = choice->parts;
    self->size = sk_dtype_size(want->type);
    int threads = sk_dnnl_threads(choice->parts > 1 ? 1 : want->threads);
    enum sk_code code = open_parts(self, choice->pd, err);
    sk_dnnl_threads(threads);
    if (code == SK_OK)
        code = open_weights(self, &want->shape, dnnl_primitive_desc_query_md(choice->pd, dnnl_query_diff_weights_md, 0),
                            err);
    if (code == SK_OK)
        lay_out(self, need);
    snprintf(need->label, sizeof need->label, "%s", choice->label);
    return code;
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_conv want = {.pass = SK_DNNL_GRAD_WEIGHT, .threads = env->threads};
    struct sk_dnnl_choice choice = {0};
    struct grad_weight *self = NULL;
    *need = (struct sk_kernel_need){0};
    enum sk_code code = sk_dnnl_start(err);
    if (code == SK_OK)
        code = sk_dnnl_conv_read(&want, &op->attr, &op->in[1], &op->out[0], &op->in[0], err);
    if (code == SK_OK)
        code = sk_dnnl_choose(&choice, &want, variant, err);
    if (code == SK_OK && (self = sk_alloc(1, sizeof *self, err)) == NULL)
        code = SK_NOMEM;
    if (code == SK_OK)
        code = open_chosen(self, &want, &choice, need, err);
    sk_dnnl_choice_release(&choice);
    if (code != SK_OK)
        close_grad_weight(self);
    *out = code == SK_OK ? self : NULL;
    return code;
}

/* Where part i leaves its gradient. */
static void *part_weights(const struct grad_weight *self, const struct sk_kernel_call *call, int i)
{
    if (!self->weights.needed && i == 0)
        return call->out[0];
    size_t slot = (size_t)(self->weights.needed ? i : i - 1);
    return sk_cpu_inside(call->scratch, self->at_weights + slot * self->weight_bytes);
}

static enum sk_code run_part(struct grad_weight *self, const struct sk_kernel_call *call, int i, void *x, void *y,
                             struct sk_err *err)
{
    struct sk_dnnl_prim *prim = &self->prim[i];
    size_t part = (size_t)i;
    sk_dnnl_prim_bind(prim, DNNL_ARG_SCRATCHPAD,
                      sk_cpu_inside(call->scratch, self->at_scratchpad + part * self->scratchpad));
    sk_dnnl_prim_bind(prim, DNNL_ARG_SRC, sk_cpu_inside(x, part * self->x_bytes));
    sk_dnnl_prim_bind(prim, DNNL_ARG_DIFF_DST, sk_cpu_inside(y, part * self->y_bytes));
    sk_dnnl_prim_bind(prim, DNNL_ARG_DIFF_WEIGHTS, part_weights(self, call, i));
    return sk_dnnl_prim_run(prim, err);
}

/* In parallel: within a parallel region the library takes one thread for each primitive. */
static enum sk_code run_parts(struct grad_weight *self, const struct sk_kernel_call *call, void *x, void *y,
                              struct sk_err *err)
{
    int failed = 0;
#pragma omp parallel for schedule(static, 1) num_threads(self->parts) reduction(+ : failed)
    for (int i = 0; i < self->parts; i++)
        failed += run_part(self, call, i, x, y, NULL) != SK_OK;
    if (failed > 0)
        return sk_fail(err, SK_DEVICE, "oneDNN: %d of %d parts of a weight gradient failed", failed, self->parts);
    for (int i = 1; i < self->parts; i++)
        sk_fold_add(part_weights(self, call, 0), part_weights(self, call, i), self->weight_count);
    return SK_OK;
}

static enum sk_code run(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct grad_weight *self = me;
    const struct sk_fold *f = &self->fold;
    void *y = call->in[0], *x = call->in[1];
    if (f->x)
        sk_fold_x(f, self->size, call->in[1], x = sk_cpu_inside(call->scratch, self->at_x));
    if (f->y)
        sk_fold_y(f, self->size, call->in[0], y = sk_cpu_inside(call->scratch, self->at_y));
    enum sk_code code = self->parts > 1 ? run_parts(self, call, x, y, err) : run_part(self, call, 0, x, y, err);
    if (code == SK_OK && self->weights.needed)
        code = sk_dnnl_reorder_run(&self->weights, part_weights(self, call, 0), call->out[0], err);
    return code;
}

const struct sk_kernel sk_onednn_conv_grad_weight = {.name = "onednn",
                                                     .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                     .open = open_grad_weight,
                                                     .run = run,
                                                     .close = close_grad_weight,
                                                     .quick_variants = SK_DNNL_QUICK};
