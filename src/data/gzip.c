/* Inflating a gzip file at places: the state at the begin of each span is a copy of zlib's own (inflateCopy). */
#include "data/gzip.h"

#include <string.h>
#include <zlib.h>

enum { PACKED = 1 << 16 };

/* Where a span begins, and what it holds once it was inflated. */
struct point {
    z_stream stream;
    uint64_t packed; /* offset of what the stream takes next */
    bool between;    /* a member has ended, another may follow */
    uint32_t crc;
    size_t len;
};

struct sk_gzip {
    struct sk_span_cache *cache;
    struct point **point; /* [points] of their own memory: zlib's state points back to the stream */
    size_t points, cap;
    bool finished; /* else the last point is that of a span that was not inflated yet */
    uint64_t size;
};

enum sk_code sk_gzip_new(struct sk_gzip **out, struct sk_span_cache *cache, struct sk_err *err)
{
    struct sk_gzip *gz = sk_alloc(1, sizeof(*gz), err);
    *out = gz;
    if (!gz)
        return SK_NOMEM;
    gz->cache = cache;
    gz->size = SK_GZIP_SPANS_MAX * (uint64_t)sk_span_cache_span(cache);
    return SK_OK;
}

void sk_gzip_free(struct sk_gzip *gz)
{
    if (!gz)
        return;
    for (size_t i = 0; i < gz->points; i++) {
        inflateEnd(&gz->point[i]->stream);
        sk_free(gz->point[i]);
    }
    sk_free(gz->point);
    sk_free(gz);
}

uint64_t sk_gzip_size(const struct sk_gzip *gz)
{
    return gz->size;
}

/* ---- points ---- */
/* Adds a point at which the stream of `from` stands; NULL: at the begin of the file. */
static enum sk_code add_point(struct sk_gzip *gz, struct point *from, struct sk_err *err)
{
    if (sk_grow(&gz->point, &gz->cap, gz->points + 1, sizeof(struct point *), err) != SK_OK)
        return SK_NOMEM;
    struct point *p = sk_alloc(1, sizeof(*p), err);
    if (!p)
        return SK_NOMEM;
    int status = from ? inflateCopy(&p->stream, &from->stream) : inflateInit2(&p->stream, 15 + 16 /* gzip */);
    if (status != Z_OK) {
        sk_free(p);
        return sk_fail(err, SK_NOMEM, "not enough memory to unpack gzip data");
    }
    p->packed = from ? from->packed : 0;
    p->between = from ? from->between : false;
    gz->point[gz->points++] = p;
    return SK_OK;
}

/* ---- inflating ---- */
/* A stream that reads packed bytes block by block. */
struct reader {
    const struct sk_bytes *packed;
    struct point at; /* packed: behind what was read into in */
    unsigned char *in;
};

static enum sk_code damaged(const struct reader *r, const char *why, struct sk_err *err)
{
    return sk_fail(err, SK_INPUT, "'%s' is damaged at byte %llu: %s", r->packed->path,
                   (unsigned long long)(r->at.packed - r->at.stream.avail_in), why);
}

/* More input, where there is none. */
static enum sk_code refill(struct reader *r, struct sk_err *err)
{
    uint64_t left = r->packed->size - r->at.packed;
    size_t len = left < PACKED ? (size_t)left : PACKED;
    if (r->at.stream.avail_in > 0 || len == 0)
        return SK_OK;
    enum sk_code code = r->packed->read_at(r->packed->self, r->at.packed, r->in, len, err);
    if (code == SK_OK) {
        r->at.stream.next_in = r->in;
        r->at.stream.avail_in = (unsigned)len;
        r->at.packed += len;
    }
    return code;
}

/* Behind a member: another one begins, or nothing but zeros follows; *end. */
static enum sk_code next_member(struct reader *r, bool *end, struct sk_err *err)
{
    z_stream *z = &r->at.stream;
    bool zeros = false;
    for (;;) {
        enum sk_code code = refill(r, err);
        if (code != SK_OK)
            return code;
        *end = z->avail_in == 0;
        if (*end)
            return SK_OK;
        if (*z->next_in != 0)
            break;
        zeros = true;
        z->next_in++;
        z->avail_in--;
    }
    if (zeros || *z->next_in != 0x1f)
        return damaged(r, "what follows the gzip data is neither gzip data nor zeros", err);
    r->at.between = false;
    return inflateReset(z) == Z_OK ? SK_OK : damaged(r, "the state of inflating is not right", err);
}

/* One call of inflate, with input. */
static enum sk_code step(struct reader *r, struct sk_err *err)
{
    z_stream *z = &r->at.stream;
    enum sk_code code = refill(r, err);
    if (code != SK_OK)
        return code;
    if (z->avail_in == 0)
        return sk_fail(err, SK_INPUT, "'%s' is cut off: its gzip data goes on behind byte %llu, where it ends",
                       r->packed->path, (unsigned long long)r->packed->size);
    int status = inflate(z, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR)
        return sk_fail(err, SK_NOMEM, "not enough memory to unpack '%s'", r->packed->path);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return damaged(r, status == Z_NEED_DICT ? "a dictionary is asked for" : z->msg ? z->msg : "not gzip data", err);
    r->at.between = status == Z_STREAM_END;
    return SK_OK;
}

