/* Reading tar headers, strictly: what a header says is checked before it is believed. */
#include "data/tar.h"

#include <string.h>

struct header { /* as it lies in the file */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2],
        uname[32], gname[32], major[8], minor[8], prefix[155], unused[12];
};
_Static_assert(sizeof(struct header) == SK_TAR_BLOCK, "a header is a block");

struct extended { /* what headers before that of a member say of it */
    char name[SK_PATH];
    bool has_name, has_size, sparse;
    uint64_t size;
};

static enum sk_code damaged(const struct sk_tar *t, const char *why, struct sk_err *err)
{
    return sk_fail(err, SK_INPUT, "'%s' is damaged at byte %llu: %s", t->from.path, (unsigned long long)t->at, why);
}

/* ---- numbers ---- */

/* Octal digits that end with a blank, a NUL or the field. */
static bool parse_octal(const char *field, size_t len, uint64_t *out)
{
    size_t i = 0, digits = 0;
    uint64_t value = 0;
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++, digits++)
        value = value << 3 | (uint64_t)(field[i] - '0'); /* 12 digits at most: 36 bits */
    *out = value;
    return digits > 0 && (i == len || field[i] == ' ' || field[i] == '\0');
}

/* GNU's form for large numbers: the first bit is set, the rest is big-endian. */
static bool parse_size(const char field[12], uint64_t *out)
{
    unsigned char first = (unsigned char)field[0];
    if (!(first & 0x80))
        return parse_octal(field, 12, out);
    uint64_t value = first & 0x7f;
    for (int i = 1; i < 12; i++) {
        if (value >> 55)
            return false;
        value = value << 8 | (unsigned char)field[i];
    }
    *out = value;
    return true;
}

static bool checksum_is_right(const struct header *h)
{
    const unsigned char *byte = (const unsigned char *)h;
    const size_t from = offsetof(struct header, checksum), to = from + sizeof(h->checksum);
    uint64_t said, sum = 0;
    int64_t as_signed = 0; /* as some old programs added them up */
    for (size_t i = 0; i < SK_TAR_BLOCK; i++) {
        unsigned char b = i >= from && i < to ? ' ' : byte[i];
        sum += b;
        as_signed += (signed char)b;
    }
    return parse_octal(h->checksum, sizeof(h->checksum), &said) && (said == sum || (int64_t)said == as_signed);
}

static bool is_empty(const struct header *h)
{
    for (size_t i = 0; i < SK_TAR_BLOCK; i++)
        if (((const char *)h)[i])
            return false;
    return true;
}

/* ---- names ---- */

/* Not absolute, and no part of it is `..`. */
static bool is_inside(const char *name)
{
    for (const char *part = name; part;) {
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
        part = strchr(part, '/');
        if (part)
            part++;
    }
    return name[0] != '/';
}

static void own_name(char out[SK_PATH], const struct header *h)
{
    bool prefix = memcmp(h->magic, "ustar", sizeof(h->magic)) == 0 && h->prefix[0];
    int name = (int)strnlen(h->name, sizeof(h->name));
    if (prefix)
        snprintf(out, SK_PATH, "%.*s/%.*s", (int)strnlen(h->prefix, sizeof(h->prefix)), h->prefix, name, h->name);
    else
        snprintf(out, SK_PATH, "%.*s", name, h->name);
}

/* ---- headers before that of a member ---- */

static enum sk_code set_name(struct sk_tar *t, struct extended *x, const char *text, size_t len, struct sk_err *err)
{
    if (len > 0 && text[len - 1] == '\0')
        len--;
    if (len == 0 || len >= SK_PATH || memchr(text, '\0', len))
        return damaged(t, "a long name is empty, too long or holds a NUL", err);
    memcpy(x->name, text, len);
    x->name[len] = '\0';
    x->has_name = true;
    return SK_OK;
}

static bool parse_decimal(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || value > UINT64_MAX / 10 - 1)
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return len > 0;
}

