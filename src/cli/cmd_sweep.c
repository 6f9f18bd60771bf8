/* skua sweep: the runs of a recipe's sweep, begun, gone on with, or shown. */
#include <string.h>

#include "cli/sweep.h"
#include "cli/train_view.h"
#include "report/report.h"

struct sweep_args {
    struct sk_words set;
    const char *data, *out, *csv, *svg;
    bool table, json, quiet;
};
static const char recipe_name[] = "sweep.yaml";

/* ---- the folder of a sweep ---- */
static bool is_sweep(const char *dir)
{
    char path[SK_PATH];
    return sk_path_join(path, NULL, dir, recipe_name) == SK_OK && sk_is_file(path);
}

static enum sk_code write_recipe(const struct sk_recipe *r, const char *dir, struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_str text = {0};
    enum sk_code code = sk_path_join(path, err, dir, recipe_name);
    if (code == SK_OK)
        code = sk_recipe_write(r, &text, err);
    if (code == SK_OK)
        code = sk_file_write(path, text.text, text.len, err);
    sk_str_release(&text);
    return code;
}

/* Columns and files are asked for now, not after the last run. */
static enum sk_code check_show(const struct sk_recipe_sweep *r, const struct sk_sweep_show *show, struct sk_err *err)
{
    enum sk_metric m[SK_METRICS];
    size_t count;
    enum sk_code code = sk_metric_columns(r, m, &count, err);
    if (code == SK_OK && *r->fit_y)
        code = sk_metric_find(r->fit_y, "sweep.fit.y", m, err);
    for (int i = 0; i < r->fit_x.count && code == SK_OK; i++) {
        code = sk_metric_find(sk_recipe_word(&r->fit_x, i), "sweep.fit.x", m, err);
        if (code == SK_OK && !sk_metric_rows[m[0]].section)
            code = sk_fail(err, SK_INPUT, "sweep.fit.x: expected samples or parameters, got '%s'",
                           sk_metric_rows[m[0]].name);
    }
    if (code == SK_OK)
        code = sk_file_writable(show->csv, err);
    return code == SK_OK ? sk_file_writable(show->svg, err) : code;
}

/* A run is no sweep, though its folder could be taken up again. */
static enum sk_code check_folder(const char *dir, struct sk_err *err)
{
    char path[SK_PATH];
    enum sk_code code = sk_path_join(path, err, dir, "recipe.yaml");
    if (code == SK_OK && sk_is_file(path) && !is_sweep(dir))
        code = sk_fail(err, SK_USAGE, "'%s' is a run, not a sweep: choose another --out", dir);
    return code;
}

/* ---- settings that cannot be trained, told before the first run ---- */
/* Of the data that it is there: what it holds is known when it is opened. */
static enum sk_code check_data(const struct sk_recipe_data *d, struct sk_err *err)
{
    bool read = *d->path && d->source != SK_SOURCE_SHAPES && !*d->images;
    if (!read || sk_is_dir(d->path) || sk_is_file(d->path))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "cannot open data '%s': no such file or folder", d->path);
}

/* Of the network its graph, for pictures as far as the recipe tells them; without memory. */
static enum sk_code check_network(const struct sk_recipe *r, struct sk_err *err)
{
    enum { ANY_CLASSES = 10 };
    struct sk_layers layers = {0};
    struct sk_net_shape shape;
    sk_net_shape_guess(r, &shape);
    shape.classes = shape.classes > 0 ? shape.classes : ANY_CLASSES;
    enum sk_code code = sk_layers_init(&layers, r, &shape, SK_F32, err);
    sk_layers_release(&layers);
    return code;
}

static enum sk_code check_setting(const struct sk_trials *s, size_t setting, struct sk_recipe *r, struct sk_err *err)
{
    enum sk_code code = sk_recipe_sweep_setting(s->recipe, setting, r, err);
    if (code != SK_OK)
        return code;
    code = check_data(&r->data, err);
    if (code == SK_OK)
        code = check_network(r, err);
    if (code != SK_OK)
        sk_err_prefix(err, "sweep, setting '%s'", s->label[setting].len ? s->label[setting].text : "");
    return code;
}

/* Those that have something left to do. */
static enum sk_code check_settings(const struct sk_trials *s, struct sk_err *err)
{
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    enum sk_code code = r ? SK_OK : SK_NOMEM;
    size_t checked = s->settings;
    for (size_t i = 0; i < s->count && code == SK_OK; i++) {
        const struct sk_trial *t = &s->trial[i];
        if (t->setting == checked || t->state == SK_TRIAL_DONE || t->state == SK_TRIAL_LEFT_OUT)
            continue;
        checked = t->setting;
        code = check_setting(s, checked, r, err);
    }
    sk_free(r);
    return code;
}

/* ---- running ---- */
static enum sk_code judge(const struct sk_trials *s, struct sk_err *err)
{
    char dir[SK_PATH];
    size_t failed = 0;
    for (size_t i = 0; i < s->count; i++)
        failed += s->trial[i].state == SK_TRIAL_FAILED;
    if (failed == 0)
        return SK_OK;
    return sk_fail(err, SK_MISSED, "%zu of %zu runs failed; to try them again: skua sweep --out %s", failed, s->count,
                   sk_shell_word(dir, sizeof(dir), s->dir));
}

static enum sk_code tell_unused(const struct sk_trials *s, struct sk_err *err)
{
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    enum sk_code code = r ? SK_OK : SK_NOMEM;
    for (size_t i = 0; i < s->settings && code == SK_OK; i++) {
        code = sk_recipe_sweep_setting(s->recipe, i, r, err);
        if (code == SK_OK)
            sk_recipe_tell_unused(r);
    }
    sk_free(r);
    return code;
}

