/* Reference optimizers: three steps against PyTorch's. */
#include "kern/check.h"

#include <math.h>

/* PyTorch 2.15 in float64: a parameter, three gradients, and the parameter after three steps with learning rate 0.1. */
static const float optim_p[] = {-0.271252692f, 1.29890001f, -0.305495501f, -1.23586285f, 1.21191001f};
static const float optim_g[] = {-1.03333437f, -0.76421839f, -0.117384046f, 1.53221881f,  0.876879334f,
                                1.62693489f,  -1.47782731f, 0.0187208895f, -1.68931544f, -0.0501688793f,
                                0.170951188f, -2.57586241f, 0.258405834f,  1.30507803f,  -0.242745578f};
static const float optim_sgd[] = {-0.311002986f, 2.00590916f, -0.294762825f, -1.42405149f, 0.975872351f};
static const float optim_nesterov[] = {-0.3808129f, 2.39320672f, -0.307677495f, -1.49883069f, 0.926125117f};
static const float optim_plain[] = {-0.347707862f, 1.78069082f, -0.321469768f, -1.35066099f, 1.15351352f};
static const float optim_adam[] = {-0.222805738f, 1.58868706f, -0.177160948f, -1.34266719f, 1.00581397f};
static const float optim_adamw[] = {-0.22135592f, 1.56878658f, -0.187997993f, -1.33130764f, 1.00259575f};

enum { N = 5, STEPS = 3 };

static void near(const char *what, const float *got, const float *want)
{
    check_case("three steps");
    for (size_t i = 0; i < N; i++)
        check_one(what, i, (double)got[i], (double)want[i], 2e-6, SK_K_F32);
}

static void check_sgd(const char *what, float momentum, float decay, bool nesterov, const float *want)
{
    struct sk_kern kern;
    float p[N], m[N] = {0};
    sk_kern_init(&kern, SK_ISA_REF);
    memcpy(p, optim_p, sizeof p);
    const struct sk_optim a = {.lr = 0.1f, .scale = 1, .clip = INFINITY, .decay = decay, .trust = 1, .shrink = 1,
                               .momentum = momentum, .keep = 1, .nesterov = nesterov};
    for (int t = 0; t < STEPS; t++)
        kern.optim.sgd(p, optim_g + t * N, (float *[]){m}, N, &a);
    near(what, p, want);
}

static void test_sgd(void **state)
{
    (void)state;
    check_sgd("sgd", 0.9f, 0.05f, false, optim_sgd);
    check_sgd("nesterov", 0.9f, 0.05f, true, optim_nesterov);
    check_sgd("plain", 0, 0, false, optim_plain);
}

static void check_adam(const char *what, bool decoupled, const float *want)
{
    struct sk_kern kern;
    float p[N], m[N] = {0}, v[N] = {0};
    sk_kern_init(&kern, SK_ISA_REF);
    memcpy(p, optim_p, sizeof p);
    struct sk_optim a = {.lr = 0.1f, .scale = 1, .clip = INFINITY, .decay = decoupled ? 0 : 0.05f, .trust = 1,
                         .shrink = decoupled ? 1 - 0.1f * 0.05f : 1, .beta1 = 0.9f, .beta2 = 0.99f, .rest1 = 0.1f, .rest2 = 0.01f, .eps = 1e-8f};
    for (int t = 0; t < STEPS; t++) {
        a.c1 = (float)(1 - pow(0.9, t + 1));
        a.c2 = (float)(1 - pow(0.99, t + 1));
        kern.optim.adam(p, optim_g + t * N, (float *[]){m, v}, N, &a);
    }
    near(what, p, want);
}

static void test_adam(void **state)
{
    (void)state;
    check_adam("adam", false, optim_adam);
    check_adam("adamw", true, optim_adamw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
