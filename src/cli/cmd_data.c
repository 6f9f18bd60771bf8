/* skua data: the command, what a data set holds, a few of its pictures, and getting a published one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_args.h"

enum { SAMPLES = 10, SAMPLES_MAX = 10000 };

/* ---- the data meant ---- */
bool sk_is_data(const char *what)
{
    const char *dot = strrchr(what, '.');
    return sk_is_dir(what) || (sk_is_file(what) && !(dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)));
}

/* A run lies in a folder as data does: what it was trained on is in its recipe. */
static enum sk_code refuse_run(const char *dir, struct sk_err *err)
{
    char path[SK_PATH];
    if (!dir || sk_path_join(path, NULL, dir, "recipe.yaml") != SK_OK || !sk_is_file(path))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "'%s' is a run, not data; '%s' names the data that it was trained on", dir, path);
}

enum sk_code sk_data_recipe(struct sk_recipe *r, const char *what, const struct sk_data_args *a, struct sk_err *err)
{
    bool is = what && sk_is_data(what);
    if (what && !is)
        return sk_cli_recipe(r, what, a->data, &a->set, err);
    enum sk_code run = refuse_run(is ? what : a->data, err);
    if (run != SK_OK)
        return run;
    if (is && a->data)
        return sk_fail(err, SK_USAGE, "the data is given twice, as '%s' and by --data", what);
    if (!is && !a->data && !a->set.count)
        return sk_fail(err, SK_USAGE, "skua data needs a recipe, a folder or --data DIR");
    if ((a->html || a->prepared) && (is || a->data)) /* shown as training would get them */
        return sk_cli_recipe(r, NULL, is ? what : a->data, &a->set, err);
    sk_recipe_defaults(r);
    enum sk_code code = sk_cli_set_data(r, is ? what : a->data, err);
    return code == SK_OK ? sk_cli_set(r, &a->set, err) : code;
}

int sk_data_threads(const struct sk_data_args *a)
{
    struct sk_machine m;
    sk_machine_read(&m);
    return a->threads > 0 ? (int)a->threads : m.threads;
}

/* steps: what its pictures go through; of_train: what the recipe says of training (NULL: not asked). */
static enum sk_code open_split(struct sk_dataset **ds, struct sk_picture_steps *steps, struct sk_recipe_train *of_train,
                               const char *recipe, const char *split, const struct sk_data_args *a, struct sk_err *err)
{
    bool train = strcmp(split, "train") == 0;
    if (!train && strcmp(split, "val") != 0)
        return sk_fail(err, SK_USAGE, "--split: expected train or val, got '%s'", split);
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    enum sk_code code = sk_data_recipe(r, recipe, a, err);
    if (code == SK_OK)
        code = sk_dataset_open(ds, &r->data, r->train.seed, train ? SK_TRAIN : SK_VAL, err);
    *steps = train ? r->data.augment : r->data.prepare;
    if (of_train)
        *of_train = r->train;
    sk_free(r);
    return code;
}

/* ---- inspect ---- */
bool sk_data_on_read(void *ctx, int64_t done, int64_t all)
{
    char a[32], b[32];
    (void)ctx;
    sk_progress("Reading", done, all, "%s/%s", sk_thousands(done, a), sk_thousands(all, b));
    return !atomic_load(&sk_cancel);
}

static void print_sides(const struct sk_data_stats *s, const struct sk_dataset_info *info)
{
    const char *pixel = info->pixel == SK_PIXEL_U8 ? "8 bits" : "floats";
    if (s->min_height == s->max_height && s->min_width == s->max_width)
        sk_print("size       %d x %d x %d, %s\n", s->min_height, s->min_width, info->channels, pixel);
    else
        sk_print("size       heights %d to %d, widths %d to %d, %d channels, %s\n", s->min_height, s->max_height,
                 s->min_width, s->max_width, info->channels, pixel);
}

static void print_values(const char *label, const double *value, int n)
{
    sk_print("%-10s", label);
    for (int c = 0; c < n; c++)
        sk_print("%s%.4f", c ? ", " : " ", value[c]);
    sk_print("\n");
}

