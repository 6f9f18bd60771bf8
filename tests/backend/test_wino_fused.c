/* Winograd convolutions with a batch norm fused to them, against the definition in double within Winograd's bound: x
 * normalized as it is read, statistics of what is stored, mask and sums of a gradient. Every algorithm and split, and
 * the same bits with 1, 2 and 3 threads. */
#include <math.h>
#include <stdio.h>

#include "backend/op.h"
#include "kern/wino_bound.h"

static const double EPS = 1e-5;
enum { SAMPLES = 120 };

/* {pictures, height, width, in, out, stride, padding}: odd ones; many pictures; so many channels that tiles go in
 * several groups; batch 1 with many channels; tiles cut off on one side only; padding 0 and 2; stride 2. */
static const int shapes[][7] = {{3, 7, 6, 9, 17, 1, 1},     {21, 16, 16, 16, 24, 1, 1}, {9, 14, 14, 512, 8, 1, 1},
                                {1, 4, 4, 96, 200, 1, 1},   {2, 9, 13, 33, 40, 1, 0},   {2, 5, 3, 48, 15, 1, 2},
                                {9, 14, 14, 8, 512, 1, 1},  {4, 8, 9, 16, 24, 1, 1},    {3, 9, 14, 17, 9, 2, 1},
                                {21, 16, 16, 16, 24, 2, 1}, {1, 14, 13, 256, 16, 2, 1}};
struct fixture {
    struct sk_conv_shape s;
    enum conv_pass pass;
    enum sk_dtype type;
    struct op_test t;
    struct conv_data data; /* what the definition works on */
    struct sk_rng r;
    int norm; /* input of gamma; beta, mean and var follow */
    size_t at[SAMPLES];
    double want[SAMPLES];
    struct wino_bound bound[SAMPLES][2]; /* of F(2x2) and F(4x4) */
};

static void begin(struct fixture *f, const int *shape, enum sk_dtype type, enum conv_pass pass)
{
    static const enum sk_op_kind kinds[] = {SK_OP_CONV, SK_OP_CONV_GRAD_DATA, SK_OP_CONV_GRAD_WEIGHT};
    *f = (struct fixture){.s = conv_shape(shape[0], shape[1], shape[2], shape[3], shape[4], 3, shape[5], shape[6]),
                          .type = type,
                          .pass = pass};
    f->t = (struct op_test){.kind = kinds[pass],
                            .kernel = "winograd",
                            .winograd = SK_WINOGRAD_FAST,
                            .attr = {.kernel = 3, .stride = f->s.stride, .pad = f->s.pad, .eps = EPS},
                            .ins = 2,
                            .outs = 1};
    check_rng(&f->r, conv_count_x(&f->s) + conv_count_w(&f->s));
}

static struct op_tensor x_tensor(struct fixture *f)
{
    return op_random(f->type, OP_DIMS(f->s.n, f->s.h, f->s.w, f->s.c), &f->r);
}

static struct op_tensor y_tensor(struct fixture *f)
{
    return op_random(f->type, OP_DIMS(f->s.n, f->s.p, f->s.q, f->s.k), &f->r);
}

static struct op_tensor w_tensor(struct fixture *f)
{
    return op_random(SK_F32, OP_DIMS(f->s.k, f->s.c, 3, 3), &f->r);
}

/* gamma, beta, mean and var of the channels of x as the next inputs. */
static void add_norm(struct fixture *f)
{
    f->norm = f->t.ins;
    for (int i = 0; i < 4; i++)
        f->t.in[f->t.ins++] = op_random(SK_F32, OP_DIMS(f->s.c), &f->r);
    for (size_t j = 0; j < (size_t)f->s.c; j++)
        op_set(&f->t.in[f->norm + 3], j, fabs(op_get(&f->t.in[f->norm + 3], j)) + 0.1);
}

static double param(const struct fixture *f, int which, size_t i)
{
    return op_get(&f->t.in[f->norm + which], i % (size_t)f->s.c);
}