/* With the sweep's lock held; the runs share it, so that a sweep whose runs still end is not gone on with. */
static enum sk_code run_held(struct sk_trials *s, const struct sk_sweep_show *show, bool quiet, struct sk_err *err)
{
    enum sk_code code = sk_trials_inspect(s, err);
    if (code == SK_OK)
        code = write_recipe(s->recipe, s->dir, err);
    if (code == SK_OK && !quiet && !show->json)
        sk_tell("%s: %zu runs of %zu settings", s->dir, s->count, s->settings);
    if (code == SK_OK)
        code = tell_unused(s, err);
    if (code == SK_OK)
        code = sk_trials_run(s, quiet || show->json, err);
    if (code == SK_OK)
        code = sk_trials_show(s, show, err);
    return code == SK_OK ? judge(s, err) : code;
}

enum sk_code sk_cli_sweep(const struct sk_recipe *r, const char *dir, const struct sk_sweep_show *show, bool quiet,
                          struct sk_err *err)
{
    char path[SK_PATH];
    struct sk_trials s = {0};
    struct sk_run held = {.lock_fd = -1};
    enum sk_code code = dir ? sk_format(path, sizeof(path), "--out", err, "%s", dir) : sk_cli_default_run(path, r, err);
    if (code == SK_OK)
        code = check_show(&r->sweep, show, err);
    if (code == SK_OK)
        code = sk_trials_init(&s, r, path, err);
    if (code == SK_OK)
        code = check_folder(path, err);
    if (code == SK_OK)
        code = sk_trials_inspect(&s, err);
    if (code == SK_OK)
        code = check_settings(&s, err);
    if (code == SK_OK)
        code = sk_run_open(&held, path, is_sweep(path), err);
    if (code == SK_OK)
        code = run_held(&s, show, quiet, err);
    sk_run_close(&held);
    sk_trials_release(&s);
    return code;
}

static enum sk_code show_table(const struct sk_recipe *r, const char *dir, const struct sk_sweep_show *show,
                               struct sk_err *err)
{
    struct sk_trials s = {0};
    enum sk_code code = check_show(&r->sweep, show, err);
    if (code == SK_OK)
        code = sk_trials_init(&s, r, dir, err);
    if (code == SK_OK)
        code = sk_trials_inspect(&s, err);
    if (code == SK_OK)
        code = sk_trials_show(&s, show, err);
    sk_trials_release(&s);
    return code;
}

/* ---- the command ---- */
static enum sk_code load_recipe(struct sk_recipe *r, const struct sweep_args *a, const char *name, struct sk_err *err)
{
    char dir[SK_PATH];
    if (is_sweep(name))
        return sk_fail(err, SK_USAGE, "'%s' is the folder of a sweep; to go on with it: skua sweep --out %s", name,
                       sk_shell_word(dir, sizeof(dir), name));
    enum sk_code code = sk_cli_recipe(r, name, a->data, &a->set, err);
    if (code == SK_OK && r->task == SK_TASK_PROFILE && !sk_recipe_is_sweep(r))
        return sk_fail(err, SK_INPUT, "the recipe '%s' profiles and is no sweep: skua reproduce %s", r->name, name);
    return code;
}

/* Without a recipe, that of the sweep in --out. */
static enum sk_code get_recipe(struct sk_recipe *r, const struct sweep_args *a, const char *name, struct sk_err *err)
{
    char path[SK_PATH];
    if (name)
        return load_recipe(r, a, name, err);
    if (!a->out)
        return sk_fail(err, SK_USAGE, "give a recipe, or the sweep to go on with: --out DIR");
    enum sk_code code = sk_path_join(path, err, a->out, recipe_name);
    if (code == SK_OK && !sk_is_file(path))
        return sk_fail(err, SK_INPUT, "'%s' holds no sweep: there is no %s, give a recipe to begin one", a->out,
                       recipe_name);
    return code == SK_OK ? sk_cli_recipe(r, path, a->data, &a->set, err) : code;
}

static enum sk_code run_sweep(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct sweep_args *a = args;
    const struct sk_sweep_show show = {.csv = a->csv, .svg = a->svg, .json = a->json};
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    sk_progress_quiet(a->quiet || a->json);
    enum sk_code code = SK_OK;
    if (a->table && (words->count || !a->out))
        code = sk_fail(err, SK_USAGE, "--table shows the sweep in --out DIR, without a recipe");
    if (code == SK_OK)
        code = get_recipe(r, a, words->count ? words->item[0] : NULL, err);
    if (code == SK_OK)
        code = a->table ? show_table(r, a->out, &show, err) : sk_cli_sweep(r, a->out, &show, a->quiet, err);
    sk_free(r);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct sweep_args, data, "the data"),
    SK_OPTION_SET(struct sweep_args),
    SK_OPTION("out", "DIR", SK_OPTION_TEXT, struct sweep_args, out,
              "folder of the runs (runs/NAME-DATE-TIME); that of a sweep: goes on, its recipe may be left out"),
    SK_OPTION("table", NULL, SK_OPTION_FLAG, struct sweep_args, table,
              "shows the sweep in --out as it stands, runs nothing"),
    SK_OPTION("csv", "FILE", SK_OPTION_TEXT, struct sweep_args, csv, "the table with all columns"),
    SK_OPTION("svg", "FILE", SK_OPTION_TEXT, struct sweep_args, svg, "a chart of the table's first column"),
    SK_OPTION_JSON(struct sweep_args),
    SK_OPTION_QUIET(struct sweep_args),
};

const struct sk_command sk_cmd_sweep = {
    .name = "sweep",
    .words = "[RECIPE]",
    .help = "trains all settings of a recipe's sweep and sets them beside each other",
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct sweep_args),
    .run = run_sweep,
};
