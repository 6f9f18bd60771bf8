/* skua predict: the most probable classes of pictures. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/data.h"
#include "exec/exec.h"

struct predict_args {
    struct sk_words set;
    const char *recipe;
    int64_t top;
    bool json, logits, quiet;
};
enum { FOLDER_MAX = 100000, TOP = 5, TOP_MAX = 1000, BAR_WIDTH = 30 };

struct predictor {
    struct sk_session session;
    struct sk_picture picture, scratch;
    int top, *order;    /* [classes] */
    float *probability; /* [classes] */
    bool json, logits;
};

/* ---- the picture ---- */
static bool fits(const struct sk_picture *p, const struct sk_net_shape *s)
{
    return p->height == s->height && p->width == s->width;
}

/* Steps that give any picture the network's size. */
static struct sk_picture_steps steps_to(const struct sk_net_shape *s)
{
    if (s->height != s->width)
        return (struct sk_picture_steps){
            .count = 1, .step = {{.kind = SK_STEP_RESIZE, .exact = true, .height = s->height, .width = s->width}}};
    return (struct sk_picture_steps){
        .count = 2, .step = {{.kind = SK_STEP_RESIZE, .size = s->height}, {.kind = SK_STEP_CENTER_CROP, .size = s->height}}};
}

/* The steps of the recipe; what then has not the network's size is scaled and cropped to it. */
static enum sk_code prepare(struct predictor *p, struct sk_err *err)
{
    const struct sk_net_shape *s = sk_net_shape(p->session.net);
    struct sk_picture_steps steps = steps_to(s);
    struct sk_rng rng = {0}; /* none of these steps is random */
    enum sk_code code = sk_picture_apply(&p->picture, &p->scratch, &p->session.recipe.data.prepare, &rng, err);
    if (code != SK_OK || fits(&p->picture, s))
        return code;
    sk_notice("pictures are scaled and cropped to the network's %d x %d", s->height, s->width);
    return sk_picture_apply(&p->picture, &p->scratch, &steps, &rng, err);
}

static enum sk_code read_picture(struct predictor *p, const char *path, struct sk_err *err)
{
    char *data = NULL;
    size_t len = 0;
    enum sk_code code = sk_file_read(path, SK_MAX_FILE, &data, &len, err);
    if (code == SK_OK)
        code = sk_picture_decode(&p->picture, data, len, path, err);
    sk_free(data);
    return code == SK_OK ? prepare(p, err) : code;
}

/* ---- the classes ---- */
static void rank_classes(struct predictor *p, const float *logits)
{
    int n = p->session.classes;
    float max = logits[0];
    double sum = 0;
    for (int i = 1; i < n; i++)
        max = logits[i] > max ? logits[i] : max;
    for (int i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)max);
    for (int i = 0; i < n; i++) {
        p->probability[i] = (float)(exp((double)logits[i] - (double)max) / sum);
        p->order[i] = i;
    }
    for (int k = 0; k < p->top; k++) /* the first few of a selection sort */
        for (int i = k + 1; i < n; i++)
            if (p->probability[p->order[i]] > p->probability[p->order[k]]) {
                int other = p->order[k];
                p->order[k] = p->order[i];
                p->order[i] = other;
            }
}

static enum sk_code print_text(const struct predictor *p, const char *path, struct sk_err *err)
{
    struct sk_table t = {.align = "llrl"};
    char shown[SK_PATH], name[64];
    sk_print("%s\n", sk_printable(shown, sizeof(shown), path));
    for (int k = 0; k < p->top; k++) {
        struct sk_str bar = {0};
        float share = p->probability[p->order[k]];
        if (sk_bar(&bar, (double)share, BAR_WIDTH, err) != SK_OK)
            t.failed = true;
        sk_table_cell(&t, "%s", "");
        sk_table_cell(&t, "%s", sk_printable(name, sizeof(name), p->session.class_name[p->order[k]]));
        sk_table_cell(&t, "%.2f%%", 100 * (double)share);
        sk_table_cell(&t, "%s", bar.text ? bar.text : "");
        sk_str_release(&bar);
    }
    return sk_table_print(&t, err);
}

