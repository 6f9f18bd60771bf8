/* Pointwise kernels, AVX2. */
#include "kern/join.h"
#include "kern/levels.h"
#include "kern/vec_avx2.h"

SK_INLINE void relu(const void *x, size_t n, void *y, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        sk_vstore(y, i, SK_VEC, t, sk_vrelu(sk_vload(x, i, SK_VEC, t)));
    if (i < n)
        sk_vstore(y, i, n - i, t, sk_vrelu(sk_vload(x, i, n - i, t)));
}

SK_INLINE void relu_grad_vec(const void *dy, const void *y, size_t i, size_t n, void *dx, enum sk_ktype t)
{
    sk_vstore(dx, i, n, t, sk_vwhere(sk_vload(y, i, n, t), sk_vload(dy, i, n, t)));
}

SK_INLINE void relu_grad(const void *dy, const void *y, size_t n, void *dx, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        relu_grad_vec(dy, y, i, SK_VEC, dx, t);
    if (i < n)
        relu_grad_vec(dy, y, i, n - i, dx, t);
}

SK_INLINE void add_vec(const void *a, const void *b, size_t i, size_t n, void *y, enum sk_ktype t)
{
    __m256 v = _mm256_add_ps(sk_vload(a, i, n, t), sk_vload(b, i, n, t));
    sk_vstore(y, i, n, t, v);
}

SK_INLINE void add(const void *a, const void *b, size_t n, void *y, enum sk_ktype t)
{
    size_t i = 0;
    for (; i + SK_VEC <= n; i += SK_VEC)
        add_vec(a, b, i, SK_VEC, y, t);
    if (i < n)
        add_vec(a, b, i, n - i, y, t);
}

/* Pixels: bytes or float32. */
SK_INLINE __m256 pixels(const void *x, bool bytes, size_t i, size_t n)
{
    if (!bytes)
        return sk_vload(x, i, n, SK_K_F32);
    uint64_t bytes8 = 0;
    memcpy(&bytes8, (const uint8_t *)x + i, n);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes8)));
}

SK_INLINE void normalize_row(const void *x, bool bytes, size_t i, size_t c, const float *mul, const float *offset,
                             void *y, enum sk_ktype t)
{
    size_t j = 0;
    for (; j + SK_VEC <= c; j += SK_VEC)
        sk_vstore(
            y, i + j, SK_VEC, t,
            _mm256_fmadd_ps(pixels(x, bytes, i + j, SK_VEC), sk_vget(mul, j, SK_VEC), sk_vget(offset, j, SK_VEC)));
    if (j < c) {
        size_t n = c - j;
        sk_vstore(y, i + j, n, t,
                  _mm256_fmadd_ps(pixels(x, bytes, i + j, n), sk_vget(mul, j, n), sk_vget(offset, j, n)));
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
        sk_vstore(y, i, SK_VEC, to, sk_vload(x, i, SK_VEC, from));
    if (i < n)
        sk_vstore(y, i, n - i, to, sk_vload(x, i, n - i, from));
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
void sk_point_avx2(struct sk_kern_point k[SK_K_TYPES])
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
