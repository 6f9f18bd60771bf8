/* Gradient of the weights in the Winograd domain: the tiles of x and of dy are transformed, a group at a time; each
 * point is then a product of matrices that sums over tiles, and the threads share points and k-blocks: no sum is split
 * between threads. */
#include "backend/cpu/norm.h"
#include "backend/cpu/wino.h"

struct wino {
    struct sk_wino_shape shape;
    struct sk_wino_choice by;
    bool norm;       /* x is read through a batch norm and its ReLU */
    int threads;
    bool own;        /* one group, and a k-block at least for each thread: dU of a k-block stays with its thread */
    double eps;
    size_t tiles, points, group, k_blocks;
    size_t v_plane, d_plane, du_block;      /* du_block: bytes of dU of a k-block */
    size_t at_norm, at_v, at_d, at_du;
};

enum { SHARED_CACHE = 8 << 20, GROUP_STEP = 16, LEAST_GROUP = 128, PIECE = 4 };
enum { IN_DY, IN_X, IN_NORM };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void lay_out(struct wino *self, struct sk_kernel_need *need)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t c = sk_wino_pad(self->shape.c), k = sk_wino_pad(self->shape.k), size = sk_cpu_size(kern->inner);
    size_t per_tile = self->points * (c + k) * size, threads = (size_t)self->threads;
    size_t group = SHARED_CACHE / per_tile / GROUP_STEP * GROUP_STEP;
    self->group = group < LEAST_GROUP ? LEAST_GROUP : group;
    if (self->group > self->tiles)
        self->group = (self->tiles + 1) / 2 * 2;
    self->k_blocks = (k + (size_t)kern->block - 1) / (size_t)kern->block;
    self->own = self->group >= self->tiles && self->k_blocks >= threads;
    self->v_plane = sk_wino_plane(self->group * c, kern->inner);
    self->d_plane = sk_wino_plane(self->group * k, kern->inner);
    self->du_block = self->points * c * (size_t)kern->block * sizeof(float);
    self->at_norm = sk_wino_piece(&need->scratch, self->norm ? 2 * (size_t)self->shape.c * sizeof(float) : 0);
    self->at_v = sk_wino_piece(&need->scratch, self->points * self->v_plane * size);
    self->at_d = sk_wino_piece(&need->scratch, self->points * self->d_plane * size);
    self->at_du = sk_wino_piece(&need->scratch, self->du_block * (self->own ? threads : self->k_blocks));
}

static enum sk_code open_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_wino_shape shape;
    struct sk_wino_choice by;
    enum sk_code code = sk_wino_accept(&shape, &op->attr, &op->in[IN_X], &op->out[0], &op->in[IN_DY], env, err);
    if (code == SK_OK)
        code = sk_wino_choose(&by, op->in[IN_X].dtype, env, NULL, variant, err);
    struct wino *self = code == SK_OK ? sk_alloc(1, sizeof *self, err) : NULL;
    *out = self;
    if (self == NULL)
        return code != SK_OK ? code : SK_NOMEM;
    *self = (struct wino){.shape = shape,
                          .by = by,
                          .norm = op->attr.norm,
                          .threads = env->threads > 0 ? env->threads : 1,
                          .eps = op->attr.eps,
                          .tiles = sk_wino_tiles(&shape, by.kern->m),
                          .points = sk_wino_points(by.kern->m)};
    *need = (struct sk_kernel_need){0};
    sk_wino_label(&by, false, need->label, sizeof need->label);
    lay_out(self, need);
    return SK_OK;
}

static char *piece(const struct sk_kernel_call *call, size_t at)
{
    return (char *)call->scratch + at;
}

