/* log.jsonl read back: what can be read counts, damaged lines are passed over; its epochs as rows of metrics.csv. */
#include "train/json.h"
#include "train/log.h"

#include <string.h>

/* The members of an epoch's line, in the order of metrics.csv. */
enum type { INTEGER, REAL, BOOLEAN };
struct column {
    const char *key;
    enum type type;
    size_t at;
};
#define COLUMN(member, type)                                                                                           \
    {                                                                                                                  \
#member, type, offsetof(struct sk_logged_epoch, member)                                                        \
    }
static const struct column columns[] = {
    COLUMN(epoch, INTEGER),        COLUMN(step, INTEGER),     COLUMN(epochs, INTEGER),    COLUMN(train_loss, REAL),
    COLUMN(train_top1, REAL),      COLUMN(train_top5, REAL),  COLUMN(val_loss, REAL),     COLUMN(val_top1, REAL),
    COLUMN(val_top5, REAL),        COLUMN(lr, REAL),          COLUMN(seconds, REAL),      COLUMN(wait_seconds, REAL),
    COLUMN(compute_seconds, REAL), COLUMN(val_seconds, REAL), COLUMN(images_per_s, REAL), COLUMN(replaced, INTEGER),
    COLUMN(best, BOOLEAN),         COLUMN(complete, BOOLEAN),  COLUMN(ema_loss, REAL),
    COLUMN(ema_top1, REAL),        COLUMN(ema_top5, REAL),
};

static double real_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void parse_epoch(const json_t *object, struct sk_logged_epoch *epoch)
{
    for (size_t i = 0; i < SK_COUNT(columns); i++) {
        const char *key = columns[i].key;
        char *member = (char *)epoch + columns[i].at;
        if (columns[i].type == INTEGER)
            *(int64_t *)(void *)member = json_integer_value(json_object_get(object, key));
        else if (columns[i].type == REAL)
            *(double *)(void *)member = real_of(object, key);
        else
            *(bool *)member = json_is_true(json_object_get(object, key));
    }
}

static bool parse_latency(const json_t *object, struct sk_latency *l)
{
    *l = (struct sk_latency){(int)json_integer_value(json_object_get(object, "samples")), real_of(object, "mean"),
                             real_of(object, "median"), real_of(object, "p90"), real_of(object, "p99")};
    return l->samples > 0 && isfinite(l->mean + l->median + l->p90 + l->p99);
}

enum sk_logged sk_logged_parse(const char *line, size_t len, struct sk_logged_line *out)
{
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    int64_t number = json_integer_value(json_object_get(object, "step"));
    int64_t of = json_integer_value(json_object_get(object, "epoch"));
    enum sk_logged what = SK_LOGGED_NOTHING;
    if (number > 0 && of > 0 && json_object_get(object, "train_loss")) {
        what = SK_LOGGED_EPOCH;
        parse_epoch(object, &out->epoch);
    } else if (number > 0 && of > 0 && json_object_get(object, "loss")) {
        what = SK_LOGGED_STEP;
        out->step = (struct sk_logged_step){number, of, real_of(object, "loss"), real_of(object, "top1"),
                                            real_of(object, "lr")};
    } else if (number > 0 && parse_latency(json_object_get(object, "latency"), &out->latency)) {
        what = SK_LOGGED_LATENCY;
    }
    json_decref(object);
    return what;
}

static enum sk_code add_field(struct sk_str *out, const struct column *c, const struct sk_logged_epoch *epoch,
                              struct sk_err *err)
{
    const void *member = (const char *)epoch + c->at;
    if (c->type == INTEGER)
        return sk_str_add(out, err, "%lld", (long long)*(const int64_t *)member);
    if (c->type == BOOLEAN)
        return sk_str_add(out, err, "%s", *(const bool *)member ? "true" : "false");
    double value = *(const double *)member;
    return isnan(value) ? SK_OK : sk_str_add(out, err, "%.9g", value);
}

