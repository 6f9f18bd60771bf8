/* A few samples of a data set as picture files, spread over the classes. */
#include "data/internal.h"

#include <ctype.h>

/* Names of classes come from files and folders: what could leave the folder or hide the file is replaced. */
static void file_name(char *out, size_t size, const char *class_name, int64_t index)
{
    char word[SK_NAME];
    size_t n = 0;
    for (; class_name[n] && n + 1 < sizeof(word); n++) {
        unsigned char c = (unsigned char)class_name[n];
        word[n] = isalnum(c) || c == '_' || c >= 0x80 ? class_name[n] : '_';
    }
    word[n] = '\0';
    snprintf(out, size, "%s-%05lld.png", word, (long long)index);
}

/* Takes up to share samples of each class in the order given; the share grows until count are taken. taken[classes] is
 * zeroed; what is taken is -1 in the order afterwards. */
static int64_t take(const struct sk_dataset *ds, int64_t *order, int64_t *taken, int64_t count, int64_t *chosen)
{
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    int64_t n = 0, want = count < info->count ? count : info->count;
    for (int64_t share = (want + info->classes - 1) / info->classes; n < want; share *= 2) {
        for (int64_t i = 0; i < info->count && n < want; i++) {
            int label = order[i] < 0 ? 0 : sk_dataset_label(ds, order[i]);
            if (order[i] < 0 || taken[label] >= share)
                continue;
            taken[label]++;
            chosen[n++] = order[i];
            order[i] = -1;
        }
    }
    return n;
}

enum sk_code sk_data_choose(const struct sk_dataset *ds, int64_t seed, int64_t *chosen, int64_t *count,
                            struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    int64_t *order = sk_alloc((size_t)info->count, sizeof(*order), err);
    int64_t *taken = sk_alloc((size_t)info->classes, sizeof(*taken), err);
    enum sk_code code = order && taken ? SK_OK : SK_NOMEM;
    if (code == SK_OK) {
        sk_sampler_order(order, info->count, true, seed, 0);
        *count = take(ds, order, taken, *count, chosen);
    }
    sk_free(order);
    sk_free(taken);
    return code;
}

struct writer { /* buffers used for one picture after the other */
    struct sk_picture picture, scratch;
    struct sk_str png;
    char path[SK_PATH];
};

static enum sk_code write_one(struct writer *w, const struct sk_dataset *ds, int64_t index, const struct sk_samples *s,
                              struct sk_err *err)
{
    char name[SK_NAME + 32];
    struct sk_rng rng;
    int done = 0;
    file_name(name, sizeof(name), sk_dataset_info(ds)->class_name[sk_dataset_label(ds, index)], index);
    enum sk_code code = sk_path_join(w->path, err, s->dir, name);
    sk_rng_init(&rng, (uint64_t)s->seed, 0, (uint64_t)index, SK_RNG_AUGMENT);
    if (code == SK_OK && !s->steps)
        code = sk_dataset_read(ds, index, &w->picture, err);
    else if (code == SK_OK)
        code = sk_dataset_read_for(ds, index, s->steps, &rng, &w->picture, &w->scratch, &done, err);
    if (code == SK_OK && s->steps)
        code = sk_picture_apply_from(&w->picture, &w->scratch, s->steps, done, &rng, err);
    w->png.len = 0;
    if (code == SK_OK)
        code = sk_picture_encode(&w->picture, &w->png, err);
    return code == SK_OK ? sk_file_write(w->path, w->png.text, w->png.len, err) : code;
}

enum sk_code sk_data_sample(const struct sk_dataset *ds, const struct sk_samples *s, struct sk_err *err)
{
    int64_t n = s->count;
    struct writer *w = sk_alloc(1, sizeof(*w), err);
    int64_t *chosen = sk_alloc((size_t)n, sizeof(*chosen), err);
    enum sk_code code = w && chosen ? sk_data_choose(ds, s->seed, chosen, &n, err) : SK_NOMEM;
    if (code == SK_OK)
        code = sk_mkdirs(s->dir, err);
    for (int64_t i = 0; code == SK_OK && i < n; i++) {
        code = write_one(w, ds, chosen[i], s, err);
        if (code == SK_OK && s->wrote)
            s->wrote(s->ctx, w->path);
    }
    if (w) {
        sk_picture_release(&w->picture);
        sk_picture_release(&w->scratch);
        sk_str_release(&w->png);
    }
    sk_free(w);
    sk_free(chosen);
    return code;
}
