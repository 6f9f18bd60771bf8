/* Evaluation of pictures together with their mirror images; inside train only. */
#ifndef SKUA_TRAIN_TTA_H
#define SKUA_TRAIN_TTA_H

#include "train/train.h"

struct sk_tta {
    int classes;
    float *prob[2]; /* [batch][classes]; after an evaluation the first holds logarithms */
    void *pixels;   /* of a batch's mirror images */
};
/* For batches of up to batch pictures, of which the first is a largest one. Release also after a failure. */
enum sk_code sk_tta_init(struct sk_tta *t, int batch, int classes, struct sk_err *err) SK_MUST;
void sk_tta_release(struct sk_tta *t); /* accepts a zeroed one */
/* As sk_net_eval, but of the mean probabilities of both: r->logits holds their logarithms until the next call. */
enum sk_code sk_tta_eval(struct sk_tta *t, struct sk_net *net, const struct sk_batch *b, struct sk_net_result *r,
                         struct sk_err *err) SK_MUST;

#endif
