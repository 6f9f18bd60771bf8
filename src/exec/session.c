/* A session: a model file made ready to evaluate. The file says what it is; foreign weights need a recipe beside them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/exec.h"

static const char model_name[] = "model.safetensors", checkpoint_prefix[] = "ckpt-";
enum { PLAN_BYTES = 16 << 20, NUMBER = 12 };

/* ---- finding the file ---- */
static bool holds_model(const char *dir, const char *name, char out[SK_PATH])
{
    char folder[SK_PATH];
    return sk_path_join(folder, NULL, dir, name) == SK_OK && sk_path_join(out, NULL, folder, model_name) == SK_OK &&
           sk_is_file(out);
}

/* The checkpoint of the highest step: for runs copied without their links. */
static bool newest_model(const char *dir, char out[SK_PATH])
{
    char **names = NULL, path[SK_PATH];
    size_t count = 0;
    int64_t newest = -1, step;
    if (sk_dir_list(dir, &names, &count, NULL) != SK_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t prefix = sizeof(checkpoint_prefix) - 1;
        if (strncmp(names[i], checkpoint_prefix, prefix) != 0 || !sk_parse_i64(names[i] + prefix, &step) ||
            step <= newest || !holds_model(dir, names[i], path))
            continue;
        newest = step;
        memcpy(out, path, sizeof(path));
    }
    sk_free(names);
    return newest >= 0;
}

enum sk_code sk_model_path(const char *path, char out[SK_PATH], struct sk_err *err)
{
    if (sk_is_file(path))
        return sk_format(out, SK_PATH, "the path of the model", err, "%s", path);
    if (!sk_is_dir(path))
        return sk_fail(err, SK_INPUT, "cannot open model '%s': no such file or folder", path);
    if (holds_model(path, ".", out)) /* a checkpoint folder */
        return sk_path_join(out, err, path, model_name);
    if (holds_model(path, "best", out) || holds_model(path, "last", out) || newest_model(path, out))
        return SK_OK;
    return sk_fail(err, SK_INPUT,
                   "cannot open model '%s': expected a run with a checkpoint, a checkpoint or a safetensors file",
                   path);
}

/* ---- recipe, shape and classes ---- */
static enum sk_code get_recipe(struct sk_session *s, const struct sk_model_facts *f, const struct sk_session_options *o,
                               struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (o && o->recipe)
        code = sk_recipe_load(&s->recipe, o->recipe, err);
    else if (f->has_recipe)
        s->recipe = f->recipe;
    else
        code = sk_fail(err, SK_INPUT, "'%s' holds weights but no recipe: give the one they belong to with --recipe",
                       s->path);
    for (size_t i = 0; code == SK_OK && o && o->set && o->set[i]; i++)
        code = sk_recipe_set(&s->recipe, o->set[i], err);
    return code == SK_OK ? sk_recipe_check(&s->recipe, err) : code;
}

/* The classifier's weight, or NULL. */
static const struct sk_st_tensor *classifier(const struct sk_safetensors *st)
{
    for (size_t i = 0; i < st->count; i++)
        if (sk_model_is_classifier(st->tensor[i].name))
            return &st->tensor[i];
    return NULL;
}

/* Its rows; 0 where there is none. */
static int classifier_rows(const struct sk_st_tensor *t)
{
    return t && t->rank == 2 && t->dim[0] > 0 && t->dim[0] <= INT32_MAX ? (int)t->dim[0] : 0;
}

static enum sk_code get_shape(struct sk_session *s, const struct sk_model_facts *f, const struct sk_safetensors *st,
                              struct sk_net_shape *shape, struct sk_err *err)
{
    const struct sk_st_tensor *last = classifier(st);
    int rows = classifier_rows(last), wanted = s->recipe.model.classes;
    *shape = f->shape;
    if (!f->has_shape)
        sk_net_shape_guess(&s->recipe, shape);
    if (rows == 0)
        return sk_fail(err, SK_INPUT, "'%s': tensor 'fc.weight' [classes, features] of the network is missing",
                       s->path);
    if (wanted > 0 && wanted != rows)
        return sk_fail(err, SK_INPUT, "'%s': tensor '%s' has %d rows, model.classes is %d", s->path, last->name, rows,
                       wanted);
    if (f->shape.classes > 0 && f->shape.classes != rows)
        return sk_fail(err, SK_INPUT, "'%s': tensor '%s' has %d rows, metadata skua.classes names %d", s->path,
                       last->name, rows, f->shape.classes);
    shape->classes = s->recipe.model.classes = s->classes = rows;
    return SK_OK;
}

static char **numbered(int classes, struct sk_err *err)
{
    size_t n = (size_t)classes;
    char **name = sk_alloc(n * (sizeof(char *) + NUMBER), 1, err);
    for (size_t i = 0; i < n && name; i++) {
        name[i] = (char *)(name + n) + i * NUMBER;
        (void)snprintf(name[i], NUMBER, "%d", (int)i);
    }
    return name;
}

