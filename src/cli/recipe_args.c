/* Recipes as commands get them: a file or name, --data and --set; without a recipe, a default one made for the data. */
#include "cli/cli.h"

#include <ctype.h>
#include <string.h>

#include "data/data.h"

enum { SMALL_SIDE = 64 }; /* pictures up to this size are taken as they are, by the CIFAR stem */

enum sk_code sk_cli_set(struct sk_recipe *r, const struct sk_words *set, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < set->count && code == SK_OK; i++)
        code = sk_recipe_set(r, set->item[i], err);
    return code;
}

enum sk_code sk_cli_set_data(struct sk_recipe *r, const char *data, struct sk_err *err)
{
    return sk_recipe_set_data(r, data, err);
}

/* ---- the default recipe ---- */
static void name_after(struct sk_recipe *r, const char *path)
{
    size_t end = strlen(path), n = 0;
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    for (size_t i = begin; i < end && n + 1 < sizeof(r->name); i++)
        r->name[n++] = isalnum((unsigned char)path[i]) && (unsigned char)path[i] < 128 ? path[i] : '-';
    r->name[n] = '\0';
    if (n == 0 || strspn(r->name, "-") == n)
        snprintf(r->name, sizeof(r->name), "run");
}

static enum sk_code set_all(struct sk_recipe *r, const char *const *assignment, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (; *assignment && code == SK_OK; assignment++)
        code = sk_recipe_set(r, *assignment, err);
    return code;
}

static enum sk_code steps_for_small(struct sk_recipe *r, int height, int width, struct sk_err *err)
{
    char augment[128] = "data.augment=[{horizontal_flip: {p: 0.5}}]";
    if (height == width)
        snprintf(augment, sizeof(augment),
                 "data.augment=[{random_crop: {size: %d, padding: %d}}, {horizontal_flip: {p: 0.5}}]", height,
                 height / 8);
    return set_all(r, (const char *const[]){"model.stem=cifar", augment, NULL}, err);
}

static enum sk_code steps_for_pictures(struct sk_recipe *r, struct sk_err *err)
{
    static const char *const settings[] = {
        "model.stem=imagenet", "data.augment=[{resize: 256}, {random_crop: {size: 224}}, {horizontal_flip: {p: 0.5}}]",
        "data.prepare=[{resize: 256}, {center_crop: 224}]", NULL};
    return set_all(r, settings, err);
}

static enum sk_code normalize_for(struct sk_recipe *r, const struct sk_dataset_info *info, struct sk_err *err)
{
    if (info->pixel == SK_PIXEL_F32)
        return SK_OK; /* floats are taken as they are */
    return sk_recipe_set(r,
                         info->channels == 3
                             ? "data.normalize={mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}"
                             : "data.normalize={mean: [0.5], std: [0.25]}",
                         err);
}

/* The size that all pictures have, 0 where they differ: told by the data, else by some of them. */
static void common_size(const struct sk_dataset *ds, int *height, int *width)
{
    enum { LOOKED_AT = 16 };
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    struct sk_picture p = {0};
    bool same = true;
    *height = info->height;
    *width = info->width;
    for (int i = 0; i < LOOKED_AT && same && info->height == 0; i++) {
        if (sk_dataset_read(ds, info->count * i / LOOKED_AT, &p, NULL) != SK_OK)
            continue; /* a damaged one: the loader will tell */
        same = *height == 0 || (p.height == *height && p.width == *width);
        *height = p.height;
        *width = p.width;
    }
    if (!same)
        *height = *width = 0;
    sk_picture_release(&p);
}

/* Few pictures make few steps: smaller batches, more epochs and a smaller rate, or nothing is learned but noise. */
static enum sk_code length_for(struct sk_recipe *r, int64_t samples, struct sk_err *err)
{
    enum { ENOUGH = 5000, STEPS = 400 };
    char epochs[64], batch[64];
    if (samples >= ENOUGH)
        return sk_recipe_set(r, "train.schedule={name: one_cycle}", err);
    int64_t size = samples >= 256 ? 32 : samples >= 64 ? 16 : 8, steps = (samples + size - 1) / size;
    int64_t wanted = (STEPS + steps - 1) / steps;
    snprintf(batch, sizeof(batch), "train.batch=%lld", (long long)size);
    snprintf(epochs, sizeof(epochs), "train.epochs=%lld", (long long)(wanted < 5 ? 5 : wanted > 40 ? 40 : wanted));
    return set_all(r, (const char *const[]){batch, epochs, "train.optimizer.lr=0.01", "train.schedule={name: one_cycle}", NULL}, err);
}

static enum sk_code fit_to_data(struct sk_recipe *r, struct sk_err *err)
{
    struct sk_dataset *ds = NULL;
    int height, width;
    enum sk_code code = sk_dataset_open(&ds, &r->data, r->train.seed, SK_TRAIN, err);
    if (code != SK_OK)
        return code;
    common_size(ds, &height, &width);
    bool small = height > 0 && height <= SMALL_SIDE && width <= SMALL_SIDE;
    code = small ? steps_for_small(r, height, width, err) : steps_for_pictures(r, err);
    if (code == SK_OK)
        code = normalize_for(r, sk_dataset_info(ds), err);
    if (code == SK_OK)
        code = length_for(r, sk_dataset_info(ds)->count, err);
    sk_dataset_close(ds);
    return code;
}

static enum sk_code default_recipe(struct sk_recipe *r, const char *data, const struct sk_words *set,
                                   struct sk_err *err)
{
    sk_recipe_defaults(r);
    name_after(r, data);
    enum sk_code code = sk_cli_set_data(r, data, err);
    if (code == SK_OK)
        code = sk_cli_set(r, set, err); /* data.source and the like, to find the data; again after the defaults */
    return code == SK_OK ? fit_to_data(r, err) : code;
}

enum sk_code sk_cli_recipe(struct sk_recipe *r, const char *name, const char *data, const struct sk_words *set,
                           struct sk_err *err)
{
    enum sk_code code;
    if (name) {
        code = sk_recipe_load(r, name, err);
        if (code == SK_OK)
            code = sk_cli_set_data(r, data, err);
    } else if (data) {
        code = default_recipe(r, data, set, err);
    } else {
        code = sk_fail(err, SK_USAGE, "give a recipe, or --data DIR to use a default one");
    }
    if (code == SK_OK)
        code = sk_cli_set(r, set, err);
    return code == SK_OK ? sk_recipe_check(r, err) : code;
}

enum sk_code sk_cli_expectation(struct sk_recipe *r, const char *name, const struct sk_words *set, struct sk_err *err)
{
    if (!name || r->expect.accuracy < 0)
        return SK_OK;
    struct sk_recipe *own = sk_alloc(1, sizeof(*own), err);
    enum sk_code code = own ? sk_recipe_load(own, name, err) : SK_NOMEM;
    const char *changed = NULL;
    if (code == SK_OK) {
        own->train.seed = r->train.seed;
        changed = sk_recipe_no_resume(own, r);
        own->expect.accuracy = -1;
        code = sk_cli_set(own, set, err);
    }
    if (code == SK_OK && changed && own->expect.accuracy < 0) {
        sk_notice("%s is not that of the recipe '%s': the accuracy that it expects does not count", changed, r->name);
        r->expect.accuracy = -1;
    }
    sk_free(own);
    return code;
}
