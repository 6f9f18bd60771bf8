/* What a model file says of itself in its metadata: recipe, classes, shape of the pictures, step. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"

enum { MAX_CLASSES = 1000000, MAX_META_SIDE = 65500 };

/* ---- writing ---- */
static enum sk_code classes_json(struct sk_str *out, const char *const *name, int classes, struct sk_err *err)
{
    json_t *array = json_array();
    for (int i = 0; i < classes; i++)
        json_array_append_new(array, json_string(name[i]));
    char *text = json_array_size(array) == (size_t)classes ? json_dumps(array, JSON_COMPACT) : NULL;
    enum sk_code code = text ? sk_str_add(out, err, "%s", text)
                             : sk_fail(err, SK_INPUT, "a class name is not UTF-8 text, which a model file must hold");
    free(text);
    json_decref(array);
    return code;
}

static const char *const meta_key[SK_MODEL_METAS] = {"skua.version", "skua.recipe", "skua.classes", "skua.shape",
                                                     "skua.step"};

enum sk_code sk_model_meta_make(struct sk_model_meta *m, const struct sk_recipe *r, const struct sk_net_shape *shape,
                                const char *const *class_name, int64_t step, struct sk_err *err)
{
    *m = (struct sk_model_meta){0};
    enum sk_code code = sk_str_add(&m->text[0], err, "%s", SKUA_VERSION);
    if (code == SK_OK)
        code = sk_recipe_write(r, &m->text[1], err);
    if (code == SK_OK)
        code = classes_json(&m->text[2], class_name, shape->classes, err);
    if (code == SK_OK)
        code = sk_str_add(&m->text[3], err, "%dx%dx%d %s", shape->height, shape->width, shape->channels,
                          shape->pixel == SK_U8 ? "u8" : "f32");
    if (code == SK_OK)
        code = sk_str_add(&m->text[4], err, "%lld", (long long)step);
    for (size_t i = 0; i < SK_MODEL_METAS; i++)
        m->entry[i] = (struct sk_st_meta){(char *)meta_key[i], m->text[i].text};
    m->count = SK_MODEL_METAS;
    if (code != SK_OK)
        sk_model_meta_release(m);
    return code;
}

void sk_model_meta_release(struct sk_model_meta *m)
{
    for (size_t i = 0; i < SK_MODEL_METAS; i++)
        sk_str_release(&m->text[i]);
    *m = (struct sk_model_meta){0};
}

/* ---- reading ---- */
/* "HxWxC u8" */
static bool parse_shape(const char *text, struct sk_net_shape *s)
{
    char pixel[4] = "";
    int end = 0;
    if (strlen(text) > 40 || sscanf(text, "%5dx%5dx%1d %3s%n", &s->height, &s->width, &s->channels, pixel, &end) != 4 ||
        text[end])
        return false;
    s->pixel = strcmp(pixel, "u8") == 0 ? SK_U8 : SK_F32;
    return (s->pixel == SK_U8 || strcmp(pixel, "f32") == 0) && s->height > 0 && s->height <= MAX_META_SIDE &&
           s->width > 0 && s->width <= MAX_META_SIDE && s->channels > 0 && s->channels <= SK_MAX_CHANNELS;
}

/* A block of pointers and the names they point to; NULL with err set. */
static char **copy_names(const json_t *array, struct sk_err *err)
{
    size_t n = json_array_size(array), bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += json_string_length(json_array_get(array, i)) + 1;
    char **name = sk_alloc(n * sizeof(char *) + bytes, 1, err);
    char *next = name ? (char *)(name + n) : NULL;
    for (size_t i = 0; i < n && name; i++) {
        size_t size = json_string_length(json_array_get(array, i)) + 1;
        name[i] = memcpy(next, json_string_value(json_array_get(array, i)), size);
        next += size;
    }
    return name;
}

static enum sk_code parse_classes(struct sk_model_facts *f, const char *text, struct sk_err *err)
{
    json_t *array = json_loads(text, 0, NULL);
    size_t n = json_array_size(array), strings = 0;
    enum sk_code code = SK_OK;
    while (strings < n && json_is_string(json_array_get(array, strings)))
        strings++;
    if (n < 1 || n > MAX_CLASSES || strings < n)
        code = sk_fail(err, SK_INPUT, "expected an array of class names");
    else if (!(f->class_name = copy_names(array, err)))
        code = SK_NOMEM;
    else
        f->shape.classes = (int)n;
    json_decref(array);
    return code;
}

static enum sk_code parse_values(struct sk_model_facts *f, const struct sk_safetensors *st, const char *path,
                                 struct sk_err *err)
{
    const char *recipe = sk_st_meta(st, "skua.recipe"), *classes = sk_st_meta(st, "skua.classes");
    const char *shape = sk_st_meta(st, "skua.shape"), *step = sk_st_meta(st, "skua.step");
    enum sk_code code = SK_OK;
    sk_recipe_defaults(&f->recipe);
    if (recipe)
        code = sk_recipe_parse(&f->recipe, recipe, strlen(recipe), path, err);
    f->has_recipe = recipe != NULL;
    if (code == SK_OK && classes && (code = parse_classes(f, classes, err)) != SK_OK)
        sk_err_prefix(err, "'%s': metadata skua.classes", path);
    if (code == SK_OK && shape && !(f->has_shape = parse_shape(shape, &f->shape)))
        code = sk_fail(err, SK_INPUT, "'%s': metadata skua.shape: expected HxWxC u8 or f32, got '%.60s'", path, shape);
    if (code == SK_OK && step && (!sk_parse_i64(step, &f->step) || f->step < 0))
        code = sk_fail(err, SK_INPUT, "'%s': metadata skua.step: expected a number of steps, got '%.60s'", path, step);
    return code;
}

enum sk_code sk_model_facts_read(struct sk_model_facts *f, const struct sk_safetensors *st, const char *path,
                                 struct sk_err *err)
{
    *f = (struct sk_model_facts){0};
    enum sk_code code = parse_values(f, st, path, err);
    if (code != SK_OK)
        sk_model_facts_release(f);
    return code;
}

void sk_model_facts_release(struct sk_model_facts *f)
{
    sk_free(f->class_name);
    *f = (struct sk_model_facts){0};
}

/* ---- what the recipe alone tells ---- */
static bool size_after(const struct sk_picture_steps *steps, struct sk_net_shape *s)
{
    for (int i = steps->count - 1; i >= 0; i--) {
        const struct sk_picture_step *step = &steps->step[i];
        if (!sk_step_sets_size(step->kind))
            continue;
        bool both = step->kind == SK_STEP_RESIZE && step->exact;
        s->height = both ? step->height : step->size;
        s->width = both ? step->width : step->size;
        return true;
    }
    return false;
}

void sk_net_shape_guess(const struct sk_recipe *r, struct sk_net_shape *s)
{
    *s = (struct sk_net_shape){.channels = 3, .pixel = SK_U8, .classes = r->model.classes};
    if (size_after(&r->data.prepare, s) || size_after(&r->data.augment, s))
        return;
    s->height = r->data.source == SK_SOURCE_SHAPES    ? r->data.image_size
                : r->data.source == SK_SOURCE_CIFAR10 || r->data.source == SK_SOURCE_CIFAR100 ? 32
                : r->model.stem == SK_STEM_CIFAR      ? 32
                                                      : 224;
    s->width = s->height;
}
