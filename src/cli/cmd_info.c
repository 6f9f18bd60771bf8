/* skua info: the machine, or the layers and the plan of a recipe's or a model's network. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/info_layers.h"
#include "cli/info_schedule.h"
#include "cli/info_models.h"
#include "data/data.h"
#include "models/models.h"

struct info_args {
    struct sk_words set;
    const char *data, *recipe;
    bool models, plan, schedule, json;
};

/* ---- the machine ---- */
static void print_quota(const struct sk_machine *m)
{
    if (m->quota > 0)
        sk_print(", container quota %.2f", m->quota);
}

static enum sk_code print_machine(struct sk_err *err)
{
    struct sk_machine m;
    struct sk_str backends = {0};
    char a[32], b[32];
    sk_machine_read(&m);
    enum sk_code code = sk_engine_describe(&backends, err);
    if (code == SK_OK) {
        sk_print("skua       %s\nprocessor  %s\ncores      %d (%d logical processors", SKUA_VERSION, m.cpu, m.cores,
                 m.affinity);
        print_quota(&m);
        sk_print("), %d threads used\nmemory     %s, %s available\n%s", m.threads,
                 sk_bytes_text((double)m.memory_total, a), sk_bytes_text((double)m.memory_available, b), backends.text);
    }
    sk_str_release(&backends);
    return code;
}

static enum sk_code print_machine_json(struct sk_err *err)
{
    struct sk_machine m;
    struct sk_str backends = {0};
    sk_machine_read(&m);
    enum sk_code code = sk_engine_describe(&backends, err);
    if (code == SK_OK)
        code = sk_print_json(json_pack("{s:s, s:s, s:i, s:i, s:f, s:i, s:I, s:I, s:s}", "version", SKUA_VERSION,
                                       "processor", m.cpu, "cores", m.cores, "affinity", m.affinity, "quota", m.quota,
                                       "threads", m.threads, "memory_total", (json_int_t)m.memory_total,
                                       "memory_available", (json_int_t)m.memory_available, "backends", backends.text),
                             "the machine", err);
    sk_str_release(&backends);
    return code;
}

/* ---- networks ---- */
static enum sk_code print_plan(const struct sk_plan *p, const char *job, int batch, struct sk_err *err)
{
    struct sk_str text = {0};
    enum sk_code code = sk_plan_explain(p, &text, err);
    if (code == SK_OK)
        sk_print("\n%s, batch %d\n%s", job, batch, text.text);
    sk_str_release(&text);
    return code;
}

static enum sk_code print_plan_json(const struct sk_plan *p, const char *job, int batch, struct sk_err *err)
{
    json_t *plan = sk_plan_explain_json(p);
    json_object_set_new(plan, "plan", json_string(job));
    json_object_set_new(plan, "batch", json_integer(batch));
    return sk_print_json(plan, "the plan", err);
}

static enum sk_code explain(struct sk_net *net, int batch, bool train, bool json, struct sk_err *err)
{
    const char *job = train ? "training" : "evaluation";
    enum sk_code code = sk_net_prepare(net, batch, train, err);
    if (code != SK_OK)
        return code;
    const struct sk_plan *p = sk_net_plan(net, batch, train);
    return json ? print_plan_json(p, job, batch, err) : print_plan(p, job, batch, err);
}

static enum sk_code show_net(const struct sk_recipe *r, const struct sk_net_shape *s, struct sk_engine *e,
                             struct sk_net *net, const struct info_args *a, struct sk_err *err)
{
    enum sk_dtype compute = sk_engine_precision(e) == SK_PRECISION_BF16 ? SK_BF16 : SK_F32;
    enum sk_code code = sk_info_layers(r, s, compute, a->json, err);
    if (code == SK_OK && a->plan)
        code = explain(net, r->train.batch, true, a->json, err);
    if (code == SK_OK && a->plan)
        code = explain(net, r->train.batch, false, a->json, err);
    return code;
}

/* Pictures and classes as the data has them, where the recipe does not say them. */
static enum sk_code shape_from_data(const struct sk_recipe *r, struct sk_net_shape *s, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    struct sk_err why = {0};
    enum sk_code code = sk_dataset_open(&ds, &r->data, r->train.seed, SK_TRAIN, &why);
    if (code != SK_OK && s->classes > 0)
        return SK_OK;
    if (code != SK_OK)
        return sk_fail(err, code, "model.classes is 0, and the data that would tell it cannot be opened: %s", why.text);
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    s->channels = info->channels;
    s->pixel = info->pixel == SK_PIXEL_U8 ? SK_U8 : SK_F32;
    s->classes = s->classes > 0 ? s->classes : info->classes;
    if (r->data.augment.count == 0 && r->data.prepare.count == 0 && info->height > 0) {
        s->height = info->height;
        s->width = info->width;
    }
    sk_dataset_close(ds);
    return SK_OK;
}

