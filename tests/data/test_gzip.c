/* Gzip files read at places: against the bytes that zlib packed, whole, in several members, damaged, cut off and
 * changed meanwhile; and by several threads. Run under the thread sanitizer too. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <zlib.h>

#include "data/gzip.h"

enum { CONTENT = 200000, SPAN = 16384 };
static unsigned char content[CONTENT];

/* Stretches of noise and of repetition, so that blocks of all kinds are made. */
static int make_content(void **state)
{
    (void)state;
    struct sk_rng rng;
    sk_rng_init(&rng, 7, 0, 0, SK_RNG_TEST);
    for (size_t i = 0; i < CONTENT; i++) {
        uint32_t r = sk_rng_u32(&rng);
        uint32_t kind = (uint32_t)i / 30000 % 3;
        content[i] = (unsigned char)(kind == 0 ? r : kind == 1 ? r % 4 : (uint32_t)i / 97);
    }
    return 0;
}

struct packed {
    unsigned char data[CONTENT + 4096];
    size_t len;
};

/* Appends a member, whose header holds a name as gzip(1) writes it. */
static void pack(struct packed *p, const void *data, size_t len, int level, int strategy)
{
    static char name[] = "shard.tar";
    z_stream z = {0};
    gz_header header = {.name = (Bytef *)name, .hcrc = 1};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, strategy), Z_OK);
    assert_int_equal(deflateSetHeader(&z, &header), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (unsigned)len;
    z.next_out = p->data + p->len;
    z.avail_out = (unsigned)(sizeof(p->data) - p->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    p->len += z.total_out;
    deflateEnd(&z);
}

static enum sk_code read_packed(const void *self, uint64_t offset, void *out, size_t len, struct sk_err *err)
{
    (void)err;
    memcpy(out, (const unsigned char *)self + offset, len);
    return SK_OK;
}

static struct sk_bytes bytes_of(const struct packed *p)
{
    return (struct sk_bytes){.path = "x.gz", .size = p->len, .self = p->data, .read_at = read_packed};
}

struct opened {
    struct sk_span_cache *cache;
    struct sk_gzip *gz;
    struct sk_bytes packed;
};

static struct opened open_gzip(const struct packed *p, size_t spans, size_t span)
{
    struct sk_err err = {0};
    struct opened o = {.packed = bytes_of(p)};
    assert_ok(sk_span_cache_new(&o.cache, spans, span, &err), err);
    assert_ok(sk_gzip_new(&o.gz, o.cache, &err), err);
    return o;
}

static void close_gzip(struct opened *o)
{
    sk_gzip_free(o->gz);
    sk_span_cache_free(o->cache);
}

static void expect(struct opened *o, uint64_t at, size_t len)
{
    static _Thread_local unsigned char got[CONTENT];
    struct sk_err err = {0};
    assert_ok(sk_gzip_read_at(o->gz, &o->packed, at, got, len, &err), err);
    assert_memory_equal(got, content + at, len);
}

static void expect_places(struct opened *o, size_t all, uint64_t seed)
{
    struct sk_rng rng;
    sk_rng_init(&rng, seed, 0, 0, SK_RNG_TEST);
    for (int i = 0; i < 100; i++) {
        uint32_t at = sk_rng_below(&rng, (uint32_t)all), most = (uint32_t)all - at;
        expect(o, at, 1 + sk_rng_below(&rng, most < 40000 ? most : 40000));
    }
}

static void any_place_of_any_packing(void **state)
{
    (void)state;
    static struct packed p;
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    for (int level = 0; level < 10; level += 3) {
        for (size_t s = 0; s < SK_COUNT(strategies); s++) {
            struct sk_err err = {0};
            p.len = 0;
            pack(&p, content, CONTENT, level, strategies[s]);
            struct opened o = open_gzip(&p, 2, SPAN);
            expect(&o, 50000, 40000); /* while it is read for the first time: on, and back */
            expect(&o, 100, 3000);
            assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
            assert_int_equal(sk_gzip_size(o.gz), CONTENT);
            expect(&o, 0, CONTENT);
            expect_places(&o, CONTENT, (uint64_t)level * 10 + s);
            close_gzip(&o);
        }
    }
}

/* Ends of the content and of members at, before and behind those of spans; members of nothing; zeros behind all. */
static void members_and_spans(void **state)
{
    (void)state;
    static struct packed p;
    static const size_t sizes[] = {0, 1, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN, 3 * SPAN - 1};
    for (size_t a = 0; a < SK_COUNT(sizes); a++) {
        for (size_t b = 0; b < SK_COUNT(sizes); b++) {
            struct sk_err err = {0};
            size_t all = sizes[a] + sizes[b];
            p.len = 0;
            pack(&p, content, sizes[a], 6, Z_DEFAULT_STRATEGY);
            pack(&p, "", 0, 6, Z_DEFAULT_STRATEGY);
            pack(&p, content + sizes[a], sizes[b], 1, Z_DEFAULT_STRATEGY);
            memset(p.data + p.len, 0, 700);
            p.len += a % 2 ? 700 : 0;
            struct opened o = open_gzip(&p, 1, SPAN);
            assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
            assert_int_equal(sk_gzip_size(o.gz), all);
            if (all > 0)
                expect_places(&o, all, a);
            char byte;
            assert_error(sk_gzip_read_at(o.gz, &o.packed, all, &byte, 1, &err), SK_INPUT, err,
                         "'x.gz' is cut off: it unpacks to");
            close_gzip(&o);
        }
    }
}

/* Every span is inflated once at first, and then only where it is no longer kept. */
static void spans_are_kept(void **state)
{
    (void)state;
    static struct packed p;
    enum { SPANS = CONTENT / SPAN + 1 };
    struct sk_err err = {0};
    p.len = 0;
    pack(&p, content, CONTENT, 6, Z_DEFAULT_STRATEGY);
    struct opened o = open_gzip(&p, SPANS, SPAN);
    assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
    expect_places(&o, CONTENT, 1);
    assert_int_equal(sk_span_cache_made(o.cache), SPANS);
    close_gzip(&o);
    o = open_gzip(&p, 3, SPAN);
    assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t at = 0; at + 1000 <= CONTENT; at += 1000)
            expect(&o, at, 1000);
    assert_int_equal(sk_span_cache_made(o.cache), 3 * SPANS);
    close_gzip(&o);
}