static enum sk_code get_classes(struct sk_session *s, struct sk_model_facts *f, struct sk_err *err)
{
    s->class_name = f->class_name ? f->class_name : numbered(s->classes, err);
    f->class_name = NULL;
    return s->class_name ? SK_OK : SK_NOMEM;
}

/* ---- opening ---- */
/* NULL where it cannot be read. */
static json_t *read_json(const char *path)
{
    struct sk_err ignored = {0};
    char *text;
    size_t len;
    if (sk_file_read(path, PLAN_BYTES, &text, &len, &ignored) != SK_OK)
        return NULL;
    json_t *root = json_loadb(text, len, 0, NULL);
    sk_free(text);
    return root;
}

/* A checkpoint's state.json has the checksum of the model beside it; a model file alone has none. */
static enum sk_code check_sum(const char *path, struct sk_err *err)
{
    char state[SK_PATH], sum[SK_DIGEST_HEX];
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    enum sk_code code = sk_format(state, sizeof(state), "a path", err, "%.*sstate.json", folder, path);
    json_t *root = code == SK_OK && sk_is_file(state) ? read_json(state) : NULL;
    const char *want = json_string_value(json_object_get(json_object_get(root, "sha256"), path + folder));
    if (code == SK_OK && sk_is_file(state) && !want)
        sk_notice("'%s' holds no checksum of the model: it is not checked", state);
    int fd = want ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (want && fd < 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", path);
    if (fd >= 0) {
        code = sk_digest_file(fd, path, SK_DIGEST_SHA256, sum, err);
        close(fd);
    }
    if (code == SK_OK && want && strcmp(sum, want) != 0)
        code = sk_fail(err, SK_INPUT, "'%s' is damaged: its checksum differs from that in state.json", path);
    json_decref(root);
    return code;
}

/* The kernels the checkpoint used give the same bits again. A file that cannot be read is told: the model is fine
 * without. */
static void use_plan(struct sk_session *s)
{
    char path[SK_PATH], *json = NULL;
    size_t len = 0;
    struct sk_err err = {0};
    const char *slash = strrchr(s->path, '/');
    int folder = slash ? (int)(slash + 1 - s->path) : 0;
    if (sk_format(path, sizeof(path), "a path", &err, "%.*splan.json", folder, s->path) != SK_OK || !sk_is_file(path))
        return;
    enum sk_code code = sk_file_read(path, PLAN_BYTES, &json, &len, &err);
    if (code == SK_OK)
        code = sk_net_use_choices(s->net, json, len, path, &err);
    if (code != SK_OK)
        sk_notice("%s; kernels are chosen anew and bits may differ", err.text);
    sk_free(json);
}

static enum sk_code open_net(struct sk_session *s, const struct sk_net_shape *shape, const struct sk_safetensors *st,
                             const atomic_bool *cancel, struct sk_err *err)
{
    enum sk_code code = sk_engine_open(&s->engine, &s->recipe.engine, err);
    if (code == SK_OK)
        sk_engine_cancel(s->engine, cancel);
    if (code == SK_OK)
        code = sk_net_new(&s->net, s->engine, &s->recipe, shape, err);
    if (code == SK_OK)
        code = sk_net_load(s->net, st, s->path, err);
    /* Looked for here: fused ReLUs of some kernels make a zero of a nan, and the result would look like one. */
    const char *broken = code == SK_OK ? sk_net_not_finite(s->net) : NULL;
    if (broken)
        code = sk_fail(err, SK_INPUT, "'%s': tensor '%s' holds a nan or an infinity: the network cannot be used", s->path,
                       broken);
    if (code == SK_OK)
        use_plan(s);
    return code;
}

enum sk_code sk_session_open(struct sk_session *s, const char *path, const struct sk_session_options *o,
                             struct sk_err *err)
{
    struct sk_safetensors st = {0};
    struct sk_model_facts facts = {0};
    struct sk_net_shape shape;
    *s = (struct sk_session){0};
    enum sk_code code = sk_model_path(path, s->path, err);
    if (code == SK_OK)
        code = sk_st_open(&st, s->path, err);
    if (code == SK_OK)
        code = check_sum(s->path, err);
    if (code == SK_OK)
        code = sk_model_facts_read(&facts, &st, s->path, err);
    if (code == SK_OK)
        code = get_recipe(s, &facts, o, err);
    if (code == SK_OK)
        code = get_shape(s, &facts, &st, &shape, err);
    if (code == SK_OK)
        code = get_classes(s, &facts, err);
    s->step = facts.step;
    if (code == SK_OK)
        code = open_net(s, &shape, &st, o ? o->cancel : NULL, err);
    sk_model_facts_release(&facts);
    sk_st_close(&st);
    if (code != SK_OK)
        sk_session_close(s);
    return code;
}

void sk_session_close(struct sk_session *s)
{
    sk_net_free(s->net);
    sk_engine_close(s->engine);
    sk_free(s->class_name);
    *s = (struct sk_session){0};
}
