/* Schedules against rates computed with torch.optim.lr_scheduler (OneCycleLR, LinearLR then CosineAnnealingLR,
 * CosineAnnealingLR, StepLR), among them those of a published 50-epoch ResNet-50 run. */
#include "test.h"

#include <math.h>

#include "train/train.h"

struct expected {
    int64_t step;
    double lr;
};

static void check(const struct sk_recipe_train *t, int64_t steps_per_epoch, int64_t total, const struct expected *e,
                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double lr = sk_schedule_lr(t, e[i].step, steps_per_epoch, total);
        if (!(fabs(lr - e[i].lr) <= 1e-12 + 1e-9 * e[i].lr))
            fail_msg("step %lld: expected %.17g, got %.17g", (long long)e[i].step, e[i].lr, lr);
    }
}
#define CHECK(t, steps_per_epoch, total, ...)                                                                          \
    do {                                                                                                               \
        const struct expected rows[] = {__VA_ARGS__};                                                                  \
        check(&(t), (steps_per_epoch), (total), rows, SK_COUNT(rows));                                                 \
    } while (0)

static void one_cycle_of_the_published_run(void **state)
{
    enum { EPOCH = 5005 };
    struct sk_recipe_train t = {
        .optimizer.lr = 0.175,
        .schedule = {
            .name = SK_SCHED_ONE_CYCLE, .epochs = 50, .pct_start = 0.3, .div_factor = 25, .final_div_factor = 1e4}};
    (void)state;
    CHECK(t, EPOCH, 50 * EPOCH, {0, 0.0070000000000000062}, {1, 0.0070000000735478407},
          {10 * EPOCH, 0.13300202943655018}, {15 * EPOCH - 1, 0.17499999999999999}, {20 * EPOCH, 0.16633412973028211},
          {30 * EPOCH, 0.10696932395853906}, {40 * EPOCH, 0.032943983701322607},
          {50 * EPOCH - 2, 7.0001407121980365e-07}, {50 * EPOCH - 1, 7e-07});
    /* the run went on to epoch 55 at the final rate */
    CHECK(t, EPOCH, 55 * EPOCH, {0, 0.0070000000000000062}, {20 * EPOCH, 0.16633412973028211}, {50 * EPOCH, 7e-07},
          {55 * EPOCH - 1, 7e-07});
}

static void one_cycle_whose_peak_falls_between_steps(void **state)
{
    struct sk_recipe_train t = {
        .optimizer.lr = 0.1,
        .schedule = {.name = SK_SCHED_ONE_CYCLE, .pct_start = 0.25, .div_factor = 10, .final_div_factor = 100}};
    (void)state;
    CHECK(t, 7, 38, {0, 0.009999999999999995}, {1, 0.01303874967680399}, {8, 0.099233789485775589},
          {9, 0.099924151745844139}, {10, 0.099318747104965979}, {20, 0.064960814809534653},
          {36, 0.00040316266796842324});
}

static void one_cycle_of_the_momentum(void **state)
{
    static const struct expected want[] = {{0, 0.95}, {1, 0.9466236114702178}, {8, 0.8508513450158048},
                                           {9, 0.8500759241783342}, {20, 0.8850742594499152}, {36, 0.9496965338658975},
                                           {37, 0.95}, {50, 0.95}};
    struct sk_recipe_train t = {
        .optimizer.lr = 0.1,
        .schedule = {.name = SK_SCHED_ONE_CYCLE, .pct_start = 0.25, .base_momentum = 0.85, .max_momentum = 0.95}};
    (void)state;
    assert_true(sk_schedule_momentum(&t, 3, 7, 38) == 0);
    t.schedule.cycle_momentum = true;
    for (size_t i = 0; i < SK_COUNT(want); i++)
        assert_true(fabs(sk_schedule_momentum(&t, want[i].step, 7, 38) - want[i].lr) < 1e-12);
    t.schedule.name = SK_SCHED_COSINE;
    assert_true(sk_schedule_momentum(&t, 3, 7, 38) == 0);
}

