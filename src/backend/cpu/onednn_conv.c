/* Convolution and the gradient of its data by oneDNN.
 *
 * Activations are read and written where they are, [N,H,W,C]. The library reads the weights in a layout and type of its
 * own choice: they are brought into it in each run, or by prepare where they stay the same. */
#include "backend/cpu/onednn_conv.h"

#include <string.h>

struct conv {
    struct sk_dnnl_conv want;
    struct sk_fold fold;
    struct sk_dnnl_prim prim;
    struct sk_dnnl_reorder weights; /* f32 OIHW to the library's layout */
    const struct argument *arg;     /* of prim */
    bool turned;                    /* see struct sk_dnnl_choice */
    int residual;                   /* which input, -1: none */
    bool frozen;
    size_t size;                                              /* of an element of x and y */
    size_t y_bytes;                                           /* of the whole y */
    size_t at_scratchpad, at_weights, at_flipped, at_x, at_y; /* pieces of the scratch memory; weights: or of packed */
};

static enum sk_code check_shape(const struct sk_conv_shape *s, const struct sk_desc *w, const struct sk_desc *y,
                                struct sk_err *err)
{
    if (w->dim[1] * sk_conv_groups(s) != s->c || y->dim[0] != s->n || y->dim[3] != s->k)
        return sk_fail(err, SK_UNSUPPORTED, "x, w and y do not belong together");
    bool fits = s->stride >= 1 && s->pad >= 0 && s->pad < s->r && s->pad < s->s;
    int high = fits ? s->h + 2 * s->pad - s->r : -1, wide = fits ? s->w + 2 * s->pad - s->s : -1;
    if (high < 0 || wide < 0)
        return sk_fail(err, SK_UNSUPPORTED, "kernel %dx%d, stride %d and padding %d do not fit %dx%d pixels", s->r,
                       s->s, s->stride, s->pad, s->h, s->w);
    int p = high / s->stride + 1, q = wide / s->stride + 1;
    if (s->p != p || s->q != q)
        return sk_fail(err, SK_UNSUPPORTED, "y is %dx%d, where x, kernel, stride and padding give %dx%d", s->p, s->q, p,
                       q);
    return SK_OK;
}

enum sk_code sk_dnnl_conv_read(struct sk_dnnl_conv *conv, const struct sk_attr *attr, const struct sk_desc *x,
                               const struct sk_desc *w, const struct sk_desc *y, struct sk_err *err)
{
    if (x->dtype != SK_F32 && x->dtype != SK_BF16)
        return sk_fail(err, SK_UNSUPPORTED, "x is %s, neither f32 nor bf16", sk_dtype_name(x->dtype));
    enum sk_code code = sk_dnnl_accept(x, "x", 4, x->dtype, err);
    if (code == SK_OK)
        code = sk_dnnl_accept(w, "w", 4, SK_F32, err);
    if (code == SK_OK)
        code = sk_dnnl_accept(y, "y", 4, x->dtype, err);
    if (code != SK_OK)
        return code;
    conv->type = x->dtype;
    conv->threads = conv->threads > 0 ? conv->threads : 1;
    conv->shape = sk_cpu_conv_shape(attr, x, w, y);
    return check_shape(&conv->shape, w, y, err);
}

/* Where a primitive finds x, w and y, and where its descriptor tells of them. */
static const struct argument {
    int x, y;
    dnnl_query_t x_md, y_md;
} forward_arguments = {DNNL_ARG_SRC, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_dst_md},
  turned_arguments = {DNNL_ARG_DST, DNNL_ARG_SRC, dnnl_query_dst_md, dnnl_query_src_md},
  backward_arguments = {DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, dnnl_query_diff_src_md, dnnl_query_diff_dst_md};

static const struct argument *arguments_of(enum sk_dnnl_pass pass, bool turned)
{
    if (turned)
        return &turned_arguments;
    return pass == SK_DNNL_FORWARD ? &forward_arguments : &backward_arguments;
}

static size_t weight_count(const struct conv *self)
{
    const struct sk_conv_shape *s = &self->want.shape;
    return (size_t)s->k * (size_t)(s->c / sk_conv_groups(s)) * (size_t)s->r * (size_t)s->s;
}

/* chosen: the library's layout. A turned convolution has input and output channels swapped, so its plain layout is
 * IOHW. */
