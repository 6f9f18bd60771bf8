/* Convolution and its two gradients by oneDNN.
 *
 * Activations are read and written where they are, [N,H,W,C]. The library reads the weights in a layout and type of its
 * own choice: they are brought into it in each run, or by prepare where they stay the same. The gradient of the weights
 * goes the other way. */
#include "backend/cpu/onednn_conv.h"

#include <string.h>

struct conv {
    struct sk_dnnl_conv want;
    struct sk_fold fold;
    struct sk_dnnl_prim prim;
    struct sk_dnnl_reorder weights; /* f32 OIHW to the library's layout, or back */
    const struct argument *arg;     /* of prim */
    bool turned;                    /* see struct sk_dnnl_choice */
    int residual;                   /* which input, -1: none */
    bool frozen;
    size_t size;                                             /* of an element of x and y */
    size_t y_bytes;                                          /* of the whole y */
    size_t at_scratchpad, at_weights, at_flipped, at_x, at_y; /* pieces of the scratch memory; weights: or of packed */
};

static enum sk_code check_tensor(const struct sk_desc *d, const char *what, int rank, enum sk_dtype type,
                                 struct sk_err *err)
{
    const int64_t most = INT32_MAX / 2; /* elements of one picture: the library's offsets have 32 bits */
    if (d->pending.norm || d->pending.relu || d->layout != SK_LAYOUT_DENSE)
        return sk_fail(err, SK_UNSUPPORTED, "cannot read a pending batch norm or a blocked tensor (%s)", what);
    if (d->rank != rank || d->dtype != type)
        return sk_fail(err, SK_UNSUPPORTED, "%s: expected %s of rank %d, got %s of rank %d", what, sk_dtype_name(type),
                       rank, sk_dtype_name(d->dtype), d->rank);
    int64_t one = 1;
    for (int i = 0; i < rank; i++) {
        if (d->dim[i] < 1 || d->dim[i] > most || (i > 0 && d->dim[i] > most / one))
            return sk_fail(err, SK_UNSUPPORTED, "%s is empty or too large", what);
        if (i > 0)
            one *= d->dim[i];
    }
    return SK_OK;
}

static enum sk_code check_shape(const struct sk_conv_shape *s, const struct sk_desc *w, const struct sk_desc *y,
                                struct sk_err *err)
{
    if (w->dim[1] != s->c || y->dim[0] != s->n || y->dim[3] != s->k)
        return sk_fail(err, SK_UNSUPPORTED, "x, w and y do not belong together");
    int high = s->h + 2 * s->pad - s->r, wide = s->w + 2 * s->pad - s->s;
    if (s->stride < 1 || s->pad < 0 || s->pad >= s->r || s->pad >= s->s || high < 0 || wide < 0)
        return sk_fail(err, SK_UNSUPPORTED, "kernel %dx%d, stride %d and padding %d do not fit %dx%d pixels", s->r,
                       s->s, s->stride, s->pad, s->h, s->w);
    int p = high / s->stride + 1, q = wide / s->stride + 1;
    if (s->p != p || s->q != q)
        return sk_fail(err, SK_UNSUPPORTED, "y is %dx%d, where x, kernel, stride and padding give %dx%d", s->p, s->q, p,
                       q);
    return SK_OK;
}

/* x, w and y as in the forward pass. */
static enum sk_code read_shape(struct sk_conv_shape *s, const struct sk_attr *attr, const struct sk_desc *x,
                               const struct sk_desc *w, const struct sk_desc *y, struct sk_err *err)
{
    if (x->dtype != SK_F32 && x->dtype != SK_BF16)
        return sk_fail(err, SK_UNSUPPORTED, "x is %s, neither f32 nor bf16", sk_dtype_name(x->dtype));
    enum sk_code code = check_tensor(x, "x", 4, x->dtype, err);
    if (code == SK_OK)
        code = check_tensor(w, "w", 4, SK_F32, err);
    if (code == SK_OK)
        code = check_tensor(y, "y", 4, x->dtype, err);
    if (code != SK_OK)
        return code;
    *s = (struct sk_conv_shape){.n = (int)x->dim[0],
                                .h = (int)x->dim[1],
                                .w = (int)x->dim[2],
                                .c = (int)x->dim[3],
                                .k = (int)w->dim[0],
                                .r = (int)w->dim[2],
                                .s = (int)w->dim[3],
                                .p = (int)y->dim[1],
                                .q = (int)y->dim[2],
                                .stride = attr->stride,
                                .pad = attr->pad};
    return check_shape(s, w, y, err);
}

