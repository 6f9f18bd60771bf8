/* Files that grow by whole records: what cannot be written waits, and training goes on. */
#include "train/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum sk_code sk_append_open(struct sk_append *a, const char *dir, const char *name, struct sk_err *err)
{
    *a = (struct sk_append){.fd = -1};
    enum sk_code code = sk_path_join(a->path, err, dir, name);
    if (code != SK_OK)
        return code;
    a->fd = open(a->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (a->fd < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", a->path);
    struct stat st;
    if (fstat(a->fd, &st) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", a->path);
    else if (!S_ISREG(st.st_mode))
        code = sk_fail(err, SK_IO, "cannot open '%s': not a regular file", a->path);
    a->size = code == SK_OK ? st.st_size : 0;
    if (code != SK_OK)
        close(a->fd);
    a->is_open = code == SK_OK;
    return code;
}

/* Told of the run, not of the file: on a full disk all logs of a run fail, which is one warning. */
static void tell(const struct sk_append *a, const char *what, int reason)
{
    const char *name = strrchr(a->path, '/');
    sk_notice("cannot %s the logs of '%.*s': %s; training goes on", what, name ? (int)(name - a->path) : 0, a->path,
              strerror(reason));
}

/* Writes the pending records; after a failure the file ends with a whole record and they stay pending. */
static void flush_pending(struct sk_append *a)
{
    sk_err_clear(&a->failure);
    if (a->pending.len == 0)
        return;
    if (sk_write_all(a->fd, a->pending.text, a->pending.len, a->path, &a->failure) == SK_OK) {
        a->size += (int64_t)a->pending.len;
        a->pending.len = 0;
        return;
    }
    int reason = errno;
    if (ftruncate(a->fd, a->size) != 0)
        a->lost = true; /* a part of a record is in the file: readers drop it and perhaps what follows */
    tell(a, "write", reason);
}

void sk_append_put(struct sk_append *a, const struct sk_str *record, enum sk_code made)
{
    if (!a->is_open)
        return;
    bool is_full = a->pending.len > 0 && a->pending.len + record->len > SK_LOG_PENDING;
    if (made != SK_OK || is_full ||
        sk_str_add_bytes(&a->pending, record->text, record->len, NULL) != SK_OK)
        a->lost = true;
    flush_pending(a);
}

void sk_append_sync(struct sk_append *a)
{
    if (!a->is_open)
        return;
    flush_pending(a);
    if (fdatasync(a->fd) != 0) {
        a->lost = true; /* the system has dropped what it could not write */
        tell(a, "flush", errno);
    }
}

enum sk_code sk_append_close(struct sk_append *a, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (!a->is_open)
        return SK_OK;
    sk_append_sync(a);
    if (close(a->fd) != 0)
        a->lost = true;
    if (a->failure.code != SK_OK)
        code = sk_fail(err, SK_IO, "%s", a->failure.text);
    else if (a->lost)
        code = sk_fail(err, SK_IO, "'%s' lacks records that could not be written", a->path);
    sk_str_release(&a->pending);
    *a = (struct sk_append){.fd = -1};
    return code;
}