/* A recipe by file or name, or the defaults with a model by its name. */
static enum sk_code find_recipe(struct sk_recipe *r, const char *name, const struct info_args *a, struct sk_err *err)
{
    int side;
    sk_recipe_defaults(r);
    if (!name || sk_is_file(name) || !sk_model_whole(name, &r->model, &side))
        return sk_cli_recipe(r, name, a->data, &a->set, err);
    enum sk_code code = sk_cli_set_data(r, a->data, err);
    if (code == SK_OK)
        code = sk_cli_set(r, &a->set, err);
    return code == SK_OK ? sk_recipe_check(r, err) : code;
}

/* Of the training data where it is there; 0. */
static int64_t samples_of(const struct sk_recipe *r)
{
    struct sk_dataset *ds = NULL;
    int64_t samples = 0;
    if (sk_dataset_open(&ds, &r->data, r->train.seed, SK_TRAIN, NULL) == SK_OK)
        samples = sk_dataset_info(ds)->count;
    sk_dataset_close(ds);
    return samples;
}

static enum sk_code info_schedule(const char *name, const struct info_args *a, struct sk_err *err)
{
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    enum sk_code code = r ? find_recipe(r, name, a, err) : SK_NOMEM;
    if (code == SK_OK)
        code = sk_info_schedule(r, samples_of(r), a->json, err);
    sk_free(r);
    return code;
}

static enum sk_code info_recipe(const char *name, const struct info_args *a, struct sk_err *err)
{
    struct sk_engine *e = NULL;
    struct sk_net *net = NULL;
    struct sk_net_shape shape;
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    enum sk_code code = r ? find_recipe(r, name, a, err) : SK_NOMEM;
    if (code == SK_OK) {
        sk_net_shape_guess(r, &shape);
        code = shape_from_data(r, &shape, err);
    }
    if (code == SK_OK)
        code = sk_engine_open(&e, &r->engine, err);
    if (code == SK_OK)
        sk_engine_cancel(e, &sk_cancel);
    if (code == SK_OK && a->plan)
        code = sk_net_new(&net, e, r, &shape, err);
    if (code == SK_OK)
        code = show_net(r, &shape, e, net, a, err);
    sk_net_free(net);
    sk_engine_close(e);
    sk_free(r);
    return code;
}

static enum sk_code info_model(const char *path, const struct info_args *a, struct sk_err *err)
{
    struct sk_session *s = sk_alloc(1, sizeof(*s), err);
    if (!s)
        return SK_NOMEM;
    struct sk_session_options o = {.recipe = a->recipe, .set = a->set.item, .cancel = &sk_cancel};
    enum sk_code code = sk_session_open(s, path, &o, err);
    if (code == SK_OK && !a->json)
        sk_print("%s, step %lld, recipe %s\n\n", s->path, (long long)s->step, s->recipe.name);
    if (code == SK_OK)
        code = show_net(&s->recipe, sk_net_shape(s->net), s->engine, s->net, a, err);
    sk_session_close(s);
    sk_free(s);
    return code;
}

/* A folder without a model is likely to be one of pictures. */
static enum sk_code info_folder(const char *dir, const struct info_args *a, struct sk_err *err)
{
    char path[SK_PATH], word[SK_PATH];
    struct sk_err why = {0};
    enum sk_code code = sk_model_path(dir, path, &why);
    return code == SK_OK ? info_model(dir, a, err)
                         : sk_fail(err, code, "%s; what data holds is told by: skua data inspect %s", why.text,
                                   sk_shell_word(word, sizeof(word), dir));
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

static enum sk_code run_info(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct info_args *a = args;
    const char *what = words->count ? words->item[0] : NULL;
    if (a->models)
        return what ? sk_fail(err, SK_USAGE, "--models tells of all models, not of '%s'", what) : sk_info_models(a->json, err);
    if (!what && !a->data && !a->schedule)
        return a->json ? print_machine_json(err) : print_machine(err);
    bool model = what && (sk_is_dir(what) || ends_with(what, ".safetensors"));
    if (a->schedule)
        return model ? sk_fail(err, SK_USAGE, "--schedule is for a recipe, '%s' is a model", what)
                     : info_schedule(what, a, err);
    if (what && sk_is_dir(what))
        return info_folder(what, a, err);
    if (what && ends_with(what, ".safetensors"))
        return info_model(what, a, err);
    return info_recipe(what, a, err);
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct info_args, data,
              "the recipe's data, for what it does not say itself"),
    SK_OPTION_SET(struct info_args),
    SK_OPTION("recipe", "RECIPE", SK_OPTION_TEXT, struct info_args, recipe, "for weights that carry no recipe"),
    SK_OPTION("models", NULL, SK_OPTION_FLAG, struct info_args, models, "all networks: parameters and multiply-adds"),
    SK_OPTION("plan", NULL, SK_OPTION_FLAG, struct info_args, plan,
              "also the kernel of each op, its time, and the others"),
    SK_OPTION("schedule", NULL, SK_OPTION_FLAG, struct info_args, schedule, "the learning rate over the training instead"),
    SK_OPTION_JSON(struct info_args),
};

const struct sk_command sk_cmd_info = {
    .name = "info",
    .words = "[MODEL|RECIPE]",
    .help = "layers, parameters and memory of a network; without one, the machine",
    .words_max = 1,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct info_args),
    .run = run_info,
};