static double scale(const struct fixture *f, size_t i)
{
    return param(f, 0, i) / sqrt(param(f, 3, i) + EPS);
}

static double *doubles_of(const struct op_tensor *t)
{
    double *d = op_doubles(op_count(t));
    for (size_t i = 0; i < op_count(t); i++)
        d[i] = op_get(t, i);
    return d;
}

/* x as the convolution sees it, and what its roundings are relative to. */
static void load_x(struct fixture *f, const struct op_tensor *x)
{
    double *value = doubles_of(x), *size = op_doubles(op_count(x));
    for (size_t i = 0; i < op_count(x); i++) {
        double a = scale(f, i);
        size[i] = fabs(a * value[i]) + fabs(a * param(f, 2, i)) + fabs(param(f, 1, i));
        value[i] = fmax(a * (value[i] - param(f, 2, i)) + param(f, 1, i), 0);
    }
    f->data.x = value;
    f->data.x_size = size;
}

static void take_samples(struct fixture *f)
{
    size_t n = op_count(&f->t.out[0]);
    for (size_t i = 0; i < SAMPLES; i++) {
        f->at[i] = i == 0 ? n - 1 : sk_rng_below(&f->r, (uint32_t)n);
        f->want[i] = conv_define(f->pass, &f->s, &f->data, f->at[i]).value;
        for (int m = 0; m < 2; m++)
            f->bound[i][m] =
                wino_bound_at(wino_bound_alg(f->pass, f->s.stride, m ? 4 : 2), f->pass, &f->s, &f->data, f->at[i]);
    }
}

/* How far sample i of this variant may be from the convolution's value. */
static double bound_of(const struct fixture *f, size_t i, const char *label)
{
    const struct wino_bound *b = &f->bound[i][strncmp(label, "f4", 2) == 0];
    return b->f32 + (strstr(label, "bf16") != NULL ? b->bf16 : 0);
}

/* Runs every variant with 1 to 3 threads and hands it to compare. */
static void for_variants(struct fixture *f, const char *what, void (*compare)(struct fixture *f, const char *label))
{
    static const char *const pass[] = {"forward", "grad_data", "grad_weight"};
    char label[64];
    int variants = 0;
    for (; op_label(&f->t, variants, label); variants++) {
        check_case("%s %s, %s, '%s': %d pictures %dx%d, %d to %d channels, stride %d, pad %d", pass[f->pass], what,
                   sk_dtype_name(f->type), label, f->s.n, f->s.h, f->s.w, f->s.c, f->s.k, f->s.stride, f->s.pad);
        f->t.label = label;
        op_run(&f->t);
        compare(f, label);
        f->t.label = NULL;
    }
    assert_true(variants >= 2);
    op_free_all();
}

static void for_all(void (*check)(const int *shape, enum sk_dtype type))
{
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    for (size_t i = 0; i < SK_COUNT(shapes); i++) {
        check(shapes[i], SK_F32);
        check(shapes[i], SK_BF16);
    }
}

static void compare_output(struct fixture *f, const char *label)
{
    enum sk_ktype type = f->t.out[0].desc.dtype == SK_BF16 ? SK_K_BF16 : SK_K_F32;
    for (size_t i = 0; i < SAMPLES; i++)
        check_one("output", f->at[i], op_get(&f->t.out[0], f->at[i]), f->want[i], bound_of(f, i, label), type);
}

/* ---- forward ---- */

/* Mean and variance of each channel of what was stored: deviations from a center among the values of at most 96 tiles
 * are summed in float32, and the parts in double. */
