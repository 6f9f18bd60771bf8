/* The logs of a run, written together; log.jsonl is the one that the others follow: one JSON object a line, cut back on
 * resume to what the checkpoint knows. */
#include "train/internal.h"
#include "train/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char table_name[] = "metrics.csv";

/* Whether a line belongs to the part of the run before pos. Lines are in the order of time: after the first that does
 * not, none does. An epoch's line comes after its last step, so it is told by its epoch; its row goes to table. */
static bool belongs(const char *line, size_t len, const struct sk_position *pos, struct sk_str *table,
                    enum sk_code *code, struct sk_err *err)
{
    struct sk_logged_step step;
    struct sk_logged_epoch epoch;
    switch (sk_logged_parse(line, len, &step, &epoch)) {
    case SK_LOGGED_STEP:
        return step.step <= pos->step;
    case SK_LOGGED_EPOCH:
        if (epoch.epoch > pos->epoch)
            return false;
        *code = sk_logged_csv(&epoch, table, err);
        return *code == SK_OK;
    default:
        return false;
    }
}

/* Bytes of the lines to keep, and the epochs among them as rows of the table. */
static enum sk_code part_to_keep(FILE *file, const struct sk_position *pos, int64_t *keep, struct sk_str *table,
                                 struct sk_err *err)
{
    char *line = NULL;
    size_t room = 0;
    enum sk_code code = sk_logged_csv(NULL, table, err);
    *keep = 0;
    for (ssize_t len; code == SK_OK && (len = getline(&line, &room, file)) > 0; *keep += len)
        if (line[len - 1] != '\n' || !belongs(line, (size_t)len, pos, table, &code, err))
            break;
    free(line);
    return code;
}

static enum sk_code cut_back(struct sk_append *lines, const struct sk_position *pos, struct sk_str *table,
                             struct sk_err *err)
{
    FILE *file = fopen(lines->path, "re");
    if (!file)
        return sk_fail_errno(err, SK_IO, errno, "cannot read '%s'", lines->path);
    enum sk_code code = part_to_keep(file, pos, &lines->size, table, err);
    bool failed = ferror(file);
    fclose(file);
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

static enum sk_code step_json(const struct sk_step_report *r, struct sk_str *out)
{
    json_t *object = json_object();
    sk_json_integer(object, "step", r->step);
    sk_json_integer(object, "epoch", r->epoch);
    sk_json_real(object, "loss", r->loss);
    sk_json_real(object, "top1", r->count > 0 ? (double)r->correct1 / r->count : 0);
    sk_json_real(object, "lr", r->lr);
    char *line = json_dumps(object, SK_LOG_JSON);
    json_decref(object);
    enum sk_code code = line ? sk_str_add(out, NULL, "%s\n", line) : SK_NOMEM;
    free(line);
    return code;
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
    struct sk_logged_step step;
    struct sk_logged_epoch epoch;
    enum sk_code code = sk_logged_parse(line->text, line->len, &step, &epoch) == SK_LOGGED_EPOCH
                            ? sk_logged_csv(&epoch, &row, NULL)
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
