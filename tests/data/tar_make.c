/* For tests of tar shards: archives written by libarchive, and single headers written by hand. */
#include "data/tar_make.h"

#include <archive.h>
#include <archive_entry.h>

#include "data/data.h"
#include "test.h"

struct archive *tar_begin(const char *path, const char *format, bool gzip)
{
    struct sk_err err = {0};
    char parent[SK_PATH];
    struct archive *a = archive_write_new();
    snprintf(parent, sizeof(parent), "%s", test_path(path));
    *strrchr(parent, '/') = '\0';
    assert_ok(sk_mkdirs(parent, &err), err);
    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    if (gzip)
        assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, test_path(path)), ARCHIVE_OK);
    return a;
}

void tar_add(struct archive *a, const char *name, const void *data, size_t len)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)len);
    assert_true(archive_write_header(a, entry) >= ARCHIVE_WARN); /* a warning: names beyond ASCII, which are kept */
    if (len > 0)
        assert_int_equal(archive_write_data(a, data, len), len);
    archive_entry_free(entry);
}

void tar_add_text(struct archive *a, const char *name, const char *text)
{
    tar_add(a, name, text, strlen(text));
}

void tar_add_picture(struct archive *a, const char *name, int height, int width, int red, int green)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    struct sk_str file = {0};
    assert_ok(sk_picture_reserve(&p, height, width, 3, SK_PIXEL_U8, &err), err);
    for (int i = 0; i < height * width; i++)
        memcpy((uint8_t *)p.data + i * 3, (uint8_t[]){(uint8_t)red, (uint8_t)green, 7}, 3);
    assert_ok(sk_picture_encode(&p, &file, &err), err);
    tar_add(a, name, file.text, file.len);
    sk_str_release(&file);
    sk_picture_release(&p);
}

void tar_end(struct archive *a)
{
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

void tar_put(struct sk_str *s, const char *name, char type, const char *size, const void *data, size_t len)
{
    static const char zeros[512];
    struct sk_err err = {0};
    char header[512] = {0}, octal[16];
    unsigned sum = 0;
    snprintf(octal, sizeof(octal), "%011zo", len);
    size = size ? size : octal;
    memcpy(header, name, strnlen(name, 100));
    memcpy(header + 124, size, strnlen(size, 12));
    memset(header + 148, ' ', 8);
    header[156] = type;
    memcpy(header + 257, "ustar\0" "00", 8);
    for (size_t i = 0; i < sizeof(header); i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    assert_ok(sk_str_add_bytes(s, header, sizeof(header), &err), err);
    assert_ok(sk_str_add_bytes(s, data, len, &err), err);
    assert_ok(sk_str_add_bytes(s, zeros, (512 - len % 512) % 512, &err), err);
}

void tar_put_end(struct sk_str *s)
{
    static const char zeros[1024];
    struct sk_err err = {0};
    assert_ok(sk_str_add_bytes(s, zeros, sizeof(zeros), &err), err);
}
