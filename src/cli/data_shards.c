/* skua data convert and verify: whole data sets written into shards, and read to find what is damaged. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_args.h"

enum { SHARD_MB = 200, QUALITY = 90 };

/* The split as training sees it. *ds is NULL where there is no validation split. */
static enum sk_code open_split(struct sk_dataset **ds, const struct sk_recipe *r, enum sk_split split,
                               struct sk_err *err)
{
    struct sk_err why = {0};
    enum sk_code code = sk_dataset_open(ds, &r->data, r->train.seed, split, &why);
    if (code == SK_OK || (split == SK_VAL && code == SK_NO_SPLIT))
        return SK_OK;
    return sk_fail(err, code, "%s", why.text);
}

/* ---- convert ---- */
static bool on_written(void *ctx, int64_t done, int64_t all)
{
    char a[32], b[32];
    (void)ctx;
    sk_progress("Writing", done, all, "%s/%s", sk_thousands(done, a), sk_thousands(all, b));
    return !atomic_load(&sk_cancel);
}

static void tell_split(const char *name, const struct sk_converted *c, const char *dir)
{
    char a[32], b[32];
    sk_print("%s: %s picture%s in %s %s, '%s'\n", name, sk_thousands(c->samples - c->damaged, a),
             c->samples - c->damaged == 1 ? "" : "s", sk_thousands(c->shards + c->kept, b),
             c->shards + c->kept == 1 ? "shard" : "shards", dir);
    if (c->kept > 0)
        sk_tell("%s of the shards were there already", sk_thousands(c->kept, a));
    if (c->damaged > 0)
        sk_tell("left out %s damaged %s; the first: %s", sk_thousands(c->damaged, a),
                c->damaged == 1 ? "picture" : "pictures", c->first_damaged.text);
}

/* *opened is the split, NULL where there is none; to be closed. */
static enum sk_code convert_split(struct sk_dataset **opened, struct sk_recipe *r, enum sk_split split,
                                  const struct sk_data_args *a, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    struct sk_converted done;
    char dir[SK_PATH];
    const char *name = split == SK_TRAIN ? "train" : "val";
    struct sk_convert o = {.dir = dir,
                           .shard_samples = a->shard_samples > 0 ? a->shard_samples : 0,
                           .shard_bytes = (a->shard_size > 0 ? a->shard_size : SHARD_MB) * 1000000,
                           .resize = a->resize > 0 ? (int)a->resize : 0,
                           .quality = a->quality > 0 ? (int)a->quality : QUALITY,
                           .threads = sk_data_threads(a),
                           .limit = split == SK_TRAIN ? r->data.train_limit : r->data.val_limit,
                           .seed = r->train.seed,
                           .progress = on_written};
    enum sk_code code = sk_path_join(dir, err, a->out, name);
    if (code == SK_OK)
        code = open_split(&ds, r, split, err);
    if (code == SK_OK && ds)
        code = sk_data_convert(ds, &o, &done, err);
    sk_progress_clear();
    if (code == SK_OK && ds)
        tell_split(name, &done, dir);
    if (code == SK_OK && ds && split == SK_VAL && sk_dataset_info(ds)->by_seed && !a->quiet)
        sk_tell("these are the pictures that training on the source keeps for validation (data.val_fraction %g, "
                "train.seed %lld)",
                r->data.val_fraction, (long long)r->train.seed);
    if (code == SK_CANCELLED)
        sk_err_prefix(err, "the shards that are whole stay; the same command goes on with the others");
    *opened = ds;
    return code;
}

/* The classes come last: shards without them are known as not whole. */
static enum sk_code convert_all(struct sk_recipe *r, const struct sk_data_args *a, struct sk_err *err)
{
    struct sk_dataset *train = NULL, *val = NULL;
    char classes[SK_PATH];
    enum sk_code code = sk_path_join(classes, err, a->out, "classes.txt");
    if (code == SK_OK)
        code = convert_split(&train, r, SK_TRAIN, a, err);
    if (code == SK_OK)
        code = convert_split(&val, r, SK_VAL, a, err);
    if (code == SK_OK)
        code = sk_data_write_classes(train, classes, err);
    sk_dataset_close(train);
    sk_dataset_close(val);
    return code;
}

/* A command that trains on the shards: by the recipe, less what says where its data lies and which of it, or by a
 * default one. */
static void tell_next(const struct sk_recipe *r, const char *what, const char *out)
{
    const struct sk_recipe_data *d = &r->data;
    char word[SK_PATH];
    sk_shell_word(word, sizeof(word), out);
    if (!what || sk_is_data(what)) {
        sk_tell("try: skua train --data %s", word);
        return;
    }
    sk_tell("try: skua train %s --data %s --set data.source=auto%s%s%s%s", what, word,
            d->also.count ? " --set data.also=[]" : "", d->train_fraction < 1 ? " --set data.train_fraction=1" : "",
            d->class_names[0] ? " --set data.class_names=" : "",
            d->images[0] ? " --set data.images= --set data.labels= --set data.val_images= --set data.val_labels="
                         : d->val_labels[0] ? " --set data.val_labels=" : "");
}

