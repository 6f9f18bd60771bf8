/* Scores against scikit-learn, SciPy and the definitions (scores/make_scores.py: stored cases, or those of
 * SKUA_SCORES_CASES), and what those do not say: order, ties, bounds of memory, logits that are no numbers. */
#include "test.h"

#include <math.h>

#include "format/format.h"
#include "train/train.h"

static struct sk_safetensors st;
static int number;

/* Tensor `name` of the case; *n its elements. */
static const double *values(const char *name, size_t *n)
{
    char full[64];
    snprintf(full, sizeof(full), "%d.%s", number, name);
    const struct sk_st_tensor *t = sk_st_find(&st, full);
    assert_true(t && t->elem == SK_ELEM_F64);
    *n = t->bytes / sizeof(double);
    return t->data;
}

static void assert_near(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
        fail_msg("case %d: %s is %.17g, expected %.17g", number, what, got, want);
}

static void compare_figures(const struct sk_scores *s)
{
    size_t n = 0;
    const double *want = values("figures", &n);
    struct sk_temperature t;
    double count = (double)s->count;
    assert_true(n == 17);
    sk_scores_temperature(s, &t);
    double got[17] = {s->loss_sum / count, (double)s->correct1 / count, (double)s->correct5 / count};
    for (int a = 0; a < SK_AVERAGES; a++) {
        struct sk_prf p = sk_scores_average(s, (enum sk_average)a);
        got[3 + 3 * a] = p.precision, got[4 + 3 * a] = p.recall, got[5 + 3 * a] = p.f1;
    }
    got[12] = sk_bins_ece(s->bin), got[13] = t.value, got[14] = t.loss_before, got[15] = t.loss_after;
    got[16] = t.ece_after;
    static const char *const name[17] = {
        "the loss",        "top-1",           "top-5",           "macro precision",    "macro recall",    "macro F1",
        "micro precision", "micro recall",    "micro F1",        "weighted precision", "weighted recall", "weighted F1",
        "the ECE",         "the temperature", "the loss before", "the loss after",     "the ECE after"};
    for (int i = 0; i < 17; i++)
        assert_near(name[i], got[i], want[i], i == 13 || i == 16 ? 1e-9 : 1e-12);
    assert_near("the ECE before", t.ece_before, want[12], 1e-12);
    assert_true(t.samples == s->count);
}

static void compare_tables(const struct sk_scores *s)
{
    size_t n = 0, k = (size_t)s->classes;
    const double *want = values("classes", &n);
    assert_true(n == 3 * k);
    for (size_t c = 0; c < k; c++) {
        struct sk_prf p = sk_scores_class(s, (int)c);
        assert_near("precision", p.precision, want[3 * c], 1e-12);
        assert_near("recall", p.recall, want[3 * c + 1], 1e-12);
        assert_near("F1", p.f1, want[3 * c + 2], 1e-12);
    }
    want = values("confusion", &n);
    assert_true(n == k * k);
    for (size_t i = 0; i < n; i++)
        assert_true((double)s->confusion[i] == want[i]);
    want = values("bins", &n);
    assert_true(n == 3 * SK_SCORES_BINS);
    for (size_t b = 0; b < SK_SCORES_BINS; b++) {
        assert_true((double)s->bin[b].count == want[3 * b] && (double)s->bin[b].correct == want[3 * b + 1]);
        assert_near("confidence of a bin", s->bin[b].confidence_sum, want[3 * b + 2], 1e-12);
    }
    want = values("mistakes", &n);
    assert_true((size_t)s->mistakes == n);
    for (size_t i = 0; i < n; i++)
        assert_near("probability of a mistake", s->mistake[i].probability, want[i], 1e-12);
}

static void score_case(const struct sk_st_tensor *logits)
{
    struct sk_scores s;
    struct sk_scored out;
    struct sk_err err = {0};
    size_t n = 0, k = (size_t)logits->dim[1];
    const double *label = values("labels", &n);
    assert_true(logits->elem == SK_ELEM_F32 && n == (size_t)logits->dim[0]);
    assert_ok(sk_scores_init(&s, (int)k, SK_SCORES_MISTAKES_MAX, &err), err);
    for (size_t i = 0; i < n; i++) {
        float row[64];
        assert_true(k <= SK_COUNT(row));
        memcpy(row, (const char *)logits->data + i * k * sizeof(float), k * sizeof(float));
        assert_ok(sk_scores_add(&s, row, (int)label[i], (int64_t)i, &out, &err), err);
    }
    sk_scores_finish(&s);
    compare_figures(&s);
    compare_tables(&s);
    sk_scores_release(&s);
}

static void cases_are_scikit_learns(void **state)
{
    char name[32];
    (void)state;
    for (number = 0;; number++) {
        snprintf(name, sizeof(name), "%d.logits", number);
        const struct sk_st_tensor *logits = sk_st_find(&st, name);
        if (!logits)
            break;
        score_case(logits);
    }
    assert_true(number >= 12);
}

