/* MAT-files: elements, each a tag and its bytes, of which arrays are made. */
#include "data/mat.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 128, VERSION_AT = 124, ORDER_AT = 126, TAG = 8, FLAGS = 8, PREFIX = 512, DEFLATE_MAX = 1032 };
enum { FLAG_COMPLEX = 0x800, UNICODE_MAX = 0x10ffff };
enum type { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 9, INT64 = 12, UINT64, MATRIX, COMPRESSED,
            UTF8, UTF16, UTF32, TYPES };
static const uint8_t width_of[TYPES] = {[INT8] = 1, [UINT8] = 1,  [INT16] = 2, [UINT16] = 2, [INT32] = 4, [UINT32] = 4,
                                        [SINGLE] = 4, [DOUBLE] = 8, [INT64] = 8, [UINT64] = 8, [UTF8] = 1, [UTF16] = 2,
                                        [UTF32] = 4};
enum {
    SIGNED_TYPES = 1 << INT8 | 1 << INT16 | 1 << INT32 | 1 << INT64,
    NUMBER_TYPES = (1 << MATRIX) - 1,
    TEXT_TYPES = 1 << INT8 | 1 << UINT8 | 1 << UINT16 | 1 << UTF8 | 1 << UTF16 | 1 << UTF32
};

struct span { /* elements that are not yet taken */
    const uint8_t *at, *end;
    bool big;
};

struct element {
    unsigned type;
    const uint8_t *data;
    size_t len;
};

static enum sk_code bad(const struct sk_mat *m, struct sk_err *err, const char *what)
{
    return sk_fail(err, SK_INPUT, "'%s': the array at byte %zu %s", m->file, m->place, what);
}

static uint64_t number(const uint8_t *at, size_t bytes, bool big)
{
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | at[big ? i : bytes - 1 - i];
    return n;
}

/* Up to four bytes lie in the tag itself; the length is then in the upper half of the type. All but compressed elements
 * are padded to eight bytes, where something follows. */
static bool take(struct span *s, struct element *e)
{
    size_t left = (size_t)(s->end - s->at);
    if (left < TAG)
        return false;
    uint32_t type = (uint32_t)number(s->at, 4, s->big);
    size_t inside = type >> 16;
    *e = (struct element){type & 0xffff, s->at + (inside ? 4 : TAG), inside};
    if (inside) {
        s->at += TAG;
        return inside <= 4;
    }
    e->len = (size_t)number(s->at + 4, 4, s->big);
    if (e->len > left - TAG)
        return false;
    size_t step = TAG + (type == COMPRESSED ? e->len : (e->len + 7) / 8 * 8);
    s->at += step < left ? step : left;
    return true;
}

/* ---- arrays ---- */
static enum sk_code read_dimensions(struct sk_mat *m, const struct element *e, struct sk_err *err)
{
    m->rank = e->len / 4;
    m->count = 1;
    for (size_t i = 0; i < m->rank; i++) {
        int64_t n = (int32_t)number(e->data + 4 * i, 4, m->big);
        if (n < 0 || !sk_mul_size(m->count, (size_t)n, &m->count))
            return bad(m, err, "has impossible dimensions");
        if (i < 2)
            *(i == 0 ? &m->rows : &m->columns) = n;
    }
    return SK_OK;
}

/* What begins every array: flags, dimensions and name. Of an unknown kind nothing but the kind. */
static enum sk_code read_head(struct sk_mat *m, struct span *s, struct element *name, bool *complex, struct sk_err *err)
{
    struct element flags, dimensions;
    *name = (struct element){0};
    if (!take(s, &flags) || flags.type != UINT32 || flags.len != FLAGS)
        return bad(m, err, "begins without flags");
    unsigned bits = (unsigned)number(flags.data, 4, s->big);
    m->kind = bits & 0xff;
    *complex = (bits & FLAG_COMPLEX) != 0;
    if (m->kind == 0 || m->kind > SK_MAT_UINT64)
        return SK_OK;
    if (!take(s, &dimensions) || dimensions.type != INT32 || dimensions.len < 8 || dimensions.len % 4 != 0)
        return bad(m, err, "has no dimensions");
    if (!take(s, name) || name->type != INT8)
        return bad(m, err, "has no name");
    return read_dimensions(m, &dimensions, err);
}