/* Where a primitive finds x, w and y, and where its descriptor tells of them. */
enum { TURNED = SK_DNNL_GRAD_WEIGHT + 1 };
static const struct argument {
    int x, w, y;
    dnnl_query_t x_md, w_md, y_md;
} arguments[] = {
    [SK_DNNL_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, dnnl_query_src_md, dnnl_query_weights_md,
                         dnnl_query_dst_md},
    [SK_DNNL_GRAD_DATA] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, dnnl_query_diff_src_md,
                           dnnl_query_weights_md, dnnl_query_diff_dst_md},
    [SK_DNNL_GRAD_WEIGHT] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, dnnl_query_src_md,
                             dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
    [TURNED] = {DNNL_ARG_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_SRC, dnnl_query_dst_md, dnnl_query_weights_md,
                dnnl_query_src_md},
};

static size_t weight_count(const struct conv *self)
{
    const struct sk_conv_shape *s = &self->want.shape;
    return (size_t)s->k * (size_t)s->c * (size_t)s->r * (size_t)s->s;
}

/* chosen: the library's layout. A turned convolution has input and output channels swapped, so its plain layout is IOHW. */
static enum sk_code open_weights(struct conv *self, sk_dnnl_md chosen, struct sk_err *err)
{
    const struct sk_conv_shape *s = &self->want.shape;
    dnnl_dims_t dims = {s->k, s->c, s->r, s->s}, swapped = {s->c, s->k, s->r, s->s};
    struct sk_dnnl_desc plain = {0};
    enum sk_code code = sk_dnnl_desc_init(&plain, 4, self->turned ? swapped : dims, dnnl_f32,
                                          self->turned ? dnnl_iohw : dnnl_oihw, err);
    sk_dnnl_md md = sk_dnnl_desc_md(&plain);
    if (code == SK_OK && self->want.pass == SK_DNNL_GRAD_WEIGHT)
        code = sk_dnnl_reorder_open(&self->weights, chosen, md, err);
    else if (code == SK_OK)
        code = sk_dnnl_reorder_open(&self->weights, md, chosen, err);
    sk_dnnl_desc_release(&plain);
    return code;
}

static void lay_out(struct conv *self, size_t scratchpad, size_t weights, struct sk_kernel_need *need)
{
    const struct sk_conv_shape *s = &self->want.shape;
    size_t *total = self->frozen ? &need->packed : &need->scratch;
    bool flip = self->turned && s->r * s->s > 1;
    self->at_weights = sk_dnnl_piece(total, self->weights.needed ? weights : 0);
    self->at_flipped = sk_dnnl_piece(total, flip ? weight_count(self) * sizeof(float) : 0);
    self->at_scratchpad = sk_dnnl_piece(&need->scratch, scratchpad);
    self->at_x = sk_dnnl_piece(&need->scratch, self->fold.x ? sk_fold_x_count(&self->fold) * self->size : 0);
    self->at_y = sk_dnnl_piece(&need->scratch, self->fold.y ? sk_fold_y_count(&self->fold) * self->size : 0);
}

