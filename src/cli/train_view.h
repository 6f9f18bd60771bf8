/* What `skua train` shows of a training. */
#ifndef SKUA_CLI_TRAIN_VIEW_H
#define SKUA_CLI_TRAIN_VIEW_H

#include "train/train.h"

enum { SK_VIEW_DAMAGED = 5 };
struct sk_train_view {
    bool json, quiet, batches; /* batches: a line for each logged step */
    const char *run;
    bool by_default;  /* nobody chose the recipe */
    bool judged;      /* for skua reproduce, which tells itself whether it reached what the recipe expects */
    bool begun;       /* training has started */
    int log_every;    /* of the recipe */
    double accuracy;  /* of the last validation, -1: none */
    int workers;      /* data.workers: auto: as told last */
    struct sk_latency latency; /* samples 0: not measured */
    struct sk_position at; /* where it ended */
    int64_t replaced; /* damaged samples, of all epochs; the first of them */
    struct sk_damage damaged[SK_VIEW_DAMAGED];
    size_t named, damaged_count; /* how many of them are here; how many there are */
};
/* Events that show the training through view. */
struct sk_train_events sk_train_view_events(struct sk_train_view *view);

/* runs/NAME-DATE-TIME that is not there yet (cmd_train.c). */
enum sk_code sk_cli_default_run(char out[SK_PATH], const struct sk_recipe *r, struct sk_err *err) SK_MUST;
/* Trains into view->run, shown through view (json, quiet, batches and run are set), and tells how it ended
 * (cmd_train.c). */
enum sk_code sk_cli_train(const struct sk_recipe *r, bool resume, struct sk_train_view *view,
                          struct sk_err *err) SK_MUST;
/* Tells which samples were damaged, if any. */
void sk_train_view_damaged(const struct sk_train_view *view);

#endif
