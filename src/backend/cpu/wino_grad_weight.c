/* Gradient of the weights in the Winograd domain: the tiles of x and of dy are transformed, a group at a time; each
 * point is then a product of matrices that sums over tiles.
 *
 * Split by channels, the threads transform a group together and then share points and k-blocks. Split by tiles, the
 * tiles are cut into parts, fewer where each part's sums are large; a thread takes a part through all steps, in groups
 * that stay in its cache together with its sums, which are added up in order at the end. Either way no sum depends on
 * the number of threads.
 */
#include "backend/cpu/norm.h"
#include "backend/cpu/wino.h"

struct wino {
    struct sk_wino_shape shape;
    struct sk_wino_choice by;
    bool norm; /* x is read through a batch norm and its ReLU */
    int threads;
    bool own; /* by channels, one group, and a k-block at least for each thread: dU of one stays with its thread */
    double eps;
    size_t tiles, points, group, k_blocks;
    size_t parts, part;                                  /* by tiles: how many, and tiles of each */
    size_t v_plane, d_plane, v_bytes, d_bytes, du_block; /* du_block: bytes of dU of a k-block */
    size_t at_norm, at_v, at_d, at_du;
};

enum { CACHE = 1 << 20, SHARED_CACHE = 8 << 20, GROUP_STEP = 16, LEAST_GROUP = 128, PIECE = 4 };
enum { PARTS = 8, SUMS_MOST = 32 << 20 /* bytes of the sums of all parts, where there is more than one */ };
enum { IN_DY, IN_X, IN_NORM };

static size_t per_tile(const struct sk_wino_shape *s, const struct sk_kern_wino *kern)
{
    return (size_t)kern->points * (sk_wino_pad(s->c) + sk_wino_pad(s->k)) * sk_cpu_size(kern->inner);
}

static size_t du_bytes(const struct sk_wino_shape *s, const struct sk_kern_wino *kern)
{
    return (size_t)kern->points * sk_wino_pad(s->c) * sk_wino_pad(s->k) * sizeof(float);
}

/* By tiles where all of dU fits into a thread's cache with something to spare. */
static enum sk_wino_split first_split(const struct sk_wino_shape *s, const struct sk_kern_wino *kern, int threads)
{
    bool fits = du_bytes(s, kern) <= CACHE * 2 / 3 && threads <= PARTS;
    return fits && sk_wino_tiles(s, kern->m) >= PARTS * LEAST_GROUP ? SK_WINO_TILES : SK_WINO_CHANNELS;
}

/* Tiles of a part, when split by tiles. */
static size_t part_of(const struct wino *self)
{
    size_t most = sk_wino_least(PARTS, SUMS_MOST / du_bytes(&self->shape, self->by.kern));
    size_t parts = most > 1 ? most : 1;
    return sk_wino_round((self->tiles + parts - 1) / parts, 2);
}

static void set_groups(struct wino *self)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t each = per_tile(&self->shape, kern), threads = (size_t)self->threads;
    bool by_tiles = self->by.split == SK_WINO_TILES;
    self->k_blocks = (sk_wino_pad(self->shape.k) + (size_t)kern->block - 1) / (size_t)kern->block;
    self->group = (by_tiles ? CACHE / 2 : SHARED_CACHE) / each / GROUP_STEP * GROUP_STEP;
    if (self->group < (by_tiles ? GROUP_STEP : LEAST_GROUP))
        self->group = by_tiles ? GROUP_STEP : LEAST_GROUP;
    self->part = part_of(self);
    self->parts = (self->tiles + self->part - 1) / self->part;
    if (self->group > (by_tiles ? self->part : self->tiles))
        self->group = sk_wino_round(by_tiles ? self->part : self->tiles, 2);
    self->own = !by_tiles && self->group >= self->tiles && self->k_blocks >= threads;
}

