/* Every optimizer of a recipe over twenty updates with given gradients, as a training runs it: against PyTorch, LARS and
 * LAMB against their papers (optim_steps.h). What is gathered over the parts of a batch, and the average of weights. */
#include "exec/internal.h"
#include "test.h"

#include <math.h>

#include "exec/optim_steps.h"

struct bench {
    struct sk_recipe recipe;
    struct sk_engine *engine;
    struct sk_store *store;
    struct sk_plan *plan;
    struct sk_err err;
};

static void add_param(struct sk_graph *g, const char *name, const struct sk_desc *desc, struct sk_err *err)
{
    int param, gradient;
    assert_ok(sk_graph_tensor(g, name, SK_ROLE_PARAM, desc, &param, err), *err);
    assert_ok(sk_graph_tensor(g, name[0] == 'w' ? "dw" : "db", SK_ROLE_INPUT, desc, &gradient, err), *err);
    g->tensor[param].grad = gradient;
}

static void open_bench(struct bench *b, const char *const *set)
{
    struct sk_graph g = {0};
    struct sk_plan_options o = {.tune = SK_TUNE_OFF};
    struct sk_desc matrix = sk_desc_make(SK_F32, 2, (int64_t[]){3, 5}), vector = sk_desc_make(SK_F32, 1, (int64_t[]){5});
    memset(b, 0, sizeof *b);
    sk_recipe_defaults(&b->recipe);
    for (; *set; set++)
        assert_ok(sk_recipe_set(&b->recipe, *set, &b->err), b->err);
    assert_ok(sk_recipe_check(&b->recipe, &b->err), b->err);
    assert_ok(sk_engine_open(&b->engine, &b->recipe.engine, &b->err), b->err);
    assert_ok(sk_store_new(&b->store, b->engine, &b->err), b->err);
    add_param(&g, "w", &matrix, &b->err);
    add_param(&g, "b", &vector, &b->err);
    assert_ok(sk_graph_update(&g, &b->recipe.train, 0.1, &b->err), b->err);
    assert_ok(sk_graph_check(&g, &b->err), b->err);
    assert_ok(sk_plan_new(&b->plan, b->engine, b->store, &g, &o, &b->err), b->err);
    assert_ok(sk_store_write(b->store, "w", start, MATRIX, &b->err), b->err);
    assert_ok(sk_store_write(b->store, "b", start + MATRIX, VECTOR, &b->err), b->err);
}

static void close_bench(struct bench *b)
{
    sk_plan_free(b->plan);
    sk_store_free(b->store);
    sk_engine_close(b->engine);
}

static void run(struct bench *b, enum sk_phase phase, int gradient, const struct sk_step *step)
{
    const void *inputs[] = {matrix_gradient + gradient * MATRIX, vector_gradient + gradient * VECTOR};
    assert_ok(sk_plan_run(b->plan, phase, phase, inputs, step, NULL, &b->err), b->err);
}

/* The rate falls to half of itself. */
static struct sk_step step_of(const struct bench *b, int t)
{
    return (struct sk_step){.lr = b->recipe.train.optimizer.lr * (1 - 0.5 * t / (STEPS - 1)), .step = t};
}

static void near(struct bench *b, const char *name, const double *want, size_t n, const char *what)
{
    float got[MATRIX];
    double most = 0;
    assert_ok(sk_store_read(b->store, name, got, n, &b->err), b->err);
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= 1e-6 * most))
            fail_msg("%s: %s[%zu] is %.9g, not %.9g", what, name, i, (double)got[i], want[i]);
}

static void twenty_updates(void **state)
{
    (void)state;
    for (size_t c = 0; c < SK_COUNT(cases); c++) {
        struct bench b;
        char set[256];
        snprintf(set, sizeof set, "train.optimizer=%s", cases[c].optimizer);
        open_bench(&b, (const char *[]){set, NULL});
        for (int t = 0; t < STEPS; t++) {
            struct sk_step step = step_of(&b, t);
            run(&b, SK_PHASE_UPDATE, t, &step);
        }
        near(&b, "w", cases[c].end, MATRIX, cases[c].optimizer);
        near(&b, "b", cases[c].end + MATRIX, VECTOR, cases[c].optimizer);
        close_bench(&b);
    }
}

/* Three parts of 2, 2 and 1 samples: one step of plain descent along the weighted mean, and again. What the sum held
 * before says nothing. */
static void parts_of_a_batch(void **state)
{
    static const double share[] = {0.4, 0.4, 0.2};
    struct bench b;
    double want[MATRIX];
    float nothing[MATRIX];
    (void)state;
    open_bench(&b, (const char *[]){"train.optimizer={name: sgd, lr: 0.1, momentum: 0, nesterov: false, weight_decay: 0}",
                                    "train.accumulate=3", "train.batch=5", NULL});
    for (int i = 0; i < MATRIX; i++) {
        want[i] = (double)start[i];
        nothing[i] = NAN;
    }
    assert_ok(sk_store_write(b.store, "gradient.w", nothing, MATRIX, &b.err), b.err);
    for (int t = 0; t < 2; t++) {
        struct sk_step step = {.lr = 0.1, .step = t};
        for (step.part = 0; step.part < 3; step.part++) {
            step.share = share[step.part];
            run(&b, SK_PHASE_GATHER, 3 * t + step.part, &step);
            for (int i = 0; i < MATRIX; i++)
                want[i] -= 0.1 * share[step.part] * (double)matrix_gradient[(3 * t + step.part) * MATRIX + i];
        }
        run(&b, SK_PHASE_UPDATE, 0, &step);
    }
    near(&b, "w", want, MATRIX, "parts");
    close_bench(&b);
}

/* d = min(0.75, t / (t + 9)): reached by the warm-up at t = 27, not within these steps; 0.25 is, at t = 3. */
static void check_average(const char *decay, double most)
{
    struct bench b;
    char set[64];
    double want[VECTOR] = {0};
    snprintf(set, sizeof set, "train.ema=%s", decay);
    open_bench(&b, (const char *[]){"train.optimizer={name: sgd, lr: 0.1}", set, NULL});
    for (int t = 0; t < STEPS; t++) {
        struct sk_step step = step_of(&b, t);
        float now[VECTOR];
        run(&b, SK_PHASE_UPDATE, t, &step);
        assert_ok(sk_store_read(b.store, "b", now, VECTOR, &b.err), b.err);
        double d = fmin(most, t / (t + 9.0));
        for (int i = 0; i < VECTOR; i++)
            want[i] = d * want[i] + (1 - d) * (double)now[i];
    }
    near(&b, "ema.b", want, VECTOR, set);
    close_bench(&b);
}

static void averages(void **state)
{
    (void)state;
    check_average("0.75", 0.75);
    check_average("0.25", 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_updates),
        cmocka_unit_test(parts_of_a_batch),
        cmocka_unit_test(averages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
