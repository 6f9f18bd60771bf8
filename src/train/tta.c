/* Test-time augmentation: the mean of the probabilities of a picture and of its mirror image. */
#include "kern/kern.h"
#include "train/tta.h"

#include <float.h>
#include <math.h>

enum sk_code sk_tta_init(struct sk_tta *t, int batch, int classes, struct sk_err *err)
{
    size_t n = (size_t)batch, k = (size_t)classes;
    *t = (struct sk_tta){.classes = classes};
    for (int i = 0; i < 2; i++)
        if (!(t->prob[i] = sk_alloc(n * k, sizeof(float), err)))
            return SK_NOMEM;
    return SK_OK;
}

void sk_tta_release(struct sk_tta *t)
{
    sk_free(t->pixels);
    for (int i = 0; i < 2; i++)
        sk_free(t->prob[i]);
    *t = (struct sk_tta){0};
}

/* What the mean probabilities say, as sk_net_eval says of logits: their logarithms are the logits of such a network. A
 * probability too small for a float counts as the smallest. */
static void judge(const struct sk_tta *t, const struct sk_batch *b, struct sk_net_result *r)
{
    size_t n = (size_t)b->count, k = (size_t)t->classes;
    int32_t correct[2];
    double sum = 0;
    for (size_t i = 0; i < n * k; i++) {
        double mean = ((double)t->prob[0][i] + (double)t->prob[1][i]) / 2;
        t->prob[0][i] = (float)log(mean < (double)FLT_TRUE_MIN ? (double)FLT_TRUE_MIN : mean);
    }
    for (size_t i = 0; i < n; i++)
        sum -= (double)t->prob[0][i * k + (size_t)b->label[i]];
    sk_topk_ref(t->prob[0], b->label, n, k, correct);
    *r = (struct sk_net_result){
        .loss = sum / (double)n, .correct1 = correct[0], .correct5 = correct[1], .logits = t->prob[0]};
}

enum sk_code sk_tta_eval(struct sk_tta *t, struct sk_net *net, const struct sk_batch *b, struct sk_net_result *r,
                         struct sk_err *err)
{
    if (!t->pixels && !(t->pixels = sk_alloc(sk_batch_bytes(b), 1, err))) /* the first batch is the largest */
        return SK_NOMEM;
    sk_batch_flip(b, t->pixels);
    const void *pixels[2] = {b->pixels, t->pixels};
    for (int i = 0; i < 2; i++) {
        enum sk_code code = sk_net_eval(net, &(struct sk_net_batch){b->count, pixels[i], b->label, NULL}, r, err);
        if (code != SK_OK)
            return code;
        sk_softmax_ref(r->logits, (size_t)b->count, (size_t)t->classes, t->prob[i]);
    }
    judge(t, b, r);
    return SK_OK;
}