static enum sk_code open_primitive(struct conv *self, const_dnnl_primitive_desc_t pd, struct sk_kernel_need *need,
                                   struct sk_err *err)
{
    const struct argument *a = self->arg;
    sk_dnnl_md w = dnnl_primitive_desc_query_md(pd, a->w_md, 0);
    size_t scratchpad;
    enum sk_code code = sk_dnnl_prim_open(&self->prim, pd, &scratchpad, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, a->x, dnnl_primitive_desc_query_md(pd, a->x_md, 0), err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, a->w, w, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&self->prim, a->y, dnnl_primitive_desc_query_md(pd, a->y_md, 0), err);
    if (code == SK_OK && self->want.bias)
        code = sk_dnnl_prim_arg(&self->prim, DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1),
                                err);
    if (code == SK_OK)
        code = open_weights(self, w, err);
    if (code == SK_OK)
        lay_out(self, scratchpad, dnnl_memory_desc_get_size(w), need);
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
        self->arg = &arguments[choice.turned ? TURNED : (int)want->pass];
        self->residual = want->sum ? (want->bias ? 3 : 2) : -1;
        self->frozen = env->frozen && want->pass != SK_DNNL_GRAD_WEIGHT;
        self->size = sk_dtype_size(want->type);
        self->y_bytes = (size_t)want->shape.n * (size_t)want->shape.p * (size_t)want->shape.q * (size_t)want->shape.k *
                        self->size;
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
                                .type = op->in[0].dtype,
                                .bias = op->attr.bias,
                                .sum = op->attr.residual,
                                .relu = op->attr.relu};
    int residual = want.bias ? 3 : 2;
    enum sk_code code = sk_dnnl_start(err);
    if (code == SK_OK)
        code = read_shape(&want.shape, &op->attr, &op->in[0], &op->in[1], &op->out[0], err);
    if (code == SK_OK && want.bias)
        code = check_tensor(&op->in[2], "bias", 1, SK_F32, err);
    if (code == SK_OK && want.sum)
        code = check_tensor(&op->in[residual], "residual", 4, want.type, err);
    return code == SK_OK ? open_conv(out, &want, env, variant, need, err) : code;
}

static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_conv want = {.pass = SK_DNNL_GRAD_DATA, .type = op->in[0].dtype};
    enum sk_code code = sk_dnnl_start(err);
    if (code == SK_OK)
        code = read_shape(&want.shape, &op->attr, &op->out[0], &op->in[1], &op->in[0], err);
    return code == SK_OK ? open_conv(out, &want, env, variant, need, err) : code;
}

static enum sk_code open_grad_weight(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                     int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_dnnl_conv want = {.pass = SK_DNNL_GRAD_WEIGHT, .type = op->in[0].dtype};
    enum sk_code code = sk_dnnl_start(err);
    if (code == SK_OK)
        code = read_shape(&want.shape, &op->attr, &op->in[1], &op->out[0], &op->in[0], err);
    return code == SK_OK ? open_conv(out, &want, env, variant, need, err) : code;
}

/* Brings the weights into the library's layout, in memory (scratch or packed). */
static enum sk_code pack(struct conv *self, float *w, void *memory, struct sk_err *err)
{
    size_t area = (size_t)self->want.shape.r * (size_t)self->want.shape.s;
    if (self->turned && area > 1) {
        float *flipped = sk_dnnl_at(memory, self->at_flipped);
        sk_fold_flip(flipped, w, weight_count(self) / area, area);
        w = flipped;
    }
    return self->weights.needed ? sk_dnnl_reorder_run(&self->weights, w, sk_dnnl_at(memory, self->at_weights), err)
                                : SK_OK;
}

/* Where pack has left them. */
static void *packed(const struct conv *self, float *w, void *memory)
{
    bool flipped = self->turned && self->want.shape.r * self->want.shape.s > 1;
    if (self->weights.needed)
        return sk_dnnl_at(memory, self->at_weights);
    return flipped ? sk_dnnl_at(memory, self->at_flipped) : w;
}

static enum sk_code prepare(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    return pack(me, call->in[1], call->packed, err);
}