static enum sk_code set_record(struct sk_tar *t, struct extended *x, const char *key, size_t key_len,
                               const char *value, size_t len, struct sk_err *err)
{
    if (key_len == 4 && memcmp(key, "path", 4) == 0)
        return set_name(t, x, value, len, err);
    if (key_len == 4 && memcmp(key, "size", 4) == 0) {
        x->has_size = true;
        return parse_decimal(value, len, &x->size) ? SK_OK : damaged(t, "a pax size is not a number", err);
    }
    x->sparse = x->sparse || (key_len > 11 && memcmp(key, "GNU.sparse.", 11) == 0);
    return SK_OK;
}

/* Records "LENGTH KEY=VALUE\n", where LENGTH counts itself and the newline. */
static enum sk_code parse_pax(struct sk_tar *t, struct extended *x, const char *text, size_t len, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (uint64_t all; code == SK_OK && len > 0; text += all, len -= all) {
        const char *blank = memchr(text, ' ', len);
        if (!blank || !parse_decimal(text, (size_t)(blank - text), &all) || all > len ||
            all < (uint64_t)(blank - text) + 3 || text[all - 1] != '\n')
            return damaged(t, "a pax record has no right length", err);
        const char *key = blank + 1, *end = text + all - 1, *equal = memchr(key, '=', (size_t)(end - key));
        if (!equal)
            return damaged(t, "a pax record has no '='", err);
        code = set_record(t, x, key, (size_t)(equal - key), equal + 1, (size_t)(end - equal - 1), err);
    }
    return code;
}

/* The content of a header of type x (pax) or L (GNU long name). */
static enum sk_code read_extended(struct sk_tar *t, struct extended *x, char type, uint64_t size, struct sk_err *err)
{
    if (size > SK_TAR_PAX_MAX)
        return damaged(t, "a header of long names or pax records is larger than 64 KiB", err);
    char *text = sk_alloc((size_t)size, 1, err);
    if (!text)
        return SK_NOMEM;
    enum sk_code code = t->from.read_at(t->from.self, t->at + SK_TAR_BLOCK, text, (size_t)size, err);
    if (code == SK_OK)
        code = type == 'L' ? set_name(t, x, text, (size_t)size, err) : parse_pax(t, x, text, (size_t)size, err);
    sk_free(text);
    return code;
}

/* ---- members ---- */

static enum sk_code read_header(struct sk_tar *t, struct header *h, bool *end, struct sk_err *err)
{
    *end = t->at == t->from.size;
    if (*end)
        return SK_OK;
    if (t->from.size - t->at < SK_TAR_BLOCK)
        return damaged(t, "it is cut off in the middle of a header", err);
    if (++t->headers > SK_TAR_HEADERS_MAX)
        return damaged(t, "it holds too many members", err);
    enum sk_code code = t->from.read_at(t->from.self, t->at, h, sizeof(*h), err);
    if (code != SK_OK)
        return code;
    *end = t->ended = is_empty(h);
    return *end || checksum_is_right(h) ? SK_OK : damaged(t, "no tar header with a right checksum is there", err);
}

/* The size of what follows a header, which must be there. */
static enum sk_code content_size(const struct sk_tar *t, const struct header *h, const struct extended *x, bool member,
                                 uint64_t *size, struct sk_err *err)
{
    uint64_t left = t->from.size - t->at - SK_TAR_BLOCK;
    char name[SK_PATH], shown[256];
    *size = 0;
    if (h->type >= '1' && h->type <= '6')
        return SK_OK; /* links, devices, folders: nothing follows, whatever is said */
    if (!parse_size(h->size, size))
        return damaged(t, "a header holds no right size", err);
    if (member && x->has_size)
        *size = x->size;
    if (*size <= left)
        return SK_OK;
    own_name(name, h);
    return sk_fail(err, SK_INPUT, "'%s' is cut off: '%s' at byte %llu has %llu bytes, %llu are there", t->from.path,
                   sk_printable(shown, sizeof(shown), x->has_name ? x->name : name), (unsigned long long)t->at,
                   (unsigned long long)*size, (unsigned long long)left);
}