/* What follows the head. A row of characters in UTF-8 may have more bytes than characters. */
static enum sk_code read_values(struct sk_mat *m, struct span *s, bool complex, struct sk_err *err)
{
    struct element values;
    size_t expected;
    bool numbers = m->kind >= SK_MAT_DOUBLE && m->kind <= SK_MAT_UINT64;
    if (m->kind == SK_MAT_CELL) {
        m->data = s->at;
        m->len = (size_t)(s->end - s->at);
    }
    if (!numbers && m->kind != SK_MAT_CHAR)
        return SK_OK;
    if (complex)
        return bad(m, err, "has complex numbers");
    if (!take(s, &values) || values.type >= TYPES || width_of[values.type] == 0 ||
        !(1 << values.type & (numbers ? NUMBER_TYPES : TEXT_TYPES)))
        return bad(m, err, "has no values");
    if (!sk_mul_size(m->count, width_of[values.type], &expected) ||
        (values.len != expected && (numbers || values.type != UTF8)))
        return bad(m, err, "has another number of values than its dimensions say");
    m->type = values.type;
    m->data = values.data;
    m->len = values.len;
    return SK_OK;
}

enum sk_code sk_mat_next(struct sk_mat *cells, struct sk_mat *cell, struct sk_err *err)
{
    struct span s = {cells->data, cells->data + cells->len, cells->big};
    struct element e, name;
    bool complex;

    *cell = (struct sk_mat){.big = cells->big, .file = cells->file, .place = cells->place};
    if (!take(&s, &e) || e.type != MATRIX)
        return bad(cells, err, "has fewer cells than its dimensions say");
    cells->data = s.at;
    cells->len = (size_t)(s.end - s.at);
    if (e.len == 0)
        return SK_OK;
    struct span inner = {e.data, e.data + e.len, cells->big};
    enum sk_code code = read_head(cell, &inner, &name, &complex, err);
    return code == SK_OK ? read_values(cell, &inner, complex, err) : code;
}

/* ---- files ---- */
/* Inflates want bytes to out, or fewer where whole is not set and it ends before. */
static enum sk_code inflate_to(const struct sk_mat *m, const struct element *e, uint8_t *out, size_t want, bool whole,
                               size_t *got, struct sk_err *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)e->data, .avail_in = (uInt)e->len};
    int status = inflateInit(&z);
    if (status == Z_OK) {
        z.next_out = out;
        z.avail_out = (uInt)want;
        status = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    *got = want - z.avail_out;
    if (status == Z_MEM_ERROR)
        return sk_fail(err, SK_NOMEM, "not enough memory to unpack '%s'", m->file);
    bool fine = whole ? status == Z_STREAM_END && *got == want
                      : status == Z_STREAM_END || (status == Z_BUF_ERROR && *got == want);
    return fine ? SK_OK : bad(m, err, "is damaged: its compressed data do not unpack to what it says");
}

/* Unpacks an array; its tag, already seen, says how long it is. */
static enum sk_code unpack(struct sk_mat *m, const struct element *e, size_t len, struct span *s, struct sk_err *err)
{
    size_t got;
    if (len / DEFLATE_MAX > e->len)
        return bad(m, err, "says that it unpacks to more than it can");
    if (len > SK_MAT_MAX_UNPACKED)
        return sk_fail(err, SK_INPUT, "'%s': the array at byte %zu unpacks to %zu bytes, expected at most %d", m->file,
                       m->place, len, SK_MAT_MAX_UNPACKED);
    if (!(m->owned = sk_alloc(TAG + len, 1, err)))
        return SK_NOMEM;
    enum sk_code code = inflate_to(m, e, m->owned, TAG + len, true, &got, err);
    *s = (struct span){(uint8_t *)m->owned + TAG, (uint8_t *)m->owned + TAG + len, m->big};
    return code;
}

/* The elements of an array; of a compressed one those in its first bytes, which are unpacked to prefix. len: of all. */
static enum sk_code enter(const struct sk_mat *m, const struct element *e, uint8_t prefix[PREFIX], struct span *s,
                          size_t *len, struct sk_err *err)
{
    size_t got;
    *s = (struct span){e->data, e->data + e->len, m->big};
    *len = e->len;
    if (e->type != COMPRESSED)
        return e->type == MATRIX ? SK_OK : bad(m, err, "is none");
    enum sk_code code = inflate_to(m, e, prefix, PREFIX, false, &got, err);
    if (code != SK_OK)
        return code;
    if (got < TAG || number(prefix, 4, m->big) != MATRIX)
        return bad(m, err, "is none, once unpacked");
    *len = (size_t)number(prefix + 4, 4, m->big);
    *s = (struct span){prefix + TAG, prefix + (*len < got - TAG ? TAG + *len : got), m->big};
    return SK_OK;
}

/* Reads the array of an element into m if it has that name. */
static enum sk_code look(struct sk_mat *m, const struct element *e, const char *name, bool *found, struct sk_err *err)
{
    uint8_t prefix[PREFIX];
    struct element its;
    struct span s;
    size_t len;
    bool complex;
    enum sk_code code;