static void lay_out(struct wino *self, struct sk_kernel_need *need)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t c = sk_wino_pad(self->shape.c), k = sk_wino_pad(self->shape.k), size = sk_cpu_size(kern->inner);
    bool by_tiles = self->by.split == SK_WINO_TILES;
    size_t threads = (size_t)self->threads, copies = by_tiles ? threads : 1;
    self->v_plane = sk_wino_plane(self->group * c, kern->inner);
    self->d_plane = sk_wino_plane(self->group * k, kern->inner);
    self->v_bytes = sk_wino_round(self->points * self->v_plane * size, 64);
    self->d_bytes = sk_wino_round(self->points * self->d_plane * size, 64);
    self->du_block = self->points * c * (size_t)kern->block * sizeof(float);
    self->at_norm = sk_wino_piece(&need->scratch, self->norm ? 2 * (size_t)self->shape.c * sizeof(float) : 0);
    self->at_v = sk_wino_piece(&need->scratch, self->v_bytes * copies);
    self->at_d = sk_wino_piece(&need->scratch, self->d_bytes * copies);
    self->at_du = sk_wino_piece(&need->scratch, by_tiles    ? self->parts * du_bytes(&self->shape, kern)
                                                : self->own ? self->du_block * threads
                                                            : du_bytes(&self->shape, kern));
}

static enum sk_code open_grad(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_wino_job job = {.split = first_split};
    struct sk_wino_choice by;
    enum sk_code code = sk_wino_accept(&job, op, &op->in[IN_X], &op->out[0], &op->in[IN_DY], env, err);
    if (code == SK_OK)
        code = sk_wino_choose(&by, &job, env, variant, err);
    struct wino *self = code == SK_OK ? sk_alloc(1, sizeof *self, err) : NULL;
    *out = self;
    if (self == NULL)
        return code != SK_OK ? code : SK_NOMEM;
    *self = (struct wino){.shape = job.shape,
                          .by = by,
                          .norm = op->attr.norm,
                          .threads = env->threads > 0 ? env->threads : 1,
                          .eps = op->attr.eps,
                          .tiles = sk_wino_tiles(&job.shape, by.kern->m),
                          .points = (size_t)by.kern->points};
    *need = (struct sk_kernel_need){0};
    sk_wino_label(&by, need->label, sizeof need->label);
    set_groups(self);
    lay_out(self, need);
    need->flops = sk_wino_flops(&job.shape, by.kern);
    need->single = by.kern->inner == SK_K_F32;
    return SK_OK;
}

/* The tiles of a group: V and D of whoever works on it. */
struct group {
    size_t first, count;
    char *v, *d;
};

static struct group group_of(const struct wino *self, const struct sk_kernel_call *call, size_t first, size_t end,
                             size_t who)
{
    return (struct group){.first = first,
                          .count = sk_wino_least(self->group, end - first),
                          .v = sk_cpu_inside(call->scratch, self->at_v + who * self->v_bytes),
                          .d = sk_cpu_inside(call->scratch, self->at_d + who * self->d_bytes)};
}

/* Tiles from to from + count of a group. */
static void transform(const struct wino *self, const struct sk_kernel_call *call, const struct group *g, size_t from,
                      size_t count)
{
    const struct sk_kern_wino *kern = self->by.kern;
    const float *norm = sk_cpu_inside(call->scratch, self->at_norm);
    struct sk_wino_source x = {
        .x = call->in[IN_X], .scale = self->norm ? norm : NULL, .shift = self->norm ? norm + self->shape.c : NULL};
    size_t size = sk_cpu_size(kern->inner);
    size_t v_row = sk_wino_pad(self->shape.c) * size, d_row = sk_wino_pad(self->shape.k) * size;
    kern->grad_input(kern, &self->shape, &x, g->first + from, count, g->v + from * v_row, self->v_plane);
    kern->grad_output(kern, &self->shape, call->in[IN_DY], g->first + from, count, g->d + from * d_row, self->d_plane);
}

static void transform_together(const struct wino *self, const struct sk_kernel_call *call, const struct group *g)
{
#pragma omp for schedule(dynamic)
    for (size_t i = 0; i < g->count; i += PIECE)
        transform(self, call, g, i, sk_wino_least(PIECE, g->count - i));
}

static void product(const struct wino *self, const struct group *g, size_t p, size_t k_block, bool first, float *du)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t size = sk_cpu_size(kern->inner), k0 = k_block * (size_t)kern->block;
    size_t width = sk_wino_width(kern, &self->shape, (int)k0);
    kern->grad_product(kern, &self->shape, g->v + p * self->v_plane * size, g->d + p * self->d_plane * size, g->count,
                       (int)k0, first, du + p * sk_wino_pad(self->shape.c) * width);
}

static void filter(const struct wino *self, const struct sk_kernel_call *call, size_t k_block, int c0, int c1,
                   const float *du)
{
    self->by.kern->grad_filter(self->by.kern, &self->shape, du, (int)k_block * self->by.kern->block, c0, c1,
                               call->out[0]);
}