static enum sk_code print_stats(const struct sk_data_stats *s, const struct sk_dataset_info *info, const char *split,
                                struct sk_err *err)
{
    struct sk_table t = {.align = "lr"};
    char number[32], name[64];
    sk_print("split      %s\npictures   %s\nclasses    %d\n", split, sk_thousands(s->count, number), info->classes);
    print_sides(s, info);
    print_values("mean", s->mean, info->channels);
    print_values("deviation", s->std, info->channels);
    if (s->damaged > 0)
        sk_print("damaged    %s, the first: %s\n", sk_thousands(s->damaged, number), s->first_damaged);
    sk_print("\n");
    sk_table_cell(&t, "class");
    sk_table_cell(&t, "pictures");
    for (int c = 0; c < info->classes; c++) {
        sk_table_cell(&t, "%s", sk_printable(name, sizeof(name), info->class_name[c]));
        sk_table_cell(&t, "%s", sk_thousands(s->per_class[c], number));
    }
    return sk_table_print(&t, err);
}

static json_t *reals(const double *value, int n)
{
    json_t *array = json_array();
    for (int c = 0; c < n; c++)
        json_array_append_new(array, json_real(value[c]));
    return array;
}

static enum sk_code print_stats_json(const struct sk_data_stats *s, const struct sk_dataset_info *info,
                                     const char *split, struct sk_err *err)
{
    json_t *classes = json_array();
    for (int c = 0; c < info->classes; c++)
        json_array_append_new(
            classes, json_pack("{s:s, s:I}", "name", info->class_name[c], "count", (json_int_t)s->per_class[c]));
    json_t *object = json_pack("{s:s, s:I, s:o, s:[ii], s:[ii], s:i, s:s, s:o, s:o, s:I}", "split", split, "count",
                               (json_int_t)s->count, "classes", classes, "height", s->min_height, s->max_height,
                               "width", s->min_width, s->max_width, "channels", info->channels, "pixel",
                               info->pixel == SK_PIXEL_U8 ? "u8" : "f32", "mean", reals(s->mean, info->channels), "std",
                               reals(s->std, info->channels), "damaged", (json_int_t)s->damaged);
    return sk_print_json(object, "what the data holds", err);
}

static enum sk_code inspect(const char *recipe, const struct sk_data_args *a, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    struct sk_data_stats stats = {0};
    struct sk_picture_steps steps;
    struct sk_recipe_train train;
    const char *split = a->split ? a->split : "train";
    enum sk_code code = sk_file_writable(a->html, err);
    if (code == SK_OK)
        code = open_split(&ds, &steps, &train, recipe, split, a, err);
    if (code == SK_OK)
        code = sk_data_inspect(ds, sk_data_threads(a), &stats, sk_data_on_read, NULL, err);
    sk_progress_clear();
    struct sk_data_page page = {.dataset = ds, .stats = &stats, .steps = &steps, .title = recipe ? recipe : a->data};
    page.train = strcmp(split, "train") == 0 ? &train : NULL;
    if (code == SK_OK && a->html)
        code = sk_data_page(&page, a->html, err);
    if (code == SK_OK)
        code = a->json ? print_stats_json(&stats, sk_dataset_info(ds), split, err)
                       : print_stats(&stats, sk_dataset_info(ds), split, err);
    sk_free(stats.per_class);
    sk_dataset_close(ds);
    return code;
}

/* ---- sample ---- */
static void on_wrote(void *ctx, const char *path)
{
    (void)ctx;
    sk_print("%s\n", path);
}

static enum sk_code sample(const char *recipe, const struct sk_data_args *a, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    struct sk_picture_steps steps;
    struct sk_samples s = {.count = a->count > 0 ? a->count : SAMPLES,
                           .steps = a->prepared ? &steps : NULL,
                           .dir = a->out,
                           .wrote = on_wrote};
    if (!a->out)
        return sk_fail(err, SK_USAGE, "skua data sample needs --out DIR, a folder for the pictures");
    enum sk_code code = open_split(&ds, &steps, NULL, recipe, a->split ? a->split : "val", a, err);
    if (code == SK_OK)
        code = sk_data_sample(ds, &s, err);
    sk_dataset_close(ds);
    return code;
}

/* ---- get ---- */
static bool on_bytes(void *ctx, int64_t done, int64_t all)
{
    const double *since = ctx;
    char a[32], b[32], c[32];
    double seconds = sk_now() - *since;
    sk_progress("Download", done, all, "%s of %s  %s/s", sk_bytes_text((double)done, a), sk_bytes_text((double)all, b),
                sk_bytes_text(seconds > 0 ? (double)done / seconds : 0, c));
    return !atomic_load(&sk_cancel);
}

static void tell_next(const char *command, const char *dir, const char *file)
{
    char path[SK_PATH], word[SK_PATH];
    if (sk_path_join(path, NULL, dir, file) == SK_OK)
        sk_tell("try: skua %s --data %s", command, sk_shell_word(word, sizeof(word), path));
}

