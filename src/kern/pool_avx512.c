/* Pooling of one image, AVX-512: 16 channels at a time. */
#include "kern/levels.h"
#include "kern/vec_avx512.h"

#include <math.h>

struct span {
    int from, to;
};

/* The part of a window that starts at start which lies in 0 to size. */
static struct span inside(int start, int kernel, int size)
{
    struct span s = {start < 0 ? -start : 0, size - start < kernel ? size - start : kernel};
    return s;
}

static size_t at(int row, int width, int column, int c)
{
    return ((size_t)row * (size_t)width + (size_t)column) * (size_t)c;
}

SK_INLINE void max_vec(const struct sk_pool_shape *s, const void *x, int p, int q, size_t j, __mmask16 m, void *y,
                       uint8_t *argmax, enum sk_ktype t)
{
    int top = p * s->stride - s->pad, left = q * s->stride - s->pad;
    struct span rows = inside(top, s->kernel, s->h), columns = inside(left, s->kernel, s->w);
    __m512 best = sk_vload(x, at(top + rows.from, s->w, left + columns.from, s->c) + j, m, t);
    __m512i where = _mm512_set1_epi32(rows.from * s->kernel + columns.from);
    for (int kh = rows.from; kh < rows.to; kh++)
        for (int kw = columns.from; kw < columns.to; kw++) {
            __m512 v = sk_vload(x, at(top + kh, s->w, left + kw, s->c) + j, m, t);
            /* greater or a NaN, but not equal: the first of equal ones stays */
            __mmask16 wins = _mm512_cmp_ps_mask(v, best, _CMP_GT_OQ) | _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
            best = _mm512_mask_mov_ps(best, wins, v);
            where = _mm512_mask_mov_epi32(where, wins, _mm512_set1_epi32(kh * s->kernel + kw));
        }
    size_t i = at(p, s->q, q, s->c) + j;
    sk_vstore(y, i, m, t, best);
    if (argmax)
        _mm_mask_storeu_epi8(argmax + i, m, _mm512_cvtepi32_epi8(where));
}

SK_INLINE void max(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax, enum sk_ktype t)
{
    size_t c = (size_t)s->c;
    for (int p = 0; p < s->p; p++)
        for (int q = 0; q < s->q; q++) {
            size_t j = 0;
            for (; j + SK_VEC <= c; j += SK_VEC)
                max_vec(s, x, p, q, j, SK_ALL, y, argmax, t);
            if (j < c)
                max_vec(s, x, p, q, j, sk_mask(c - j), y, argmax, t);
        }
}

/* Windows over position h of one side: those from the first to the last that start at or before it and reach it. */
static struct span windows(int h, const struct sk_pool_shape *s, int count)
{
    int first = h + s->pad - s->kernel + s->stride; /* divided: the first window that reaches h */
    struct span w = {first < 0 ? 0 : first / s->stride, (h + s->pad) / s->stride + 1};
    if (w.to > count)
        w.to = count;
    return w;
}

/* One position of dx, and the windows over it. */
struct position {
    int h, w;
    struct span p, q;
};

SK_INLINE void max_grad_vec(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax,
                            const struct position *o, size_t j, __mmask16 m, void *dx, enum sk_ktype t)
{
    __m512 sum = _mm512_setzero_ps();
    /* backwards: kh and kw rise, the order in which the reference adds */
    for (int p = o->p.to - 1; p >= o->p.from; p--)
        for (int q = o->q.to - 1; q >= o->q.from; q--) {
            int kh = o->h + s->pad - p * s->stride, kw = o->w + s->pad - q * s->stride;
            size_t i = at(p, s->q, q, s->c) + j;
            __m512i where = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, argmax + i));
            __mmask16 mine = _mm512_cmpeq_epi32_mask(where, _mm512_set1_epi32(kh * s->kernel + kw));
            sum = _mm512_mask_add_ps(sum, mine, sum, sk_vload(dy, i, m, t));
        }
    sk_vstore(dx, at(o->h, s->w, o->w, s->c) + j, m, t, sum);
}