static float *du_of(const struct wino *self, const struct sk_kernel_call *call, size_t part, size_t k)
{
    size_t at = part * du_bytes(&self->shape, self->by.kern) + k * self->du_block;
    return sk_cpu_inside(call->scratch, self->at_du + at);
}

/* dU of all k-blocks to dw. */
static void filter_together(const struct wino *self, const struct sk_kernel_call *call)
{
    enum { CHANNELS = 16 };
    size_t pieces = ((size_t)self->shape.c + CHANNELS - 1) / CHANNELS;
#pragma omp for schedule(static)
    for (size_t i = 0; i < pieces * self->k_blocks; i++) {
        int c0 = (int)(i % pieces) * CHANNELS, c1 = c0 + CHANNELS;
        filter(self, call, i / pieces, c0, c1 < self->shape.c ? c1 : self->shape.c, du_of(self, call, 0, i / pieces));
    }
}

/* All tiles are one group. */
static void run_own(const struct wino *self, const struct sk_kernel_call *call)
{
    float *du = sk_cpu_inside(call->scratch, self->at_du + (size_t)omp_get_thread_num() * self->du_block);
    struct group g = group_of(self, call, 0, self->tiles, 0);
    transform_together(self, call, &g);
#pragma omp for schedule(static)
    for (size_t k = 0; k < self->k_blocks; k++) {
        for (size_t p = 0; p < self->points; p++)
            product(self, &g, p, k, true, du);
        filter(self, call, k, 0, self->shape.c, du);
    }
}

static void run_channels(const struct wino *self, const struct sk_kernel_call *call)
{
    for (size_t first = 0; first < self->tiles; first += self->group) {
        struct group g = group_of(self, call, first, self->tiles, 0);
        transform_together(self, call, &g);
#pragma omp for schedule(static)
        for (size_t i = 0; i < self->points * self->k_blocks; i++)
            product(self, &g, i / self->k_blocks, i % self->k_blocks, first == 0,
                    du_of(self, call, 0, i % self->k_blocks));
    }
    filter_together(self, call);
}

/* One part of the tiles, by one thread. */
static void run_part(const struct wino *self, const struct sk_kernel_call *call, size_t part)
{
    size_t begin = part * self->part, end = sk_wino_least(begin + self->part, self->tiles);
    for (size_t first = begin; first < end; first += self->group) {
        struct group g = group_of(self, call, first, end, (size_t)omp_get_thread_num());
        transform(self, call, &g, 0, g.count);
        for (size_t k = 0; k < self->k_blocks; k++)
            for (size_t p = 0; p < self->points; p++)
                product(self, &g, p, k, first == begin, du_of(self, call, part, k));
    }
}

static void add_parts(const struct wino *self, const struct sk_kernel_call *call)
{
    enum { STRETCH = 4096 };
    size_t count = du_bytes(&self->shape, self->by.kern) / sizeof(float);
    float *sum = du_of(self, call, 0, 0);
#pragma omp for schedule(static)
    for (size_t i = 0; i < count; i += STRETCH)
        for (size_t part = 1; part < self->parts; part++)
            for (size_t j = i; j < sk_wino_least(i + STRETCH, count); j++)
                sum[j] += sum[part * count + j];
}

static void run_tiles(const struct wino *self, const struct sk_kernel_call *call)
{
#pragma omp for schedule(dynamic)
    for (size_t part = 0; part < self->parts; part++)
        run_part(self, call, part);
    add_parts(self, call);
    filter_together(self, call);
}

static enum sk_code run(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct wino *self = me;
    float *scale = sk_cpu_inside(call->scratch, self->at_norm);
    (void)err;
    if (self->norm)
        sk_cpu_scale_shift(call->in[IN_NORM], call->in[IN_NORM + 1], call->in[IN_NORM + 2], call->in[IN_NORM + 3],
                           self->eps, (size_t)self->shape.c, scale, scale + self->shape.c);
#pragma omp parallel num_threads(self->threads)
    {
        if (self->by.split == SK_WINO_TILES)
            run_tiles(self, call);
        else if (self->own)
            run_own(self, call);
        else
            run_channels(self, call);
    }
    return SK_OK;
}

const struct sk_kernel sk_wino_conv_grad_weight = {
    .name = "winograd", .kind = SK_OP_CONV_GRAD_WEIGHT, .open = open_grad, .run = run, .close = sk_free};