static enum sk_code finish(const struct packed *p, uint64_t *size, struct sk_err *err)
{
    struct opened o = open_gzip(p, 1, SPAN);
    enum sk_code code = sk_gzip_finish(o.gz, &o.packed, err);
    *size = sk_gzip_size(o.gz);
    if (code == SK_OK && *size == 5000)
        expect(&o, 0, 5000);
    close_gzip(&o);
    return code;
}

static void cut_off_anywhere(void **state)
{
    (void)state;
    static struct packed p;
    uint64_t size;
    p.len = 0;
    pack(&p, content, 5000, 6, Z_DEFAULT_STRATEGY);
    for (size_t all = p.len; p.len > 0; p.len--) {
        struct sk_err err = {0};
        if (p.len == all)
            assert_ok(finish(&p, &size, &err), err);
        else
            assert_error(finish(&p, &size, &err), SK_INPUT, err, "'x.gz' is cut off: its gzip data goes on");
    }
    struct sk_err err = {0};
    assert_error(finish(&p, &size, &err), SK_INPUT, err, "goes on behind byte 0, where it ends");
}

/* A bit that is wrong is told, or is one of a header that changes nothing. */
static void damaged_anywhere(void **state)
{
    (void)state;
    static struct packed p;
    uint64_t size;
    int told = 0;
    p.len = 0;
    pack(&p, content, 5000, 6, Z_DEFAULT_STRATEGY);
    for (size_t bit = 0; bit < 8 * p.len; bit++) {
        struct sk_err err = {0};
        p.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        enum sk_code code = finish(&p, &size, &err);
        assert_true(code == SK_INPUT ? strncmp(err.text, "'x.gz' is ", 10) == 0 : code == SK_OK && size == 5000);
        told += code == SK_INPUT;
        p.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(told >= (int)(8 * (p.len - 26))); /* all that is behind the header, whose own checksum tells more */
    static const struct {
        const char *data, *message;
    } rows[] = {{"this is no gzip file", "'x.gz' is damaged at byte 2: incorrect header check"},
                {"\x1f\x8b\x08\x20.......", "unknown header flags set"}};
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_err err = {0};
        p.len = strlen(rows[i].data);
        memcpy(p.data, rows[i].data, p.len);
        assert_error(finish(&p, &size, &err), SK_INPUT, err, rows[i].message);
    }
    static const char *const behind[] = {"garbage", "\x1fgarbage", "\0\0\0garbage"};
    for (size_t i = 0; i < SK_COUNT(behind); i++) {
        struct sk_err err = {0};
        p.len = 0;
        pack(&p, content, 5000, 6, Z_DEFAULT_STRATEGY);
        memcpy(p.data + p.len, behind[i], 8);
        p.len += 8;
        assert_error(finish(&p, &size, &err), SK_INPUT, err, "'x.gz' is damaged at byte");
    }
}

