/* Writing tar archives (ustar), always with the same bytes for the same files: no times, no owners. */
#include "data/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, BUFFER = 1 << 20 };

enum sk_code sk_tar_writer_open(struct sk_tar_writer *w, const char *path, struct sk_err *err)
{
    enum sk_code code = sk_format(w->path, sizeof(w->path), "the path of a shard", err, "%s", path);
    if (code == SK_OK)
        code = sk_format(w->part, sizeof(w->part), "the path of a shard", err, "%s.part", path);
    if (code != SK_OK)
        return code;
    w->fd = open(w->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    w->open = w->fd >= 0;
    return w->open ? SK_OK : sk_fail_errno(err, SK_IO, errno, "cannot create '%s'", w->part);
}

static enum sk_code flush(struct sk_tar_writer *w, struct sk_err *err)
{
    enum sk_code code = w->buffer.len > 0 ? sk_write_all(w->fd, w->buffer.text, w->buffer.len, w->part, err) : SK_OK;
    w->buffer.len = 0;
    return code;
}

static void fill_header(char header[BLOCK], const char *name, size_t len)
{
    unsigned sum = 0;
    memset(header, 0, BLOCK);
    memcpy(header, name, strnlen(name, 100));
    memcpy(header + 100, "0000644", 8);
    memcpy(header + 108, "0000000", 8);
    memcpy(header + 116, "0000000", 8);
    snprintf(header + 124, 12, "%011zo", len); /* at most SK_MAX_FILE bytes */
    memcpy(header + 136, "00000000000", 12);
    memset(header + 148, ' ', 8);
    header[156] = '0';
    memcpy(header + 257, "ustar\0" "00", 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
}

enum sk_code sk_tar_writer_add(struct sk_tar_writer *w, const char *name, const void *data, size_t len,
                               struct sk_err *err)
{
    static const char zeros[BLOCK];
    char header[BLOCK];
    fill_header(header, name, len);
    enum sk_code code = sk_str_add_bytes(&w->buffer, header, sizeof(header), err);
    if (code == SK_OK)
        code = sk_str_add_bytes(&w->buffer, data, len, err);
    if (code == SK_OK)
        code = sk_str_add_bytes(&w->buffer, zeros, (BLOCK - len % BLOCK) % BLOCK, err);
    return code == SK_OK && w->buffer.len >= BUFFER ? flush(w, err) : code;
}

enum sk_code sk_tar_writer_finish(struct sk_tar_writer *w, struct sk_err *err)
{
    static const char end[2 * BLOCK];
    enum sk_code code = sk_str_add_bytes(&w->buffer, end, sizeof(end), err);
    if (code == SK_OK)
        code = flush(w, err);
    if (code == SK_OK && fsync(w->fd) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot flush '%s'", w->part);
    if (code == SK_OK && rename(w->part, w->path) != 0)
        code = sk_fail_errno(err, SK_IO, errno, "cannot rename '%s' to '%s'", w->part, w->path);
    if (code == SK_OK) {
        close(w->fd);
        w->open = false;
    }
    return code;
}

void sk_tar_writer_close(struct sk_tar_writer *w)
{
    if (w->open) {
        close(w->fd);
        (void)unlink(w->part);
    }
    sk_str_release(&w->buffer);
    *w = (struct sk_tar_writer){0};
}
