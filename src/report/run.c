/* A run directory read for a report: whatever can be read, and a note for whatever cannot. */
#include "report/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void sk_report_note(struct sk_report_run *run, const char *fmt, ...)
{
    char text[SK_PATH + 2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    sk_page_cell(&run->notes, "li", text);
    sk_page_add(&run->notes, "\n");
}

bool sk_report_tell(struct sk_report_run *run, const char *what, enum sk_code code, struct sk_err *err)
{
    if (code == SK_NOMEM || code == SK_CANCELLED || code == SK_BUG)
        return false;
    sk_report_note(run, "%s: %s", what, err->text);
    sk_notice("report of '%s': %s: %s", run->path, what, err->text);
    sk_err_clear(err);
    return true;
}

/* ---- its files ---- */
static void name_of(const char *path, char name[SK_NAME])
{
    char real[PATH_MAX];
    size_t end = strlen(path), begin;
    if (end > 0 && strchr("./", path[end - 1]) && realpath(path, real)) { /* "." and the like have no name */
        path = real;
        end = strlen(path);
    }
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
        ;
    snprintf(name, SK_NAME, "%.*s", (int)(end - begin), path + begin);
}

static enum sk_code read_recipe(struct sk_report_run *run, bool *is_there, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, run->path, "recipe.yaml");
    sk_recipe_defaults(&run->recipe);
    *is_there = code == SK_OK && sk_is_file(path);
    if (*is_there)
        code = sk_recipe_load(&run->recipe, path, err);
    run->has_recipe = *is_there && code == SK_OK;
    return code == SK_OK || sk_report_tell(run, "recipe.yaml cannot be read", code, err) ? SK_OK : code;
}

static enum sk_code read_log(struct sk_report_run *run, bool *is_there, struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_str skipped = {0};
    enum sk_code code = sk_path_join(path, err, run->path, "log.jsonl");
    *is_there = code == SK_OK && sk_is_file(path);
    if (*is_there)
        code = sk_run_log_read(&run->log, run->path, err);
    if (code == SK_OK && *is_there)
        code = sk_run_log_skipped(&run->log, &skipped, err);
    if (code == SK_OK && skipped.len > 0 && !(run->running && run->log.cut && run->log.skipped == 0))
        sk_report_note(run, "log.jsonl: %s", skipped.text);
    sk_str_release(&skipped);
    return code == SK_OK || sk_report_tell(run, "log.jsonl cannot be read", code, err) ? SK_OK : code;
}

/* What the model file says of itself; its recipe stands in for one that cannot be read. */
static enum sk_code read_model(struct sk_report_run *run, struct sk_err *err)
{
    struct sk_safetensors st = {0};
    struct sk_model_facts *facts = sk_alloc(1, sizeof(*facts), err);
    enum sk_code code = facts ? sk_st_open(&st, run->model, err) : SK_NOMEM;
    if (code == SK_OK)
        code = sk_model_facts_read(facts, &st, run->model, err);
    const char *version = code == SK_OK ? sk_st_meta(&st, "skua.version") : NULL;
    if (version)
        snprintf(run->version, sizeof(run->version), "%.20s", version);
    if (code == SK_OK) {
        run->has_shape = facts->has_shape;
        run->shape = facts->shape;
        run->step = facts->step;
        if (!run->has_recipe && facts->has_recipe)
            run->recipe = facts->recipe;
        run->has_recipe |= facts->has_recipe;
        sk_model_facts_release(facts);
    }
    sk_st_close(&st);
    sk_free(facts);
    return code;
}

static enum sk_code read_checkpoint(struct sk_report_run *run, struct sk_err *err)
{
    char path[SK_PATH];
    bool found = false;
    struct sk_run *dir = sk_alloc(1, sizeof(*dir), err);
    enum sk_code code =
        dir ? sk_format(dir->dir, sizeof(dir->dir), "the path of the run", err, "%s", run->path) : SK_NOMEM;
    if (code == SK_OK)
        code = sk_checkpoint_find(dir, path, &found, err);
    if (code == SK_OK && found)
        code = sk_checkpoint_position(path, &run->position, err);
    sk_free(dir);
    run->has_position = code == SK_OK && found;
    if (code == SK_OK && found)
        code = sk_model_path(run->path, run->model, err);
    if (code == SK_OK && found)
        code = read_model(run, err);
    if (code == SK_OK && !found)
        sk_report_note(run, "The run has no checkpoint%s.", run->running ? " yet" : "");
    if (code != SK_OK)
        run->model[0] = '\0';
    return code == SK_OK || sk_report_tell(run, "The checkpoint cannot be read", code, err) ? SK_OK : code;
}

