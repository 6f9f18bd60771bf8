/* Inside kern: pointwise kernels over whole vectors. Included by one file for each instruction set, after its vec_*.h. */
#include "kern/join.h"
#include "kern/levels.h"

SK_INLINE void relu(const void *x, size_t n, void *y, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        sk_vstore(y, i, SK_ALL, t, sk_vrelu(sk_vload(x, i, SK_ALL, t)));
    if (i < n)
        sk_vstore(y, i, sk_first(n - i), t, sk_vrelu(sk_vload(x, i, sk_first(n - i), t)));
}

SK_INLINE void relu_grad_vec(const void *dy, const void *y, size_t i, sk_lanes m, void *dx, enum sk_ktype t)
{
    sk_vstore(dx, i, m, t, sk_vwhere(sk_vload(y, i, m, t), sk_vload(dy, i, m, t)));
}

SK_INLINE void relu_grad(const void *dy, const void *y, size_t n, void *dx, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        relu_grad_vec(dy, y, i, SK_ALL, dx, t);
    if (i < n)
        relu_grad_vec(dy, y, i, sk_first(n - i), dx, t);
}

SK_INLINE void add_vec(const void *a, const void *b, size_t i, sk_lanes m, void *y, enum sk_ktype t)
{
    sk_vec v = sk_vadd(sk_vload(a, i, m, t), sk_vload(b, i, m, t));
    sk_vstore(y, i, m, t, v);
}

SK_INLINE void add(const void *a, const void *b, size_t n, void *y, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        add_vec(a, b, i, SK_ALL, y, t);
    if (i < n)
        add_vec(a, b, i, sk_first(n - i), y, t);
}

/* Pixels: bytes or float32. */
SK_INLINE sk_vec pixels(const void *x, bool bytes, size_t i, sk_lanes m)
{
    return bytes ? sk_vbytes(x, i, m) : sk_vload(x, i, m, SK_K_F32);
}

SK_INLINE void normalize_row(const void *x, bool bytes, size_t i, size_t c, const float *mul, const float *offset,
                             void *y, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        sk_vstore(
            y, i + j, SK_ALL, t,
            sk_vfma(pixels(x, bytes, i + j, SK_ALL), sk_vget(mul, j, SK_ALL), sk_vget(offset, j, SK_ALL)));
    if (j < c) {
        sk_lanes m = sk_first(c - j);
        sk_vstore(y, i + j, m, t,
                  sk_vfma(pixels(x, bytes, i + j, m), sk_vget(mul, j, m), sk_vget(offset, j, m)));
    }
}

SK_INLINE void normalize(const void *x, bool bytes, size_t rows, size_t c, const float *mul, const float *offset,
                         void *y, enum sk_ktype t)
{
    float a[SK_JOIN], b[SK_JOIN];
    struct sk_join w = sk_join_make(rows, c);
    mul = sk_join_spread(&w, mul, a);
    offset = sk_join_spread(&w, offset, b);
    for (size_t r = 0; r < w.rows; r++)
        normalize_row(x, bytes, r * w.c, w.c, mul, offset, y, t);
    if (w.rest)
        normalize_row(x, bytes, w.rows * w.c, w.rest, mul, offset, y, t);
}

/* From one type to the other. */
SK_INLINE void convert(const void *x, enum sk_ktype from, size_t n, void *y, enum sk_ktype to)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        sk_vstore(y, i, SK_ALL, to, sk_vload(x, i, SK_ALL, from));
    if (i < n)
        sk_vstore(y, i, sk_first(n - i), to, sk_vload(x, i, sk_first(n - i), from));
}

static void relu_f32(const void *x, size_t n, void *y)
{
    relu(x, n, y, SK_K_F32);
}

static void relu_bf16(const void *x, size_t n, void *y)
{
    relu(x, n, y, SK_K_BF16);
}

static void relu_grad_f32(const void *dy, const void *y, size_t n, void *dx)
{
    relu_grad(dy, y, n, dx, SK_K_F32);
}

static void relu_grad_bf16(const void *dy, const void *y, size_t n, void *dx)
{
    relu_grad(dy, y, n, dx, SK_K_BF16);
}

static void add_f32(const void *a, const void *b, size_t n, void *y)
{
    add(a, b, n, y, SK_K_F32);
}

static void add_bf16(const void *a, const void *b, size_t n, void *y)
{
    add(a, b, n, y, SK_K_BF16);
}

static void normalize_u8_f32(const uint8_t *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize(x, true, rows, c, mul, offset, y, SK_K_F32);
}

static void normalize_u8_bf16(const uint8_t *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize(x, true, rows, c, mul, offset, y, SK_K_BF16);
}

static void normalize_f32_f32(const float *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize(x, false, rows, c, mul, offset, y, SK_K_F32);
}

static void normalize_f32_bf16(const float *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize(x, false, rows, c, mul, offset, y, SK_K_BF16);
}

static void to_f32_bf16(const void *x, size_t n, float *y)
{
    convert(x, SK_K_BF16, n, y, SK_K_F32);
}

static void from_f32_bf16(const float *x, size_t n, void *y)
{
    convert(x, SK_K_F32, n, y, SK_K_BF16);
}

/* Copies between float32 and float32 stay with the reference. */
static inline void fill(struct sk_kern_point k[SK_K_TYPES])
{
    k[SK_K_F32].relu = relu_f32;
    k[SK_K_F32].relu_grad = relu_grad_f32;
    k[SK_K_F32].add = add_f32;
    k[SK_K_F32].normalize_u8 = normalize_u8_f32;
    k[SK_K_F32].normalize_f32 = normalize_f32_f32;
    k[SK_K_BF16].relu = relu_bf16;
    k[SK_K_BF16].relu_grad = relu_grad_bf16;
    k[SK_K_BF16].add = add_bf16;
    k[SK_K_BF16].normalize_u8 = normalize_u8_bf16;
    k[SK_K_BF16].normalize_f32 = normalize_f32_bf16;
    k[SK_K_BF16].to_f32 = to_f32_bf16;
    k[SK_K_BF16].from_f32 = from_f32_bf16;
}