static enum sk_code open_weights(struct conv *self, sk_dnnl_md chosen, struct sk_err *err)
{
    const struct sk_conv_shape *s = &self->want.shape;
    dnnl_dims_t swapped = {s->c, s->k, s->r, s->s};
    struct sk_dnnl_desc plain = {0};
    enum sk_code code = self->turned ? sk_dnnl_desc_init(&plain, 4, swapped, dnnl_f32, dnnl_iohw, err)
                                     : sk_dnnl_conv_weights(&plain, s, dnnl_f32, false, err);
    sk_dnnl_md md = sk_dnnl_desc_md(&plain);
    if (code == SK_OK)
        code = sk_dnnl_reorder_open(&self->weights, md, chosen, err);
    sk_dnnl_desc_release(&plain);
    return code;
}

static void lay_out(struct conv *self, size_t scratchpad, struct sk_kernel_need *need)
{
    const struct sk_conv_shape *s = &self->want.shape;
    size_t *total = self->frozen ? &need->packed : &need->scratch;
    bool flip = self->turned && s->r * s->s > 1;
    self->at_weights = sk_cpu_piece(total, self->weights.needed ? self->weights.bytes : 0);
    self->at_flipped = sk_cpu_piece(total, flip ? weight_count(self) * sizeof(float) : 0);
    self->at_scratchpad = sk_cpu_piece(&need->scratch, scratchpad);
    self->at_x = sk_cpu_piece(&need->scratch, self->fold.x ? sk_fold_x_count(&self->fold) * self->size : 0);
    self->at_y = sk_cpu_piece(&need->scratch, self->fold.y ? sk_fold_y_count(&self->fold) * self->size : 0);
}

static enum sk_code open_primitive(struct conv *self, const_dnnl_primitive_desc_t pd, struct sk_kernel_need *need,
                                   struct sk_err *err)
{
    const struct argument *a = self->arg;
    sk_dnnl_md w = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    size_t scratchpad;
    enum sk_code code = sk_dnnl_prim_open(&self->prim, pd, &scratchpad, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, a->x, dnnl_primitive_desc_query_md(pd, a->x_md, 0), err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, DNNL_ARG_WEIGHTS, w, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, a->y, dnnl_primitive_desc_query_md(pd, a->y_md, 0), err);
    if (code == SK_OK && self->want.bias)
        code = sk_dnnl_prim_arg(&self->prim, DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1),
                                err);
    if (code == SK_OK)
        code = open_weights(self, w, err);
    if (code == SK_OK)
        lay_out(self, scratchpad, need);
    return code;
}

static void close_conv(void *me)
{
    struct conv *self = me;
    if (self == NULL)
        return;
    sk_dnnl_reorder_release(&self->weights);
    sk_dnnl_prim_release(&self->prim);
    sk_free(self);
}

static enum sk_code open_conv(void **out, const struct sk_dnnl_conv *want, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_choice choice = {0};
    *need = (struct sk_kernel_need){0};
    struct conv *self = sk_alloc(1, sizeof *self, err);
    enum sk_code code = self != NULL ? sk_dnnl_choose(&choice, want, variant, err) : SK_NOMEM;
    if (code == SK_OK) {
        self->want = *want;
        self->fold = choice.fold;
        self->turned = choice.turned;
        self->arg = arguments_of(want->pass, choice.turned);
        self->residual = want->sum ? (want->bias ? 3 : 2) : -1;
        self->frozen = env->frozen;
        self->size = sk_dtype_size(want->type);
        self->y_bytes =
            (size_t)want->shape.n * (size_t)want->shape.p * (size_t)want->shape.q * (size_t)want->shape.k * self->size;
        snprintf(need->label, sizeof need->label, "%s", choice.label);
        code = open_primitive(self, choice.pd, need, err);
    }
    sk_dnnl_choice_release(&choice);
    if (code != SK_OK)
        close_conv(self);
    *out = code == SK_OK ? self : NULL;
    return code;
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_conv want = {.pass = SK_DNNL_FORWARD,
                                .bias = op->attr.bias,
                                .sum = op->attr.residual,
                                .relu = op->attr.relu,
                                .threads = env->threads};
    const struct sk_desc *y = &op->out[0], *bias = &op->in[2], *residual = &op->in[want.bias ? 3 : 2];
    enum sk_code code = sk_dnnl_start(err);
    *out = NULL;
    if (code == SK_OK)
        code = sk_dnnl_conv_read(&want, &op->attr, &op->in[0], &op->in[1], y, err);
    if (code == SK_OK && want.bias)
        code = sk_dnnl_accept(bias, "bias", 1, SK_F32, err);
    if (code == SK_OK && want.sum)
        code = sk_dnnl_accept(residual, "residual", 4, want.type, err);
    if (code == SK_OK && ((want.bias && bias->dim[0] != want.shape.k) ||
                          (want.sum && memcmp(residual->dim, y->dim, sizeof y->dim) != 0)))
        code = sk_fail(err, SK_UNSUPPORTED, "bias, residual and y do not belong together");
    return code == SK_OK ? open_conv(out, &want, env, variant, need, err) : code;
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_conv want = {.pass = SK_DNNL_GRAD_DATA, .threads = env->threads};
    enum sk_code code = sk_dnnl_start(err);
    *out = NULL;
    if (code == SK_OK)
        code = sk_dnnl_conv_read(&want, &op->attr, &op->out[0], &op->in[1], &op->in[0], err);
    return code == SK_OK ? open_conv(out, &want, env, variant, need, err) : code;
}