static void compare_stats(struct fixture *f, const char *label)
{
    const struct op_tensor *y = &f->t.out[0];
    size_t k = (size_t)f->s.k, rows = op_count(y) / k;
    double roundings = 2 + sqrt(fmin((double)rows, 96 * 16));
    compare_output(f, label);
    for (size_t j = 0; j < k; j++) {
        double mean = 0, var = 0, least = INFINITY, most = -INFINITY;
        for (size_t i = j; i < op_count(y); i += k) {
            mean += op_get(y, i) / (double)rows;
            least = fmin(least, op_get(y, i));
            most = fmax(most, op_get(y, i));
        }
        for (size_t i = j; i < op_count(y); i += k)
            var += pow(op_get(y, i) - mean, 2) / (double)rows;
        double spread = most - least, room = 2 * CHECK_EPS * roundings * spread;
        check_one("mean", j, op_get(&f->t.out[1], j), mean, room + CHECK_EPS * fabs(mean), SK_K_F32);
        check_one("var", j, op_get(&f->t.out[2], j), var, 4 * room * spread + CHECK_EPS * var, SK_K_F32);
    }
}

static void check_forward_as(const int *shape, enum sk_dtype type, bool norm, bool stats)
{
    struct fixture f;
    begin(&f, shape, type, CONV_FORWARD);
    f.t.attr.norm = norm;
    f.t.attr.stats = stats;
    f.t.in[0] = x_tensor(&f);
    f.t.in[1] = w_tensor(&f);
    if (norm)
        add_norm(&f);
    f.t.outs = stats ? 3 : 1;
    f.t.out[0] = y_tensor(&f);
    for (int i = 1; i < f.t.outs; i++)
        f.t.out[i] = op_tensor(SK_F32, OP_DIMS(f.s.k));
    if (norm)
        load_x(&f, &f.t.in[0]);
    else
        f.data.x = doubles_of(&f.t.in[0]);
    f.data.w = doubles_of(&f.t.in[1]);
    take_samples(&f);
    for_variants(&f, norm ? stats ? "norm and stats" : "norm" : "stats", stats ? compare_stats : compare_output);
}

static void check_forward(const int *shape, enum sk_dtype type)
{
    check_forward_as(shape, type, true, false);
    check_forward_as(shape, type, false, true);
    check_forward_as(shape, type, true, true);
}

static void test_forward(void **state)
{
    (void)state;
    for_all(check_forward);
}

/* With bias and residual the parameters of the norm come after them. */
static void check_appended(const int *shape, enum sk_dtype type)
{
    struct fixture f;
    begin(&f, shape, type, CONV_FORWARD);
    f.t.attr.norm = f.t.attr.bias = f.t.attr.residual = f.t.attr.relu = true;
    f.t.in[0] = x_tensor(&f);
    f.t.in[1] = w_tensor(&f);
    f.t.in[2] = op_random(SK_F32, OP_DIMS(f.s.k), &f.r);
    f.t.in[3] = y_tensor(&f);
    f.t.ins = 4;
    add_norm(&f);
    f.t.out[0] = f.t.in[3]; /* in place */
    load_x(&f, &f.t.in[0]);
    f.data.w = doubles_of(&f.t.in[1]);
    take_samples(&f);
    for (size_t i = 0; i < SAMPLES; i++) {
        double bias = op_get(&f.t.in[2], f.at[i] % (size_t)f.s.k), residual = op_get(&f.t.in[3], f.at[i]);
        for (int m = 0; m < 2; m++)
            f.bound[i][m].f32 += 2 * CHECK_EPS * (fabs(f.want[i]) + fabs(bias) + fabs(residual));
        f.want[i] = fmax(f.want[i] + bias + residual, 0);
    }
    /* Every variant runs over what is there: the residual is put back by a variant of its own. */
    double *residual = doubles_of(&f.t.in[3]);
    char label[64];
    for (int v = 0; op_label(&f.t, v, label); v++) {
        check_case("norm, bias, residual, relu, '%s', %d to %d channels", label, f.s.c, f.s.k);
        for (size_t i = 0; i < op_count(&f.t.in[3]); i++)
            op_set(&f.t.in[3], i, residual[i]);
        f.t.label = label;
        op_run(&f.t);
        compare_output(&f, label);
    }
    op_free_all();
}

static void test_appended(void **state)
{
    (void)state;
    for_all(check_appended);
}

/* ---- the gradient of the weights ---- */

