/* Winograd convolution and the gradient of its data, with what the graph fused into them: a batch norm and ReLU before
 * (applied as the windows are read), the statistics of a batch norm, or mask and sums of one's gradient, after. */
#include "backend/cpu/wino.h"

#include "backend/cpu/norm.h"

/* Scratch memory: pieces, by offset. Those of a thread repeat every thread_bytes. */
struct layout {
    size_t norm, mask, parts, weights, group, thread, thread_bytes;
    size_t v, m, u; /* of a thread: within its piece */
};
struct wino {
    struct sk_wino_shape shape; /* of the convolution that is done: for the gradient of the data, of dy */
    struct sk_wino_choice by;
    bool flip, frozen, bias, relu, norm;
    bool own_weights;      /* each thread transforms the weights of a k-block as it comes to it */
    int threads, residual; /* residual: which input, -1: none */
    int params;            /* inputs from here on are gamma, beta, mean, var of the norm before or after */
    int mask_x, mask_y;    /* inputs: x of the norm after, and its y; -1: none */
    enum sk_wino_finish finish;
    double eps;
    size_t tiles, points, blocks;
    size_t rows, group; /* tiles of a block; tiles of a group, in which the threads share V */
    size_t v_plane, m_plane, group_plane, u_block; /* u_block: bytes of the weights of a full k-block */
    struct layout at;
};

enum { CACHE = 768 << 10, SHARED_CACHE = 8 << 20, LEAST_ROWS = 12, MOST_ROWS = 72, STEP = 6, FILTER_CHANNELS = 16 };
enum { PARTS = 3 }; /* center, sum, square */

