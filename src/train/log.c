/* The logs of a run, written together; log.jsonl is the one that the others follow: one JSON object a line, cut back on
 * resume to what the checkpoint knows. */
#include "train/internal.h"
#include "train/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char table_name[] = "metrics.csv";

/* The lines that a resumed run keeps. They are in the order of time: after the first that is not of the part of the run
 * before pos, or that is damaged, none is kept. */
struct keeper {
    const char *path;
    const struct sk_position *pos;
    struct sk_str *table; /* gets the epochs that are kept as rows */
    int64_t line, bytes;  /* looked at; to keep */
};

/* An epoch's line comes after its last step, so it is told by its epoch. */
static enum sk_code look_at(struct keeper *k, const char *line, size_t len, bool *keep, struct sk_err *err)
{
    struct sk_logged_line is;
    k->line++;
    *keep = false;
    if (line[len - 1] != '\n')
        return SK_OK;
    switch (sk_logged_parse(line, len, &is)) {
    case SK_LOGGED_STEP:
        *keep = is.step.step <= k->pos->step;
        return SK_OK;
    case SK_LOGGED_EPOCH:
        *keep = is.epoch.epoch <= k->pos->epoch;
        return *keep ? sk_logged_csv(&is.epoch, k->table, err) : SK_OK;
    case SK_LOGGED_LATENCY: /* of the end, which this is no more */
        return SK_OK;
    case SK_LOGGED_NOTHING:
        sk_notice("line %lld of '%s' is damaged: it and those after it are dropped", (long long)k->line, k->path);
    }
    return SK_OK;
}

static enum sk_code find_part(struct keeper *k, FILE *file, struct sk_err *err)
{
    char *line = NULL;
    size_t room = 0;
    bool keep = true;
    enum sk_code code = sk_logged_csv(NULL, k->table, err);
    for (ssize_t len; code == SK_OK && (len = getline(&line, &room, file)) > 0; k->bytes += len) {
        code = look_at(k, line, (size_t)len, &keep, err);
        if (!keep)
            break;
    }
    free(line);
    return code;
}

static enum sk_code cut_back(struct sk_append *lines, const struct sk_position *pos, struct sk_str *table,
                             struct sk_err *err)
{
    struct keeper keeper = {.path = lines->path, .pos = pos, .table = table};
    FILE *file = fopen(lines->path, "re");
    if (!file)
        return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", lines->path);
    enum sk_code code = find_part(&keeper, file, err);
    bool failed = ferror(file);
    fclose(file);
    lines->size = keeper.bytes;
    if (code == SK_OK && (failed || ftruncate(lines->fd, lines->size) != 0))
        code = sk_fail_errno(err, SK_IO, errno, "cannot cut '%s' back to step %lld", lines->path, (long long)pos->step);
    return code;
}

static enum sk_code open_table(struct sk_append *table, const char *dir, const struct sk_str *rows, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, dir, table_name);
    if (code == SK_OK)
        code = sk_file_write(path, rows->text, rows->len, err);
    return code == SK_OK ? sk_append_open(table, dir, table_name, err) : code;
}

enum sk_code sk_log_open(struct sk_log *log, const char *dir, const struct sk_position *pos,
                         const struct sk_recipe_train *r, struct sk_err *err)
{
    struct sk_str rows = {0};
    *log = (struct sk_log){0};
    enum sk_code code = sk_append_open(&log->lines, dir, "log.jsonl", err);
    if (code == SK_OK)
        code = cut_back(&log->lines, pos, &rows, err);
    if (code == SK_OK)
        code = open_table(&log->table, dir, &rows, err);
    if (code == SK_OK)
        code = sk_board_open(&log->board, dir, pos->step, r, err);
    sk_str_release(&rows);
    return code;
}

/* The object, which is released, as a line. */
static enum sk_code put_line(struct sk_str *out, json_t *object)
{
    char *line = json_dumps(object, SK_LOG_JSON);
    json_decref(object);
    enum sk_code code = line ? sk_str_add(out, NULL, "%s\n", line) : SK_NOMEM;
    free(line);
    return code;
}

static enum sk_code step_json(const struct sk_step_report *r, struct sk_str *out)
{
    json_t *object = json_object();
    sk_json_integer(object, "step", r->step);
    sk_json_integer(object, "epoch", r->epoch);
    sk_json_real(object, "loss", r->loss);
    sk_json_real(object, "top1", r->count > 0 ? (double)r->correct1 / r->count : 0);
    sk_json_real(object, "lr", r->lr);
    return put_line(out, object);
}

void sk_log_step(struct sk_log *log, const struct sk_step_report *r)
{
    struct sk_str line = {0};
    enum sk_code code = step_json(r, &line);
    sk_append_put(&log->lines, &line, code);
    sk_str_release(&line);
    sk_board_step(&log->board, r);
}

/* The row of the table is made from the line, as on resume: the same digits. */
static void put_row(struct sk_append *table, const struct sk_str *line)
{
    struct sk_str row = {0};
    struct sk_logged_line is;
    enum sk_code code = sk_logged_parse(line->text, line->len, &is) == SK_LOGGED_EPOCH
                            ? sk_logged_csv(&is.epoch, &row, NULL)
                            : SK_NOMEM;
    sk_append_put(table, &row, code);
    sk_str_release(&row);
}

void sk_log_epoch(struct sk_log *log, const struct sk_epoch_report *r)
{
    struct sk_str line = {0};
    enum sk_code code = sk_epoch_report_json(r, &line, NULL);
    if (code == SK_OK)
        code = sk_str_add(&line, NULL, "\n");
    sk_append_put(&log->lines, &line, code);
    put_row(&log->table, &line);
    sk_str_release(&line);
    sk_board_epoch(&log->board, r);
}

void sk_log_latency(struct sk_log *log, const struct sk_position *end, const struct sk_latency *l)
{
    struct sk_str line = {0};
    json_t *object = json_object();
    sk_json_integer(object, "step", end->step);
    sk_json_integer(object, "epoch", end->epoch + (end->batch > 0)); /* a part of one counts as in its line */
    json_object_set_new(object, "latency", sk_latency_json(l));
    enum sk_code code = put_line(&line, object);
    sk_append_put(&log->lines, &line, code);
    sk_str_release(&line);
}

void sk_log_sync(struct sk_log *log)
{
    sk_append_sync(&log->lines);
    sk_append_sync(&log->table);
    sk_append_sync(&log->board.file);
}

enum sk_code sk_log_close(struct sk_log *log, struct sk_err *err)
{
    enum sk_code lines = sk_append_close(&log->lines, err), table = sk_append_close(&log->table, err),
                 board = sk_board_close(&log->board, err);
    return lines != SK_OK ? lines : table != SK_OK ? table : board;
}
