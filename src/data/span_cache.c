/* Spans kept for several threads. A slot that is being filled or copied from is pinned; whoever pins one never waits
 * for another, so that waiting for a free slot comes to an end. */
#include "data/span_cache.h"

#include <pthread.h>
#include <string.h>

struct slot {
    const void *owner; /* NULL: empty */
    uint64_t number, used;
    unsigned char *data;
    size_t len;
    int pins;
    bool filling;
};

struct sk_span_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a slot was filled, or is no longer pinned */
    struct slot *slot;
    size_t spans, span;
    uint64_t clock;
    int64_t made;
};

enum sk_code sk_span_cache_new(struct sk_span_cache **out, size_t spans, size_t span, struct sk_err *err)
{
    struct sk_span_cache *c = sk_alloc(1, sizeof(*c), err);
    *out = NULL;
    if (!c)
        return SK_NOMEM;
    if (!(c->slot = sk_alloc(spans, sizeof(*c->slot), err))) {
        sk_free(c);
        return SK_NOMEM;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->spans = spans;
    c->span = span;
    *out = c;
    return SK_OK;
}

void sk_span_cache_free(struct sk_span_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->spans; i++)
        sk_free(c->slot[i].data);
    sk_free(c->slot);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    sk_free(c);
}

size_t sk_span_cache_span(const struct sk_span_cache *c)
{
    return c->span;
}

int64_t sk_span_cache_made(struct sk_span_cache *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t made = c->made;
    pthread_mutex_unlock(&c->lock);
    return made;
}

/* The slot of a span; else the one to take for it: an empty one, or the one used least recently. NULL: all are in use. */
static struct slot *find(struct sk_span_cache *c, const void *owner, uint64_t number)
{
    struct slot *oldest = NULL;
    for (struct slot *s = c->slot; s < c->slot + c->spans; s++) {
        if (s->owner == owner && s->number == number)
            return s;
        if (s->pins == 0 && (!oldest || (oldest->owner && (!s->owner || s->used < oldest->used))))
            oldest = s;
    }
    return oldest;
}

/* Pins the slot of the span; *fill: it is for the caller to fill. The lock is held. */
static struct slot *pin(struct sk_span_cache *c, const void *owner, uint64_t number, bool *fill)
{
    struct slot *s;
    while (!(s = find(c, owner, number)) || (s->owner == owner && s->number == number && s->filling))
        pthread_cond_wait(&c->changed, &c->lock);
    *fill = s->owner != owner || s->number != number;
    if (*fill) {
        s->owner = owner;
        s->number = number;
        s->filling = true;
    }
    s->pins++;
    s->used = ++c->clock;
    return s;
}

static enum sk_code fill_slot(const struct sk_span_cache *c, struct slot *s, const struct sk_span_maker *m,
                              uint64_t number, struct sk_err *err)
{
    if (!s->data && !(s->data = sk_alloc(c->span, 1, err)))
        return SK_NOMEM;
    return m->make(m->ctx, number, s->data, &s->len, err);
}

enum sk_code sk_span_cache_read(struct sk_span_cache *c, const struct sk_span_maker *m, uint64_t number, size_t from,
                                void *out, size_t len, size_t *got, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    bool fill;
    *got = 0;
    pthread_mutex_lock(&c->lock);
    struct slot *s = pin(c, m->owner, number, &fill);
    pthread_mutex_unlock(&c->lock);
    if (fill)
        code = fill_slot(c, s, m, number, err);
    if (code == SK_OK && from < s->len) {
        *got = len < s->len - from ? len : s->len - from;
        memcpy(out, s->data + from, *got);
    }
    pthread_mutex_lock(&c->lock);
    if (fill) {
        s->filling = false;
        s->owner = code == SK_OK ? s->owner : NULL;
        c->made++;
    }
    s->pins--;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return code;
}
