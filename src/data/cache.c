/* Decoded pictures kept in memory: one atomic pointer a sample, set once by whoever decodes it first. */
#include "data/cache.h"

#include <string.h>

#include "data/internal.h"

struct kept {
    int height, width, channels;
    enum sk_pixel pixel;
    unsigned char data[];
};

enum sk_code sk_picture_cache_init(struct sk_picture_cache *c, int64_t count, struct sk_err *err)
{
    struct sk_machine m;
    sk_machine_read(&m);
    memset(c, 0, sizeof(*c));
    c->slot = sk_alloc((size_t)count, sizeof(*c->slot), err);
    if (!c->slot)
        return SK_NOMEM;
    c->count = count;
    c->limit = (size_t)(m.memory_available / 2);
    return SK_OK;
}

void sk_picture_cache_release(struct sk_picture_cache *c)
{
    for (int64_t i = 0; c->slot && i < c->count; i++)
        sk_free(atomic_load(&c->slot[i]));
    sk_free(c->slot);
    c->slot = NULL;
}

enum sk_code sk_picture_cache_get(const struct sk_picture_cache *c, int64_t index, struct sk_picture *p, bool *found,
                                  struct sk_err *err)
{
    const struct kept *k = atomic_load_explicit(&c->slot[index], memory_order_acquire);
    *found = k != NULL;
    if (!k)
        return SK_OK;
    enum sk_code code = sk_picture_reserve(p, k->height, k->width, k->channels, k->pixel, err);
    if (code == SK_OK)
        memcpy(p->data, k->data, sk_picture_bytes(p));
    return code;
}

void sk_picture_cache_put(struct sk_picture_cache *c, int64_t index, const struct sk_picture *p)
{
    size_t bytes = sizeof(struct kept) + sk_picture_bytes(p);
    void *none = NULL;
    if (atomic_fetch_add(&c->bytes, bytes) + bytes > c->limit) {
        atomic_fetch_sub(&c->bytes, bytes);
        sk_notice("data.cache: the decoded pictures need more than half of the free memory: the rest is decoded anew each epoch");
        return;
    }
    struct kept *k = sk_alloc(1, bytes, NULL);
    if (!k)
        return; /* a cache may do without */
    *k = (struct kept){.height = p->height, .width = p->width, .channels = p->channels, .pixel = p->pixel};
    memcpy(k->data, p->data, sk_picture_bytes(p));
    if (!atomic_compare_exchange_strong_explicit(&c->slot[index], &none, k, memory_order_acq_rel, memory_order_acquire))
        sk_free(k);
}
