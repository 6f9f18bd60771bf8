/* The linear layer and its gradients by oneDNN's inner product.
 *
 * y = x w^T + b with w [K,C] and float32 logits: bf16 x is multiplied with weights rounded to bf16 and summed in
 * float32. The gradients are computed in float32 throughout: they are small work, and dy is what all other gradients
 * grow from. */
#include "backend/cpu/onednn.h"

#include <string.h>

struct linear {
    enum sk_dnnl_pass pass;
    dnnl_dim_t n, c, k;
    dnnl_data_type_t type; /* of x, or of its gradient */
    struct sk_dnnl_prim prim;
    struct sk_dnnl_reorder weights; /* f32 [K,C] to the library's layout; grad_weight: back */
    struct sk_dnnl_reorder x;       /* grad_weight: x to float32; grad_data: the gradient from float32 */
    bool frozen;
    size_t at_scratchpad, at_weights, at_x; /* pieces of the scratch memory */
};

/* x, w and y as in the forward pass. */
static enum sk_code read_shape(struct linear *self, const struct sk_desc *x, const struct sk_desc *w,
                               const struct sk_desc *y, struct sk_err *err)
{
    if (x->dtype != SK_F32 && x->dtype != SK_BF16)
        return sk_fail(err, SK_UNSUPPORTED, "x is %s, neither f32 nor bf16", sk_dtype_name(x->dtype));
    enum sk_code code = sk_dnnl_accept(x, "x", 2, x->dtype, err);
    if (code == SK_OK)
        code = sk_dnnl_accept(w, "w", 2, SK_F32, err);
    if (code == SK_OK)
        code = sk_dnnl_accept(y, "y", 2, SK_F32, err);
    if (code == SK_OK && (w->dim[1] != x->dim[1] || y->dim[0] != x->dim[0] || y->dim[1] != w->dim[0]))
        code = sk_fail(err, SK_UNSUPPORTED, "x, w and y do not belong together");
    self->n = x->dim[0];
    self->c = x->dim[1];
    self->k = w->dim[0];
    self->type = sk_dnnl_type(x->dtype);
    return code;
}

static enum sk_code make_spec(struct sk_dnnl_spec *spec, const struct linear *self, struct sk_err *err)
{
    dnnl_dims_t x = {self->n, self->c}, w = {self->k, self->c}, y = {self->n, self->k}, bias = {self->k};
    dnnl_data_type_t type = self->pass == SK_DNNL_FORWARD ? self->type : dnnl_f32;
    *spec = (struct sk_dnnl_spec){.pass = self->pass, .inner = true};
    enum sk_code code = sk_dnnl_desc_init(&spec->x, 2, x, type, dnnl_ab, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->w, 2, w, type, dnnl_format_tag_any, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->hint_w, 2, w, type, dnnl_format_tag_any, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->y, 2, y, dnnl_f32, dnnl_ab, err);
    if (code == SK_OK && self->pass != SK_DNNL_GRAD_DATA)
        code = sk_dnnl_desc_init(&spec->bias, 1, bias, dnnl_f32, dnnl_a, err);
    return code;
}

/* Implementations that have been seen. oneDNN 2.6 names one again after its primitive has been made. */
struct seen {
    const char *name[8];
    int count;
};

static bool is_new(struct seen *seen, const char *name)
{
    for (int i = 0; i < seen->count; i++)
        if (strcmp(seen->name[i], name) == 0)
            return false;
    if (sk_dnnl_is_ref(name) || seen->count == (int)SK_COUNT(seen->name))
        return false;
    seen->name[seen->count++] = name;
    return true;
}

/* The variant-th implementation that is no reference one. */
static enum sk_code choose(dnnl_primitive_desc_t *pd, const struct sk_dnnl_spec *spec, int variant, struct sk_err *err)
{
    struct sk_dnnl_iter it;
    struct seen seen = {.count = 0};
    enum sk_code code = sk_dnnl_iter_open(&it, spec, err);
    if (code != SK_OK)
        return code;
    do {
        code = sk_dnnl_iter_get(&it, pd, err);
        if (code == SK_OK && is_new(&seen, sk_dnnl_name(*pd)) && seen.count == variant + 1)
            break;
        if (code == SK_OK)
            dnnl_primitive_desc_destroy(*pd);
        *pd = NULL;
    } while (code == SK_OK && sk_dnnl_iter_next(&it));
    sk_dnnl_iter_close(&it);
    if (code == SK_OK && *pd == NULL)
        code = seen.count > 0 ? sk_fail(err, SK_UNSUPPORTED, SK_NO_MORE)
                              : sk_fail(err, SK_UNSUPPORTED, "oneDNN has nothing but its reference implementation");
    return code;
}

static sk_dnnl_md query(const_dnnl_primitive_desc_t pd, dnnl_query_t what, int index)
{
    return dnnl_primitive_desc_query_md(pd, what, index);
}