SK_INLINE void max_grad(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx, enum sk_ktype t)
{
    size_t c = (size_t)s->c;
    for (int h = 0; h < s->h; h++)
        for (int w = 0; w < s->w; w++) {
            const struct position o = {h, w, windows(h, s, s->p), windows(w, s, s->q)};
            size_t j = 0;
            for (; j + SK_VEC <= c; j += SK_VEC)
                max_grad_vec(s, dy, argmax, &o, j, SK_ALL, dx, t);
            if (j < c)
                max_grad_vec(s, dy, argmax, &o, j, sk_mask(c - j), dx, t);
        }
}

SK_INLINE void avg_vec(const void *x, size_t hw, size_t c, size_t j, __mmask16 m, void *y, enum sk_ktype t)
{
    __m512 even = _mm512_setzero_ps(), odd = even;
    size_t i = 0;
    for (; i + 2 <= hw; i += 2) {
        even = _mm512_add_ps(even, sk_vload(x, i * c + j, m, t));
        odd = _mm512_add_ps(odd, sk_vload(x, (i + 1) * c + j, m, t));
    }
    if (i < hw)
        even = _mm512_add_ps(even, sk_vload(x, i * c + j, m, t));
    sk_vstore(y, j, m, t, _mm512_div_ps(_mm512_add_ps(even, odd), _mm512_set1_ps((float)hw)));
}

SK_INLINE void avg(const void *x, size_t hw, size_t c, void *y, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        avg_vec(x, hw, c, j, SK_ALL, y, t);
    if (j < c)
        avg_vec(x, hw, c, j, sk_mask(c - j), y, t);
}

SK_INLINE void avg_grad_vec(const void *dy, size_t hw, size_t c, size_t j, __mmask16 m, void *dx, enum sk_ktype t)
{
    __m512 v = _mm512_div_ps(sk_vload(dy, j, m, t), _mm512_set1_ps((float)hw));
    for (size_t i = 0; i < hw; i++)
        sk_vstore(dx, i * c + j, m, t, v);
}

SK_INLINE void avg_grad(const void *dy, size_t hw, size_t c, void *dx, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        avg_grad_vec(dy, hw, c, j, SK_ALL, dx, t);
    if (j < c)
        avg_grad_vec(dy, hw, c, j, sk_mask(c - j), dx, t);
}

static void max_f32(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax)
{
    max(s, x, y, argmax, SK_K_F32);
}

static void max_bf16(const struct sk_pool_shape *s, const void *x, void *y, uint8_t *argmax)
{
    max(s, x, y, argmax, SK_K_BF16);
}

static void max_grad_f32(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx)
{
    max_grad(s, dy, argmax, dx, SK_K_F32);
}

static void max_grad_bf16(const struct sk_pool_shape *s, const void *dy, const uint8_t *argmax, void *dx)
{
    max_grad(s, dy, argmax, dx, SK_K_BF16);
}

static void avg_f32(const void *x, size_t hw, size_t c, void *y)
{
    avg(x, hw, c, y, SK_K_F32);
}

static void avg_bf16(const void *x, size_t hw, size_t c, void *y)
{
    avg(x, hw, c, y, SK_K_BF16);
}

static void avg_grad_f32(const void *dy, size_t hw, size_t c, void *dx)
{
    avg_grad(dy, hw, c, dx, SK_K_F32);
}

static void avg_grad_bf16(const void *dy, size_t hw, size_t c, void *dx)
{
    avg_grad(dy, hw, c, dx, SK_K_BF16);
}

void sk_pool_avx512(struct sk_kern_pool k[SK_K_TYPES])
{
    struct sk_kern_pool *f32 = &k[SK_K_F32], *bf16 = &k[SK_K_BF16];
    f32->max = max_f32, f32->max_grad = max_grad_f32, f32->avg = avg_f32, f32->avg_grad = avg_grad_f32;
    bf16->max = max_bf16, bf16->max_grad = max_grad_bf16, bf16->avg = avg_bf16, bf16->avg_grad = avg_grad_bf16;
}