/* w: for grad_weight the gradient, else the packed weights. */
static enum sk_code execute(struct conv *self, const struct sk_kernel_call *call, void *x, void *w, void *y,
                            struct sk_err *err)
{
    sk_dnnl_prim_bind(&self->prim, DNNL_ARG_SCRATCHPAD, sk_dnnl_at(call->scratch, self->at_scratchpad));
    sk_dnnl_prim_bind(&self->prim, self->arg->x, x);
    sk_dnnl_prim_bind(&self->prim, self->arg->w, w);
    sk_dnnl_prim_bind(&self->prim, self->arg->y, y);
    return sk_dnnl_prim_run(&self->prim, err);
}

/* With the weights of the op. */
static enum sk_code execute_packed(struct conv *self, const struct sk_kernel_call *call, void *x, void *y,
                                   struct sk_err *err)
{
    void *memory = self->frozen ? call->packed : call->scratch;
    enum sk_code code = self->frozen ? SK_OK : pack(self, call->in[1], memory, err);
    return code == SK_OK ? execute(self, call, x, packed(self, call->in[1], memory), y, err) : code;
}

/* x or y where the primitive finds it: folded into scratch, or as it is. */
static void *folded_x(const struct conv *self, const struct sk_kernel_call *call, void *x)
{
    void *wide = sk_dnnl_at(call->scratch, self->at_x);
    if (self->fold.x)
        sk_fold_x(&self->fold, self->size, x, wide);
    return self->fold.x ? wide : x;
}

static void *folded_y(const struct conv *self, const struct sk_kernel_call *call, void *y)
{
    void *wide = sk_dnnl_at(call->scratch, self->at_y);
    if (self->fold.y)
        sk_fold_y(&self->fold, self->size, y, wide);
    return self->fold.y ? wide : y;
}

static enum sk_code run_forward(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct conv *self = me;
    void *y = self->fold.y ? sk_dnnl_at(call->scratch, self->at_y) : call->out[0];
    if (self->residual >= 0 && self->fold.y)
        sk_fold_y(&self->fold, self->size, call->in[self->residual], y);
    else if (self->residual >= 0 && call->in[self->residual] != y)
        sk_fold_copy(y, call->in[self->residual], self->y_bytes);
    if (self->want.bias)
        sk_dnnl_prim_bind(&self->prim, DNNL_ARG_BIAS, call->in[2]);
    enum sk_code code = execute_packed(self, call, folded_x(self, call, call->in[0]), y, err);
    if (code == SK_OK && self->fold.y)
        sk_unfold_y(&self->fold, self->size, y, call->out[0]);
    return code;
}

static enum sk_code run_grad_data(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct conv *self = me;
    void *x = self->fold.x ? sk_dnnl_at(call->scratch, self->at_x) : call->out[0];
    enum sk_code code = execute_packed(self, call, x, folded_y(self, call, call->in[0]), err);
    if (code == SK_OK && self->fold.x)
        sk_unfold_x(&self->fold, self->size, x, call->out[0]);
    return code;
}

static enum sk_code run_grad_weight(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    struct conv *self = me;
    void *w = self->weights.needed ? sk_dnnl_at(call->scratch, self->at_weights) : call->out[0];
    enum sk_code code =
        execute(self, call, folded_x(self, call, call->in[1]), w, folded_y(self, call, call->in[0]), err);
    if (code == SK_OK && self->weights.needed)
        code = sk_dnnl_reorder_run(&self->weights, w, call->out[0], err);
    return code;
}

const struct sk_kernel sk_onednn_conv = {.name = "onednn",
                                         .kind = SK_OP_CONV,
                                         .open = open_forward,
                                         .prepare = prepare,
                                         .run = run_forward,
                                         .close = close_conv};
const struct sk_kernel sk_onednn_conv_grad_data = {.name = "onednn",
                                                   .kind = SK_OP_CONV_GRAD_DATA,
                                                   .open = open_grad_data,
                                                   .prepare = prepare,
                                                   .run = run_grad_data,
                                                   .close = close_conv};
const struct sk_kernel sk_onednn_conv_grad_weight = {.name = "onednn",
                                                     .kind = SK_OP_CONV_GRAD_WEIGHT,
                                                     .open = open_grad_weight,
                                                     .run = run_grad_weight,
                                                     .close = close_conv};
