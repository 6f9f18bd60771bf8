/* Normalization of pixels, and in the same pass MixUp or CutMix of the batch (graph.h). */
#include "backend/cpu/cpu.h"

#include <string.h>

struct normalize {
    const struct sk_kern_point *kern;
    enum sk_ktype type;
    bool bytes, mixed, parallel;
    size_t n, h, w, c;
    struct sk_cpu_blocks blocks; /* of pixels */
    float mul[SK_MAX_CHANNELS], add[SK_MAX_CHANNELS];
};

static enum sk_code check_pixels(const struct sk_op_desc *op, struct sk_err *err)
{
    size_t c = sk_cpu_channels(&op->in[0]);
    if (op->in[0].dtype != SK_U8 && op->in[0].dtype != SK_F32)
        return sk_fail(err, SK_UNSUPPORTED, "pixels are %s, neither u8 nor f32", sk_dtype_name(op->in[0].dtype));
    if (c > SK_MAX_CHANNELS)
        return sk_fail(err, SK_UNSUPPORTED, "pixels have %zu channels, more than %d", c, (int)SK_MAX_CHANNELS);
    for (size_t j = 0; j < c; j++)
        if (!(op->attr.std[j] > 0))
            return sk_fail(err, SK_UNSUPPORTED, "the standard deviation of channel %zu is not above 0", j);
    return SK_OK;
}

static enum sk_code open_normalize(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    enum sk_ktype type;
    (void)env;
    enum sk_code code = sk_cpu_type(&op->out[0], "y", &type, err);
    if (code == SK_OK)
        code = check_pixels(op, err);
    if (code == SK_OK)
        code = sk_cpu_open(out, sizeof(struct normalize), op, variant, need, err);
    if (code != SK_OK)
        return code;
    struct normalize *self = *out;
    const int64_t *dim = op->in[0].dim;
    size_t c = sk_cpu_channels(&op->in[0]), pixels = sk_cpu_rows(&op->in[0]);
    *self = (struct normalize){.kern = &sk_kern_get()->point[type],
                               .type = type,
                               .bytes = op->in[0].dtype == SK_U8,
                               .mixed = op->in_count > 1,
                               .n = (size_t)dim[0],
                               .h = (size_t)dim[1],
                               .w = (size_t)dim[2],
                               .c = c,
                               .blocks = sk_cpu_rows_make(pixels, c),
                               .parallel = pixels * c >= SK_CPU_PARALLEL};
    for (size_t j = 0; j < c; j++) {
        self->mul[j] = (float)((self->bytes ? 1.0 / 255.0 : 1.0) / op->attr.std[j]);
        self->add[j] = (float)(-op->attr.mean[j] / op->attr.std[j]);
    }
    return SK_OK;
}

/* count pixels of the batch from `from` on become those of y from `to` on. */
static void normalize_pixels(const struct normalize *self, const struct sk_kernel_call *call, size_t from, size_t to,
                             size_t count)
{
    size_t at = from * self->c;
    void *y = sk_cpu_at_mut(call->out[0], to * self->c, self->type);
    if (self->bytes)
        self->kern->normalize_u8((const uint8_t *)call->in[0] + at, count, self->c, self->mul, self->add, y);
    else
        self->kern->normalize_f32((const float *)call->in[0] + at, count, self->c, self->mul, self->add, y);
}

static void normalize_batch(const struct normalize *self, const struct sk_kernel_call *call)
{
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t b = 0; b < self->blocks.count; b++) {
        size_t at = b * self->blocks.size;
        normalize_pixels(self, call, at, at, sk_cpu_block_len(&self->blocks, b));
    }
}

/* ---- mixed batches, a row of a picture at a time ---- */
static void cut_row(const struct normalize *self, const struct sk_kernel_call *call, const struct sk_mix *mix,
                    size_t own, size_t other)
{
    size_t left = (size_t)mix->left, right = (size_t)mix->right;
    normalize_pixels(self, call, own, own, left);
    normalize_pixels(self, call, other + left, own + left, right - left);
    normalize_pixels(self, call, own + right, own + right, self->w - right);
}

static void blend(const struct normalize *self, const void *x, size_t own, size_t other, size_t n, float lambda,
                  float *out)
{
    const uint8_t *u = x;
    const float *f = x;
    for (size_t i = 0; self->bytes && i < n; i++)
        out[i] = lambda * (float)u[own + i] + (1.0f - lambda) * (float)u[other + i];
    for (size_t i = 0; !self->bytes && i < n; i++)
        out[i] = lambda * f[own + i] + (1.0f - lambda) * f[other + i];
}

static void blend_row(const struct normalize *self, const struct sk_kernel_call *call, float lambda, size_t own,
                      size_t other)
{
    enum { PIXELS = 512 };
    float mixed[PIXELS * SK_MAX_CHANNELS];
    for (size_t at = 0; at < self->w; at += PIXELS) {
        size_t count = self->w - at < PIXELS ? self->w - at : PIXELS;
        blend(self, call->in[0], (own + at) * self->c, (other + at) * self->c, count * self->c, lambda, mixed);
        self->kern->normalize_f32(mixed, count, self->c, self->mul, self->add,
                                  sk_cpu_at_mut(call->out[0], (own + at) * self->c, self->type));
    }
}

static void normalize_mixed(const struct normalize *self, const struct sk_kernel_call *call, const struct sk_mix *mix)
{
    bool box = mix->top < mix->bottom && mix->left < mix->right;
#pragma omp parallel for schedule(static) if (self->parallel)
    for (size_t row = 0; row < self->n * self->h; row++) {
        size_t other = row < self->h ? row + (self->n - 1) * self->h : row - self->h;
        float y = (float)(row % self->h);
        if (!box)
            blend_row(self, call, mix->lambda, row * self->w, other * self->w);
        else if (y >= mix->top && y < mix->bottom)
            cut_row(self, call, mix, row * self->w, other * self->w);
        else
            normalize_pixels(self, call, row * self->w, row * self->w, self->w);
    }
}

static enum sk_code run_normalize(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct normalize *self = me;
    struct sk_mix mix = {.lambda = 1};
    (void)err;
    if (self->mixed)
        memcpy(&mix, call->in[1], sizeof mix);
    if (mix.lambda < 1)
        normalize_mixed(self, call, &mix);
    else
        normalize_batch(self, call);
    return SK_OK;
}

const struct sk_kernel sk_cpu_normalize = {
    .name = "cpu", .kind = SK_OP_NORMALIZE, .open = open_normalize, .run = run_normalize, .close = sk_free};