/* Tiles whose V and M stay in a thread's cache. */
static size_t block_rows(const struct sk_wino_shape *s, const struct sk_kern_wino *kern)
{
    size_t each = (size_t)kern->points * (sk_wino_pad(s->c) * sk_cpu_size(kern->inner) + (size_t)kern->block * 4);
    size_t rows = CACHE / each / STEP * STEP;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

static size_t k_blocks(const struct wino *self)
{
    return (sk_wino_pad(self->shape.k) + (size_t)self->by.kern->block - 1) / (size_t)self->by.kern->block;
}

/* What all transformed weights take. */
static size_t u_bytes(const struct wino *self)
{
    return self->points * sk_wino_pad(self->shape.c) * sk_wino_pad(self->shape.k) * sk_cpu_size(self->by.kern->inner);
}

static enum sk_wino_split first_split(const struct sk_wino_shape *s, const struct sk_kern_wino *kern, int threads)
{
    enum { MANY_CHANNELS = 512 };
    size_t tiles = sk_wino_tiles(s, kern->m);
    bool few = tiles < 2 * (size_t)threads * block_rows(s, kern);
    return few || s->c >= MANY_CHANNELS ? SK_WINO_CHANNELS : SK_WINO_TILES;
}

/* Sizes of blocks and groups. Where sums are taken, block by block, they depend on the shape alone. */
static void set_blocks(struct wino *self)
{
    const struct sk_wino_shape *s = &self->shape;
    const struct sk_kern_wino *kern = self->by.kern;
    size_t c = sk_wino_pad(s->c), k_count = k_blocks(self), threads = (size_t)self->threads;
    self->rows = block_rows(s, kern);
    self->group = self->tiles;
    if (self->by.split == SK_WINO_CHANNELS) {
        enum { ROWS = 48 };
        size_t per_tile = self->points * c * sk_cpu_size(kern->inner);
        bool fixed = k_count >= threads || self->finish != SK_WINO_STORE;
        self->rows = fixed ? ROWS : sk_wino_round((self->tiles * k_count + threads - 1) / threads, STEP);
        self->rows = sk_wino_least(self->rows, ROWS);
        self->group = sk_wino_least(sk_wino_round(self->tiles, self->rows),
                                    sk_wino_round(SHARED_CACHE / per_tile + 1, self->rows));
    }
    self->blocks = (self->tiles + self->rows - 1) / self->rows;
    self->own_weights =
        self->by.split == SK_WINO_CHANNELS && !self->frozen && self->group >= self->tiles && k_count >= threads;
    self->v_plane = sk_wino_plane(self->rows * c, kern->inner);
    self->group_plane = sk_wino_plane(self->group * c, kern->inner);
    self->m_plane = sk_wino_plane(self->rows * (size_t)kern->block, SK_K_F32);
    self->u_block = self->points * c * (size_t)kern->block * sk_cpu_size(kern->inner);
}

static void lay_out(struct wino *self, struct sk_kernel_need *need)
{
    size_t size = sk_cpu_size(self->by.kern->inner), c = (size_t)self->shape.c, k = (size_t)self->shape.k;
    struct layout *at = &self->at;
    bool shared = self->by.split == SK_WINO_CHANNELS;
    size_t own = 0;
    at->norm = sk_wino_piece(&need->scratch, self->norm ? 2 * c * sizeof(float) : 0);
    at->mask = sk_wino_piece(&need->scratch, self->finish == SK_WINO_GRAD ? 2 * k * sizeof(float) : 0);
    at->parts =
        sk_wino_piece(&need->scratch, self->finish != SK_WINO_STORE ? PARTS * self->blocks * k * sizeof(float) : 0);
    if (self->frozen)
        at->weights = sk_wino_piece(&need->packed, u_bytes(self));
    else
        at->weights = sk_wino_piece(&need->scratch, self->own_weights ? 0 : u_bytes(self));
    at->group = sk_wino_piece(&need->scratch, shared ? self->points * self->group_plane * size : 0);
    at->v = sk_wino_piece(&own, shared ? 0 : self->points * self->v_plane * size);
    at->m = sk_wino_piece(&own, self->points * self->m_plane * sizeof(float));
    at->u = sk_wino_piece(&own, self->own_weights ? self->u_block : 0);
    at->thread_bytes = own;
    at->thread = sk_wino_piece(&need->scratch, own * (size_t)self->threads);
}

static enum sk_code open_wino(struct wino **out, struct sk_wino_job *job, const struct sk_kernel_env *env, int variant,
                              struct sk_err *err)
{
    struct sk_wino_choice by;
    const struct sk_wino_shape *shape = &job->shape;
    job->split = first_split;
    enum sk_code code = sk_wino_choose(&by, job, env, variant, err);
    struct wino *self = code == SK_OK ? sk_alloc(1, sizeof *self, err) : NULL;
    *out = self;
    if (self == NULL)
        return code != SK_OK ? code : SK_NOMEM;
    *self = (struct wino){.shape = *shape,
                          .by = by,
                          .flip = job->back,
                          .frozen = env->frozen,
                          .threads = env->threads > 0 ? env->threads : 1,
                          .residual = -1,
                          .mask_x = -1,
                          .mask_y = -1,
                          .tiles = sk_wino_tiles(shape, by.kern->m),
                          .points = (size_t)by.kern->points};
    return SK_OK;
}

static void finish_open(struct wino *self, void **out, struct sk_kernel_need *need)
{
    *need = (struct sk_kernel_need){0};
    sk_wino_label(&self->by, need->label, sizeof need->label);
    set_blocks(self);
    lay_out(self, need);
    need->flops = sk_wino_flops(&self->shape, self->by.kern);
    need->single = self->by.kern->inner == SK_K_F32;
    *out = self;
}

static enum sk_code open_forward(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                                 struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_wino_job job = {0};
    struct wino *self;
    enum sk_code code = sk_wino_accept(&job, op, &op->in[0], &op->in[1], &op->out[0], env, err);
    if (code == SK_OK)
        code = open_wino(&self, &job, env, variant, err);
    if (code != SK_OK)
        return code;
    int next = 2;
    self->bias = op->attr.bias;
    next += op->attr.bias;
    self->residual = op->attr.residual ? next++ : -1;
    self->relu = op->attr.relu;
    self->norm = op->attr.norm;
    self->params = next;
    self->eps = op->attr.eps;
    self->finish = op->attr.stats ? SK_WINO_STATS : SK_WINO_STORE;
    finish_open(self, out, need);
    return SK_OK;
}

/* dx is the convolution of dy with the weights turned around, input and output channels swapped. */
static enum sk_code open_grad_data(void **out, const struct sk_op_desc *op, const struct sk_kernel_env *env,
                                   int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    struct sk_wino_job job = {0};
    struct wino *self;
    enum sk_code code = sk_wino_accept(&job, op, &op->out[0], &op->in[1], &op->in[0], env, err);
    if (code == SK_OK) {
        sk_wino_turn(&job);
        code = open_wino(&self, &job, env, variant, err);
    }
    if (code != SK_OK)
        return code;
    self->finish = SK_WINO_STORE;
    if (op->attr.norm_grad) {
        self->finish = SK_WINO_GRAD;
        self->mask_x = 2;
        self->params = 3;
        self->mask_y = op->attr.residual ? 7 : -1;
        self->residual = op->attr.second ? op->in_count - 1 : -1;
        self->eps = op->attr.eps;
    }
    finish_open(self, out, need);
    return SK_OK;
}

/* ---- running ---- */

static char *weights_of(const struct wino *self, const struct sk_kernel_call *call, size_t block)
{
    return (char *)(self->frozen ? call->packed : call->scratch) + self->at.weights + block * self->u_block;
}

/* All weights transformed, by the threads of the region that calls this. */
static void transform_weights(const struct wino *self, const struct sk_kernel_call *call)
{
    size_t c = sk_wino_pad(self->shape.c), parts = (c + FILTER_CHANNELS - 1) / FILTER_CHANNELS;
#pragma omp for schedule(static)
    for (size_t i = 0; i < parts * k_blocks(self); i++) {
        int c0 = (int)(i % parts) * FILTER_CHANNELS, k0 = (int)(i / parts) * self->by.kern->block;
        self->by.kern->filter(self->by.kern, &self->shape, call->in[1], self->flip, k0, c0, c0 + FILTER_CHANNELS,
                              weights_of(self, call, i / parts));
    }
}

static enum sk_code prepare(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct wino *self = me;
    (void)err;
#pragma omp parallel
    transform_weights(self, call);
    return SK_OK;
}

static struct sk_wino_source source(const struct wino *self, const struct sk_kernel_call *call)
{
    const float *norm = sk_cpu_inside(call->scratch, self->at.norm);
    return (struct sk_wino_source){
        .x = call->in[0], .scale = self->norm ? norm : NULL, .shift = self->norm ? norm + self->shape.c : NULL};
}

static struct sk_wino_sink sink(const struct wino *self, const struct sk_kernel_call *call, size_t block)
{
    size_t k = (size_t)self->shape.k;
    float *part = (float *)sk_cpu_inside(call->scratch, self->at.parts) + PARTS * block * k,
          *mask = sk_cpu_inside(call->scratch, self->at.mask);
    struct sk_wino_sink to = {.finish = self->finish,
                              .y = call->out[0],
                              .residual = self->residual >= 0 ? call->in[self->residual] : NULL,
                              .bias = self->bias ? call->in[2] : NULL,
                              .relu = self->relu};
    if (self->finish == SK_WINO_STORE)
        return to;
    to.center = part;
    to.sum = part + k;
    to.square = part + 2 * k;
    if (self->finish == SK_WINO_STATS)
        return to;
    to.x = call->in[self->mask_x];
    to.mask_y = self->mask_y >= 0 ? call->in[self->mask_y] : NULL;
    to.scale = mask;
    to.shift = mask + k;
    to.mean = call->in[self->params + 2];
    return to;
}

/* Product and output of one k-block for one block of tiles. */
static void finish_block(const struct wino *self, const struct sk_kernel_call *call, const void *u, size_t k_block,
                         size_t block, const void *v, size_t plane, float *m)
{
    const struct sk_kern_wino *kern = self->by.kern;
    size_t tile = block * self->rows, count = sk_wino_least(self->rows, self->tiles - tile);
    struct sk_wino_sink to = sink(self, call, block);
    int k0 = (int)k_block * kern->block;
    kern->product(kern, &self->shape, u, k0, v, plane, count, m, self->m_plane);
    kern->output(kern, &self->shape, &to, tile, count, k0, m, self->m_plane);
}

static void run_tiles(const struct wino *self, const struct sk_kernel_call *call)
{
    const struct sk_kern_wino *kern = self->by.kern;
    char *own =
        (char *)sk_cpu_inside(call->scratch, self->at.thread) + (size_t)omp_get_thread_num() * self->at.thread_bytes;
    struct sk_wino_source from = source(self, call);
    size_t k_count = k_blocks(self);
#pragma omp for schedule(dynamic)
    for (size_t b = 0; b < self->blocks; b++) {
        size_t tile = b * self->rows;
        kern->input(kern, &self->shape, &from, tile, sk_wino_least(self->rows, self->tiles - tile), own + self->at.v,
                    self->v_plane);
        for (size_t k = 0; k < k_count; k++)
            finish_block(self, call, weights_of(self, call, k), k, b, own + self->at.v, self->v_plane,
                         (float *)(void *)(own + self->at.m));
    }
}

/* Weights of the k-block, transformed now where the thread keeps its own. */
static const void *take_weights(const struct wino *self, const struct sk_kernel_call *call, char *own, size_t k)
{
    const struct sk_kern_wino *kern = self->by.kern;
    if (!self->own_weights)
        return weights_of(self, call, k);
    kern->filter(kern, &self->shape, call->in[1], self->flip, (int)k * kern->block, 0, (int)sk_wino_pad(self->shape.c),
                 own + self->at.u);
    return own + self->at.u;
}

/* The tiles of a group, in pieces of a few. */
static void input_group(const struct wino *self, const struct sk_kernel_call *call, size_t first, size_t count)
{
    enum { PIECE = 4 };
    const struct sk_kern_wino *kern = self->by.kern;
    struct sk_wino_source from = source(self, call);
    size_t row = sk_wino_pad(self->shape.c) * sk_cpu_size(kern->inner);
    char *v = sk_cpu_inside(call->scratch, self->at.group);
#pragma omp for schedule(dynamic)
    for (size_t i = 0; i < count; i += PIECE)
        kern->input(kern, &self->shape, &from, first + i, sk_wino_least(PIECE, count - i), v + i * row,
                    self->group_plane);
}

static void run_channels(const struct wino *self, const struct sk_kernel_call *call)
{
    char *own =
        (char *)sk_cpu_inside(call->scratch, self->at.thread) + (size_t)omp_get_thread_num() * self->at.thread_bytes;
    size_t row = sk_wino_pad(self->shape.c) * sk_cpu_size(self->by.kern->inner), k_count = k_blocks(self);
    for (size_t first = 0; first < self->tiles; first += self->group) {
        size_t count = sk_wino_least(self->group, self->tiles - first), blocks = (count + self->rows - 1) / self->rows,
               from, to;
        size_t have = SIZE_MAX;
        const void *u = NULL;
        input_group(self, call, first, count);
        sk_cpu_share(blocks * k_count, &from, &to);
        for (size_t i = from; i < to; i++) {
            size_t k = i / blocks, b = i % blocks;
            if (k != have)
                u = take_weights(self, call, own, k);
            have = k;
            finish_block(self, call, u, k, first / self->rows + b,
                         (char *)sk_cpu_inside(call->scratch, self->at.group) + b * self->rows * row, self->group_plane,
                         (float *)(void *)(own + self->at.m));
        }
#pragma omp barrier
    }
}

/* Outputs of the tiles of a block, by channel. */
static size_t block_count(const struct wino *self, size_t b)
{
    const struct sk_wino_shape *s = &self->shape;
    size_t m = (size_t)self->by.kern->m, p = (size_t)s->p, q = (size_t)s->q, count = 0;
    size_t first = b * self->rows, end = sk_wino_least(first + self->rows, self->tiles);
    size_t across = (q + m - 1) / m, down = (p + m - 1) / m;
    if (p % m == 0 && q % m == 0)
        return (end - first) * m * m;
    for (size_t t = first; t < end; t++)
        count += sk_wino_least(m, p - t / across % down * m) * sk_wino_least(m, q - t % across * m);
    return count;
}

/* Mean and variance of channels k0 to k1 from those of the blocks (Chan, Golub, LeVeque, as in norm.c). */
static void combine_stats(const struct wino *self, const struct sk_kernel_call *call, size_t k0, size_t k1)
{
    size_t k = (size_t)self->shape.k;
    const float *part = sk_cpu_inside(call->scratch, self->at.parts);
    double mean[SK_CPU_CHANNELS] = {0}, square[SK_CPU_CHANNELS] = {0}, seen = 0;
    for (size_t b = 0; b < self->blocks; b++, part += PARTS * k) {
        double n = (double)block_count(self, b);
        for (size_t j = k0; j < k1; j++) {
            double sum = (double)part[k + j], d = (double)part[j] + sum / n - mean[j - k0];
            square[j - k0] += (double)part[2 * k + j] - sum * sum / n + d * d * seen * n / (seen + n);
            mean[j - k0] += d * n / (seen + n);
        }
        seen += n;
    }
    for (size_t j = k0; j < k1; j++) {
        double var = square[j - k0] / seen;
        ((float *)call->out[1])[j] = (float)mean[j - k0];
        ((float *)call->out[2])[j] = var < 0 ? 0.0f : (float)var;
    }
}

/* dgamma and dbeta of channels k0 to k1. */
static void combine_grad(const struct wino *self, const struct sk_kernel_call *call, size_t k0, size_t k1)
{
    size_t k = (size_t)self->shape.k;
    const float *part = sk_cpu_inside(call->scratch, self->at.parts), *var = call->in[self->params + 3];
    double sum[SK_CPU_CHANNELS] = {0}, dot[SK_CPU_CHANNELS] = {0};
    for (size_t b = 0; b < self->blocks; b++, part += PARTS * k)
        for (size_t j = k0; j < k1; j++) {
            sum[j - k0] += (double)part[k + j];
            dot[j - k0] += (double)part[2 * k + j];
        }
    for (size_t j = k0; j < k1; j++) {
        ((float *)call->out[1])[j] = (float)(dot[j - k0] / sqrt((double)var[j] + self->eps));
        ((float *)call->out[2])[j] = (float)sum[j - k0];
    }
}

static void combine(const struct wino *self, const struct sk_kernel_call *call)
{
    size_t k = (size_t)self->shape.k, groups = sk_cpu_groups(k);
    if (self->finish == SK_WINO_STORE)
        return;
#pragma omp for schedule(static)
    for (size_t g = 0; g < groups; g++) {
        size_t k0 = g * SK_CPU_CHANNELS, k1 = sk_wino_least(k, k0 + SK_CPU_CHANNELS);
        if (self->finish == SK_WINO_STATS)
            combine_stats(self, call, k0, k1);
        else
            combine_grad(self, call, k0, k1);
    }
}

/* The scale and shift of the norm before, or of the one after whose ReLU masks. */
static void set_norm(const struct wino *self, const struct sk_kernel_call *call)
{
    size_t c = (size_t)(self->norm ? self->shape.c : self->shape.k);
    float *scale = sk_cpu_inside(call->scratch, self->norm ? self->at.norm : self->at.mask);
    if (self->norm || self->finish == SK_WINO_GRAD)
        sk_cpu_scale_shift(call->in[self->params], call->in[self->params + 1], call->in[self->params + 2],
                           call->in[self->params + 3], self->eps, c, scale, scale + c);
}

static enum sk_code run(void *me, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct wino *self = me;
    (void)err;
    set_norm(self, call);
#pragma omp parallel num_threads(self->threads)
    {
        if (!self->frozen && !self->own_weights)
            transform_weights(self, call);
        if (self->by.split == SK_WINO_TILES)
            run_tiles(self, call);
        else
            run_channels(self, call);
        combine(self, call);
    }
    return SK_OK;
}

const struct sk_kernel sk_wino_conv = {
    .name = "winograd", .kind = SK_OP_CONV, .open = open_forward, .prepare = prepare, .run = run, .close = sk_free};
const struct sk_kernel sk_wino_conv_grad_data = {.name = "winograd",
                                                 .kind = SK_OP_CONV_GRAD_DATA,
                                                 .open = open_grad_data,
                                                 .prepare = prepare,
                                                 .run = run,
                                                 .close = sk_free};