enum sk_code sk_data_run_convert(const char *what, const struct sk_data_args *a, struct sk_err *err)
{
    if (!a->out)
        return sk_fail(err, SK_USAGE, "skua data convert needs --out DIR, a folder for the shards");
    if (a->shard_size > 0 && a->shard_samples > 0)
        return sk_fail(err, SK_USAGE, "--shard-size and --shard-samples: expected one of them");
    if (a->quality > 0 && a->resize <= 0)
        return sk_fail(err, SK_USAGE, "--quality is for pictures that --resize writes");
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    enum sk_code code = sk_data_recipe(r, what, a, err);
    if (code == SK_OK)
        code = convert_all(r, a, err);
    if (code == SK_OK && !a->quiet)
        tell_next(r, what, a->out);
    sk_free(r);
    return code;
}

/* ---- verify ---- */

static json_t *one_json(const struct sk_dataset *ds, const struct sk_damaged *d, const struct sk_verified *v)
{
    char name[2 * SK_PATH];
    sk_dataset_name(ds, d->index, name, sizeof(name));
    return json_pack("{s:I, s:o, s:o}", "index", (json_int_t)d->index, "name", sk_json_text(name), "reason",
                     sk_json_text(v->text.text + d->at));
}

static enum sk_code print_json(const char *split, const struct sk_dataset *ds, const struct sk_verified *v,
                               struct sk_err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->items; i++)
        json_array_append_new(list, one_json(ds, &v->item[i], v));
    json_t *object = json_pack("{s:s, s:I, s:I, s:o}", "split", split, "count", (json_int_t)v->count, "damaged",
                               (json_int_t)v->damaged, "samples", list);
    return sk_print_json(object, "what is damaged", err);
}

static void print_list(const char *split, const struct sk_verified *v)
{
    char a[32], b[32], shown[SK_PATH + 2048];
    for (size_t i = 0; i < v->items; i++)
        sk_print("%s\n", sk_printable(shown, sizeof(shown), v->text.text + v->item[i].at));
    if ((int64_t)v->items < v->damaged)
        sk_print("... and %s more\n", sk_thousands(v->damaged - (int64_t)v->items, a));
    sk_print("%s: %s picture%s, %s damaged\n", split, sk_thousands(v->count, a), v->count == 1 ? "" : "s",
             sk_thousands(v->damaged, b));
}

static enum sk_code verify_split(struct sk_recipe *r, enum sk_split split, const struct sk_data_args *a,
                                 int64_t *damaged, struct sk_err *err)
{
    const char *name = split == SK_TRAIN ? "train" : "val";
    struct sk_dataset *ds = NULL;
    struct sk_verified v = {0};
    if (a->split && strcmp(a->split, name) != 0)
        return SK_OK;
    enum sk_code code = open_split(&ds, r, split, err);
    if (code == SK_OK && ds)
        code = sk_data_verify(ds, sk_data_threads(a), &v, sk_data_on_read, NULL, err);
    sk_progress_clear();
    if (code == SK_OK && ds && a->json)
        code = print_json(name, ds, &v, err);
    else if (code == SK_OK && ds)
        print_list(name, &v);
    if (code == SK_OK && !ds && a->split)
        code = sk_fail(err, SK_NO_SPLIT, "the data has no validation split");
    *damaged += v.damaged;
    sk_verified_release(&v);
    sk_dataset_close(ds);
    return code;
}

enum sk_code sk_data_run_verify(const char *what, const struct sk_data_args *a, struct sk_err *err)
{
    int64_t damaged = 0;
    char number[32];
    if (a->split && strcmp(a->split, "train") != 0 && strcmp(a->split, "val") != 0)
        return sk_fail(err, SK_USAGE, "--split: expected train or val, got '%s'", a->split);
    struct sk_recipe *r = sk_alloc(1, sizeof(*r), err);
    if (!r)
        return SK_NOMEM;
    enum sk_code code = sk_data_recipe(r, what, a, err);
    if (code == SK_OK)
        code = verify_split(r, SK_TRAIN, a, &damaged, err);
    if (code == SK_OK)
        code = verify_split(r, SK_VAL, a, &damaged, err);
    if (code == SK_OK && damaged > 0)
        code = sk_fail(err, SK_IO, "%s %s damaged: delete %s, or skua data convert writes shards without %s",
                       sk_thousands(damaged, number), damaged == 1 ? "picture is" : "pictures are",
                       damaged == 1 ? "it" : "them", damaged == 1 ? "it" : "them");
    sk_free(r);
    return code;
}