static void mcnemar_is_scipys(void **state)
{
    const struct sk_st_tensor *t = sk_st_find(&st, "mcnemar");
    (void)state;
    assert_true(t && t->elem == SK_ELEM_F64 && t->rank == 2 && t->dim[0] >= 10 && t->dim[1] == 3);
    for (int64_t i = 0; i < t->dim[0]; i++) {
        double row[3];
        memcpy(row, (const char *)t->data + (size_t)i * sizeof(row), sizeof(row));
        assert_near("p", sk_mcnemar((int64_t)row[0], (int64_t)row[1]), row[2], 1e-10);
        assert_true(row[2] < 1e-6 || fabs(sk_mcnemar((int64_t)row[1], (int64_t)row[0]) / row[2] - 1) < 1e-9);
    }
}

/* ---- what one sample is made of ---- */
static void ties_go_by_index(void **state)
{
    static const float logits[7] = {0, 2, 1, 2, 1, 1, -1};
    static const int order[5] = {1, 3, 2, 4, 5};
    struct sk_scores s;
    struct sk_scored out;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_scores_init(&s, 7, 1, &err), err);
    for (int label = 0; label < 7; label++)
        assert_ok(sk_scores_add(&s, logits, label, label, &out, &err), err);
    assert_true(out.tops == 5 && out.label == 6 && out.index == 6);
    for (int i = 0; i < 5; i++)
        assert_int_equal(out.top[i], order[i]);
    assert_true(out.probability[0] == out.probability[1] && out.probability[1] > out.probability[2]);
    assert_true(fabs(out.loss + log(out.label_probability)) < 1e-14);
    assert_true(s.correct1 == 1 && s.correct5 == 5);
    sk_scores_release(&s);
}

static void what_is_no_number_is_refused(void **state)
{
    static const struct {
        float value;
        const char *text;
    } rows[] = {{NAN, "class 2 has the logit nan"},
                {INFINITY, "class 2 has the logit infinity"},
                {-INFINITY, "class 2 has the logit -infinity"}};
    struct sk_scores s;
    struct sk_scored out;
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_scores_init(&s, 3, 1, &err), err);
    for (size_t i = 0; i < SK_COUNT(rows); i++)
        assert_error(sk_scores_add(&s, (float[]){0, 1, rows[i].value}, 1, 0, &out, &err), SK_INPUT, err, rows[i].text);
    assert_true(s.count == 0 && s.kept_count == 0);
    assert_ok(sk_scores_add(&s, (float[]){3e38f, -3e38f, 0}, 1, 0, &out, &err), err); /* finite, however large */
    assert_true(isfinite(out.loss) && out.probability[0] == 1 && s.mistakes == 1);
    sk_scores_release(&s);
}