/* NULL where one is not finite. */
static json_t *all_logits(const struct predictor *p, const float *logits)
{
    json_t *all = json_array();
    for (int i = 0; i < p->session.classes; i++)
        if (json_array_append_new(all, json_real((double)logits[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    return all;
}

static enum sk_code print_json(const struct predictor *p, const char *path, const float *logits, struct sk_err *err)
{
    json_t *top = json_array();
    for (int k = 0; k < p->top; k++)
        json_array_append_new(top, json_pack("{s:s, s:i, s:f}", "class", p->session.class_name[p->order[k]], "index",
                                             p->order[k], "probability", (double)p->probability[p->order[k]]));
    json_t *object = json_pack("{s:o, s:o}", "image", sk_json_text(path), "top", top);
    if (object && p->logits)
        json_object_set_new(object, "logits", all_logits(p, logits));
    return sk_print_json(object, path, err);
}

/* An input of floats is taken as [0, 1]. */
static enum sk_code predict(struct predictor *p, const char *path, struct sk_err *err)
{
    struct sk_net_result result;
    float *floats = NULL;
    enum sk_code code = read_picture(p, path, err);
    if (code != SK_OK)
        return code;
    const void *pixels = p->picture.data;
    if (sk_net_shape(p->session.net)->pixel == SK_F32) {
        size_t n = (size_t)p->picture.height * (size_t)p->picture.width * (size_t)p->picture.channels;
        pixels = floats = sk_alloc(n, sizeof(*floats), err);
        if (!floats)
            return SK_NOMEM;
        for (size_t i = 0; i < n; i++)
            floats[i] = (float)((const uint8_t *)p->picture.data)[i] / 255;
    }
    code = sk_net_eval(p->session.net, &(struct sk_net_batch){.count = 1, .pixels = pixels}, &result, err);
    if (code == SK_OK) {
        rank_classes(p, result.logits);
        code = p->json ? print_json(p, path, result.logits, err) : print_text(p, path, err);
    }
    sk_free(floats);
    return code;
}

static enum sk_code open_predictor(struct predictor *p, const char *model, const struct predict_args *a,
                                   struct sk_err *err)
{
    struct sk_session_options o = {.recipe = a->recipe, .set = a->set.item, .cancel = &sk_cancel};
    enum sk_code code = sk_session_open(&p->session, model, &o, err);
    if (code != SK_OK)
        return code;
    if (sk_net_shape(p->session.net)->channels != 3)
        return sk_fail(err, SK_UNSUPPORTED, "'%s' takes pictures with %d channels: predict reads JPEG and PNG as RGB",
                       p->session.path, sk_net_shape(p->session.net)->channels);
    int wanted = a->top > 0 ? (int)a->top : TOP;
    p->top = wanted < p->session.classes ? wanted : p->session.classes;
    p->json = a->json;
    p->logits = a->logits;
    p->order = sk_alloc((size_t)p->session.classes, sizeof(*p->order), err);
    p->probability = p->order ? sk_alloc((size_t)p->session.classes, sizeof(*p->probability), err) : NULL;
    return p->probability ? SK_OK : SK_NOMEM;
}

/* ---- all of them ---- */
struct paths { /* texts one after the other, each with its NUL */
    struct sk_str text;
    size_t count;
};

static enum sk_code add_path(struct paths *to, const char *path, struct sk_err *err)
{
    to->count++;
    return sk_str_add_bytes(&to->text, path, strlen(path) + 1, err);
}

/* The pictures that lie in a folder itself, sorted by name. */
static enum sk_code add_folder(struct paths *to, const char *dir, struct sk_err *err)
{
    char path[SK_PATH], **names = NULL;
    size_t count = 0, before = to->count;
    enum sk_code code = sk_dir_list(dir, &names, &count, err);
    for (size_t i = 0; i < count && code == SK_OK; i++) {
        if (names[i][0] == '.' || !sk_is_picture_name(names[i]))
            continue;
        code = sk_path_join(path, err, dir, names[i]);
        if (code == SK_OK && to->count - before == FOLDER_MAX)
            code = sk_fail(err, SK_INPUT,
                       "the folder '%s' holds more than %d pictures", dir, FOLDER_MAX);
        if (code == SK_OK)
            code = add_path(to, path, err);
    }
    sk_free(names);
    if (code == SK_OK && to->count == before)
        code = sk_fail(err, SK_INPUT, "the folder '%s' holds no .jpg, .jpeg or .png file (folders in it are not entered)",
                       dir);
    return code;
}

static enum sk_code list_paths(struct paths *to, const struct sk_words *words, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 1; i < words->count && code == SK_OK; i++)
        code = sk_is_dir(words->item[i]) ? add_folder(to, words->item[i], err) : add_path(to, words->item[i], err);
    return code;
}

/* Every picture gets its turn; failures are told as they arise. */
static enum sk_code predict_all(struct predictor *p, const struct paths *paths, struct sk_err *err)
{
    size_t pictures = paths->count, failed = 0;
    const char *path = paths->text.text;
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < pictures; i++, path += strlen(path) + 1) {
        struct sk_err one = {0};
        if (atomic_load(&sk_cancel))
            return sk_fail(err, SK_CANCELLED, "stopped");
        if (predict(p, path, &one) == SK_OK)
            continue;
        if (pictures == 1)
            return sk_fail(err, one.code, "%s", one.text);
        sk_tell("skua: %s", one.text);
        failed++;
        code = one.code;
    }
    return failed ? sk_fail(err, code, "%zu of %zu pictures could not be classified", failed, pictures) : SK_OK;
}

static enum sk_code run_predict(const struct sk_words *words, const void *args, struct sk_err *err)
{
    struct predictor *p = sk_alloc(1, sizeof(*p), err);
    if (!p)
        return SK_NOMEM;
    struct paths paths = {0};
    enum sk_code code = list_paths(&paths, words, err);
    if (code == SK_OK)
        code = open_predictor(p, words->item[0], args, err);
    if (code == SK_OK)
        code = predict_all(p, &paths, err);
    sk_str_release(&paths.text);
    sk_picture_release(&p->picture);
    sk_picture_release(&p->scratch);
    sk_free(p->order);
    sk_free(p->probability);
    sk_session_close(&p->session);
    sk_free(p);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION_NUMBER("top", "N", struct predict_args, top, "so many classes (5)", 1, TOP_MAX),
    SK_OPTION("recipe", "RECIPE", SK_OPTION_TEXT, struct predict_args, recipe, "for weights that carry no recipe"),
    SK_OPTION_SET(struct predict_args),
    SK_OPTION_JSON(struct predict_args),
    SK_OPTION("logits", NULL, SK_OPTION_FLAG, struct predict_args, logits,
              "with --json: the logits of all classes too"),
    SK_OPTION_QUIET(struct predict_args),
};

const struct sk_command sk_cmd_predict = {
    .name = "predict",
    .words = "MODEL IMAGE|DIR...",
    .help = "the most probable classes of pictures (JPEG or PNG), or of those that lie in a folder",
    .words_min = 2,
    .words_max = SIZE_MAX,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct predict_args),
    .run = run_predict,
};
