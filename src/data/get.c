/* Downloads: the file side. What has come lies in FILE.part beside its tag and is locked while it grows; only a file of
 * the right checksum gets the final name. */
#include "data/get.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sk_published published[] = {
    {"cifar10", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz",
     "c32a1d4ab5d03f1284b67883e8d87530", 170052171},
    {"cifar100", "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", "cifar-100-binary.tar.gz",
     "03b5dce01913d631647c71ecec9e9cb8", 0},
};

const struct sk_published *sk_data_published(const char *name)
{
    for (size_t i = 0; i < SK_COUNT(published); i++)
        if (strcmp(name, published[i].name) == 0)
            return &published[i];
    return NULL;
}

/* *right: the file has the checksum asked for, which must be one; hex becomes the one that it has. */
static enum sk_code check_sum(const struct sk_download *d, int fd, const char *path, char hex[SK_DIGEST_HEX],
                              bool *right, struct sk_err *err)
{
    const char *want = d->sha256 ? d->sha256 : d->md5;
    enum sk_code code = sk_digest_file(fd, path, d->sha256 ? SK_DIGEST_SHA256 : SK_DIGEST_MD5, hex, err);
    *right = code == SK_OK && strcasecmp(want, hex) == 0;
    return code;
}

/* ---- the .part file ---- */

enum sk_code sk_get_set_tag(struct sk_get *g, const char *tag)
{
    (void)snprintf(g->tag, sizeof(g->tag), "%s", tag);
    if (tag[0])
        return sk_file_write(g->tag_path, tag, strlen(tag), g->err);
    if (unlink(g->tag_path) != 0 && errno != ENOENT)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot remove '%s'", g->tag_path);
    return SK_OK;
}

enum sk_code sk_get_restart(struct sk_get *g)
{
    if (ftruncate(g->fd, 0) != 0 || lseek(g->fd, 0, SEEK_SET) != 0)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot write '%s'", g->part);
    g->have = 0;
    g->restarts++;
    return sk_get_set_tag(g, "");
}

/* The tag of an earlier call; a damaged one is as good as none. */
static void read_tag(struct sk_get *g)
{
    char *tag;
    size_t len;
    if (sk_file_read(g->tag_path, SK_GET_TAG - 1, &tag, &len, NULL) != SK_OK)
        return;
    if (strlen(tag) == len && strcspn(tag, "\r\n") == len)
        memcpy(g->tag, tag, len + 1);
    sk_free(tag);
}

/* Opens and locks the part; one that another process has just finished and renamed is not ours to write. */
static enum sk_code open_part(struct sk_get *g)
{
    struct stat here, there;
    g->fd = open(g->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (g->fd < 0 || fstat(g->fd, &here) != 0)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot create '%s'", g->part);
    if (!S_ISREG(here.st_mode))
        return sk_fail(g->err, SK_IO, "cannot write '%s': not a regular file", g->part);
    if (flock(g->fd, LOCK_EX | LOCK_NB) != 0 || stat(g->part, &there) != 0 || there.st_ino != here.st_ino)
        return sk_fail(g->err, SK_IO, "another download of '%s' is running", g->part);
    if ((g->have = lseek(g->fd, 0, SEEK_END)) < 0)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot read '%s'", g->part);
    read_tag(g);
    bool guarded = g->tag[0] || g->d->sha256 || g->d->md5; /* else two halves of different files could come together */
    return !guarded || (g->d->bytes > 0 && g->have > g->d->bytes) ? sk_get_restart(g) : SK_OK;
}

/* Checks the complete part; a wrong one is deleted. */
static enum sk_code verify(struct sk_get *g)
{
    const struct sk_download *d = g->d;
    char found[SK_DIGEST_HEX];
    bool right;

    if (d->bytes > 0 && g->have != d->bytes)
        return sk_fail(g->err, SK_IO, "cannot download '%s': expected %lld bytes, found %lld", d->url,
                       (long long)d->bytes, (long long)g->have);
    if (!d->sha256 && !d->md5)
        return SK_OK;
    enum sk_code code = check_sum(d, g->fd, g->part, found, &right, g->err);
    if (code != SK_OK || right)
        return code;
    (void)unlink(g->part);
    (void)unlink(g->tag_path);
    return sk_fail(g->err, SK_IO, "'%s' from '%s' is damaged: expected %s %s, found %s", d->file, d->url,
                   d->sha256 ? "sha256" : "md5", d->sha256 ? d->sha256 : d->md5, found);
}

static enum sk_code put_in_place(struct sk_get *g, const char *target)
{
    if (fsync(g->fd) != 0)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot flush '%s'", g->part);
    if (rename(g->part, target) != 0)
        return sk_fail_errno(g->err, SK_IO, errno, "cannot rename '%s' to '%s'", g->part, target);
    (void)unlink(g->tag_path);
    return sk_dir_sync(g->d->dir, g->err);
}

/* Without a checksum nothing tells whether what is there is right. */
static bool is_there(const struct sk_download *d, const char *target)
{
    char found[SK_DIGEST_HEX];
    bool right = false;
    int fd = d->sha256 || d->md5 ? open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    enum sk_code code = check_sum(d, fd, target, found, &right, NULL);
    (void)close(fd);
    return code == SK_OK && right;
}

enum sk_code sk_data_download(const struct sk_download *d, struct sk_err *err)
{
    struct sk_err local = {0};
    struct sk_get g = {.d = d, .fd = -1, .err = err ? err : &local};
    char target[SK_PATH];
    enum sk_code code;

    if ((code = sk_path_join(target, g.err, d->dir, d->file)) != SK_OK ||
        (code = sk_format(g.part, SK_PATH, "the path", g.err, "%s.part", target)) != SK_OK ||
        (code = sk_format(g.tag_path, SK_PATH, "the path", g.err, "%s.part.tag", target)) != SK_OK)
        return code;
    if (is_there(d, target))
        return SK_OK;
    if ((code = sk_mkdirs(d->dir, g.err)) != SK_OK || (code = open_part(&g)) != SK_OK)
        goto out;
    if ((d->bytes == 0 || g.have < d->bytes) && (code = sk_get_fetch(&g)) != SK_OK)
        goto out;
    if ((code = verify(&g)) == SK_OK)
        code = put_in_place(&g, target);
out:
    if (g.fd >= 0)
        (void)close(g.fd);
    return code;
}
