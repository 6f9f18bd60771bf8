/* Tar headers: what libarchive writes in three formats is found at its place; what is damaged or must not be read is
 * refused or counted. */
#include "test.h"

#include <archive.h>
#include <stdio.h>
#include <sys/stat.h>

#include "data/data.h"
#include "data/shards.h"
#include "data/tar_make.h"

struct opened {
    struct sk_shards shards;
    struct sk_tar tar;
};

static void open_tar(struct opened *o, const char *path)
{
    struct sk_err err = {0};
    memset(o, 0, sizeof(*o));
    assert_ok(sk_shards_add(&o->shards, test_path(path), &err), err);
    o->tar.from = sk_shard_bytes(o->shards.item);
}

/* The members of a tar as "NAME=CONTENT;". */
static void list(struct sk_str *out, struct opened *o)
{
    struct sk_err err = {0};
    bool found = true;
    while (found) {
        char content[64] = "";
        assert_ok(sk_tar_next(&o->tar, &found, &err), err);
        if (!found)
            return;
        assert_true(o->tar.size < sizeof(content));
        assert_ok(o->tar.from.read_at(o->tar.from.self, o->tar.offset, content, o->tar.size, &err), err);
        assert_ok(sk_str_add(out, &err, "%s=%s;", o->tar.name, content), err);
    }
}

static void formats_agree(void **state)
{
    (void)state;
    static const char *const formats[] = {"ustar", "gnutar", "pax"};
    char deep[300] = "", want[2000];
    for (int i = 0; i < 12; i++)
        strcat(deep, "a folder of 20 bytes/");
    strcat(deep, "x.jpg"); /* 257 bytes: more than ustar can say */
    for (size_t i = 0; i < SK_COUNT(formats); i++) {
        const char *name = i == 0 ? deep + 6 * 21 : deep;
        struct sk_str found = {0};
        struct opened o;
        struct archive *a = tar_begin("formats/a.tar", formats[i], false);
        tar_add_text(a, "short.jpg", "hello");
        tar_add_text(a, name, "deep");
        tar_add_text(a, "na\xc3\xafve name.jpg", "accent");
        tar_add_text(a, "empty.cls", "");
        tar_add_text(a, "a/b/..c/d..", "dots");
        tar_end(a);
        open_tar(&o, "formats/a.tar");
        list(&found, &o);
        snprintf(want, sizeof(want), "short.jpg=hello;%s=deep;na\xc3\xafve name.jpg=accent;empty.cls=;a/b/..c/d..=dots;",
                 name);
        assert_string_equal(found.text, want);
        assert_int_equal(o.tar.skipped, 0);
        assert_true(o.tar.ended);
        sk_str_release(&found);
        sk_shards_release(&o.shards);
    }
}

static void some_members_are_left_out(void **state)
{
    (void)state;
    struct sk_str s = {0}, found = {0};
    struct opened o;
    tar_put(&s, "folder/", '5', "0", "", 0);
    tar_put(&s, "old folder/", '\0', "0", "", 0);
    tar_put(&s, "/etc/passwd", '0', "1", "x", 1);
    tar_put(&s, "a/../b", '0', "1", "x", 1);
    tar_put(&s, "..", '0', "1", "x", 1);
    tar_put(&s, "link", '2', "0", "", 0);
    tar_put(&s, "hard", '1', "00000001000", "", 0); /* a size with nothing behind it */
    tar_put(&s, "device", '3', "0", "", 0);
    tar_put(&s, "pipe", '6', "0", "", 0);
    tar_put(&s, "whatever", 'Z', "3", "abc", 3);
    tar_put(&s, "x", 'x', NULL, "22 GNU.sparse.major=1\n11 size=00\n", 33);
    tar_put(&s, "sparse", '0', "0", "", 0);
    tar_put(&s, "g", 'g', NULL, "11 path=bad", 11); /* global: not for us */
    tar_put(&s, "good", '0', "2", "ok", 2);
    tar_put(&s, "fine", '7', "2", "ok", 2);
    tar_put_end(&s);
    test_put("odd.tar", s.text, s.len);
    open_tar(&o, "odd.tar");
    list(&found, &o);
    assert_string_equal(found.text, "good=ok;fine=ok;");
    assert_int_equal(o.tar.skipped, 9);
    sk_str_release(&s);
    sk_str_release(&found);
    sk_shards_release(&o.shards);
}

/* Old GNU sparse files have blocks between header and content. */
static void old_sparse_files_are_passed(void **state)
{
    (void)state;
    struct sk_str s = {0}, found = {0};
    struct opened o;
    char content[1536] = {0};
    content[504] = 1; /* first block: another follows; the last 512 bytes are the content */
    tar_put(&s, "sparse", 'S', "00000000400", content, sizeof(content));
    s.text[482] = 1;
    memset(s.text + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)s.text[i];
    snprintf(s.text + 148, 8, "%06o", sum);
    tar_put(&s, "good", '0', "2", "ok", 2);
    tar_put_end(&s);
    test_put("sparse.tar", s.text, s.len);
    open_tar(&o, "sparse.tar");
    list(&found, &o);
    assert_string_equal(found.text, "good=ok;");
    assert_int_equal(o.tar.skipped, 1);
    sk_str_release(&s);
    sk_str_release(&found);
    sk_shards_release(&o.shards);
}

