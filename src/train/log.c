/* The run log: one JSON object a line, written whole, cut back on resume to what the checkpoint knows. */
#include "train/internal.h"
#include "train/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a line belongs to the part of the run before pos. Lines are in the order of time: after the first that does
 * not, none does. An epoch's line comes after its last step, so it is told by its epoch. */
static bool belongs(const char *line, size_t len, const struct sk_position *pos)
{
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *step = json_object_get(object, "step"), *epoch = json_object_get(object, "epoch");
    bool whole = json_is_integer(step) && json_is_integer(epoch);
    bool before = whole && (json_object_get(object, "train_loss") ? json_integer_value(epoch) <= pos->epoch
                                                                  : json_integer_value(step) <= pos->step);
    json_decref(object);
    return before;
}

/* Bytes of the lines to keep. */
static int64_t part_to_keep(FILE *file, const struct sk_position *pos)
{
    char *line = NULL;
    size_t room = 0;
    int64_t keep = 0;
    for (ssize_t len; (len = getline(&line, &room, file)) > 0; keep += len)
        if (line[len - 1] != '\n' || !belongs(line, (size_t)len, pos))
            break;
    free(line);
    return keep;
}

static enum sk_code cut_back(struct sk_log *log, const struct sk_position *pos, struct sk_err *err)
{
    int fd = dup(log->fd);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return sk_fail_errno(err, SK_IO, reason, "cannot read '%s'", log->path);
    }
    log->size = part_to_keep(file, pos);
    bool failed = ferror(file);
    fclose(file);
    if (failed || ftruncate(log->fd, log->size) != 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot cut '%s' back to step %lld", log->path, (long long)pos->step);
    return SK_OK;
}

enum sk_code sk_log_open(struct sk_log *log, const char *dir, const struct sk_position *pos, struct sk_err *err)
{
    *log = (struct sk_log){.fd = -1};
    enum sk_code code = sk_path_join(log->path, err, dir, "log.jsonl");
    if (code != SK_OK)
        return code;
    log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log->fd < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", log->path);
    code = cut_back(log, pos, err);
    if (code != SK_OK) {
        close(log->fd);
        log->fd = -1;
    }
    return code;
}

/* Writes the pending lines; after a failure the file ends with a whole line and the lines stay pending. */
static void flush_pending(struct sk_log *log)
{
    sk_err_clear(&log->failure);
    if (log->pending.len == 0)
        return;
    if (sk_write_all(log->fd, log->pending.text, log->pending.len, log->path, &log->failure) == SK_OK) {
        log->size += (int64_t)log->pending.len;
        log->pending.len = 0;
        return;
    }
    if (ftruncate(log->fd, log->size) != 0)
        log->lost = true; /* a part of a line is in the file: resume drops it and what follows */
    sk_notice("%s; training goes on", log->failure.text);
}

static void add_line(struct sk_log *log, const char *line)
{
    size_t before = log->pending.len;
    if (!line || before + strlen(line) > SK_LOG_PENDING || sk_str_add(&log->pending, NULL, "%s\n", line) != SK_OK) {
        log->pending.len = before;
        log->lost = true;
    }
    flush_pending(log);
}

void sk_log_step(struct sk_log *log, const struct sk_step_report *r)
{
    json_t *object = json_object();
    sk_json_integer(object, "step", r->step);
    sk_json_integer(object, "epoch", r->epoch);
    sk_json_real(object, "loss", r->loss);
    sk_json_real(object, "top1", r->count > 0 ? (double)r->correct1 / r->count : 0);
    sk_json_real(object, "lr", r->lr);
    char *line = json_dumps(object, SK_LOG_JSON);
    json_decref(object);
    add_line(log, line);
    free(line);
}

void sk_log_epoch(struct sk_log *log, const struct sk_epoch_report *r)
{
    struct sk_str line = {0};
    enum sk_code code = sk_epoch_report_json(r, &line, NULL);
    add_line(log, code == SK_OK ? line.text : NULL);
    sk_str_release(&line);
}

void sk_log_sync(struct sk_log *log)
{
    flush_pending(log);
    if (fdatasync(log->fd) != 0)
        sk_notice("cannot flush '%s': %s; training goes on", log->path, strerror(errno));
}

enum sk_code sk_log_close(struct sk_log *log, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (log->fd < 0 || !log->path[0])
        return SK_OK;
    flush_pending(log);
    if (log->failure.code != SK_OK)
        code = sk_fail(err, SK_IO, "%s", log->failure.text);
    else if (log->lost)
        code = sk_fail(err, SK_IO, "'%s' lacks lines that could not be written", log->path);
    close(log->fd);
    sk_str_release(&log->pending);
    *log = (struct sk_log){.fd = -1};
    return code;
}
