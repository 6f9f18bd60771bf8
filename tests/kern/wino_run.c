/* Runs the Winograd kernels piece by piece. */
#include "kern/wino_run.h"

enum { GAP = 64, PIECE = 4 }; /* bytes from plane to plane beside what is used; tiles transformed at a time */

static size_t size_of(enum sk_ktype t)
{
    return t == SK_K_BF16 ? 2 : 4;
}

/* Memory is kept from one use to the next: there are very many. */
static struct guard memory_u, memory_v, memory_m, memory_d, memory_du;

static void *place(struct guard *g, size_t bytes, const struct wino_run *r)
{
    return memset(guard_fit(g, bytes, r->side), r->rubbish, bytes);
}

/* A stack of planes, one for each point, that lie apart. */
struct planes {
    struct guard *memory;
    size_t points, each, plane; /* elements in use of a plane; from one to the next */
    enum sk_ktype t;
    int rubbish;
};

static void planes_open(struct planes *p, struct guard *memory, const struct wino_run *r, size_t each, enum sk_ktype t)
{
    size_t size = size_of(t), aligned = (each * size + 63) / 64 * 64, points = (size_t)r->kern->points;
    *p = (struct planes){memory, points, each, (aligned + GAP) / size, t, r->rubbish};
    place(memory, (points - 1) * p->plane * size + aligned, r);
}

static void *planes_at(const struct planes *p, size_t i)
{
    return p->memory->data + i * size_of(p->t);
}

/* What lies between the planes is as it was. */
static void planes_verify(struct planes *p, const char *what)
{
    size_t size = size_of(p->t);
    for (size_t i = 0; i < p->points; i++)
        for (size_t b = p->each * size; b < p->plane * size && i + 1 < p->points; b++)
            if (p->memory->data[i * p->plane * size + b] != (unsigned char)p->rubbish)
                check_fail("%s: written after the plane of point %zu", what, i);
    guard_verify(p->memory, what);
}

static void want_zero(const struct planes *p, size_t i, const char *what)
{
    if (check_get(p->memory->data, i, p->t) != 0)
        check_fail("%s: element %zu is padding and not zero", what, i);
}

/* Channels from c on of rows of pad(c), and in pairs the row that is missing. */
static void check_padding(const struct planes *p, size_t rows, int c, bool pairs, const char *what)
{
    size_t width = sk_wino_pad(c), all = pairs ? (rows + 1) / 2 * 2 : rows;
    for (size_t i = 0; i < p->points; i++)
        for (size_t row = 0; row < all; row++)
            for (size_t j = row < rows ? (size_t)c : 0; j < width; j++)
                want_zero(p, i * p->plane + (pairs ? (row / 2 * width + j) * 2 + row % 2 : row * width + j), what);
}

/* ---- weights ---- */

/* The k-block at k0, some channels at a time: 2, then 16, then all that are left. */
static void filter(const struct wino_run *r, struct planes *u, const float *w, bool flip, int k0)
{
    const struct sk_kern_wino *kern = r->kern;
    int c = (int)sk_wino_pad(r->shape.c);
    size_t width = sk_wino_width(kern, &r->shape, k0);
    *u = (struct planes){.memory = &memory_u, .t = kern->inner};
    place(u->memory, (size_t)kern->points * (size_t)c * width * size_of(u->t), r);
    for (int c0 = 0, c1 = 2; c0 < c; c0 = c1, c1 = c1 == 2 && c > 18 ? 18 : c)
        kern->filter(kern, &r->shape, w, flip, k0, c0, c1, u->memory->data);
    guard_verify(u->memory, "U");
    for (size_t p = 0; p < (size_t)kern->points; p++)
        for (size_t j = 0; j < (size_t)c; j++)
            for (size_t k = 0; k < width; k++) {
                size_t row = p * (size_t)c + j;
                if (j >= (size_t)r->shape.c || (size_t)k0 + k >= (size_t)r->shape.k)
                    want_zero(u, u->t == SK_K_BF16 ? (row / 2 * width + k) * 2 + row % 2 : row * width + k, "U");
            }
}

/* ---- forward and the gradient of the data ---- */

size_t wino_run_ranges(const struct wino_run *r)
{
    return (sk_wino_tiles(&r->shape, r->kern->m) + r->rows - 1) / r->rows;
}

static void input(const struct wino_run *r, struct planes *v, const struct sk_wino_source *x, size_t tile, size_t count)
{
    size_t width = sk_wino_pad(r->shape.c);
    for (size_t i = 0; i < count; i += PIECE)
        r->kern->input(r->kern, &r->shape, x, tile + i, count - i < PIECE ? count - i : PIECE, planes_at(v, i * width),
                       v->plane);
    check_padding(v, count, r->shape.c, false, "V");
}

