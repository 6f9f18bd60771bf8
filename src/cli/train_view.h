/* What `skua train` shows of a training. */
#ifndef SKUA_CLI_TRAIN_VIEW_H
#define SKUA_CLI_TRAIN_VIEW_H

#include "train/train.h"

struct sk_train_view {
    bool json, quiet;
    const char *run;
    bool begun;      /* training has started */
    double accuracy; /* of the last validation, -1: none */
};
/* Events that show the training through view. */
struct sk_train_events sk_train_view_events(struct sk_train_view *view);

#endif