/* What unpacks to more than is allowed ends there, whatever the file says. */
static void too_much(void **state)
{
    (void)state;
    static struct packed p;
    static unsigned char zeros[SK_GZIP_SPANS_MAX * 16 + 1];
    struct sk_err err = {0};
    for (int more = 0; more < 2; more++) {
        p.len = 0;
        pack(&p, zeros, sizeof(zeros) - 2 + (size_t)more * 2, 9, Z_DEFAULT_STRATEGY);
        struct opened o = open_gzip(&p, 1, 16);
        if (more)
            assert_error(sk_gzip_finish(o.gz, &o.packed, &err), SK_INPUT, err,
                         "'x.gz' unpacks to more than 131072 bytes");
        else
            assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
        close_gzip(&o);
    }
}

/* Another program writes into the file between two readings. */
static void changed_meanwhile(void **state)
{
    (void)state;
    static struct packed p, other;
    struct sk_err err = {0};
    char byte[10];
    p.len = other.len = 0;
    pack(&p, content, CONTENT, 0, Z_DEFAULT_STRATEGY); /* stored: other bytes are no damage that zlib sees */
    pack(&other, content, CONTENT, 9, Z_DEFAULT_STRATEGY);
    struct opened o = open_gzip(&p, 1, SPAN);
    assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
    p.data[p.len / 2] ^= 1;
    expect(&o, 0, 5000);
    assert_error(sk_gzip_read_at(o.gz, &o.packed, CONTENT / 2, byte, 10, &err), SK_INPUT, err,
                 "'x.gz' has changed since it was opened");
    expect(&o, 0, 5000);
    memcpy(p.data, other.data, other.len);
    err = (struct sk_err){0};
    assert_error(sk_gzip_read_at(o.gz, &o.packed, CONTENT / 3, byte, 10, &err), SK_INPUT, err,
                 "'x.gz' has changed since it was opened");
    close_gzip(&o);
}

static atomic_uint seeds;

static void *read_some(void *arg)
{
    for (int i = 0; i < 5; i++)
        expect_places(arg, CONTENT, atomic_fetch_add(&seeds, 1));
    return NULL;
}

/* Fewer spans are kept than threads read. */
static void several_threads(void **state)
{
    (void)state;
    static struct packed p;
    for (size_t spans = 1; spans < 8; spans += 3) {
        struct sk_err err = {0};
        pthread_t thread[4];
        p.len = 0;
        pack(&p, content, CONTENT, 6, Z_DEFAULT_STRATEGY);
        struct opened o = open_gzip(&p, spans, SPAN);
        assert_ok(sk_gzip_finish(o.gz, &o.packed, &err), err);
        for (size_t i = 0; i < SK_COUNT(thread); i++)
            assert_int_equal(pthread_create(&thread[i], NULL, read_some, &o), 0);
        for (size_t i = 0; i < SK_COUNT(thread); i++)
            pthread_join(thread[i], NULL);
        close_gzip(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_place_of_any_packing), cmocka_unit_test(members_and_spans),
        cmocka_unit_test(spans_are_kept),           cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(damaged_anywhere),         cmocka_unit_test(too_much),
        cmocka_unit_test(changed_meanwhile),        cmocka_unit_test(several_threads),
    };
    return cmocka_run_group_tests(tests, make_content, NULL);
}
