/* Downloads against a local server that breaks off, ignores ranges, changes its file, stalls or lies. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data/data.h"
#include "data/http_server.h"

enum { LEN = 300000 };

static uint8_t content[LEN], other[LEN];
static int port;

/* Of content and other as fill() makes them, by md5sum and sha256sum. */
static const char content_md5[] = "bb733048e9766cd59aa22b758e21fe1d";
static const char content_sha256[] = "cbbf1aa1724d6a078f109e131e053eaae7eb669f6ef00b1ad46004a6118d965d";
static const char other_md5[] = "6f3bb178cc85b7076e2b69b6c8dc52c7";

static void fill(uint8_t *out, unsigned seed)
{
    uint32_t state = seed;
    for (int i = 0; i < LEN; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(state >> 24);
    }
}

static int start(void **state)
{
    (void)state;
    fill(content, 1);
    fill(other, 2);
    setenv("no_proxy", "*", 1);
    signal(SIGXFSZ, SIG_IGN);
    port = http_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_stop();
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_ok(sk_remove_tree(test_folder(), &err), err);
    return 0;
}

static const char *url(const char *path)
{
    static char text[128];
    snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", port, path);
    return text;
}

static struct sk_download wanted(void)
{
    return (struct sk_download){
        .url = url("/file"), .dir = test_folder(), .file = "file", .md5 = content_md5, .bytes = LEN};
}

static struct http_plan served(void)
{
    return (struct http_plan){.content = content, .len = LEN, .etag = "v1"};
}

static void assert_file(const char *name, const uint8_t *want, size_t len)
{
    struct sk_err err = {0};
    char *data;
    size_t found;
    assert_ok(sk_file_read(test_path(name), 1 << 20, &data, &found, &err), err);
    assert_int_equal(found, len);
    assert_memory_equal(data, want, len);
    sk_free(data);
}

static void assert_complete(void)
{
    assert_file("file", content, LEN);
    assert_false(sk_is_file(test_path("file.part")));
    assert_false(sk_is_file(test_path("file.part.tag")));
}

static void assert_downloaded(const struct sk_download *d, int requests)
{
    struct sk_err err = {0};
    assert_ok(sk_data_download(d, &err), err);
    assert_complete();
    assert_int_equal(http_seen().requests, requests);
}

static void assert_fails(const struct sk_download *d, enum sk_code code, const char *message)
{
    struct sk_err err = {0};
    assert_error(sk_data_download(d, &err), code, err, message);
    assert_false(sk_is_file(test_path("file")));
}

static void put_part(const uint8_t *data, size_t len, const char *tag)
{
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(test_folder(), &err), err);
    test_put("file.part", data, len);
    if (tag)
        test_put("file.part.tag", tag, strlen(tag));
}

static bool count_calls(void *ctx, int64_t done, int64_t all)
{
    int64_t *seen = ctx;
    assert_true(done >= 0 && done <= LEN);
    assert_true(all == 0 || all == LEN);
    seen[0]++;
    seen[1] = done > seen[1] ? done : seen[1];
    return true;
}

static void plain_download(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    int64_t seen[2] = {0};
    char deep[SK_PATH];
    snprintf(deep, sizeof(deep), "%s", test_path("a/b"));
    d.progress = count_calls;
    d.ctx = seen;
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_int_equal(http_seen().first_byte, -1);
    assert_true(seen[0] > 0);
    assert_int_equal(seen[1], LEN);
    assert_downloaded(&d, 1); /* it is there: not asked for again */
    d.md5 = NULL;
    d.sha256 = content_sha256;
    d.dir = deep;
    struct sk_err err = {0};
    assert_ok(sk_data_download(&d, &err), err);
    assert_file("a/b/file", content, LEN);
}

static void sizes_may_be_unknown(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    d.md5 = NULL;
    d.bytes = 0;
    plan.no_length = true;
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_downloaded(&d, 2); /* without a checksum: fetched again */
}

static void broken_transfer_goes_on(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.break_after = 100000;
    plan.breaks = 2;
    http_set(&plan);
    assert_downloaded(&d, 3);
    assert_int_equal(http_seen().first_byte, 200000);
    assert_string_equal(http_seen().if_range, "\"v1\"");
}

