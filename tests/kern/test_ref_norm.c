/* Reference batch norm kernels: against PyTorch's values. */
#include "kern/check.h"

#include <math.h>

/* PyTorch 2.15 in float64: relu(batch_norm(x)) of [5,3] with gamma 1.5, -0.5, 0.75, beta 0.25, 0.5, -0.125, eps 1e-5,
 * and its gradients. */
static const float norm_x[] = {0.635655284f,   -0.151277408f,  1.46009946f,  0.476622999f,   0.453381658f,
                               -0.618515015f,  1.51273179f,    0.130470634f, -0.0950073078f, 0.802225173f,
                               -0.0222042073f, -0.0821190774f, 0.321676254f, -1.02695203f,   -0.655328214f};
static const float norm_dy[] = {-0.392889023f, 0.475199163f, 1.4703846f,    0.187018275f,  -0.82162416f,
                                -0.689250112f, -1.69090784f, -0.711948752f, 0.0393905714f, -0.243820235f,
                                -1.09204483f,  0.279742539f, -1.10738921f,  -0.712944627f, 1.7795186f};
static const float norm_mean[] = {0.7497823f, -0.12331627f, 0.00182596892f};
static const float norm_var[] = {0.171151589f, 0.24491027f, 0.591931916f};
static const float norm_y[] = {0.0f, 0.528249611f, 1.29654528f,  0.0f, 0.0f, 0.0f,        3.016202f, 0.243594789f,
                               0.0f, 0.440140476f, 0.397844769f, 0.0f, 0.0f, 1.41295852f, 0.0f};
static const float norm_dx[] = {0.772996387f, -0.900502352f, 0.116813178f,  -0.104804755f, -0.250863562f,
                                0.151429492f, -0.516527481f, 0.37789109f,   -0.218284276f, 0.808391027f,
                                0.719100943f, -0.227386255f, -0.960055178f, 0.0543738807f, 0.177427861f};
static const float norm_dgamma[] = {-3.14916849f, 0.68671844f, 2.78695771f};
static const float norm_dbeta[] = {-1.93472807f, -2.04173905f, 1.4703846f};

enum { ROWS = 5, C = 3 };
static const float gamma_[C] = {1.5f, -0.5f, 0.75f}, beta[C] = {0.25f, 0.5f, -0.125f};

static struct sk_kern_norm f32(void)
{
    struct sk_kern kern;
    sk_kern_init(&kern, SK_ISA_REF);
    return kern.norm[SK_K_F32];
}

static void near(const char *what, const float *got, const float *want, size_t n)
{
    check_case("stored");
    for (size_t i = 0; i < n; i++)
        check_one(what, i, (double)got[i], (double)want[i], 2e-6, SK_K_F32);
}

static void scale_shift(float scale[C], float shift[C], float inverse[C])
{
    for (int j = 0; j < C; j++) {
        inverse[j] = 1.0f / sqrtf(norm_var[j] + 1e-5f);
        scale[j] = gamma_[j] * inverse[j];
        shift[j] = beta[j] - norm_mean[j] * scale[j];
    }
}

static void test_stats(void **state)
{
    float mean[C], m2[C];
    (void)state;
    f32().stats(norm_x, ROWS, C, mean, m2);
    for (int j = 0; j < C; j++)
        m2[j] /= ROWS;
    near("mean", mean, norm_mean, C);
    near("var", m2, norm_var, C);
}

/* A mean a million times the deviation costs no digits of the variance. */
static void test_stats_shifted(void **state)
{
    float x[4] = {1e6f - 1, 1e6f + 1, 1e6f - 1, 1e6f + 1}, mean, m2;
    enum sk_isa levels[4] = {SK_ISA_REF};
    size_t n = check_levels(levels + 1) + 1;
    struct sk_kern kern;
    (void)state;
    for (size_t l = 0; l < n; l++) {
        sk_kern_init(&kern, levels[l]);
        kern.norm[SK_K_F32].stats(x, 4, 1, &mean, &m2);
        assert_true(mean == 1e6f && m2 == 4);
    }
}

static void test_apply(void **state)
{
    float scale[C], shift[C], inverse[C], y[ROWS * C], residual[ROWS * C], want[ROWS * C];
    (void)state;
    scale_shift(scale, shift, inverse);
    f32().apply(norm_x, NULL, ROWS, C, scale, shift, true, y);
    near("y", y, norm_y, ROWS * C);
    f32().apply(norm_x, NULL, ROWS, C, scale, shift, false, y);
    for (int i = 0; i < ROWS * C; i++) {
        residual[i] = (float)(i % 2) - 0.5f;
        want[i] = fmaxf(y[i] + residual[i], 0);
    }
    f32().apply(norm_x, residual, ROWS, C, scale, shift, true, y);
    near("y with residual", y, want, ROWS * C);
}

static void check_grad(struct sk_bn_grad *a, const float inverse[C])
{
    float sum[C], dot[C], dgamma[C], k1[C], k2[C], dx[ROWS * C];
    f32().grad_reduce(a, ROWS, C, sum, dot);
    for (int j = 0; j < C; j++) {
        dgamma[j] = inverse[j] * dot[j];
        k1[j] = -a->scale[j] * inverse[j] * inverse[j] * dot[j] / ROWS;
        k2[j] = -a->scale[j] * sum[j] / ROWS;
    }
    near("dgamma", dgamma, norm_dgamma, C);
    near("dbeta", sum, norm_dbeta, C);
    f32().grad_apply(a, ROWS, C, a->scale, k1, k2, dx);
    near("dx", dx, norm_dx, ROWS * C);
    if (a->dz) { /* dz in place of dy, unmasked */
        const struct sk_bn_grad b = {.dy = a->dz, .x = a->x, .mean = a->mean};
        f32().grad_apply(&b, ROWS, C, a->scale, k1, k2, dx);
        near("dx from dz", dx, norm_dx, ROWS * C);
    }
}

static void test_grad(void **state)
{
    float scale[C], shift[C], inverse[C], dz[ROWS * C], half[ROWS * C];
    (void)state;
    scale_shift(scale, shift, inverse);
    for (int i = 0; i < ROWS * C; i++)
        half[i] = norm_dy[i] / 2;
    struct sk_bn_grad a = {.dy = norm_dy, .x = norm_x, .scale = scale, .shift = shift, .mean = norm_mean, .relu = true};
    check_grad(&a, inverse);
    a.dz = dz;
    check_grad(&a, inverse);
    a.y = norm_y; /* the mask from y */
    check_grad(&a, inverse);
    a.dy = a.dy2 = half; /* two contributions */
    check_grad(&a, inverse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_stats_shifted),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_grad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
