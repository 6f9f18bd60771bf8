/* The store: named float32 tensors that outlive a step. Several plans use the same ones. */
#include <string.h>

#include "exec/internal.h"

enum sk_code sk_store_new(struct sk_store **s, struct sk_engine *e, struct sk_err *err)
{
    *s = sk_alloc(1, sizeof **s, err);
    if (!*s)
        return SK_NOMEM;
    (*s)->engine = e;
    (*s)->version = 1;
    return SK_OK;
}

void sk_store_free(struct sk_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        s->engine->backend->free(s->entry[i]->data, sk_desc_bytes(&s->entry[i]->desc));
        sk_free(s->entry[i]);
    }
    sk_free(s->entry);
    sk_free(s);
}

size_t sk_store_count(const struct sk_store *s)
{
    return s->count;
}

const struct sk_store_entry *sk_store_at(const struct sk_store *s, size_t i)
{
    return s->entry[i];
}

static struct sk_store_entry *find(const struct sk_store *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->entry[i]->name, name) == 0)
            return s->entry[i];
    return NULL;
}

const struct sk_store_entry *sk_store_find(const struct sk_store *s, const char *name)
{
    return find(s, name);
}

static enum sk_code add(struct sk_store *s, const struct sk_tensor *t, struct sk_store_entry **entry, struct sk_err *err)
{
    enum sk_code code = sk_grow(&s->entry, &s->cap, s->count + 1, sizeof *s->entry, err);
    if (code != SK_OK)
        return code;
    struct sk_store_entry *e = sk_alloc(1, sizeof *e, err);
    if (!e)
        return SK_NOMEM;
    memcpy(e->name, t->name, sizeof e->name);
    e->role = t->role;
    e->desc = t->desc;
    e->damp = t->damp;
    e->data = s->engine->backend->alloc(sk_desc_bytes(&t->desc), err);
    if (!e->data) {
        sk_free(e);
        return err ? err->code : SK_NOMEM;
    }
    s->entry[s->count++] = *entry = e;
    return SK_OK;
}

enum sk_code sk_store_take(struct sk_store *s, const struct sk_tensor *t, struct sk_store_entry **entry, struct sk_err *err)
{
    *entry = find(s, t->name);
    if (!*entry)
        return add(s, t, entry, err);
    const struct sk_desc *a = &(*entry)->desc, *b = &t->desc;
    if (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) != 0)
        return sk_fail(err, SK_INPUT, "tensor '%s' has another shape than the network gives it", t->name);
    return SK_OK;
}

static enum sk_code check(const struct sk_store *s, const char *name, size_t n, struct sk_store_entry **e, struct sk_err *err)
{
    *e = find(s, name);
    if (!*e)
        return sk_fail(err, SK_INPUT, "there is no tensor '%s'", name);
    if ((size_t)sk_desc_count(&(*e)->desc) != n)
        return sk_fail(err, SK_INPUT, "tensor '%s' has %lld elements, not %zu", name, (long long)sk_desc_count(&(*e)->desc), n);
    return SK_OK;
}

enum sk_code sk_store_read(const struct sk_store *s, const char *name, float *out, size_t n, struct sk_err *err)
{
    struct sk_store_entry *e;
    enum sk_code code = check(s, name, n, &e, err);
    return code != SK_OK ? code : s->engine->backend->download(out, e->data, n * sizeof *out, err);
}

enum sk_code sk_store_write(struct sk_store *s, const char *name, const float *in, size_t n, struct sk_err *err)
{
    struct sk_store_entry *e;
    enum sk_code code = check(s, name, n, &e, err);
    s->version++;
    return code != SK_OK ? code : s->engine->backend->upload(e->data, in, n * sizeof *in, err);
}
