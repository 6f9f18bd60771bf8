/* Scores gathered sample after sample, in bounded memory. */
#include "train/scores.h"

#include <math.h>
#include <string.h>

enum sk_code sk_scores_init(struct sk_scores *s, int classes, int mistakes, struct sk_err *err)
{
    size_t k = (size_t)classes, row = k * sizeof(float);
    *s = (struct sk_scores){.classes = classes, .mistakes_max = mistakes, .stride = 1};
    s->kept_max = row < SK_SCORES_KEPT_BYTES / 2 ? SK_SCORES_KEPT_BYTES / row : 2;
    int64_t **const counts[] = {&s->support, &s->predicted, &s->correct};
    for (size_t i = 0; i < SK_COUNT(counts); i++)
        if (!(*counts[i] = sk_alloc(k, sizeof(int64_t), err)))
            return SK_NOMEM;
    if (classes <= SK_SCORES_MATRIX_CLASSES && !(s->confusion = sk_alloc(k * k, sizeof(int64_t), err)))
        return SK_NOMEM;
    s->mistake = sk_alloc((size_t)mistakes, sizeof(*s->mistake), err);
    return s->mistake ? SK_OK : SK_NOMEM;
}

void sk_scores_release(struct sk_scores *s)
{
    sk_free(s->support);
    sk_free(s->predicted);
    sk_free(s->correct);
    sk_free(s->confusion);
    sk_free(s->mistake);
    sk_free(s->kept);
    sk_free(s->kept_label);
    *s = (struct sk_scores){0};
}

/* ---- one sample ---- */
static enum sk_code check(const float *logits, int classes, struct sk_err *err)
{
    for (int j = 0; j < classes; j++)
        if (!isfinite(logits[j]))
            return sk_fail(err, SK_INPUT, "class %d has the logit %s", j,
                           isnan(logits[j]) ? "nan"
                           : logits[j] > 0  ? "infinity"
                                            : "-infinity");
    return SK_OK;
}

/* The largest logits in order: a later one that is equal comes after. */
static void rank(const float *logits, int classes, struct sk_scored *out)
{
    out->tops = 0;
    for (int j = 0; j < classes; j++) {
        int at = out->tops;
        while (at > 0 && logits[j] > logits[out->top[at - 1]])
            at--;
        if (at == SK_SCORES_TOP)
            continue;
        out->tops += out->tops < SK_SCORES_TOP;
        for (int i = out->tops - 1; i > at; i--)
            out->top[i] = out->top[i - 1];
        out->top[at] = j;
    }
}

static void judge(const float *logits, int classes, struct sk_scored *out)
{
    double sum = 0, max;
    rank(logits, classes, out);
    max = (double)logits[out->top[0]];
    for (int j = 0; j < classes; j++)
        sum += exp((double)logits[j] - max);
    for (int i = 0; i < out->tops; i++)
        out->probability[i] = exp((double)logits[out->top[i]] - max) / sum;
    out->label_probability = exp((double)logits[out->label] - max) / sum;
    out->loss = log(sum) - ((double)logits[out->label] - max);
}

static bool among(const struct sk_scored *o, int label)
{
    for (int i = 0; i < o->tops; i++)
        if (o->top[i] == label)
            return true;
    return false;
}

static void count(struct sk_scores *s, const struct sk_scored *o)
{
    int predicted = o->top[0];
    bool right = predicted == o->label;
    s->count++;
    s->correct1 += right;
    s->correct5 += among(o, o->label);
    s->loss_sum += o->loss;
    s->support[o->label]++;
    s->predicted[predicted]++;
    s->correct[predicted] += right;
    if (s->confusion)
        s->confusion[(size_t)o->label * (size_t)s->classes + (size_t)predicted]++;
    sk_bin_add(s->bin, o->probability[0], right);
}

/* ---- mistakes: a heap whose root is the one to give up first ---- */
static bool is_worse(const struct sk_mistake *a, const struct sk_mistake *b)
{
    return a->probability > b->probability || (!(a->probability < b->probability) && a->index < b->index);
}

static void sift_down(struct sk_mistake *heap, int n, int at)
{
    struct sk_mistake moved = heap[at];
    for (int child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_worse(&heap[child], &heap[child + 1]))
            child++;
        if (!is_worse(&moved, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void make_heap(struct sk_scores *s)
{
    for (int i = s->mistakes / 2 - 1; i >= 0; i--)
        sift_down(s->mistake, s->mistakes, i);
}

static void keep_mistake(struct sk_scores *s, const struct sk_scored *o)
{
    struct sk_mistake m = {o->index, o->label, o->top[0], o->probability[0], o->label_probability};
    if (m.label == m.predicted || s->mistakes_max == 0)
        return;
    if (s->mistakes < s->mistakes_max) {
        s->mistake[s->mistakes++] = m;
        if (s->mistakes == s->mistakes_max) /* from now on the least one has to be known */
            make_heap(s);
    } else if (is_worse(&m, &s->mistake[0])) {
        s->mistake[0] = m;
        sift_down(s->mistake, s->mistakes, 0);
    }
}

void sk_scores_finish(struct sk_scores *s)
{
    make_heap(s);
    for (int n = s->mistakes - 1; n > 0; n--) {
        struct sk_mistake least = s->mistake[0];
        s->mistake[0] = s->mistake[n];
        s->mistake[n] = least;
        sift_down(s->mistake, n, 0);
    }
}

/* ---- logits for the temperature ---- */
static void thin_out(struct sk_scores *s)
{
    size_t k = (size_t)s->classes;
    s->kept_count = (s->kept_count + 1) / 2;
    for (size_t i = 1; i < s->kept_count; i++) {
        memcpy(s->kept + i * k, s->kept + 2 * i * k, k * sizeof(*s->kept));
        s->kept_label[i] = s->kept_label[2 * i];
    }
    s->stride *= 2;
}

static enum sk_code keep_logits(struct sk_scores *s, const float *logits, int label, struct sk_err *err)
{
    size_t k = (size_t)s->classes;
    if (s->count % s->stride == 0 && s->kept_count == s->kept_max)
        thin_out(s);
    if (s->count % s->stride != 0)
        return SK_OK;
    enum sk_code code = sk_grow(&s->kept, &s->kept_cap[0], (s->kept_count + 1) * k, sizeof(*s->kept), err);
    if (code == SK_OK)
        code = sk_grow(&s->kept_label, &s->kept_cap[1], s->kept_count + 1, sizeof(*s->kept_label), err);
    if (code != SK_OK)
        return code;
    memcpy(s->kept + s->kept_count * k, logits, k * sizeof(*logits));
    s->kept_label[s->kept_count++] = label;
    return SK_OK;
}

enum sk_code sk_scores_add(struct sk_scores *s, const float *logits, int label, int64_t index, struct sk_scored *out,
                           struct sk_err *err)
{
    *out = (struct sk_scored){.index = index, .label = label};
    enum sk_code code = check(logits, s->classes, err);
    if (code == SK_OK)
        code = keep_logits(s, logits, label, err);
    if (code != SK_OK)
        return code;
    judge(logits, s->classes, out);
    count(s, out);
    keep_mistake(s, out);
    return SK_OK;
}