static double epoch_steps(const struct sk_report_run *run)
{
    const struct sk_position *at = &run->position;
    for (size_t i = 0; i < run->log.epochs; i++)
        if (run->log.epoch[i].complete)
            return (double)run->log.epoch[i].step / (double)run->log.epoch[i].epoch;
    return run->has_position && at->batch_size > 0 ? ceil((double)at->samples / (double)at->batch_size) : 0;
}

static enum sk_code no_run(const char *path, struct sk_err *err)
{
    char sweep[SK_PATH], word[SK_PATH];
    if (sk_path_join(sweep, NULL, path, "sweep.yaml") == SK_OK && sk_is_file(sweep))
        return sk_fail(err, SK_INPUT,
                       "'%s' is a sweep, which is no run; its runs side by side: skua sweep --out %s --table, and up to "
                       "%d of them: skua report %s/NAME...",
                       path, sk_shell_word(word, sizeof(word), path), SK_REPORT_RUNS, word);
    return sk_fail(err, SK_INPUT, "'%s' is no run: expected a folder of skua train with recipe.yaml or log.jsonl",
                   path);
}

enum sk_code sk_report_run_read(struct sk_report_run *run, const char *path, struct sk_err *err)
{
    bool recipe = false, log = false;
    run->path = path;
    name_of(path, run->name);
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open the run '%s': no such folder", path);
    run->running = sk_run_in_use(path);
    enum sk_code code = read_recipe(run, &recipe, err);
    if (code == SK_OK)
        code = read_log(run, &log, err);
    if (code == SK_OK && !recipe && !log)
        return no_run(path, err);
    if (code == SK_OK && !recipe)
        sk_report_note(run, "recipe.yaml is missing.");
    if (code == SK_OK && !log)
        sk_report_note(run, "log.jsonl is missing: there are no curves.");
    else if (code == SK_OK && run->log.steps + run->log.epochs == 0)
        sk_report_note(run, "log.jsonl holds no step%s.", run->running ? " yet" : "");
    if (code == SK_OK)
        code = read_checkpoint(run, err);
    run->epoch_steps = epoch_steps(run);
    return code;
}

void sk_report_run_release(struct sk_report_run *run)
{
    sk_run_log_release(&run->log);
    sk_page_release(&run->notes);
}

/* ---- where it stands ---- */
const struct sk_logged_epoch *sk_report_last(const struct sk_report_run *run)
{
    return run->log.epochs > 0 ? &run->log.epoch[run->log.epochs - 1] : NULL;
}

const struct sk_logged_epoch *sk_report_best(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *best = NULL;
    for (size_t i = 0; i < run->log.epochs; i++)
        if (isfinite(run->log.epoch[i].val_top1) && (!best || run->log.epoch[i].val_top1 > best->val_top1))
            best = &run->log.epoch[i];
    return best;
}

double sk_report_accuracy(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    return last ? last->val_top1 : NAN;
}

int64_t sk_report_planned(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    const struct sk_recipe_train *t = &run->recipe.train;
    if (run->has_recipe && t->max_steps <= 0)
        return t->epochs;
    return last ? last->epochs : 0;
}

bool sk_report_finished(const struct sk_report_run *run)
{
    const struct sk_logged_epoch *last = sk_report_last(run);
    const struct sk_recipe_train *t = &run->recipe.train;
    if (!last)
        return false;
    bool stale = run->has_position && t->early_stop > 0 && run->position.stale >= t->early_stop;
    bool steps = run->has_recipe && t->max_steps > 0;
    return stale || (steps ? last->step >= t->max_steps : last->epoch >= sk_report_planned(run));
}

double sk_report_seconds(const struct sk_report_run *run)
{
    double sum = 0;
    for (size_t i = 0; i < run->log.epochs; i++)
        sum += isfinite(run->log.epoch[i].seconds) ? run->log.epoch[i].seconds : 0;
    return sum;
}

enum sk_same sk_report_same_evaluated(const struct sk_report_run *a, const struct sk_report_run *b)
{
    if (!a->evaluated || !b->evaluated)
        return SK_SAME_UNKNOWN;
    return a->fingerprint == b->fingerprint && a->count == b->count ? SK_SAME_YES : SK_SAME_NO;
}

enum sk_same sk_report_same_logged(const struct sk_report_run *a, const struct sk_report_run *b)
{
    if (a->evaluated && b->evaluated && a->of_own_data && b->of_own_data)
        return sk_report_same_evaluated(a, b);
    if (!a->has_recipe || !b->has_recipe || !a->has_position || !b->has_position)
        return SK_SAME_UNKNOWN;
    if (sk_recipe_other_data(&a->recipe, &b->recipe, true))
        return SK_SAME_NO;
    return a->position.fingerprint == b->position.fingerprint ? SK_SAME_YES : SK_SAME_NO;
}