static void stalled_transfer_goes_on(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.break_after = 100000;
    plan.breaks = 1;
    plan.stall = true;
    plan.etag = NULL;
    plan.modified = "Wed, 21 Oct 2015 07:28:00 GMT";
    d.stall_seconds = 1;
    http_set(&plan);
    assert_downloaded(&d, 2);
    assert_int_equal(http_seen().first_byte, 100000);
    assert_string_equal(http_seen().if_range, "Wed, 21 Oct 2015 07:28:00 GMT");
}

static void next_call_goes_on(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    put_part(content, 123456, "\"v1\"");
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_int_equal(http_seen().first_byte, 123456);
}

static void changed_file_begins_anew(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    put_part(other, 123456, "\"v0\"");
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_string_equal(http_seen().if_range, "\"v0\"");
    /* nothing tells that the part belongs to the file: it is not gone on from */
    d.md5 = NULL;
    put_part(other, 123456, NULL);
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_int_equal(http_seen().first_byte, -1);
}

static void ignored_range_begins_anew(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.ignore_range = true;
    put_part(other, 123456, NULL);
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_int_equal(http_seen().first_byte, 123456);
    assert_int_equal(unlink(test_path("file")), 0);
    plan.break_after = 100000; /* and breaks off at the same place again and again: given up */
    plan.breaks = 100;
    http_set(&plan);
    assert_fails(&d, SK_IO, "is kept, the next try goes on");
    assert_in_range(http_seen().requests, 2, 3);
    assert_file("file.part", content, 100000);
}

static void complete_part_is_taken(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    put_part(content, LEN, "\"v1\"");
    http_set(&plan);
    assert_downloaded(&d, 0);
    assert_int_equal(unlink(test_path("file")), 0);
    d.bytes = 0; /* asks, and is told that there is no more */
    put_part(content, LEN, "\"v1\"");
    assert_downloaded(&d, 1);
    assert_int_equal(unlink(test_path("file")), 0);
    uint8_t *longer = calloc(1, LEN + 10);
    put_part(longer, LEN + 10, "\"v1\""); /* of something else */
    free(longer);
    http_set(&plan);
    assert_downloaded(&d, 2);
}

static void wrong_content_is_refused(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    char message[256];
    plan.content = other;
    http_set(&plan);
    snprintf(message, sizeof(message), "'file' from '%s' is damaged: expected md5 %s, found %s", d.url, content_md5,
             other_md5);
    assert_fails(&d, SK_IO, message);
    assert_false(sk_is_file(test_path("file.part")));
    assert_false(sk_is_file(test_path("file.part.tag")));
    test_put("file", other, LEN); /* a damaged file in place is replaced */
    plan.content = content;
    http_set(&plan);
    assert_downloaded(&d, 1);
}

static void lying_servers_are_refused(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.len = LEN - 1;
    http_set(&plan);
    assert_fails(&d, SK_IO, "expected 300000 bytes, the server has 299999");
    d.bytes = LEN - 2;
    plan.no_length = true;
    http_set(&plan);
    assert_fails(&d, SK_IO, "more than the expected 299998 bytes");
    fresh(NULL);
    d.bytes = LEN;
    http_set(&plan);
    assert_fails(&d, SK_IO, "expected 300000 bytes, found 299999");
    plan = served();
    plan.range_shift = 7;
    put_part(content, 1000, "\"v1\"");
    http_set(&plan);
    assert_fails(&d, SK_IO, "asked for bytes from 1000, the server sends from 1007");
    assert_file("file.part", content, 1000);
}

static void refusals_are_named(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.status = 404;
    http_set(&plan);
    assert_fails(&d, SK_IO, "the server answers with status 404");
    plan.status = 204;
    http_set(&plan);
    assert_fails(&d, SK_IO, "the server answers with status 204");
    d.url = "file:///etc/passwd";
    assert_fails(&d, SK_INPUT, "cannot download 'file:///etc/passwd': not an http or https address");
    d.url = "ftp://127.0.0.1/x";
    assert_fails(&d, SK_INPUT, "not an http or https address");
    d.url = "http://127.0.0.1:1/x";
    assert_fails(&d, SK_IO, "cannot download 'http://127.0.0.1:1/x': ");
    d = wanted();
    d.dir = "/proc/nowhere";
    assert_fails(&d, SK_IO, "cannot create the folder");
}