static void transform(const struct wino *self, const struct sk_kernel_call *call, size_t first, size_t count)
{
    const struct sk_kern_wino *kern = self->by.kern;
    const float *norm = (const float *)(void *)piece(call, self->at_norm);
    struct sk_wino_source x = {.x = call->in[IN_X],
                               .scale = self->norm ? norm : NULL,
                               .shift = self->norm ? norm + self->shape.c : NULL};
    size_t size = sk_cpu_size(kern->inner);
    size_t v_row = sk_wino_pad(self->shape.c) * size, d_row = sk_wino_pad(self->shape.k) * size;
    char *v = piece(call, self->at_v), *d = piece(call, self->at_d);
#pragma omp for schedule(static)
    for (size_t i = 0; i < count; i += PIECE) {
        size_t n = least(PIECE, count - i);
        kern->grad_input(kern, &self->shape, &x, first + i, n, v + i * v_row, self->v_plane);
        kern->grad_output(kern, &self->shape, call->in[IN_DY], first + i, n, d + i * d_row, self->d_plane);
    }
}

static void product(const struct wino *self, const struct sk_kernel_call *call, size_t count, size_t p, size_t k_block,
                    bool first, float *du)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t size = sk_cpu_size(kern->inner), k0 = k_block * (size_t)kern->block;
    size_t width = sk_wino_width(kern, &self->shape, (int)k0);
    kern->grad_product(kern, &self->shape, piece(call, self->at_v) + p * self->v_plane * size,
                       piece(call, self->at_d) + p * self->d_plane * size, count, (int)k0, first,
                       du + p * sk_wino_pad(self->shape.c) * width);
}

static void filter(const struct wino *self, const struct sk_kernel_call *call, size_t k_block, int c0, int c1,
                   const float *du)
{
    self->by.kern->grad_filter(self->by.kern, &self->shape, du, (int)k_block * self->by.kern->block, c0, c1, call->out[0]);
}

/* All tiles are one group. */
static void run_own(const struct wino *self, const struct sk_kernel_call *call)
{
    float *du = (float *)(void *)(piece(call, self->at_du) + (size_t)omp_get_thread_num() * self->du_block);
    transform(self, call, 0, self->tiles);
#pragma omp for schedule(static)
    for (size_t k = 0; k < self->k_blocks; k++) {
        for (size_t p = 0; p < self->points; p++)
            product(self, call, self->tiles, p, k, true, du);
        filter(self, call, k, 0, self->shape.c, du);
    }
}

static float *du_of(const struct wino *self, const struct sk_kernel_call *call, size_t k)
{
    return (float *)(void *)(piece(call, self->at_du) + k * self->du_block);
}

static void run_groups(const struct wino *self, const struct sk_kernel_call *call)
{
    enum { CHANNELS = 16 };
    size_t parts = ((size_t)self->shape.c + CHANNELS - 1) / CHANNELS;
    for (size_t first = 0; first < self->tiles; first += self->group) {
        size_t count = least(self->group, self->tiles - first);
        transform(self, call, first, count);
#pragma omp for schedule(static)
        for (size_t i = 0; i < self->points * self->k_blocks; i++)
            product(self, call, count, i / self->k_blocks, i % self->k_blocks, first == 0,
                    du_of(self, call, i % self->k_blocks));
    }
#pragma omp for schedule(static)
    for (size_t i = 0; i < parts * self->k_blocks; i++) {
        int c0 = (int)(i % parts) * CHANNELS, c1 = c0 + CHANNELS;
        filter(self, call, i / parts, c0, c1 < self->shape.c ? c1 : self->shape.c, du_of(self, call, i / parts));
    }
}

static enum sk_code run(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct wino *self = me;
    float *scale = (float *)(void *)piece(call, self->at_norm);
    (void)err;
    if (self->norm)
        sk_cpu_scale_shift(call->in[IN_NORM], call->in[IN_NORM + 1], call->in[IN_NORM + 2], call->in[IN_NORM + 3],
                           self->eps, (size_t)self->shape.c, scale, scale + self->shape.c);
#pragma omp parallel num_threads(self->threads)
    {
        if (self->own)
            run_own(self, call);
        else
            run_groups(self, call);
    }
    return SK_OK;
}

const struct sk_kernel sk_wino_conv_grad_weight = {
    .name = "winograd", .kind = SK_OP_CONV_GRAD_WEIGHT, .open = open_grad, .run = run, .close = sk_free};