static enum sk_code open_arguments(struct linear *self, const_dnnl_primitive_desc_t pd, sk_dnnl_md *w,
                                   struct sk_err *err)
{
    static const struct {
        int x, w, y, bias;
        dnnl_query_t x_md, w_md, y_md;
    } table[] = {
        [SK_DNNL_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS, dnnl_query_src_md,
                             dnnl_query_weights_md, dnnl_query_dst_md},
        [SK_DNNL_GRAD_DATA] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, 0, dnnl_query_diff_src_md,
                               dnnl_query_weights_md, dnnl_query_diff_dst_md},
        [SK_DNNL_GRAD_WEIGHT] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS,
                                 dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
    };
    int pass = (int)self->pass;
    *w = query(pd, table[pass].w_md, 0);
    enum sk_code code = sk_dnnl_prim_arg(&self->prim, table[pass].x, query(pd, table[pass].x_md, 0), err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, table[pass].w, *w, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, table[pass].y, query(pd, table[pass].y_md, 0), err);
    if (code == SK_OK && table[pass].bias != 0)
        code = sk_dnnl_prim_arg(&self->prim, table[pass].bias, query(pd, table[pass].w_md, 1), err);
    return code;
}

/* Between the tensors of the op and those of the primitive. */
static enum sk_code open_reorders(struct linear *self, sk_dnnl_md w, struct sk_err *err)
{
    dnnl_dims_t weight_dims = {self->k, self->c}, x_dims = {self->n, self->c};
    struct sk_dnnl_desc plain = {0}, given = {0}, wide = {0};
    enum sk_code code = sk_dnnl_desc_init(&plain, 2, weight_dims, dnnl_f32, dnnl_ab, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&given, 2, x_dims, self->type, dnnl_ab, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&wide, 2, x_dims, dnnl_f32, dnnl_ab, err);
    sk_dnnl_md p = sk_dnnl_desc_md(&plain), g = sk_dnnl_desc_md(&given), f = sk_dnnl_desc_md(&wide);
    if (code == SK_OK && self->pass == SK_DNNL_GRAD_WEIGHT)
        code = sk_dnnl_reorder_open(&self->weights, w, p, err);
    else if (code == SK_OK)
        code = sk_dnnl_reorder_open(&self->weights, p, w, err);
    if (code == SK_OK && self->pass == SK_DNNL_GRAD_DATA)
        code = sk_dnnl_reorder_open(&self->x, f, g, err);
    else if (code == SK_OK && self->pass == SK_DNNL_GRAD_WEIGHT)
        code = sk_dnnl_reorder_open(&self->x, g, f, err);
    sk_dnnl_desc_release(&plain);
    sk_dnnl_desc_release(&given);
    sk_dnnl_desc_release(&wide);
    return code;
}

static enum sk_code open_primitive(struct linear *self, const_dnnl_primitive_desc_t pd, struct sk_kernel_need *need,
                                   struct sk_err *err)
{
    size_t scratchpad;
    sk_dnnl_md w = NULL;
    enum sk_code code = sk_dnnl_prim_open(&self->prim, pd, &scratchpad, err);
    if (code == SK_OK)
        code = open_arguments(self, pd, &w, err);
    if (code == SK_OK)
        code = open_reorders(self, w, err);
    if (code != SK_OK)
        return code;
    self->at_scratchpad = sk_cpu_piece(&need->scratch, scratchpad);
    if (self->weights.needed && self->frozen)
        need->packed = self->weights.bytes;
    else if (self->weights.needed)
        self->at_weights = sk_cpu_piece(&need->scratch, dnnl_memory_desc_get_size(w));
    self->at_x = sk_cpu_piece(&need->scratch, self->x.needed ? (size_t)(self->n * self->c) * sizeof(float) : 0);
    snprintf(need->label, sizeof need->label, "%s", sk_dnnl_name(pd));
    return SK_OK;
}

static void close_linear(void *me)
{
    struct linear *self = me;
    if (self == NULL)
        return;
    sk_dnnl_reorder_release(&self->x);
    sk_dnnl_reorder_release(&self->weights);
    sk_dnnl_prim_release(&self->prim);
    sk_free(self);
}

static enum sk_code open_linear(void **out, enum sk_dnnl_pass pass, const struct sk_desc *x, const struct sk_desc *w,
                                const struct sk_desc *y, const struct sk_kernel_env *env, int variant,
                                struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_spec spec = {0};
    dnnl_primitive_desc_t pd = NULL;
    *need = (struct sk_kernel_need){0};
    struct linear *self = sk_alloc(1, sizeof *self, err);
    enum sk_code code = self != NULL ? sk_dnnl_start(err) : SK_NOMEM;
    if (code == SK_OK)
        code = read_shape(self, x, w, y, err);
    if (code == SK_OK) {
        self->pass = pass;
        self->frozen = env->frozen && pass != SK_DNNL_GRAD_WEIGHT;
        code = make_spec(&spec, self, err);
    }
    if (code == SK_OK)
        code = choose(&pd, &spec, variant, err);
    if (code == SK_OK)
        code = open_primitive(self, pd, need, err);
    if (pd != NULL)
        dnnl_primitive_desc_destroy(pd);
    sk_dnnl_spec_release(&spec);
    if (code != SK_OK)
        close_linear(self);
    *out = code == SK_OK ? self : NULL;
    return code;
}