static void check_grad_weight(const int *shape, enum sk_dtype type)
{
    struct fixture f;
    begin(&f, shape, type, CONV_GRAD_WEIGHT);
    f.t.attr.norm = true;
    f.t.in[0] = y_tensor(&f);
    f.t.in[1] = x_tensor(&f);
    add_norm(&f);
    f.t.out[0] = w_tensor(&f);
    load_x(&f, &f.t.in[1]);
    f.data.y = doubles_of(&f.t.in[0]);
    take_samples(&f);
    for_variants(&f, "norm", compare_output);
}

static void test_grad_weight(void **state)
{
    (void)state;
    for_all(check_grad_weight);
}

/* ---- the gradient of the data ---- */
enum { IN_X = 2, IN_NORM, IN_Y = IN_NORM + 4 };

/* bn(x), of which the mask is taken where there is no y. */
static double normalized(const struct fixture *f, size_t i)
{
    return scale(f, i) * (op_get(&f->t.in[IN_X], i) - param(f, 2, i)) + param(f, 1, i);
}

static bool passes(const struct fixture *f, size_t i)
{
    return (f->t.attr.residual ? op_get(&f->t.in[IN_Y], i) : normalized(f, i)) > 0;
}

/* x kept away from where its mask would be in doubt; a y with zeros among its numbers. */
static void add_masks(struct fixture *f, bool y, bool second)
{
    f->t.in[IN_X] = x_tensor(f);
    f->t.ins = IN_NORM;
    add_norm(f);
    for (size_t i = 0; i < op_count(&f->t.in[IN_X]); i++)
        for (int turn = 0; turn < 8 && fabs(normalized(f, i)) < 1e-3; turn++)
            op_set(&f->t.in[IN_X], i, op_get(&f->t.in[IN_X], i) + 0.25);
    if (y) {
        f->t.in[IN_Y] = x_tensor(f);
        for (size_t i = 0; i < op_count(&f->t.in[IN_Y]); i += 3)
            op_set(&f->t.in[IN_Y], i, 0);
        f->t.ins++;
    }
    if (second)
        f->t.in[f->t.ins++] = x_tensor(f);
}

/* dgamma and dbeta are sums of dz before or after it was rounded. */
static void compare_norm_grad(struct fixture *f, const char *label)
{
    const struct op_tensor *dz = &f->t.out[0];
    size_t c = (size_t)f->s.c, rows = op_count(dz) / c;
    double step = f->type == SK_BF16 ? 0x1p-8 : 0, sums = 2 * CHECK_EPS * (4 + sqrt((double)rows));
    compare_output(f, label);
    for (size_t i = 0; i < op_count(dz); i++)
        if (!passes(f, i) && op_get(dz, i) != 0)
            check_fail("dz[%zu] is %g and masked", i, op_get(dz, i));
    for (size_t j = 0; j < c; j++) {
        double sum = 0, dot = 0, sum_size = 0, dot_size = 0, root = sqrt(param(f, 3, j) + EPS);
        for (size_t i = j; i < op_count(dz); i += c) {
            double g = op_get(dz, i), x = (op_get(&f->t.in[IN_X], i) - param(f, 2, j)) / root;
            sum += g;
            dot += g * x;
            sum_size += fabs(g);
            dot_size += fabs(g * x);
        }
        check_one("dgamma", j, op_get(&f->t.out[1], j), dot, (step + sums) * dot_size, SK_K_F32);
        check_one("dbeta", j, op_get(&f->t.out[2], j), sum, (step + sums) * sum_size, SK_K_F32);
    }
}

static void set_grad_wants(struct fixture *f, bool second)
{
    take_samples(f);
    for (size_t i = 0; i < SAMPLES; i++) {
        double more = second ? op_get(&f->t.in[f->t.ins - 1], f->at[i]) : 0;
        bool pass = passes(f, f->at[i]);
        for (int m = 0; m < 2; m++) {
            f->bound[i][m].f32 += 2 * CHECK_EPS * (fabs(f->want[i]) + fabs(more));
            if (!pass)
                f->bound[i][m] = (struct wino_bound){0, 0};
        }
        f->want[i] = pass ? f->want[i] + more : 0;
    }
}