static void range(const struct wino_run *r, const struct planes *u, int k0, const struct sk_wino_source *x,
                  const struct sk_wino_sink *to, size_t tile, size_t count)
{
    const struct sk_kern_wino *kern = r->kern;
    struct planes v, m;
    planes_open(&v, &memory_v, r, count * sk_wino_pad(r->shape.c), kern->inner);
    planes_open(&m, &memory_m, r, count * sk_wino_width(kern, &r->shape, k0), SK_K_F32);
    input(r, &v, x, tile, count);
    kern->product(kern, &r->shape, u->memory->data, k0, planes_at(&v, 0), v.plane, count, planes_at(&m, 0), m.plane);
    kern->output(kern, &r->shape, to, tile, count, k0, planes_at(&m, 0), m.plane);
    planes_verify(&v, "V");
    planes_verify(&m, "M");
}

void wino_run_conv(const struct wino_run *r, const struct sk_wino_source *x, const float *w, bool flip,
                   const struct sk_wino_sink *to, float *parts)
{
    size_t tiles = sk_wino_tiles(&r->shape, r->kern->m), k = (size_t)r->shape.k;
    for (int k0 = 0; k0 < (int)sk_wino_pad(r->shape.k); k0 += r->kern->block) {
        struct planes u;
        filter(r, &u, w, flip, k0);
        for (size_t i = 0; i < wino_run_ranges(r); i++) {
            struct sk_wino_sink sink = *to;
            float *part = parts == NULL ? NULL : parts + 3 * i * k;
            size_t tile = i * r->rows;
            if (part != NULL)
                sink.center = part, sink.sum = part + k, sink.square = part + 2 * k;
            range(r, &u, k0, x, &sink, tile, tiles - tile < r->rows ? tiles - tile : r->rows);
        }
        guard_verify(u.memory, "U");
    }
}

/* ---- the gradient of the weights ---- */

/* V and D of a group. */
static void grad_group(const struct wino_run *r, struct planes *v, struct planes *d, const struct sk_wino_source *x,
                       const void *dy, size_t tile, size_t count)
{
    const struct sk_kern_wino *kern = r->kern;
    bool pairs = kern->inner == SK_K_BF16;
    size_t c = sk_wino_pad(r->shape.c), k = sk_wino_pad(r->shape.k), rows = pairs ? (count + 1) / 2 * 2 : count;
    planes_open(v, &memory_v, r, rows * c, kern->inner);
    planes_open(d, &memory_d, r, rows * k, kern->inner);
    for (size_t i = 0; i < count; i += PIECE) {
        size_t n = count - i < PIECE ? count - i : PIECE;
        kern->grad_input(kern, &r->shape, x, tile + i, n, planes_at(v, i * c), v->plane);
        kern->grad_output(kern, &r->shape, dy, tile + i, n, planes_at(d, i * k), d->plane);
    }
    check_padding(v, count, r->shape.c, pairs, "V");
    check_padding(d, count, r->shape.k, pairs, "D");
}

static const float *grad_block(const struct wino_run *r, const struct sk_wino_source *x, const void *dy, int k0)
{
    const struct sk_kern_wino *kern = r->kern;
    size_t tiles = sk_wino_tiles(&r->shape, kern->m), points = (size_t)kern->points;
    size_t each = sk_wino_pad(r->shape.c) * sk_wino_width(kern, &r->shape, k0), bytes = points * each * sizeof(float);
    float *du = place(&memory_du, bytes, r);
    for (size_t tile = 0; tile < tiles; tile += r->rows) {
        struct planes v, d;
        size_t count = tiles - tile < r->rows ? tiles - tile : r->rows;
        grad_group(r, &v, &d, x, dy, tile, count);
        for (size_t p = 0; p < points; p++)
            kern->grad_product(kern, &r->shape, planes_at(&v, p * v.plane), planes_at(&d, p * d.plane), count, k0,
                               tile == 0, du + p * each);
        planes_verify(&v, "V");
        planes_verify(&d, "D");
    }
    guard_verify(&memory_du, "dU");
    return du;
}

void wino_run_grad(const struct wino_run *r, const struct sk_wino_source *x, const void *dy, float *dw)
{
    for (int k0 = 0; k0 < (int)sk_wino_pad(r->shape.k); k0 += r->kern->block) {
        const float *du = grad_block(r, x, dy, k0);
        for (int c0 = 0, c1 = 1; c0 < r->shape.c; c0 = c1, c1 = c1 + 16 < r->shape.c ? c1 + 16 : r->shape.c)
            r->kern->grad_filter(r->kern, &r->shape, du, k0, c0, c1, dw);
    }
}