static void refused(const struct sk_str *s, size_t len, const char *message)
{
    struct sk_err err = {0};
    struct opened o;
    bool found = true;
    enum sk_code code = SK_OK;
    test_put("bad.tar", s->text, len);
    open_tar(&o, "bad.tar");
    while (code == SK_OK && found)
        code = sk_tar_next(&o.tar, &found, &err);
    assert_error(code, SK_INPUT, err, message);
    sk_shards_release(&o.shards);
}

static void damage_is_named(void **state)
{
    (void)state;
    static const char thousand[1000] = {'x'};
    struct sk_str s = {0};
    tar_put(&s, "first", '0', "3", "abc", 3);
    tar_put(&s, "second", '0', "00000001750", thousand, sizeof(thousand)); /* octal 1750: 1000 */
    refused(&s, 1024 + 300, "bad.tar' is damaged at byte 1024: it is cut off in the middle of a header");
    refused(&s, 1536 + 999, "bad.tar' is cut off: 'second' at byte 1024 has 1000 bytes, 999 are there");
    s.text[1024 + 3] ^= 1;
    refused(&s, s.len, "bad.tar' is damaged at byte 1024: no tar header with a right checksum is there");
    static const struct {
        char type;
        const char *size, *data, *message;
    } rows[] = {
        {'0', "77777777777", "", "has 8589934591 bytes, 0 are there"},
        {'0', "-1", "", "a header holds no right size"},
        {'0', "12x", "", "a header holds no right size"},
        {'0', "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "", "a header holds no right size"},
        {'L', "0", "", "a long name is empty, too long or holds a NUL"},
        {'L', "00000200001", "", "cut off"},
        {'x', NULL, "6 a=\n", "a pax record has no right length"},
        {'x', NULL, "4 a=\n", "a pax record has no right length"},
        {'x', NULL, "hello", "a pax record has no right length"},
        {'x', NULL, "5 ab\n", "a pax record has no '='"},
        {'x', NULL, "12 size=1x5\n", "a pax size is not a number"},
        {'x', NULL, "30 size=999999999999999999999\n", "a pax size is not a number"},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        s.len = 0;
        tar_put(&s, "x", rows[i].type, rows[i].size, rows[i].data, strlen(rows[i].data));
        refused(&s, s.len, rows[i].message);
    }
    char *large = calloc(1, 70000);
    s.len = 0;
    tar_put(&s, "x", 'x', "00000210560", large, 70000);
    refused(&s, s.len, "larger than 64 KiB");
    free(large);
    s.len = 0; /* a pax size that goes beyond the end */
    tar_put(&s, "x", 'x', NULL, "14 size=99999\n", 14);
    tar_put(&s, "huge", '0', "0", "", 0);
    refused(&s, s.len, "'huge' at byte 1024 has 99999 bytes, 0 are there");
    sk_str_release(&s);
}

/* Behind the zeros that end an archive nothing may follow: members there would be lost in silence. */
static void nothing_follows_the_end(void **state)
{
    (void)state;
    static const char zeros[512];
    static const struct {
        int blocks; /* of zeros */
        bool more;
        const char *message; /* NULL: whole */
    } rows[] = {
        {1, true, "is damaged at byte 1024: a lone block of zeros is there, behind which it goes on"},
        {2, true, "goes on at byte 2048, behind the zeros at byte 1024 that end an archive"},
        {40, true, "goes on at byte 21504, behind the zeros at byte 1024 that end an archive"},
        {1, false, NULL}, /* as some old programs end it */
        {2, false, NULL},
        {40, false, NULL},
    };
    for (size_t i = 0; i < SK_COUNT(rows); i++) {
        struct sk_str s = {0};
        struct sk_err err = {0};
        struct opened o;
        bool found = true;
        tar_put(&s, "first", '0', "3", "abc", 3);
        for (int k = 0; k < rows[i].blocks; k++)
            assert_ok(sk_str_add_bytes(&s, zeros, sizeof(zeros), &err), err);
        if (rows[i].more)
            tar_put(&s, "second", '0', "3", "abc", 3);
        test_put("end.tar", s.text, s.len);
        open_tar(&o, "end.tar");
        for (int members = 0; found; members += found) {
            assert_ok(sk_tar_next(&o.tar, &found, &err), err);
            assert_int_equal(found, members == 0);
        }
        assert_true(o.tar.ended);
        enum sk_code code = sk_tar_check_end(&o.tar, &err);
        if (rows[i].message)
            assert_error(code, SK_INPUT, err, rows[i].message);
        else
            assert_ok(code, err);
        sk_shards_release(&o.shards);
        sk_str_release(&s);
    }
}

/* Large sizes are written in binary by GNU tar. */
static void binary_sizes(void **state)
{
    (void)state;
    struct sk_str s = {0}, found = {0};
    struct opened o;
    static const char two[12] = "\x80\0\0\0\0\0\0\0\0\0\0\2";
    tar_put(&s, "good", '0', "00000000002", "ok", 2);
    memcpy(s.text + 124, two, 12);
    memset(s.text + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)s.text[i];
    snprintf(s.text + 148, 8, "%06o", sum);
    test_put("binary.tar", s.text, s.len);
    open_tar(&o, "binary.tar");
    list(&found, &o);
    assert_string_equal(found.text, "good=ok;");
    assert_false(o.tar.ended);
    sk_str_release(&s);
    sk_str_release(&found);
    sk_shards_release(&o.shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_agree),   cmocka_unit_test(some_members_are_left_out),
        cmocka_unit_test(binary_sizes),    cmocka_unit_test(old_sparse_files_are_passed),
        cmocka_unit_test(damage_is_named), cmocka_unit_test(nothing_follows_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