enum sk_code sk_logged_csv(const struct sk_logged_epoch *epoch, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < SK_COUNT(columns) && code == SK_OK; i++) {
        if (i > 0)
            code = sk_str_add(out, err, ",");
        if (code == SK_OK)
            code = epoch ? add_field(out, &columns[i], epoch, err) : sk_str_add(out, err, "%s", columns[i].key);
    }
    return code == SK_OK ? sk_str_add(out, err, "\n") : code;
}

/* ---- the whole log ---- */
struct reader {
    struct sk_run_log *log;
    size_t step_room, epoch_room;
    int64_t line;
};

static enum sk_code add_line(struct reader *r, const char *line, size_t len, bool ended, struct sk_err *err)
{
    struct sk_run_log *log = r->log;
    struct sk_logged_line is;
    enum sk_logged what = sk_logged_parse(line, len, &is);
    enum sk_code code = SK_OK;
    r->line++;
    if (what == SK_LOGGED_STEP) {
        code = sk_grow(&log->step, &r->step_room, log->steps + 1, sizeof(is.step), err);
        if (code == SK_OK)
            log->step[log->steps++] = is.step;
    } else if (what == SK_LOGGED_EPOCH) {
        code = sk_grow(&log->epoch, &r->epoch_room, log->epochs + 1, sizeof(is.epoch), err);
        if (code == SK_OK)
            log->epoch[log->epochs++] = is.epoch;
    } else if (what == SK_LOGGED_LATENCY) {
        log->latency = is.latency;
    } else if (!ended) {
        log->cut = true;
    } else if (log->skipped++ < SK_LOG_SKIPPED) {
        log->skipped_line[log->skipped - 1] = r->line;
    }
    return code;
}

enum sk_code sk_run_log_parse(struct sk_run_log *log, const char *text, size_t len, struct sk_err *err)
{
    struct reader reader = {.log = log};
    const char *end = len > 0 ? text + len : text;
    enum sk_code code = SK_OK;
    *log = (struct sk_run_log){0};
    while (text < end && code == SK_OK) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        code = add_line(&reader, text, (size_t)((stop ? stop : end) - text), stop, err);
        text = stop ? stop + 1 : end;
    }
    if (code != SK_OK)
        sk_run_log_release(log);
    return code;
}

enum sk_code sk_run_log_read(struct sk_run_log *log, const char *dir, struct sk_err *err)
{
    char path[SK_PATH], *text = NULL;
    size_t len = 0;
    *log = (struct sk_run_log){0};
    enum sk_code code = sk_path_join(path, err, dir, "log.jsonl");
    if (code == SK_OK)
        code = sk_file_read(path, SK_LOG_MAX, &text, &len, err);
    if (code == SK_OK)
        code = sk_run_log_parse(log, text, len, err);
    sk_free(text);
    return code;
}

static enum sk_code list_skipped(const struct sk_run_log *log, struct sk_str *out, struct sk_err *err)
{
    int64_t named = log->skipped < SK_LOG_SKIPPED ? log->skipped : SK_LOG_SKIPPED;
    enum sk_code code = sk_str_add(out, err, "%lld damaged line%s (", (long long)log->skipped, &"s"[log->skipped == 1]);
    for (int64_t i = 0; i < named && code == SK_OK; i++)
        code = sk_str_add(out, err, "%s%lld", i > 0 ? ", " : "", (long long)log->skipped_line[i]);
    return code == SK_OK ? sk_str_add(out, err, "%s)", named < log->skipped ? ", ..." : "") : code;
}

enum sk_code sk_run_log_skipped(const struct sk_run_log *log, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = log->skipped > 0 ? list_skipped(log, out, err) : SK_OK;
    if (code == SK_OK && log->cut)
        code = sk_str_add(out, err, "%sa cut last line", log->skipped > 0 ? " and " : "");
    if (code == SK_OK && (log->skipped > 0 || log->cut))
        code = sk_str_add(out, err, log->skipped + log->cut == 1 ? " is left out" : " are left out");
    return code;
}

void sk_run_log_release(struct sk_run_log *log)
{
    sk_free(log->step);
    sk_free(log->epoch);
    *log = (struct sk_run_log){0};
}