/* ---- what is kept ---- */
static int by_confidence(const void *a, const void *b)
{
    const struct sk_scored *x = a, *y = b;
    if (x->probability[0] > y->probability[0] || x->probability[0] < y->probability[0])
        return x->probability[0] > y->probability[0] ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Of samples in a random order, many of them equally confident. */
static void the_most_confident_mistakes_are_kept(void **state)
{
    enum { SAMPLES = 700, CLASSES = 4 };
    static struct sk_scored wrong[SAMPLES];
    struct sk_rng rng;
    struct sk_err err = {0};
    (void)state;
    for (int keep = 0; keep <= 300; keep = 3 * keep + 1) {
        struct sk_scores s;
        int n = 0;
        sk_rng_init(&rng, 5, 0, (uint64_t)keep, SK_RNG_TEST);
        assert_ok(sk_scores_init(&s, CLASSES, keep, &err), err);
        for (int i = 0; i < SAMPLES; i++) {
            float row[CLASSES];
            for (int j = 0; j < CLASSES; j++)
                row[j] = (float)sk_rng_below(&rng, 4);
            assert_ok(sk_scores_add(&s, row, (int)sk_rng_below(&rng, CLASSES), i, &wrong[n], &err), err);
            n += wrong[n].top[0] != wrong[n].label;
        }
        sk_scores_finish(&s);
        qsort(wrong, (size_t)n, sizeof(*wrong), by_confidence);
        assert_true(n > 400 && s.mistakes == (keep < n ? keep : n));
        for (int i = 0; i < s.mistakes; i++)
            assert_true(s.mistake[i].index == wrong[i].index && s.mistake[i].label == wrong[i].label &&
                        s.mistake[i].predicted == wrong[i].top[0]);
        sk_scores_release(&s);
    }
}

static void logits_are_thinned_out(void **state)
{
    static const struct {
        size_t max;
        int samples, stride, kept;
    } rows[] = {{4, 4, 1, 4}, {4, 5, 2, 3}, {4, 100, 32, 4}, {3, 4, 2, 2}, {3, 8, 4, 2}, {2, 9, 8, 2}};
    struct sk_err err = {0};
    struct sk_scored out;
    (void)state;
    for (size_t r = 0; r < SK_COUNT(rows); r++) {
        struct sk_scores s;
        assert_ok(sk_scores_init(&s, 2, 0, &err), err);
        s.kept_max = rows[r].max;
        for (int i = 0; i < rows[r].samples; i++)
            assert_ok(sk_scores_add(&s, (float[]){(float)i, 0}, i % 2, i, &out, &err), err);
        assert_true(s.stride == rows[r].stride && s.kept_count == (size_t)rows[r].kept);
        for (size_t i = 0; i < s.kept_count; i++)
            assert_true((int64_t)s.kept[2 * i] == (int64_t)i * s.stride &&
                        s.kept_label[i] == (int64_t)i * s.stride % 2);
        sk_scores_release(&s);
    }
}

static void memory_is_bounded(void **state)
{
    struct sk_scores s;
    struct sk_err err = {0};
    struct sk_confused pair;
    (void)state;
    assert_ok(sk_scores_init(&s, 1000, 0, &err), err);
    assert_true(s.confusion && s.kept_max * 1000 * sizeof(float) <= SK_SCORES_KEPT_BYTES && s.kept_max > 16000);
    sk_scores_release(&s);
    assert_ok(sk_scores_init(&s, SK_SCORES_MATRIX_CLASSES + 1, 0, &err), err);
    assert_true(!s.confusion && sk_scores_confused(&s, &pair, 1) == 0);
    sk_scores_release(&s);
    for (int fail = 1; fail <= 5; fail++) { /* an allocation that fails leaves something that can be released */
        sk_mem_fail_after(fail);
        assert_error(sk_scores_init(&s, 10, 5, &err), SK_NOMEM, err, "");
        sk_mem_fail_after(0);
        sk_scores_release(&s);
    }
}

static void pairs_come_by_count(void **state)
{
    static const int seen[][3] = {{0, 1, 3}, {1, 0, 5}, {2, 0, 3}, {2, 2, 9}, {2, 3, 1}}; /* label, prediction, times */
    static const int want[][3] = {{1, 0, 5}, {0, 1, 3}, {2, 0, 3}, {2, 3, 1}};
    struct sk_scores s;
    struct sk_scored out;
    struct sk_err err = {0};
    struct sk_confused pair[8];
    (void)state;
    assert_ok(sk_scores_init(&s, 4, 0, &err), err);
    for (size_t i = 0; i < SK_COUNT(seen); i++)
        for (int n = 0; n < seen[i][2]; n++) {
            float row[4] = {0};
            row[seen[i][1]] = 1;
            assert_ok(sk_scores_add(&s, row, seen[i][0], n, &out, &err), err);
        }
    for (int max = 0; max <= 8; max++) {
        int n = sk_scores_confused(&s, pair, max);
        assert_int_equal(n, max < 4 ? max : 4);
        for (int i = 0; i < n; i++)
            assert_true(pair[i].label == want[i][0] && pair[i].predicted == want[i][1] && pair[i].count == want[i][2]);
    }
    assert_true(sk_scores_occurs(&s, 3) && s.support[3] == 0); /* only predicted */
    sk_scores_release(&s);
}

/* numpy.percentile of the same numbers. */
static void latency_is_numpys(void **state)
{
    double seconds[] = {4, 1, 3, 2, 10}, one[] = {0.5};
    struct sk_latency l;
    (void)state;
    sk_latency_of(seconds, 5, &l);
    assert_true(l.samples == 5 && l.mean == 4 && l.median == 3);
    assert_true(fabs(l.p90 - 7.6) < 1e-12 && fabs(l.p99 - 9.76) < 1e-12);
    sk_latency_of(one, 1, &l);
    assert_true(l.samples == 1 && l.mean == 0.5 && l.median == 0.5 && l.p90 == 0.5 && l.p99 == 0.5);
}

static int open_cases(void **state)
{
    const char *other = getenv("SKUA_SCORES_CASES");
    struct sk_err err = {0};
    (void)state;
    assert_ok(sk_st_open(&st, other ? other : SKUA_TEST_DIR "/train/scores/scores.safetensors", &err), err);
    return 0;
}

static int close_cases(void **state)
{
    (void)state;
    sk_st_close(&st);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_scikit_learns),
        cmocka_unit_test(mcnemar_is_scipys),
        cmocka_unit_test(ties_go_by_index),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(the_most_confident_mistakes_are_kept),
        cmocka_unit_test(logits_are_thinned_out),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(pairs_come_by_count),
        cmocka_unit_test(latency_is_numpys),
    };
    return cmocka_run_group_tests(tests, open_cases, close_cases);
}
