/* Members of a tar archive, by libarchive with just tar and gzip switched on. */
#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>

enum { READ_BLOCK = 1 << 17 };

struct sk_archive {
    struct archive *handle;
    struct archive_entry *entry; /* owned by handle */
    int members;
    char path[SK_PATH];
};

static enum sk_code bad_archive(const struct sk_archive *a, struct sk_err *err)
{
    const char *why = archive_error_string(a->handle);
    return sk_fail(err, SK_INPUT, "cannot read archive '%s': %s", a->path, why ? why : "unknown error");
}

enum sk_code sk_archive_open(struct sk_archive **out, const char *path, struct sk_err *err)
{
    enum sk_code code;
    *out = NULL;
    if (!sk_is_file(path))
        return sk_fail(err, SK_INPUT, "cannot open archive '%s': no such file", path);
    struct sk_archive *a = sk_alloc(1, sizeof(*a), err);
    if (!a)
        return SK_NOMEM;
    if ((code = sk_format(a->path, sizeof(a->path), "the path of an archive", err, "%s", path)) != SK_OK)
        goto out;
    if (!(a->handle = archive_read_new())) {
        code = sk_fail(err, SK_NOMEM, "not enough memory to read '%s'", path);
        goto out;
    }
    if (archive_read_support_filter_gzip(a->handle) != ARCHIVE_OK ||
        archive_read_support_format_tar(a->handle) != ARCHIVE_OK ||
        archive_read_open_filename(a->handle, path, READ_BLOCK) != ARCHIVE_OK)
        code = bad_archive(a, err);
out:
    if (code != SK_OK) {
        sk_archive_close(a);
        a = NULL;
    }
    *out = a;
    return code;
}

void sk_archive_close(struct sk_archive *a)
{
    if (!a)
        return;
    (void)archive_read_free(a->handle);
    sk_free(a);
}

/* A member that is to be skipped is unpacked all the same, hence the bound on every one. */
static enum sk_code check_bounds(const struct sk_archive *a, struct sk_err *err)
{
    int64_t size = archive_entry_size(a->entry), total = archive_filter_bytes(a->handle, 0);
    if (a->members > SK_ARCHIVE_MAX_MEMBERS)
        return sk_fail(err, SK_INPUT, "archive '%s' holds more than %d files", a->path, SK_ARCHIVE_MAX_MEMBERS);
    if (size < 0 || size > SK_ARCHIVE_MAX_MEMBER)
        return sk_fail(err, SK_INPUT, "archive '%s' holds a file of %lld bytes, expected at most %d", a->path,
                       (long long)size, SK_ARCHIVE_MAX_MEMBER);
    if (total > SK_ARCHIVE_MAX_TOTAL)
        return sk_fail(err, SK_INPUT, "archive '%s' unpacks to more than %d bytes", a->path, SK_ARCHIVE_MAX_TOTAL);
    return SK_OK;
}

enum sk_code sk_archive_next(struct sk_archive *a, const char **name, struct sk_err *err)
{
    *name = NULL;
    for (;;) {
        int status = archive_read_next_header(a->handle, &a->entry);
        if (status == ARCHIVE_EOF)
            return SK_OK;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return bad_archive(a, err);
        a->members++;
        enum sk_code code = check_bounds(a, err);
        if (code != SK_OK)
            return code;
        *name = archive_entry_pathname(a->entry);
        if (*name && archive_entry_filetype(a->entry) == AE_IFREG)
            return SK_OK;
    }
}

enum sk_code sk_archive_read(struct sk_archive *a, void **data, size_t *len, struct sk_err *err)
{
    size_t size = (size_t)archive_entry_size(a->entry), got = 0; /* checked by next */
    char *block = sk_alloc(size, 1, err);

    *data = NULL;
    *len = 0;
    if (!block)
        return SK_NOMEM;
    while (got < size) {
        la_ssize_t n = archive_read_data(a->handle, block + got, size - got);
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        sk_free(block);
        if (n < 0)
            return bad_archive(a, err);
        return sk_fail(err, SK_INPUT, "cannot read archive '%s': '%s' is cut off", a->path,
                       archive_entry_pathname(a->entry));
    }
    *data = block;
    *len = size;
    return SK_OK;
}