/* Brings the weights into the library's layout, in memory (scratch or packed). */
static enum sk_code pack(struct conv *self, float *w, void *memory, struct sk_err *err)
{
    size_t area = (size_t)self->want.shape.r * (size_t)self->want.shape.s;
    if (self->turned && area > 1) {
        float *flipped = sk_cpu_inside(memory, self->at_flipped);
        sk_fold_flip(flipped, w, weight_count(self) / area, area);
        w = flipped;
    }
    return self->weights.needed ? sk_dnnl_reorder_run(&self->weights, w, sk_cpu_inside(memory, self->at_weights), err)
                                : SK_OK;
}

/* Where pack has left them. */
static void *packed(const struct conv *self, float *w, void *memory)
{
    bool flipped = self->turned && self->want.shape.r * self->want.shape.s > 1;
    if (self->weights.needed)
        return sk_cpu_inside(memory, self->at_weights);
    return flipped ? sk_cpu_inside(memory, self->at_flipped) : w;
}

static enum sk_code prepare(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    return pack(me, call->in[1], call->packed, err);
}

/* x and y as the primitive finds them. */
static enum sk_code execute(struct conv *self, const struct sk_kernel_call *call, void *x, void *y, struct sk_err *err)
{
    void *memory = self->frozen ? call->packed : call->scratch;
    enum sk_code code = self->frozen ? SK_OK : pack(self, call->in[1], memory, err);
    if (code != SK_OK)
        return code;
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SCRATCHPAD, sk_cpu_inside(call->scratch, self->at_scratchpad));
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_WEIGHTS, packed(self, call->in[1], memory));
    sk_dnnl_prim_bind(&self->prim, self->arg->x, x);
    sk_dnnl_prim_bind(&self->prim, self->arg->y, y);
    return sk_dnnl_prim_run(&self->prim, err);
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct conv *self = me;
    const struct sk_fold *f = &self->fold;
    void *x = call->in[0], *y = call->out[0];
    if (f->x)
        sk_fold_x(f, self->size, call->in[0], x = sk_cpu_inside(call->scratch, self->at_x));
    if (f->y)
        y = sk_cpu_inside(call->scratch, self->at_y);
    if (self->residual >= 0 && f->y)
        sk_fold_y(f, self->size, call->in[self->residual], y);
    else if (self->residual >= 0 && call->in[self->residual] != y)
        sk_fold_copy(y, call->in[self->residual], self->y_bytes);
    if (self->want.bias)
        sk_dnnl_prim_bind(&self->prim, DNNL_ARG_BIAS, call->in[2]);
    enum sk_code code = execute(self, call, x, y, err);
    if (code == SK_OK && f->y)
        sk_unfold_y(f, self->size, y, call->out[0]);
    return code;
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct conv *self = me;
    const struct sk_fold *f = &self->fold;
    void *y = call->in[0], *x = f->x ? sk_cpu_inside(call->scratch, self->at_x) : call->out[0];
    if (f->y)
        sk_fold_y(f, self->size, call->in[0], y = sk_cpu_inside(call->scratch, self->at_y));
    enum sk_code code = execute(self, call, x, y, err);
    if (code == SK_OK && f->x)
        sk_unfold_x(f, self->size, x, call->out[0]);
    return code;
}

const struct sk_kernel sk_onednn_conv = {.name = "onednn",
                                         .kind = SK_OP_CONV,
                                         .open = open_forward,
                                         .prepare = prepare,
                                         .run = run_forward,
                                         .close = close_conv,
                                         .quick_variants = SK_DNNL_QUICK};
const struct sk_kernel sk_onednn_conv_grad_data = {.name = "onednn",
                                                   .kind = SK_OP_CONV_GRAD_DATA,
                                                   .open = open_grad_data,
                                                   .prepare = prepare,
                                                   .run = run_grad_data,
                                                   .close = close_conv,
                                                   .quick_variants = SK_DNNL_QUICK};