static void one_cycle_of_a_few_steps_is_finite(void **state)
{
    struct sk_recipe_train t = {
        .optimizer.lr = 0.1,
        .schedule = {.name = SK_SCHED_ONE_CYCLE, .pct_start = 0.3, .div_factor = 10, .final_div_factor = 100}};
    (void)state;
    for (int64_t total = 1; total < 8; total++)
        for (int64_t step = 0; step < total + 2; step++) {
            double lr = sk_schedule_lr(&t, step, 1, total);
            assert_true(isfinite(lr) && lr > 0 && lr <= 0.1);
        }
}

static void cosine_with_warm_up(void **state)
{
    struct sk_recipe_train t = {
        .optimizer.lr = 0.3, .schedule = {.name = SK_SCHED_COSINE, .warmup_epochs = 0.7, .epochs = 3, .min_lr = 0.001}};
    (void)state;
    CHECK(t, 10, 1000, {0, 0.042857142857142851}, {1, 0.085714285714285701}, {6, 0.3}, {7, 0.3},
          {8, 0.29860754893243141}, {15, 0.21927972314080721}, {29, 0.0023924510675685682}, {30, 0.001}, {99, 0.001});
}

static void cosine_over_the_whole_training(void **state)
{
    struct sk_recipe_train t = {.optimizer.lr = 0.1, .schedule = {.name = SK_SCHED_COSINE}};
    (void)state;
    CHECK(t, 10, 40, {0, 0.1}, {1, 0.099845866686656404}, {13, 0.076124928235797432}, {39, 0.00015413331334360181},
          {40, 0});
}

static void steps_and_constant(void **state)
{
    struct sk_recipe_train t = {.optimizer.lr = 0.1,
                                .schedule = {.name = SK_SCHED_STEP, .step_epochs = 2, .gamma = 0.5}};
    (void)state;
    CHECK(t, 5, 50, {0, 0.1}, {9, 0.1}, {10, 0.05}, {19, 0.05}, {20, 0.025}, {40, 0.00625});
    t.schedule.warmup_epochs = 0.4;
    CHECK(t, 5, 50, {0, 0.05}, {1, 0.1}, {2, 0.1}, {10, 0.05});
    t.schedule = (struct sk_recipe_schedule){.name = SK_SCHED_STEP, .step_epochs = 0.07, .gamma = 0.5};
    CHECK(t, 100, 50, {6, 0.1}, {7, 0.05}, {13, 0.05}, {14, 0.025}); /* 0.07 * 100 is above 7 */
    t.schedule = (struct sk_recipe_schedule){.name = SK_SCHED_CONSTANT};
    CHECK(t, 5, 50, {0, 0.1}, {49, 0.1}, {1000, 0.1});
}

static void the_rest(void **state)
{
    struct sk_recipe_train t = {.optimizer.lr = 0.1,
                                .schedule = {.name = SK_SCHED_MULTI_STEP, .gamma = 0.5, .milestones = {2, {1, 2.5}}}};
    (void)state;
    CHECK(t, 4, 40, {0, 0.1}, {3, 0.1}, {4, 0.05}, {9, 0.05}, {10, 0.025}, {39, 0.025});
    t.schedule.warmup_epochs = 0.5; /* epochs are counted from the beginning */
    CHECK(t, 4, 40, {0, 0.05}, {1, 0.1}, {3, 0.1}, {4, 0.05}, {9, 0.05}, {10, 0.025});
    t.schedule = (struct sk_recipe_schedule){.name = SK_SCHED_POLYNOMIAL, .power = 2, .min_lr = 0.02, .epochs = 5};
    CHECK(t, 4, 40, {0, 0.1}, {10, 0.04}, {20, 0.02}, {39, 0.02});
    t.schedule = (struct sk_recipe_schedule){.name = SK_SCHED_EXPONENTIAL, .gamma = 0.25};
    CHECK(t, 4, 40, {0, 0.1}, {2, 0.05}, {4, 0.025}, {8, 0.00625}, {40, 9.5367431640625e-08});
    t.schedule.warmup_epochs = 0.5; /* it begins to fall behind its warm-up */
    CHECK(t, 4, 40, {0, 0.05}, {1, 0.1}, {2, 0.1}, {4, 0.05}, {6, 0.025});
    t.schedule = (struct sk_recipe_schedule){.name = SK_SCHED_FLAT_LINEAR, .flat_epochs = 2, .warmup_epochs = 0.5};
    CHECK(t, 4, 28, {0, 0.05}, {1, 0.1}, {2, 0.1}, {8, 0.1}, {18, 0.05}, {27, 0.005}, {28, 0}, {50, 0});
}