    *found = false;
    if ((code = enter(m, e, prefix, &s, &len, err)) != SK_OK || len == 0 ||
        (code = read_head(m, &s, &its, &complex, err)) != SK_OK)
        return code;
    *found = its.len == strlen(name) && memcmp(its.data, name, its.len) == 0;
    if (!*found)
        return SK_OK;
    if (e->type == COMPRESSED && ((code = unpack(m, e, len, &s, err)) != SK_OK ||
                                  (code = read_head(m, &s, &its, &complex, err)) != SK_OK))
        return code;
    return read_values(m, &s, complex, err);
}

static enum sk_code check_header(const uint8_t *data, size_t len, const char *file, bool *big, struct sk_err *err)
{
    static const char hdf5[] = "\x89HDF\r\n\x1a\n";
    bool order = len >= HEADER && (memcmp(data + ORDER_AT, "IM", 2) == 0 || memcmp(data + ORDER_AT, "MI", 2) == 0);
    if (len == 0)
        return sk_fail(err, SK_INPUT, "'%s' is empty", file);
    *big = order && data[ORDER_AT] == 'M';
    uint64_t version = order ? number(data + VERSION_AT, 2, *big) : 0;
    if (version == 0x0200 || (len >= sizeof(hdf5) - 1 && memcmp(data, hdf5, sizeof(hdf5) - 1) == 0))
        return sk_fail(err, SK_INPUT, "'%s' is a MAT-file of level 7.3, expected level 5 (saved by MATLAB with -v7)",
                       file);
    if (version != 0x0100)
        return sk_fail(err, SK_INPUT, "'%s' is not a MAT-file of level 5", file);
    return SK_OK;
}

enum sk_code sk_mat_find(struct sk_mat *m, const void *data, size_t len, const char *file, const char *name,
                         struct sk_err *err)
{
    struct sk_mat one = {.file = file};
    struct span s = {0};
    struct element e;
    bool found = false;

    *m = (struct sk_mat){0};
    enum sk_code code = check_header(data, len, file, &s.big, err);
    if (code == SK_OK) {
        s.at = (const uint8_t *)data + HEADER;
        s.end = (const uint8_t *)data + len;
    }
    while (code == SK_OK && s.at < s.end) {
        one = (struct sk_mat){.file = file, .big = s.big, .place = (size_t)(s.at - (const uint8_t *)data)};
        code = take(&s, &e) ? look(&one, &e, name, &found, err) : bad(&one, err, "is cut off");
        if (code == SK_OK && found && m->file)
            code = bad(&one, err, "has a name that was there before");
        if (code != SK_OK)
            sk_mat_release(&one);
        else if (found)
            *m = one;
    }
    if (code == SK_OK && !m->file)
        code = sk_fail(err, SK_INPUT, "'%s' holds no array '%s'", file, name);
    if (code != SK_OK)
        sk_mat_release(m);
    return code;
}

void sk_mat_release(struct sk_mat *m)
{
    sk_free(m->owned);
    *m = (struct sk_mat){0};
}

/* ---- values ---- */
static double real(const uint8_t *at, size_t bytes, bool big)
{
    uint64_t bits = number(at, bytes, big);
    uint32_t low = (uint32_t)bits;
    float single;
    double value;
    memcpy(&single, &low, sizeof(single));
    memcpy(&value, &bits, sizeof(value));
    return bytes == sizeof(single) ? (double)single : value;
}

bool sk_mat_integer(const struct sk_mat *m, size_t i, int64_t *out)
{
    const double most = 9007199254740992.0; /* 2^53 */
    size_t bytes = width_of[m->type], unused = 64 - 8 * bytes;
    const uint8_t *at = m->data + i * bytes;
    uint64_t n = number(at, bytes, m->big);
    if (m->type == SINGLE || m->type == DOUBLE) {
        double value = real(at, bytes, m->big);
        bool whole = fabs(value) <= most && value == floor(value);
        *out = whole ? (int64_t)value : 0;
        return whole;
    }
    bool is_signed = (1 << m->type & SIGNED_TYPES) != 0;
    *out = is_signed ? (int64_t)(n << unused) >> unused : (int64_t)n;
    return is_signed || n <= INT64_MAX;
}

/* Bytes of a code point in UTF-8; of none a byte that never is in it. */
static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c > UNICODE_MAX) {
        out[0] = 0xff;
        return 1;
    }
    static const uint8_t first[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = bytes; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(first[bytes] | c);
    return bytes;
}

size_t sk_mat_text(const struct sk_mat *m, char *out, size_t size)
{
    size_t width = width_of[m->type], len = 0;
    uint8_t code[4];
    for (size_t i = 0; width > 0 && i < m->len / width; i++) {
        uint32_t c = (uint32_t)number(m->data + i * width, width, m->big);
        size_t bytes = m->type == UTF8 ? 1 : encode(c, code);
        for (size_t k = 0; k < bytes; k++, len++)
            if (len < size)
                out[len] = (char)(m->type == UTF8 ? c : code[k]);
    }
    return len;
}