/* Inflates until out is full or the file ends. */
static enum sk_code inflate_span(struct reader *r, unsigned char *out, size_t span, size_t *len, bool *end,
                                 struct sk_err *err)
{
    z_stream *z = &r->at.stream;
    enum sk_code code = SK_OK;
    z->next_out = out;
    z->avail_out = (unsigned)span;
    *end = false;
    while (code == SK_OK && !*end && z->avail_out > 0)
        code = r->at.between ? next_member(r, end, err) : step(r, err);
    *len = span - z->avail_out;
    return code;
}

/* What a span needs besides its number. */
struct making {
    struct sk_gzip *gz;
    const struct sk_bytes *packed;
};

/* The first inflating of a span: what it holds is kept to compare, and where the next one begins. */
static enum sk_code first_time(struct sk_gzip *gz, struct point *p, struct reader *r, bool end, struct sk_err *err)
{
    if (end) {
        gz->finished = true;
        gz->size = (gz->points - 1) * (uint64_t)sk_span_cache_span(gz->cache) + p->len;
        return SK_OK;
    }
    if (gz->points == SK_GZIP_SPANS_MAX)
        return sk_fail(err, SK_INPUT, "'%s' unpacks to more than %llu bytes, expected less in a shard", r->packed->path,
                       (unsigned long long)gz->size);
    r->at.packed -= r->at.stream.avail_in;
    r->at.stream.avail_in = 0;
    return add_point(gz, &r->at, err);
}

static enum sk_code again(const struct point *p, const struct reader *r, enum sk_code code, uint32_t crc, size_t len,
                          struct sk_err *err)
{
    if (code == SK_OK && (crc != p->crc || len != p->len))
        code = damaged(r, "other bytes", err);
    if (code == SK_INPUT)
        sk_err_prefix(err, "'%s' has changed since it was opened", r->packed->path);
    return code;
}

static enum sk_code make_span(void *ctx, uint64_t number, unsigned char *out, size_t *len, struct sk_err *err)
{
    const struct making *m = ctx;
    struct point *p = m->gz->point[number];
    struct reader r = {.packed = m->packed, .at = {.packed = p->packed, .between = p->between}};
    bool first = !m->gz->finished && number + 1 == m->gz->points, end = false;
    if (!(r.in = sk_alloc(PACKED, 1, err)))
        return SK_NOMEM;
    enum sk_code code = SK_NOMEM;
    if (inflateCopy(&r.at.stream, &p->stream) == Z_OK)
        code = inflate_span(&r, out, sk_span_cache_span(m->gz->cache), len, &end, err);
    else
        sk_fail(err, SK_NOMEM, "not enough memory to unpack '%s'", m->packed->path);
    uint32_t crc = code == SK_OK ? (uint32_t)crc32_z(0, out, *len) : 0;
    if (!first) {
        code = again(p, &r, code, crc, *len, err);
    } else if (code == SK_OK) {
        p->crc = crc;
        p->len = *len;
        code = first_time(m->gz, p, &r, end, err);
    }
    inflateEnd(&r.at.stream);
    sk_free(r.in);
    return code;
}

/* ---- reading ---- */
static enum sk_code read_span(struct making *m, uint64_t number, size_t from, void *out, size_t len, size_t *got,
                              struct sk_err *err)
{
    const struct sk_span_maker maker = {m->gz, make_span, m};
    return sk_span_cache_read(m->gz->cache, &maker, number, from, out, len, got, err);
}

/* Inflates the next span. */
static enum sk_code advance(struct making *m, struct sk_err *err)
{
    char none;
    size_t got;
    enum sk_code code = m->gz->points == 0 ? add_point(m->gz, NULL, err) : SK_OK;
    return code == SK_OK ? read_span(m, m->gz->points - 1, 0, &none, 0, &got, err) : code;
}

enum sk_code sk_gzip_finish(struct sk_gzip *gz, const struct sk_bytes *packed, struct sk_err *err)
{
    struct making m = {gz, packed};
    enum sk_code code = SK_OK;
    while (code == SK_OK && !gz->finished)
        code = advance(&m, err);
    return code;
}

enum sk_code sk_gzip_read_at(struct sk_gzip *gz, const struct sk_bytes *packed, uint64_t offset, void *out, size_t len,
                             struct sk_err *err)
{
    struct making m = {gz, packed};
    const size_t span = sk_span_cache_span(gz->cache);
    char *to = out;
    for (size_t got; len > 0; to += got, offset += got, len -= got) {
        uint64_t number = offset / span;
        while (!gz->finished && number + 1 >= gz->points) { /* the last point's span was not inflated yet */
            enum sk_code code = advance(&m, err);
            if (code != SK_OK)
                return code;
        }
        if (offset >= gz->size)
            return sk_fail(err, SK_INPUT, "'%s' is cut off: it unpacks to %llu bytes, and goes on behind them",
                           packed->path, (unsigned long long)gz->size);
        enum sk_code code = read_span(&m, number, (size_t)(offset % span), to, len, &got, err);
        if (code != SK_OK)
            return code;
    }
    return SK_OK;
}
