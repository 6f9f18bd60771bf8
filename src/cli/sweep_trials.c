/* The runs of a sweep: their names, and what their folders say of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/sweep.h"
#include "models/models.h"

enum { FOLDER_LABEL = 80, RECORD_BYTES = 1 << 16 };

const char *sk_trial_state_name(enum sk_trial_state s)
{
    static const char *const names[] = {"waiting", "running", "stopped", "done", "failed", "left out"};
    return names[s];
}

/* ---- names ---- */
/* What of a label can be a folder's name; the recipe's name where that is nothing. */
static void folder_of(const struct sk_trials *s, size_t setting, char out[FOLDER_LABEL])
{
    const char *label = s->label[setting].len ? s->label[setting].text : s->recipe->name;
    size_t n = 0;
    for (; *label && n + 1 < FOLDER_LABEL; label++) {
        bool fine = ((unsigned char)*label < 128 && isalnum((unsigned char)*label)) || strchr("_=+", *label) ||
                    (*label == '.' && n > 0);
        if (fine)
            out[n++] = *label;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (n == 0)
        snprintf(out, FOLDER_LABEL, "setting");
}

/* Which one it is of the settings whose folders would be called the same, from 1. */
static int number_of(const struct sk_trials *s, size_t setting)
{
    char mine[FOLDER_LABEL], other[FOLDER_LABEL];
    int number = 1;
    folder_of(s, setting, mine);
    for (size_t i = 0; i < setting; i++) {
        folder_of(s, i, other);
        number += strcasecmp(mine, other) == 0;
    }
    return number;
}

static void name_trial(const struct sk_trials *s, struct sk_trial *t)
{
    char folder[FOLDER_LABEL], number[16] = "", seed[32] = "";
    int same = number_of(s, t->setting);
    folder_of(s, t->setting, folder);
    if (same > 1)
        snprintf(number, sizeof(number), "-%d", same);
    if (s->recipe->sweep.seeds.count > 0)
        snprintf(seed, sizeof(seed), "-seed-%lld", (long long)t->seed);
    snprintf(t->name, sizeof(t->name), "%s%s%s", folder, number, seed);
}

/* Numbers make folders differ unless a setting is called like one with a number. */
static enum sk_code check_folders(const struct sk_trials *s, size_t repeats, struct sk_err *err)
{
    for (size_t i = 0; i < s->count; i += repeats)
        for (size_t j = 0; j < i; j += repeats)
            if (strcasecmp(s->trial[i].name, s->trial[j].name) == 0)
                return sk_fail(err, SK_INPUT, "sweep: two settings would have the folder '%s': give them other names",
                               s->trial[i].name);
    return SK_OK;
}

/* ---- all of them ---- */
static enum sk_code label_settings(struct sk_trials *s, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    s->label = sk_alloc(s->settings, sizeof(*s->label), err);
    if (!s->label)
        return SK_NOMEM;
    for (size_t i = 0; i < s->settings && code == SK_OK; i++) {
        code = sk_recipe_sweep_label(s->recipe, i, NULL, &s->label[i], err);
        if (code == SK_OK)
            code = sk_str_add(&s->label[i], err, "%s", "");
        for (size_t j = 0; j < i && code == SK_OK; j++)
            if (strcmp(s->label[i].text, s->label[j].text) == 0)
                code = sk_fail(err, SK_INPUT, "sweep: the setting '%s' is there twice", s->label[i].text);
    }
    return code;
}

/* Whether a device that this setting asks for is not there. */
static void check_device(const struct sk_recipe *r, struct sk_trial *t)
{
    struct sk_err why = {0};
    if (sk_engine_check_device(r->engine.device, &why) == SK_OK)
        return;
    t->state = SK_TRIAL_LEFT_OUT;
    snprintf(t->why, sizeof(t->why), "%.*s", (int)sizeof(t->why) - 1, why.text);
}

static enum sk_code add_trials(struct sk_trials *s, struct sk_err *err)
{
    const struct sk_recipe_numbers *seeds = &s->recipe->sweep.seeds;
    int repeats = seeds->count > 0 ? seeds->count : 1;
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    s->trial = r ? sk_alloc(s->settings * (size_t)repeats, sizeof(*s->trial), err) : NULL;
    enum sk_code code = s->trial ? SK_OK : SK_NOMEM;
    for (size_t i = 0; i < s->settings && code == SK_OK; i++) {
        code = sk_recipe_sweep_setting(s->recipe, i, r, err);
        if (code == SK_OK)
            code = sk_model_check_name(r->model.arch, err);
        for (int j = 0; j < repeats && code == SK_OK; j++) {
            struct sk_trial *t = &s->trial[s->count++];
            t->setting = i;
            t->seed = seeds->count > 0 ? (int64_t)seeds->at[j] : r->train.seed;
            name_trial(s, t);
            check_device(r, t);
        }
    }
    sk_free(r);
    return code == SK_OK ? check_folders(s, (size_t)repeats, err) : code;
}

/* What no setting can have is no matter of this machine: then the first reason is the error. */
static enum sk_code check_left_out(const struct sk_trials *s, struct sk_err *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->trial[i].state != SK_TRIAL_LEFT_OUT)
            return SK_OK;
    return sk_fail(err, SK_UNSUPPORTED, "%s", s->trial[0].why);
}

