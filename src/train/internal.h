/* Shared by the files of train/ only: what a training holds, and the parts of the loop. */
#ifndef SKUA_TRAIN_INTERNAL_H
#define SKUA_TRAIN_INTERNAL_H

#include "train/log.h"
#include "train/train.h"

/* ---- state.json (state.c) ---- */
enum { SK_SHA256_TEXT = SK_DIGEST_HEX };
enum { SK_CKPT_MODEL, SK_CKPT_STATE, SK_CKPT_PLAN, SK_CKPT_EMA /* not in all */, SK_CKPT_FILES };
extern const char *const sk_checkpoint_file[SK_CKPT_FILES]; /* the files that state.json has a checksum of */
struct sk_checkpoint_state {
    struct sk_position position;
    char sha256[SK_CKPT_FILES][SK_SHA256_TEXT]; /* empty: no such file */
};
enum sk_code sk_state_write(const char *dir, const struct sk_checkpoint_state *s, struct sk_err *err) SK_MUST;
enum sk_code sk_state_read(const char *dir, struct sk_checkpoint_state *s, struct sk_err *err) SK_MUST;
/* Opens a file of a checkpoint for reading. INPUT: it is not there or no regular file, which is damage; IO: the system
 * does not give it. */
enum sk_code sk_part_open(const char *path, int *fd, struct sk_err *err) SK_MUST;
/* Hex SHA-256 of a file's content; errors as sk_part_open. */
enum sk_code sk_file_sha256(const char *path, char out[SK_SHA256_TEXT], struct sk_err *err) SK_MUST;

/* ---- checkpoints of a run (checkpoint_read.c, checkpoint_keep.c) ---- */
/* The step in "ckpt-STEP"; false for any other name. */
bool sk_checkpoint_step(const char *name, int64_t *step);
/* Where the run's link points to: the name of a checkpoint in it; false: no such link. */
bool sk_checkpoint_link(const struct sk_run *run, const char *link, char name[SK_NAME]);
/* Moves the finished folder temp to the checkpoint called name, replacing one of that name. */
enum sk_code sk_checkpoint_place(const struct sk_run *run, const char *temp, const char *name,
                                 struct sk_err *err) SK_MUST;
/* Removes all checkpoints but those linked and the newest SK_CHECKPOINTS_KEPT; what cannot be removed is told. */
void sk_checkpoint_prune(const struct sk_run *run);

/* ---- a training (loop.c, setup.c, begin.c, epoch.c, save.c) ---- */
struct sk_training {
    const struct sk_train_options *options;
    struct sk_recipe recipe; /* classes resolved */
    struct sk_run run;
    struct sk_log log;
    struct sk_dataset *train, *val; /* val NULL: none */
    struct sk_loader *loader;
    struct sk_engine *engine;
    struct sk_net *net;
    struct sk_position at;
    int64_t samples, val_samples, batches, total_steps;
    uint32_t epochs;
    double lr;                  /* of the last step */
    double pace;                /* seconds a step, moving average; 0: not known yet */
    double val_seconds;         /* of the last validation */
    char from[SK_PATH];         /* the checkpoint that it goes on from, empty: none */
    char saved[SK_PATH];        /* the last good checkpoint, empty: none */
    struct sk_err save_failure; /* of the newest attempt to save; clear: it succeeded */
    struct sk_str plan;         /* what plan.json in the run holds */
    bool finished;              /* the run was complete when it was opened */
};
/* Opens data, loader, engine and network and checks that they fit each other; at is zero. */
enum sk_code sk_training_setup(struct sk_training *t, struct sk_err *err) SK_MUST;
/* With resume: the run's newest checkpoint, into from. */
enum sk_code sk_training_find(struct sk_training *t, struct sk_err *err) SK_MUST;
/* The model file that the classifier comes from: that of the checkpoint, or model.init unless model.new_head. Empty: it
 * is new. */
enum sk_code sk_training_head(const struct sk_training *t, char path[SK_PATH], struct sk_err *err) SK_MUST;
/* Initial weights, or those of the checkpoint found; sets at, saved, finished. */
enum sk_code sk_training_begin(struct sk_training *t, struct sk_err *err) SK_MUST;
/* Trains from at to the end of the epoch (or max_steps), validates, reports, saves. */
enum sk_code sk_training_epoch(struct sk_training *t, struct sk_err *err) SK_MUST;
/* INPUT, naming the step, unless weights, statistics and optimizer state are finite. */
enum sk_code sk_training_check_weights(const struct sk_training *t, struct sk_err *err) SK_MUST;
/* Trains on a batch of epoch at.epoch with the schedule's rate at at.step, which goes to lr; at stays as it is. */
enum sk_code sk_training_step(struct sk_training *t, const struct sk_batch *b, const atomic_bool *cancel,
                              struct sk_net_result *r, struct sk_err *err) SK_MUST;
/* Saves a checkpoint of at. INPUT, and nothing is written, when the weights are not finite. A failure to write is kept
 * in save_failure, never returned. */
enum sk_code sk_training_save(struct sk_training *t, bool best, struct sk_err *err) SK_MUST;
/* The same when training goes on after it: tells what is kept in save_failure. */
enum sk_code sk_training_save_between(struct sk_training *t, bool best, struct sk_err *err) SK_MUST;
/* The newest checkpoint is that of at. */
bool sk_training_saved(const struct sk_training *t);
/* The validation accuracy was no better for train.early_stop epochs. */
bool sk_training_stopped_early(const struct sk_training *t);
/* All steps are done, or it was stopped early, and that is reported. */
bool sk_training_done(const struct sk_training *t);
bool sk_training_cancelled(const struct sk_training *t);
void sk_training_release(struct sk_training *t);

/* As sk_loader_new; INPUT where memory does not suffice for the batches (loader.c). */
enum sk_code sk_train_loader(struct sk_loader **loader, const struct sk_loader_options *o, struct sk_err *err) SK_MUST;

/* ---- evaluation with a loader that stands (evaluate.c) ---- */
/* Makes the loader that evaluation uses, for batches of batch and with workers as of sk_loader_options. */
enum sk_code sk_eval_loader(struct sk_loader **loader, const struct sk_dataset *ds, const struct sk_recipe *recipe,
                            int batch, int workers, struct sk_err *err) SK_MUST;
/* INPUT unless the pictures of the loader are what the network takes (fits.c); the recipe's steps made both. */
enum sk_code sk_eval_fits(const struct sk_net *net, const struct sk_recipe *recipe, const struct sk_loader *loader,
                          const struct sk_dataset *ds, struct sk_err *err) SK_MUST;

#endif
