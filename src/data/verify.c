/* Reads and decodes every sample of a data set and lists those that cannot be. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

#include "data/crew.h"

enum { BLOCK = 16 };

struct part { /* what one thread found */
    struct sk_picture picture;
    struct sk_str text;
    struct sk_damaged *damaged; /* reason: a place in text until all have ended */
    size_t count, cap;
    int64_t found;
    struct sk_err err;
};

struct verification {
    const struct sk_dataset *dataset;
    int64_t count;
    struct part *part; /* [threads] */
};

/* Keeps the reason, with the name where it does not hold that. */
static enum sk_code keep(struct part *t, const struct sk_dataset *ds, int64_t index, const char *why,
                         struct sk_err *err)
{
    char name[SK_PATH];
    if (t->found++ >= SK_VERIFY_MAX)
        return SK_OK;
    enum sk_code code = sk_grow(&t->damaged, &t->cap, t->count + 1, sizeof(*t->damaged), err);
    if (code != SK_OK)
        return code;
    size_t at = t->text.len;
    sk_dataset_name(ds, index, name, sizeof(name));
    code = strstr(why, name) ? sk_str_add(&t->text, err, "%s", why) : sk_str_add(&t->text, err, "'%s': %s", name, why);
    if (code == SK_OK)
        code = sk_str_add_bytes(&t->text, "", 1, err);
    if (code == SK_OK)
        t->damaged[t->count++] = (struct sk_damaged){.index = index, .at = at};
    return code;
}

static void verify_block(struct sk_crew *crew, int thread, int64_t block)
{
    const struct verification *all = crew->ctx;
    struct part *t = &all->part[thread];
    int64_t end = (block + 1) * BLOCK < all->count ? (block + 1) * BLOCK : all->count;
    for (int64_t i = block * BLOCK; i < end && !atomic_load(&crew->stop); i++) {
        struct sk_err why = {0};
        enum sk_code code = sk_dataset_read(all->dataset, i, &t->picture, &why);
        if (sk_is_damage(code))
            code = keep(t, all->dataset, i, why.text, &t->err);
        else if (code != SK_OK)
            t->err = why;
        if (code != SK_OK)
            atomic_store(&crew->stop, true);
    }
    atomic_fetch_add(&crew->done, end - block * BLOCK);
}

static int by_index(const void *a, const void *b)
{
    const struct sk_damaged *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static enum sk_code join_part(struct sk_verified *v, size_t *cap, const struct part *t, struct sk_err *err)
{
    if (t->err.code != SK_OK)
        return sk_fail(err, t->err.code, "%s", t->err.text);
    size_t before = v->text.len;
    enum sk_code code = t->text.len > 0 ? sk_str_add_bytes(&v->text, t->text.text, t->text.len, err) : SK_OK;
    if (code == SK_OK)
        code = sk_grow(&v->item, cap, v->items + t->count, sizeof(*v->item), err);
    for (size_t i = 0; code == SK_OK && i < t->count; i++)
        v->item[v->items++] = (struct sk_damaged){.index = t->damaged[i].index, .at = before + t->damaged[i].at};
    v->damaged += t->found;
    return code;
}

void sk_verified_release(struct sk_verified *v)
{
    sk_free(v->item);
    sk_str_release(&v->text);
    *v = (struct sk_verified){0};
}

enum sk_code sk_data_verify(const struct sk_dataset *ds, int threads, struct sk_verified *v,
                            bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_err *err)
{
    struct verification all = {.dataset = ds, .count = sk_dataset_info(ds)->count};
    struct sk_crew crew = {.threads = sk_crew_threads(threads),
                           .jobs = (all.count + BLOCK - 1) / BLOCK,
                           .all = all.count,
                           .work = verify_block,
                           .ctx = &all,
                           .progress = progress,
                           .progress_ctx = ctx};
    size_t cap = 0;
    *v = (struct sk_verified){.count = all.count};
    if (!(all.part = sk_alloc((size_t)crew.threads, sizeof(*all.part), err)))
        return SK_NOMEM;
    enum sk_code code = sk_crew_run(&crew, err);
    for (int i = 0; i < crew.threads; i++) {
        struct part *t = &all.part[i];
        if (code == SK_OK)
            code = join_part(v, &cap, t, err);
        sk_picture_release(&t->picture);
        sk_str_release(&t->text);
        sk_free(t->damaged);
    }
    sk_free(all.part);
    if (code == SK_OK && v->items > 0)
        qsort(v->item, v->items, sizeof(*v->item), by_index);
    if (code != SK_OK)
        sk_verified_release(v);
    return code;
}