enum sk_code sk_trials_init(struct sk_trials *s, const struct sk_recipe *r, const char *dir, struct sk_err *err)
{
    *s = (struct sk_trials){.recipe = r};
    enum sk_code code = sk_format(s->dir, sizeof(s->dir), "--out", err, "%s", dir);
    if (code == SK_OK)
        code = sk_recipe_sweep_count(r, &s->settings, err);
    if (code == SK_OK && !sk_recipe_is_sweep(r))
        code =
            sk_fail(err, SK_INPUT, "the recipe '%s' is no sweep: give sweep.grid, sweep.list or sweep.seeds", r->name);
    if (code == SK_OK)
        code = label_settings(s, err);
    if (code == SK_OK)
        code = add_trials(s, err);
    if (code == SK_OK)
        code = check_left_out(s, err);
    if (code != SK_OK)
        sk_trials_release(s);
    return code;
}

void sk_trials_release(struct sk_trials *s)
{
    for (size_t i = 0; s->label && i < s->settings; i++)
        sk_str_release(&s->label[i]);
    sk_free(s->label);
    sk_free(s->trial);
    *s = (struct sk_trials){0};
}

enum sk_code sk_trial_recipe(const struct sk_trials *s, const struct sk_trial *t, struct sk_recipe *out,
                             struct sk_err *err)
{
    enum sk_code code = sk_recipe_sweep_setting(s->recipe, t->setting, out, err);
    out->train.seed = t->seed;
    out->expect.accuracy = -1;
    return code;
}

enum sk_code sk_trial_dir(const struct sk_trials *s, const struct sk_trial *t, char out[SK_PATH], struct sk_err *err)
{
    return sk_path_join(out, err, s->dir, t->name);
}

/* ---- what the folders say ---- */
static void read_record(const char *dir, struct sk_trial *t)
{
    char path[SK_PATH], *text = NULL;
    size_t len;
    if (sk_path_join(path, NULL, dir, "sweep.json") != SK_OK ||
        sk_file_read(path, RECORD_BYTES, &text, &len, NULL) != SK_OK)
        return;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *status = json_string_value(json_object_get(object, "status"));
    const char *why = json_string_value(json_object_get(object, "why"));
    if (status && strcmp(status, "done") == 0)
        t->state = SK_TRIAL_DONE;
    if (status && strcmp(status, "failed") == 0)
        t->state = SK_TRIAL_FAILED;
    snprintf(t->why, sizeof(t->why), "%s", t->state == SK_TRIAL_FAILED && why ? why : "");
    json_decref(object);
    sk_free(text);
}

/* The recipe that the run was made with against the one it would be made with now. */
static enum sk_code compare(const char *path, struct sk_trial *t, struct sk_recipe *was, struct sk_recipe *now,
                            struct sk_err *err)
{
    enum sk_code code = sk_recipe_load(was, path, err);
    if (code == SK_INPUT) { /* this run cannot go on, others can */
        t->state = SK_TRIAL_FAILED;
        sk_printable(t->why, sizeof(t->why), err->text);
        sk_err_clear(err);
        return SK_OK;
    }
    if (code != SK_OK)
        return code;
    if (now->model.classes == 0)
        now->model.classes = was->model.classes; /* the run's are those of the data */
    code = sk_recipe_may_resume(was, now, err);
    if (code == SK_OK && t->state == SK_TRIAL_DONE && sk_recipe_may_resume(now, was, NULL) != SK_OK)
        t->state = SK_TRIAL_STOPPED; /* longer now */
    if (code != SK_OK)
        sk_err_prefix(err, "the sweep's recipe changed: '%s'", t->name);
    return code;
}

static enum sk_code inspect(struct sk_trials *s, struct sk_trial *t, struct sk_recipe *was, struct sk_recipe *now,
                            struct sk_err *err)
{
    char dir[SK_PATH], recipe[SK_PATH];
    enum sk_code code = sk_trial_dir(s, t, dir, err);
    if (code == SK_OK)
        code = sk_path_join(recipe, err, dir, "recipe.yaml");
    if (code != SK_OK)
        return code;
    if (t->state != SK_TRIAL_LEFT_OUT) {
        bool begun = sk_is_file(recipe);
        t->state = begun ? SK_TRIAL_STOPPED : SK_TRIAL_WAITING;
        read_record(dir, t);
        if (begun)
            code = sk_trial_recipe(s, t, now, err);
        if (begun && code == SK_OK)
            code = compare(recipe, t, was, now, err);
        if (sk_run_in_use(dir))
            t->state = SK_TRIAL_RUNNING;
    }
    sk_metrics_of_run(dir, t->value, &t->fingerprint);
    return code;
}

enum sk_code sk_trials_inspect(struct sk_trials *s, struct sk_err *err)
{
    struct sk_recipe *pair = sk_alloc(2, sizeof(*pair), err);
    enum sk_code code = pair ? SK_OK : SK_NOMEM;
    for (size_t i = 0; i < s->count && code == SK_OK; i++)
        code = inspect(s, &s->trial[i], &pair[0], &pair[1], err);
    sk_free(pair);
    return code;
}

enum sk_code sk_trial_end(const struct sk_trials *s, struct sk_trial *t, enum sk_trial_state state, const char *why,
                          struct sk_err *err)
{
    char dir[SK_PATH], path[SK_PATH];
    snprintf(t->why, sizeof(t->why), "%s", why);
    t->state = state;
    enum sk_code code = sk_trial_dir(s, t, dir, err);
    if (code == SK_OK)
        code = sk_path_join(path, err, dir, "sweep.json");
    if (code == SK_OK)
        code = sk_mkdirs(dir, err);
    if (code != SK_OK)
        return code;
    json_t *object = json_pack("{s:s, s:o}", "status", sk_trial_state_name(state), "why", sk_json_text(why));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    code = text ? sk_file_write(path, text, strlen(text), err)
                : sk_fail(err, SK_NOMEM, "not enough memory for '%s'", path);
    free(text);
    if (code == SK_OK)
        sk_metrics_of_run(dir, t->value, &t->fingerprint);
    return code;
}