static void rate_grows_with_the_batch(void **state)
{
    struct sk_recipe_train t = {.batch = 512, .optimizer = {.lr = 0.1, .base_batch = 256},
                                .schedule = {.name = SK_SCHED_COSINE, .warmup_epochs = 1, .min_lr = 0.01}};
    (void)state;
    CHECK(t, 5, 25, {0, 0.04}, {4, 0.2}, {5, 0.2}, {15, 0.105}, {25, 0.01});
}

/* ReduceLROnPlateau of PyTorch 2.15, lr 0.1, on these losses. */
static void check_plateau(const struct sk_recipe_schedule *s, const double *want)
{
    static const double loss[] = {2.0,  1.5,  1.5,  1.49999, 1.4,  1.4, 1.4,  1.4,  1.6,  1.3,  1.31,
                                  1.32, 1.33, 1.34, 1.35,    1.2,  1.21, 1.22, 1.23, 1.24, 1.25, 1.26};
    struct sk_plateau p = {.low = -1};
    for (size_t i = 0; i < SK_COUNT(loss); i++) {
        sk_plateau_epoch(&p, s, loss[i]);
        double lr = sk_plateau_lr(&p, s, 0.1);
        if (!(fabs(lr - want[i]) <= 1e-12))
            fail_msg("epoch %zu: expected %.17g, got %.17g", i, want[i], lr);
    }
}

static void plateau(void **state)
{
    (void)state;
    check_plateau(&(struct sk_recipe_schedule){.patience = 1, .gamma = 0.5, .min_lr = 0.02, .threshold = 1e-4},
                  (const double[]){0.1,  0.1,  0.1,  0.05, 0.05, 0.05, 0.025, 0.025, 0.02, 0.02, 0.02,
                                   0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02,  0.02,  0.02, 0.02, 0.02});
    check_plateau(&(struct sk_recipe_schedule){.patience = 2, .gamma = 0.1, .cooldown = 2, .threshold = 0.05},
                  (const double[]){0.1,  0.1,   0.1,   0.1,   0.1,   0.1,   0.1,  0.01, 0.01, 0.01, 0.01,
                                   0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 1e-4, 1e-4, 1e-4, 1e-4});
    /* the threshold is a share */
    check_plateau(&(struct sk_recipe_schedule){.patience = 1, .gamma = 0.5, .threshold = 0.08},
                  (const double[]){0.1,     0.1,     0.1,      0.05,     0.05,      0.025,     0.025,      0.0125,
                                   0.0125,  0.0125,  0.0125,   0.00625,  0.00625,   0.003125,  0.003125,   0.0015625,
                                   0.0015625, 0.00078125, 0.00078125, 0.000390625, 0.000390625, 0.0001953125});
}

/* The warm-up of a training that goes on: min_lr lifts no rate that is below it. */
static void plateau_within_the_warm_up(void **state)
{
    const struct sk_recipe_schedule s = {.gamma = 0.5, .min_lr = 0.02};
    const struct sk_plateau dropped = {.drops = 3};
    (void)state;
    assert_true(sk_plateau_lr(&dropped, &s, 0.01) == 0.01);
    assert_true(sk_plateau_lr(&dropped, &s, 0.1) == 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cycle_of_the_published_run),
        cmocka_unit_test(one_cycle_whose_peak_falls_between_steps),
        cmocka_unit_test(one_cycle_of_the_momentum),
        cmocka_unit_test(one_cycle_of_a_few_steps_is_finite),
        cmocka_unit_test(cosine_with_warm_up),
        cmocka_unit_test(cosine_over_the_whole_training),
        cmocka_unit_test(steps_and_constant),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(rate_grows_with_the_batch),
        cmocka_unit_test(plateau),
        cmocka_unit_test(plateau_within_the_warm_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