/* In place dz takes over second, which is put back for each variant. */
static void check_grad_data_as(const int *shape, enum sk_dtype type, bool y, bool second, bool in_place)
{
    struct fixture f;
    char label[64];
    begin(&f, shape, type, CONV_GRAD_DATA);
    f.t.attr.norm_grad = f.t.attr.relu = true;
    f.t.attr.residual = y;
    f.t.attr.second = second;
    f.t.in[0] = y_tensor(&f);
    f.t.in[1] = w_tensor(&f);
    add_masks(&f, y, second);
    f.data.y = doubles_of(&f.t.in[0]);
    f.data.w = doubles_of(&f.t.in[1]);
    f.t.outs = 3;
    f.t.out[0] = in_place ? f.t.in[f.t.ins - 1] : x_tensor(&f);
    f.t.out[1] = op_tensor(SK_F32, OP_DIMS(f.s.c));
    f.t.out[2] = op_tensor(SK_F32, OP_DIMS(f.s.c));
    set_grad_wants(&f, second);
    double *before = doubles_of(&f.t.out[0]);
    for (int v = 0; op_label(&f.t, v, label); v++) {
        check_case("grad_data norm_grad%s%s%s, %s, '%s': %d pictures %dx%d, %d to %d channels, stride %d, pad %d",
                   y ? ", y" : "", second ? ", second" : "", in_place ? " in place" : "", sk_dtype_name(type), label,
                   f.s.n, f.s.h, f.s.w, f.s.c, f.s.k, f.s.stride, f.s.pad);
        for (size_t i = 0; i < op_count(&f.t.out[0]); i++)
            op_set(&f.t.out[0], i, before[i]);
        f.t.label = label;
        op_run(&f.t);
        compare_norm_grad(&f, label);
    }
    op_free_all();
}

static void check_grad_data(const int *shape, enum sk_dtype type)
{
    check_grad_data_as(shape, type, false, false, false);
    check_grad_data_as(shape, type, true, false, false);
    check_grad_data_as(shape, type, false, true, true);
    check_grad_data_as(shape, type, true, true, false);
}

static void test_grad_data(void **state)
{
    (void)state;
    for_all(check_grad_data);
}

/* ---- statistics of numbers far from zero ---- */

/* Each output channel is an input channel: 10000 and a little. */
static void test_digits(void **state)
{
    static const int shape[] = {9, 12, 12, 16, 16, 1, 1};
    struct fixture f;
    (void)state;
    if (sk_isa_level() == SK_ISA_REF)
        skip();
    begin(&f, shape, SK_F32, CONV_FORWARD);
    f.t.attr.stats = true;
    f.t.in[0] = x_tensor(&f);
    f.t.in[1] = op_tensor(SK_F32, OP_DIMS(f.s.k, f.s.c, 3, 3));
    for (size_t i = 0; i < op_count(&f.t.in[0]); i++)
        op_set(&f.t.in[0], i, 1e4 + op_get(&f.t.in[0], i));
    for (int j = 0; j < f.s.k; j++)
        op_set(&f.t.in[1], conv_at(j, j, f.s.c, 1, 3, 1, 3), 1);
    f.t.outs = 3;
    f.t.out[0] = y_tensor(&f);
    f.t.out[1] = op_tensor(SK_F32, OP_DIMS(f.s.k));
    f.t.out[2] = op_tensor(SK_F32, OP_DIMS(f.s.k));
    f.data.x = doubles_of(&f.t.in[0]);
    f.data.w = doubles_of(&f.t.in[1]);
    take_samples(&f);
    for_variants(&f, "digits", compare_stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),   cmocka_unit_test(test_appended), cmocka_unit_test(test_grad_weight),
        cmocka_unit_test(test_grad_data), cmocka_unit_test(test_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