/* Old GNU sparse files: blocks that go on with the header, each of which says whether another follows. */
static enum sk_code pass_sparse_blocks(struct sk_tar *t, const struct header *h, struct sk_err *err)
{
    enum { IN_HEADER = 482, IN_BLOCK = 504 };
    char block[SK_TAR_BLOCK];
    memcpy(block, h, sizeof(block));
    for (bool more = block[IN_HEADER] != 0; more; more = block[IN_BLOCK] != 0) {
        if (t->from.size - t->at < 2 * SK_TAR_BLOCK)
            return damaged(t, "it is cut off in the header of a sparse file", err);
        t->at += SK_TAR_BLOCK;
        enum sk_code code = t->from.read_at(t->from.self, t->at, block, sizeof(block), err);
        if (code != SK_OK)
            return code;
    }
    return SK_OK;
}

static void go_on(struct sk_tar *t, uint64_t size)
{
    uint64_t left = t->from.size - t->at - SK_TAR_BLOCK;
    uint64_t padded = size + (SK_TAR_BLOCK - size % SK_TAR_BLOCK) % SK_TAR_BLOCK;
    t->at += SK_TAR_BLOCK + (padded < left ? padded : left); /* the last padding may be missing */
}

/* Whether a member that is no extended header is a file to be given. */
static bool take_member(struct sk_tar *t, const struct header *h, const struct extended *x, uint64_t size)
{
    if (x->has_name)
        memcpy(t->name, x->name, SK_PATH);
    else
        own_name(t->name, h);
    size_t len = strlen(t->name);
    bool file = h->type == '0' || h->type == '\0' || h->type == '7';
    if (h->type == '5' || (file && len > 0 && t->name[len - 1] == '/'))
        return false; /* a folder */
    if (!file || x->sparse || len == 0 || !is_inside(t->name)) {
        t->skipped++;
        return false;
    }
    t->offset = t->at + SK_TAR_BLOCK;
    t->size = size;
    return true;
}

enum sk_code sk_tar_next(struct sk_tar *t, bool *found, struct sk_err *err)
{
    struct header h;
    struct extended x = {.has_name = false};
    *found = false;
    while (!*found) {
        bool end;
        uint64_t size;
        enum sk_code code = read_header(t, &h, &end, err);
        if (code != SK_OK || end)
            return code;
        bool extended = h.type == 'x' || h.type == 'L', other = h.type == 'g' || h.type == 'K';
        if (h.type == 'S' && (code = pass_sparse_blocks(t, &h, err)) != SK_OK)
            return code;
        if ((code = content_size(t, &h, &x, !extended && !other, &size, err)) != SK_OK)
            return code;
        if (extended && (code = read_extended(t, &x, h.type, size, err)) != SK_OK)
            return code;
        if (!extended && !other) {
            *found = take_member(t, &h, &x, size);
            x.has_name = x.has_size = x.sparse = false;
        }
        go_on(t, size);
    }
    return SK_OK;
}

/* Where an archive goes on behind zeros. */
static enum sk_code goes_on(const struct sk_tar *t, uint64_t place, struct sk_err *err)
{
    const unsigned long long zeros = t->at, more = place - place % SK_TAR_BLOCK;
    if (more - zeros == SK_TAR_BLOCK)
        return damaged(t, "a lone block of zeros is there, behind which it goes on", err);
    return sk_fail(err, SK_INPUT, "'%s' goes on at byte %llu, behind the zeros at byte %llu that end an archive: it is "
                   "damaged, or several archives are joined (cat makes no tar archive of two, tar --concatenate does)",
                   t->from.path, more, zeros);
}

enum sk_code sk_tar_check_end(const struct sk_tar *t, struct sk_err *err)
{
    char bytes[16 * SK_TAR_BLOCK];
    for (uint64_t at = t->at; at < t->from.size;) {
        size_t n = t->from.size - at < sizeof(bytes) ? (size_t)(t->from.size - at) : sizeof(bytes);
        enum sk_code code = t->from.read_at(t->from.self, at, bytes, n, err);
        if (code != SK_OK)
            return code;
        for (size_t i = 0; i < n; i++)
            if (bytes[i])
                return goes_on(t, at + i, err);
        at += n;
    }
    return SK_OK;
}
