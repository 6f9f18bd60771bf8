/* Choosing samples class by class: splits and shares by seed. */
#include "data/subset.h"

enum sk_code sk_subset_all(struct sk_subset *s, int64_t count, struct sk_err *err)
{
    *s = (struct sk_subset){0};
    if (count > UINT32_MAX)
        return sk_fail(err, SK_INPUT, "cannot choose from %lld samples: expected at most %u", (long long)count,
                       UINT32_MAX);
    if (!(s->index = sk_alloc((size_t)count, sizeof(*s->index), err)))
        return SK_NOMEM;
    for (int64_t i = 0; i < count; i++)
        s->index[i] = (uint32_t)i;
    s->count = count;
    return SK_OK;
}

void sk_subset_release(struct sk_subset *s)
{
    sk_free(s->index);
    *s = (struct sk_subset){0};
}

/* How many of the n samples of a class are marked. */
struct rule {
    double fraction;
    int64_t seed;
    uint32_t draw;  /* different draws from one seed do not depend on each other */
    bool leave_one; /* one sample at least stays unmarked */
};

static size_t count_of(const struct rule *r, size_t n)
{
    size_t most = r->leave_one && n > 0 ? n - 1 : n, count = (size_t)((double)n * r->fraction + 0.5);
    if (!(r->fraction > 0.0))
        return 0;
    count = count < 1 ? 1 : count;
    return count > most ? most : count;
}

/* Marks samples of one class: at[n] are their places in the subset, in an order that is lost. */
static void mark_class(bool *mark, uint32_t *at, size_t n, int label, const struct rule *r)
{
    struct sk_rng rng;
    sk_rng_init(&rng, (uint64_t)r->seed, r->draw, (uint64_t)label, SK_RNG_SPLIT);
    for (size_t i = 0, count = count_of(r, n); i < count; i++) {
        size_t j = i + sk_rng_below(&rng, (uint32_t)(n - i));
        mark[at[j]] = true;
        at[j] = at[i];
    }
}

static int label_at(const struct sk_subset *s, const struct sk_subset_of *of, int64_t i)
{
    return of->ops->label(of->self, s->index[i]);
}

/* Whether a sample is drawn for itself. */
static bool is_drawn(const struct sk_subset_of *of, int64_t i)
{
    return !of->same || of->same[i] == i;
}

/* Whether a sample is kept: as it was marked, or the one that it goes with. */
static bool is_kept(const struct sk_subset_of *of, const bool *mark, int64_t i, bool marked)
{
    return of->same ? of->same[i] == SK_SPLIT_ALREADY || mark[of->same[i]] == marked : mark[i] == marked;
}

/* Keeps the samples that the rule marks, or the others. Where of->same is set, the subset has all samples. */
static enum sk_code keep(struct sk_subset *s, const struct sk_subset_of *of, const struct rule *r, bool marked,
                         struct sk_err *err)
{
    const size_t classes = (size_t)of->classes;
    bool *mark = sk_alloc((size_t)s->count, sizeof(*mark), err);
    uint32_t *at = mark ? sk_alloc((size_t)s->count, sizeof(*at), err) : NULL;
    size_t *end = at ? sk_alloc(classes + 1, sizeof(*end), err) : NULL; /* of a class' places in at */
    if (end) {
        for (int64_t i = 0; i < s->count; i++)
            end[label_at(s, of, i) + 1] += is_drawn(of, i);
        for (size_t c = 0; c < classes; c++)
            end[c + 1] += end[c];
        for (int64_t i = 0; i < s->count; i++)
            if (is_drawn(of, i))
                at[end[label_at(s, of, i)]++] = (uint32_t)i; /* from the begin of a class to its end */
        for (size_t c = 0, begin = 0; c < classes; begin = end[c++])
            mark_class(mark, at + begin, end[c] - begin, (int)c, r);
        int64_t kept = 0;
        for (int64_t i = 0; i < s->count; i++)
            if (is_kept(of, mark, i, marked))
                s->index[kept++] = s->index[i];
        s->count = kept;
    }
    enum sk_code code = end ? SK_OK : SK_NOMEM;
    sk_free(end);
    sk_free(at);
    sk_free(mark);
    return code;
}

enum sk_code sk_subset_split(struct sk_subset *s, const struct sk_subset_of *of, double fraction, int64_t seed,
                             enum sk_split split, struct sk_err *err)
{
    const struct rule rule = {.fraction = fraction, .seed = seed, .leave_one = true};
    return keep(s, of, &rule, split == SK_VAL, err);
}

enum sk_code sk_subset_share(struct sk_subset *s, const struct sk_subset_of *of, double fraction, int64_t seed,
                             struct sk_err *err)
{
    const struct rule rule = {.fraction = fraction, .seed = seed, .draw = 1};
    return keep(s, of, &rule, true, err);
}

void sk_subset_only(struct sk_subset *s, const struct sk_subset_of *of, const int *label_map)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < s->count; i++)
        if (label_map[label_at(s, of, i)] >= 0)
            s->index[kept++] = s->index[i];
    s->count = kept;
}
