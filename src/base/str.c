/* Strings: growable text, exact parsing of numbers whatever the locale, names to suggest, text fit for a message. */
#include "base/base.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 64 /* longer names are never suggested */, UTF8_MAX = 4 /* bytes of a character */ };

/* Room for more bytes and the closing NUL. */
static enum sk_code reserve(struct sk_str *s, size_t more, struct sk_err *err)
{
    if (more > PTRDIFF_MAX - 1 - s->len)
        return sk_fail(err, SK_NOMEM, "not enough memory for a text of %zu bytes more", more);
    return sk_grow(&s->text, &s->cap, s->len + more + 1, 1, err);
}

enum sk_code sk_str_add(struct sk_str *s, struct sk_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        return sk_fail(err, SK_BUG, "a text cannot be formatted");
    enum sk_code code = reserve(s, (size_t)length, err);
    if (code != SK_OK)
        return code;
    va_start(args, fmt);
    vsnprintf(s->text + s->len, (size_t)length + 1, fmt, args);
    va_end(args);
    s->len += (size_t)length;
    return SK_OK;
}

enum sk_code sk_str_add_bytes(struct sk_str *s, const void *data, size_t len, struct sk_err *err)
{
    enum sk_code code = reserve(s, len, err);
    if (code != SK_OK)
        return code;
    if (len)
        memcpy(s->text + s->len, data, len);
    s->len += len;
    s->text[s->len] = '\0';
    return SK_OK;
}

void sk_str_release(struct sk_str *s)
{
    sk_free(s->text);
    *s = (struct sk_str){0};
}

enum sk_code sk_format(char *dst, size_t size, const char *what, struct sk_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(dst, size, fmt, args);
    va_end(args);
    if (length >= 0 && (size_t)length < size)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s is too long", what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool sk_parse_i64(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!is_digit(*text))
        return false;
    int64_t value = 0; /* built downwards, for the least value has no positive twin */
    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, *text - '0', &value))
            return false;
    if (*text || (!negative && value == INT64_MIN))
        return false;
    *out = negative ? value : -value;
    return true;
}

static const char *skip_digits(const char *text, int *count)
{
    for (; is_digit(*text); text++)
        (*count)++;
    return text;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before the exponent. */
static bool is_decimal(const char *text)
{
    int digits = 0, exponent = 0;
    if (*text == '-' || *text == '+')
        text++;
    text = skip_digits(text, &digits);
    if (*text == '.')
        text = skip_digits(text + 1, &digits);
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        text = skip_digits(text, &exponent);
        if (exponent == 0)
            return false;
    }
    return digits > 0 && *text == '\0';
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool sk_parse_f64(const char *text, double *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    if (!c_locale || !is_decimal(text))
        return false;
    double value = strtod_l(text, NULL, c_locale);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b, both of at most NEAREST_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    assert(a_len <= NEAREST_MAX && b_len <= NEAREST_MAX);
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_len];
}

const char *sk_nearest(const char *text, const char *const *names, size_t n)
{
    const char *found = NULL;
    size_t best = SIZE_MAX, text_len = strlen(text);
    for (size_t i = 0; i < n && text_len <= NEAREST_MAX; i++) {
        size_t name_len = strlen(names[i]), longer = name_len > text_len ? name_len : text_len;
        if (longer > NEAREST_MAX)
            continue;
        size_t edits = edit_distance(text, text_len, names[i], name_len);
        size_t bound = longer < 6 ? 1 : longer / 3;
        if (longer > 2 && edits <= bound && edits < best) {
            best = edits;
            found = names[i];
        }
    }
    return found;
}

uint32_t sk_utf8_next(const char *text, size_t len, size_t *used)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *used = 1;
    if (length == 0 || length > len)
        return SK_NO_CHARACTER;
    uint32_t c = length == 1 ? s[0] : s[0] & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return SK_NO_CHARACTER;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return SK_NO_CHARACTER;
    *used = length;
    return c;
}

bool sk_is_utf8(const char *text)
{
    for (size_t used; *text; text += used)
        if (sk_utf8_next(text, strnlen(text, UTF8_MAX), &used) == SK_NO_CHARACTER)
            return false;
    return true;
}

/* Bytes of the UTF-8 character at text that a terminal can show as it is; 0: none such. */
static size_t shown_length(const char *text)
{
    size_t used;
    uint32_t c = sk_utf8_next(text, strnlen(text, UTF8_MAX), &used);
    bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    return c == SK_NO_CHARACTER || control ? 0 : used;
}

char *sk_printable(char *dst, size_t size, const char *text)
{
    if (size == 0)
        return dst;
    const char *s = text;
    size_t used = 0, fit = 0; /* fit: longest whole-character part that leaves room for "..." */
    while (*s) {
        size_t shown = shown_length(s), length = shown ? shown : 1;
        if (used + length + 1 > size)
            break;
        if (shown)
            memcpy(dst + used, s, shown);
        else
            dst[used] = '?';
        used += length;
        s += length;
        if (used + 4 <= size)
            fit = used;
    }
    if (*s && size >= 4) {
        memcpy(dst + fit, "...", 3);
        used = fit + 3;
    }
    dst[used] = '\0';
    return dst;
}

char *sk_shell_word(char *dst, size_t size, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./,:=@%";
    struct sk_str word = {0};
    bool made = sk_str_add(&word, NULL, "'") == SK_OK;
    for (const char *c = text; made && *c; c++)
        made = (*c == '\'' ? sk_str_add(&word, NULL, "'\\''") : sk_str_add(&word, NULL, "%c", *c)) == SK_OK;
    made = made && sk_str_add(&word, NULL, "'") == SK_OK && word.len < size;
    bool quoted = made && (!*text || text[strspn(text, plain)]);
    sk_printable(dst, size, quoted ? word.text : text);
    sk_str_release(&word);
    return dst;
}

const char *sk_thousands(int64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)n), sign = n < 0, at = 0;
    for (int i = 0; i < len; i++) {
        if (i > sign && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *sk_time_text(double seconds, char out[32])
{
    long whole = isfinite(seconds) && seconds > 0 && seconds < 1e9 ? lround(seconds) : 0;
    if (whole >= 3600)
        snprintf(out, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, 32, "%ld:%02ld", whole / 60, whole % 60);
    return out;
}

const char *sk_bytes_text(double bytes, char out[32])
{
    static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t u = 0;
    for (; bytes >= 1000 && u + 1 < SK_COUNT(unit); u++)
        bytes /= 1000;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return out;
}