static void redirects_are_followed(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    char moved[128];
    snprintf(moved, sizeof(moved), "%s", url("/moved"));
    d.url = moved;
    plan.location = "/file";
    plan.break_after = 1000;
    plan.breaks = 1;
    http_set(&plan);
    assert_downloaded(&d, 4);
    assert_string_equal(http_seen().if_range, "\"v1\""); /* not the tag of the redirect */
    assert_int_equal(unlink(test_path("file")), 0);
    plan.location = "/moved"; /* round and round */
    http_set(&plan);
    assert_fails(&d, SK_IO, "redirect");
    assert_int_equal(http_seen().requests, 6);
    plan.location = "file:///etc/passwd";
    http_set(&plan);
    assert_fails(&d, SK_INPUT, "not an http or https address");
}

static bool cancel_halfway(void *ctx, int64_t done, int64_t all)
{
    (void)ctx;
    return done < all / 2;
}

static void cancelled_part_is_kept(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    plan.break_after = 200000; /* so that there surely is a moment with half of it there and not the whole */
    plan.breaks = 1;
    d.progress = cancel_halfway;
    http_set(&plan);
    assert_fails(&d, SK_CANCELLED, "was cancelled");
    assert_true(sk_is_file(test_path("file.part")));
    d.progress = NULL;
    struct sk_err err = {0};
    assert_ok(sk_data_download(&d, &err), err);
    assert_complete();
    assert_true(http_seen().first_byte >= LEN / 2);
}

static void full_disk_is_told(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){100000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    http_set(&plan);
    struct sk_err err = {0};
    enum sk_code code = sk_data_download(&d, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_error(code, SK_IO, err, "cannot write");
    assert_file("file.part", content, 100000);
    http_set(&plan);
    assert_downloaded(&d, 1);
    assert_int_equal(http_seen().first_byte, 100000);
}

static void second_download_is_refused(void **state)
{
    (void)state;
    struct sk_download d = wanted();
    struct http_plan plan = served();
    put_part(content, 1000, "\"v1\"");
    int fd = open(test_path("file.part"), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    http_set(&plan);
    assert_fails(&d, SK_IO, "another download of");
    assert_int_equal(http_seen().requests, 0);
    close(fd);
    assert_downloaded(&d, 1);
}

static void published_archives_are_known(void **state)
{
    (void)state;
    const struct sk_published *p = sk_data_published("cifar10");
    assert_non_null(p);
    assert_int_equal(p->bytes, 170052171);
    assert_int_equal(strlen(p->md5), 32);
    assert_string_equal(p->file, "cifar-10-binary.tar.gz");
    assert_null(sk_data_published("imagenet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plain_download, fresh),
        cmocka_unit_test_setup(sizes_may_be_unknown, fresh),
        cmocka_unit_test_setup(broken_transfer_goes_on, fresh),
        cmocka_unit_test_setup(stalled_transfer_goes_on, fresh),
        cmocka_unit_test_setup(next_call_goes_on, fresh),
        cmocka_unit_test_setup(changed_file_begins_anew, fresh),
        cmocka_unit_test_setup(ignored_range_begins_anew, fresh),
        cmocka_unit_test_setup(complete_part_is_taken, fresh),
        cmocka_unit_test_setup(wrong_content_is_refused, fresh),
        cmocka_unit_test_setup(lying_servers_are_refused, fresh),
        cmocka_unit_test_setup(refusals_are_named, fresh),
        cmocka_unit_test_setup(redirects_are_followed, fresh),
        cmocka_unit_test_setup(cancelled_part_is_kept, fresh),
        cmocka_unit_test_setup(full_disk_is_told, fresh),
        cmocka_unit_test_setup(second_download_is_refused, fresh),
        cmocka_unit_test(published_archives_are_known),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
