/* Pointwise kernels, reference. */
#include "kern/levels.h"
#include "kern/scalar.h"

uint16_t sk_f32_to_bf16(float f)
{
    return sk_bf16_round(f);
}

SK_INLINE void relu(const void *x, size_t n, void *y, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        sk_put(y, i, t, sk_relu1(sk_get(x, i, t)));
}

SK_INLINE void relu_grad(const void *dy, const void *y, size_t n, void *dx, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        sk_put(dx, i, t, sk_get(y, i, t) > 0 ? sk_get(dy, i, t) : 0.0f);
}

SK_INLINE void add(const void *a, const void *b, size_t n, void *y, enum sk_ktype t)
{
    for (size_t i = 0; i < n; i++)
        sk_put(y, i, t, sk_get(a, i, t) + sk_get(b, i, t));
}

SK_INLINE void normalize_u8(const uint8_t *x, size_t rows, size_t c, const float *mul, const float *offset, void *y,
                            enum sk_ktype t)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < c; j++)
            sk_put(y, r * c + j, t, (float)x[r * c + j] * mul[j] + offset[j]);
}

SK_INLINE void normalize_f32(const float *x, size_t rows, size_t c, const float *mul, const float *offset, void *y,
                             enum sk_ktype t)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < c; j++)
            sk_put(y, r * c + j, t, x[r * c + j] * mul[j] + offset[j]);
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
    normalize_u8(x, rows, c, mul, offset, y, SK_K_F32);
}

static void normalize_u8_bf16(const uint8_t *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize_u8(x, rows, c, mul, offset, y, SK_K_BF16);
}

static void normalize_f32_f32(const float *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize_f32(x, rows, c, mul, offset, y, SK_K_F32);
}

static void normalize_f32_bf16(const float *x, size_t rows, size_t c, const float *mul, const float *offset, void *y)
{
    normalize_f32(x, rows, c, mul, offset, y, SK_K_BF16);
}

static void copy_f32(const void *x, size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = ((const float *)x)[i];
}

static void to_f32_bf16(const void *x, size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = sk_get(x, i, SK_K_BF16);
}

static void from_f32_f32(const float *x, size_t n, void *y)
{
    copy_f32(x, n, y);
}

static void from_f32_bf16(const float *x, size_t n, void *y)
{
    for (size_t i = 0; i < n; i++)
        sk_put(y, i, SK_K_BF16, x[i]);
}

void sk_point_ref(struct sk_kern_point k[SK_K_TYPES])
{
    k[SK_K_F32] = (struct sk_kern_point){.relu = relu_f32,
                                         .relu_grad = relu_grad_f32,
                                         .add = add_f32,
                                         .normalize_u8 = normalize_u8_f32,
                                         .normalize_f32 = normalize_f32_f32,
                                         .to_f32 = copy_f32,
                                         .from_f32 = from_f32_f32};
    k[SK_K_BF16] = (struct sk_kern_point){.relu = relu_bf16,
                                          .relu_grad = relu_grad_bf16,
                                          .add = add_bf16,
                                          .normalize_u8 = normalize_u8_bf16,
                                          .normalize_f32 = normalize_f32_bf16,
                                          .to_f32 = to_f32_bf16,
                                          .from_f32 = from_f32_bf16};
}