static enum sk_code accept_bias(const struct sk_desc *bias, const char *what, const struct sk_desc *w,
                                struct sk_err *err)
{
    enum sk_code code = sk_dnnl_accept(bias, what, 1, SK_F32, err);
    if (code == SK_OK && bias->dim[0] != w->dim[0])
        code = sk_fail(err, SK_UNSUPPORTED, "%s and w do not belong together", what);
    return code;
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_code code = accept_bias(&op->in[2], "bias", &op->in[1], err);
    *out = NULL;
    if (code != SK_OK)
        return code;
    return open_linear(out, SK_DNNL_FORWARD, &op->in[0], &op->in[1], &op->out[0], env, variant, need, err);
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    return open_linear(out, SK_DNNL_GRAD_DATA, &op->out[0], &op->in[1], &op->in[0], env, variant, need, err);
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_code code = accept_bias(&op->out[1], "db", &op->out[0], err);
    *out = NULL;
    if (code != SK_OK)
        return code;
    return open_linear(out, SK_DNNL_GRAD_WEIGHT, &op->in[1], &op->out[0], &op->in[0], env, variant, need, err);
}

static enum sk_code prepare(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct linear *self = me;
    return self->weights.needed ? sk_dnnl_reorder_run(&self->weights, call->in[1], call->packed, err) : SK_OK;
}

/* The weights as the library wants them. */
static enum sk_code pack(struct linear *self, const struct sk_kernel_call *call, void **packed, struct sk_err *err)
{
    *packed = call->in[1];
    if (!self->weights.needed)
        return SK_OK;
    *packed = self->frozen ? call->packed : sk_cpu_inside(call->scratch, self->at_weights);
    return self->frozen ? SK_OK : sk_dnnl_reorder_run(&self->weights, call->in[1], *packed, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct linear *self = me;
    void *w;
    enum sk_code code = pack(self, call, &w, err);
    if (code != SK_OK)
        return code;
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SCRATCHPAD, sk_cpu_inside(call->scratch, self->at_scratchpad));
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SRC, call->in[0]);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_WEIGHTS, w);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_BIAS, call->in[2]);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DST, call->out[0]);
    return sk_dnnl_prim_run(&self->prim, err);
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct linear *self = me;
    void *w, *dx = self->x.needed ? sk_cpu_inside(call->scratch, self->at_x) : call->out[0];
    enum sk_code code = pack(self, call, &w, err);
    if (code != SK_OK)
        return code;
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SCRATCHPAD, sk_cpu_inside(call->scratch, self->at_scratchpad));
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DIFF_DST, call->in[0]);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_WEIGHTS, w);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DIFF_SRC, dx);
    code = sk_dnnl_prim_run(&self->prim, err);
    if (code == SK_OK && self->x.needed)
        code = sk_dnnl_reorder_run(&self->x, dx, call->out[0], err);
    return code;
}

static enum sk_code run_grad_weight(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct linear *self = me;
    void *x = self->x.needed ? sk_cpu_inside(call->scratch, self->at_x) : call->in[1];
    void *dw = self->weights.needed ? sk_cpu_inside(call->scratch, self->at_weights) : call->out[0];
    enum sk_code code = self->x.needed ? sk_dnnl_reorder_run(&self->x, call->in[1], x, err) : SK_OK;
    if (code != SK_OK)
        return code;
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SCRATCHPAD, sk_cpu_inside(call->scratch, self->at_scratchpad));
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DIFF_DST, call->in[0]);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SRC, x);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DIFF_WEIGHTS, dw);
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_DIFF_BIAS, call->out[1]);
    code = sk_dnnl_prim_run(&self->prim, err);
    if (code == SK_OK && self->weights.needed)
        code = sk_dnnl_reorder_run(&self->weights, dw, call->out[0], err);
    return code;
}

const struct sk_kernel sk_onednn_linear = {.name = "onednn",
                                           .kind = SK_OP_LINEAR,
                                           .open = open_forward,
                                           .prepare = prepare,
                                           .run = run_forward,
                                           .close = close_linear,
                                           .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_onednn_linear_grad_data = {.name = "onednn",
                                                     .kind = SK_OP_LINEAR_GRAD_DATA,
                                                     .open = open_grad_data,
                                                     .prepare = prepare,
                                                     .run = run_grad_data,
                                                     .close = close_linear,
                                                     .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_onednn_linear_grad_weight = {.name = "onednn",
                                                       .kind = SK_OP_LINEAR_GRAD_WEIGHT,
                                                       .open = open_grad_weight,
                                                       .run = run_grad_weight,
                                                       .close = close_linear,
                                                       .quick_variants = SK_DNNL_QUICK};