static enum sk_code get(const char *name, const struct sk_data_args *a, struct sk_err *err)
{
    const struct sk_published *p = sk_data_published(name);
    const char *dir = a->out ? a->out : ".";
    double since = sk_now();
    if (!p)
        return sk_fail(err, SK_USAGE, "skua data get: unknown data set '%s', known: cifar10, cifar100", name);
    struct sk_download d = {.url = a->url ? a->url : p->url,
                            .dir = dir,
                            .file = p->file,
                            .md5 = p->md5,
                            .progress = on_bytes,
                            .ctx = &since};
    enum sk_code code = sk_data_download(&d, err);
    sk_progress_clear();
    if (code == SK_OK)
        sk_print("%s/%s\n", dir, p->file);
    if (code == SK_OK && !a->quiet)
        tell_next(strcmp(name, "cifar10") == 0 ? "train cifar10-resnet18-5" : "data inspect", dir, p->file);
    return code;
}

static enum sk_code run_data(const struct sk_words *words, const void *args, struct sk_err *err)
{
    const struct sk_data_args *a = args;
    const char *verb = words->item[0], *what = words->count > 1 ? words->item[1] : NULL;
    sk_progress_quiet(a->quiet || a->json);
    if (strcmp(verb, "inspect") == 0)
        return inspect(what, a, err);
    if (strcmp(verb, "sample") == 0)
        return sample(what, a, err);
    if (strcmp(verb, "convert") == 0)
        return sk_data_run_convert(what, a, err);
    if (strcmp(verb, "verify") == 0)
        return sk_data_run_verify(what, a, err);
    if (strcmp(verb, "get") == 0 && what)
        return get(what, a, err);
    if (strcmp(verb, "get") == 0)
        return sk_fail(err, SK_USAGE, "skua data get needs the name of a data set: cifar10, cifar100");
    static const char *const verbs[] = {"convert", "get", "inspect", "sample", "verify"};
    const char *nearest = sk_nearest(verb, verbs, SK_COUNT(verbs));
    if (nearest)
        return sk_fail(err, SK_USAGE, "skua data: unknown '%s': did you mean '%s'?", verb, nearest);
    return sk_fail(err, SK_USAGE, "skua data: expected convert, get, inspect, sample or verify, got '%s'", verb);
}

static const struct sk_option options[] = {
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct sk_data_args, data, "the data, where no folder or recipe is named"),
    SK_OPTION("split", "SPLIT", SK_OPTION_TEXT, struct sk_data_args, split, "train (inspect), val (sample); verify: only this one"),
    SK_OPTION_SET(struct sk_data_args),
    SK_OPTION("out", "DIR", SK_OPTION_TEXT, struct sk_data_args, out,
              "get: folder for the file (.); sample: for the pictures; convert: for the shards"),
    SK_OPTION_NUMBER("count", "N", struct sk_data_args, count, "sample: so many pictures, as PNG (10)", 1, SAMPLES_MAX),
    SK_OPTION("prepared", NULL, SK_OPTION_FLAG, struct sk_data_args, prepared,
              "sample: after data.prepare (of train: data.augment), as the network gets them"),
    SK_OPTION_NUMBER("shard-size", "MB", struct sk_data_args, shard_size, "convert: about so large a shard (200)", 1, 100000),
    SK_OPTION_NUMBER("shard-samples", "N", struct sk_data_args, shard_samples, "convert: so many pictures a shard", 1,
                     100000000),
    SK_OPTION_NUMBER("resize", "N", struct sk_data_args, resize,
                     "convert: larger pictures are scaled so that the shorter side is N", 1, SK_MAX_SIDE),
    SK_OPTION_NUMBER("quality", "Q", struct sk_data_args, quality, "convert --resize: of the JPEG files (90)", 1, 100),
    SK_OPTION_NUMBER("threads", "N", struct sk_data_args, threads, "convert, verify, inspect: threads (as the machine has)",
                     1, 256),
    SK_OPTION("html", "FILE", SK_OPTION_TEXT, struct sk_data_args, html,
              "inspect: also a page with pictures before and after augmentation"),
    SK_OPTION("url", "URL", SK_OPTION_TEXT, struct sk_data_args, url, "get: from there instead"),
    SK_OPTION_JSON(struct sk_data_args),
    SK_OPTION_QUIET(struct sk_data_args),
};

const struct sk_command sk_cmd_data = {
    .name = "data",
    .words = "VERB [NAME]",
    .help = "inspect, sample, verify or convert a folder or RECIPE; get cifar10 or cifar100 (download)",
    .words_min = 1,
    .words_max = 2,
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct sk_data_args),
    .run = run_data,
};
