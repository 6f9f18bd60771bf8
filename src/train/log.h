/* The logs of a run: log.jsonl, metrics.csv and TensorBoard's events, written while training goes on. Private to train.
 *
 * A record (line, event) goes to the system whole, with one write, when it is made; all logs are flushed to the disk
 * before each checkpoint. */
#ifndef SKUA_TRAIN_LOG_H
#define SKUA_TRAIN_LOG_H

#include "train/train.h"

/* ---- files that grow by records (append.c) ---- */
/* Records that cannot be written (full disk) wait in memory, SK_LOG_PENDING bytes or one record, and are written with the
 * next one or at the end when there is room again; the failure is told once a run. Zeroed: not open; then nothing is
 * done. */
enum { SK_LOG_PENDING = 16 << 20 };
struct sk_append {
    bool is_open;
    int fd;
    char path[SK_PATH];
    int64_t size;          /* bytes of whole records in the file */
    struct sk_str pending; /* records not yet in it */
    bool lost;             /* records were dropped for want of memory */
    struct sk_err failure; /* why the last write failed; clear: all is written */
};
/* Opens or creates dir/name; new records go to its end. */
enum sk_code sk_append_open(struct sk_append *a, const char *dir, const char *name, struct sk_err *err) SK_MUST;
/* made: how making the record went; one that could not be made is lost. */
void sk_append_put(struct sk_append *a, const struct sk_str *record, enum sk_code made);
void sk_append_sync(struct sk_append *a);
/* IO when records are missing in the file. */
enum sk_code sk_append_close(struct sk_append *a, struct sk_err *err) SK_MUST;

/* ---- lines of log.jsonl (log_read.c) ---- */
enum sk_logged { SK_LOGGED_NOTHING, SK_LOGGED_STEP, SK_LOGGED_EPOCH, SK_LOGGED_LATENCY };
struct sk_logged_line {
    struct sk_logged_step step;
    struct sk_logged_epoch epoch;
    struct sk_latency latency;
};
/* What a line is; fills the member that it is. NOTHING: no line of a log. */
enum sk_logged sk_logged_parse(const char *line, size_t len, struct sk_logged_line *out);
/* Appends an epoch as a row of metrics.csv, or its header (NULL); numbers have nine digits, NaN is an empty field. */
enum sk_code sk_logged_csv(const struct sk_logged_epoch *epoch, struct sk_str *out, struct sk_err *err) SK_MUST;

/* ---- TensorBoard (board.c) ---- */
/* Tags: each logged step train/loss, train/accuracy, lr; each epoch val/loss, val/accuracy, val/top5 (with train.ema
 * also of ema), epoch/train_loss,
 * epoch/train_accuracy, images_per_s, waited (share of the time of training); every `histograms` epochs weights/NAME
 * and gradients/NAME (of the epoch's last step); train/pictures, pictures of the first step as the network gets them;
 * with the last epoch mistakes/..., what validation gets wrong. */
struct sk_board {
    struct sk_append file;
    int histograms;
    struct sk_str held;             /* pictures that wait for their epoch's end */
    struct sk_histogram *histogram; /* scratch */
};
/* Begins a file of its own whose name sorts behind those in dir; it says that what they have beyond `step` steps does
 * not count. Without r->tensorboard the board stays closed. */
enum sk_code sk_board_open(struct sk_board *b, const char *dir, int64_t step, const struct sk_recipe_train *r,
                           struct sk_err *err) SK_MUST;
void sk_board_step(struct sk_board *b, const struct sk_step_report *r);
void sk_board_epoch(struct sk_board *b, const struct sk_epoch_report *r);
/* A grid of the batch's pictures, where they are 8-bit, grey or RGB, and no side is above 1024. */
void sk_board_pictures(struct sk_board *b, const struct sk_batch *batch, int64_t step);
/* Weights, and the gradients of the step just done: before a validation, which overwrites gradients. */
void sk_board_histograms(struct sk_board *b, struct sk_net *net, int64_t epoch, int64_t step);
/* The pictures of s->mistake (of ds, as these steps make them), the most confident first: "mistakes/01 cat taken for
 * dog, 97.3%". Where they are 8-bit, grey or RGB; written with the epoch, so that a validation that is done again writes
 * them once. */
enum { SK_BOARD_MISTAKES = 16 };
void sk_board_mistakes(struct sk_board *b, const struct sk_dataset *ds, const struct sk_picture_steps *steps,
                       const struct sk_scores *s, int64_t step);
enum sk_code sk_board_close(struct sk_board *b, struct sk_err *err) SK_MUST;

/* ---- all of them (log.c) ---- */
struct sk_log {
    struct sk_append lines, table; /* log.jsonl, metrics.csv */
    struct sk_board board;
};
/* Opens dir/log.jsonl and cuts it back to pos: steps after pos->step, epochs after pos->epoch, a cut last line go, and
 * a damaged line with all after it (told), and the inference time, which is measured again. metrics.csv is made anew
 * from the epochs that are left. Close it also after a failure. */
enum sk_code sk_log_open(struct sk_log *log, const char *dir, const struct sk_position *pos,
                         const struct sk_recipe_train *r, struct sk_err *err) SK_MUST;
void sk_log_step(struct sk_log *log, const struct sk_step_report *r);
void sk_log_epoch(struct sk_log *log, const struct sk_epoch_report *r);
/* With the step and epoch where the training ended. */
void sk_log_latency(struct sk_log *log, const struct sk_position *end, const struct sk_latency *l);
void sk_log_sync(struct sk_log *log); /* to the disk; before a checkpoint that counts on its lines */
/* Closes; IO when records are missing in a file. Accepts a zeroed one. */
enum sk_code sk_log_close(struct sk_log *log, struct sk_err *err) SK_MUST;

#endif
