/* Results: standard output whose failures are remembered, and numbers as people read them. */
#include "cli/cli.h"

#include <errno.h>
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int failure; /* errno of the first write that failed */

static void note(bool failed)
{
    if (failed && !failure)
        failure = errno ? errno : EIO;
}

void sk_print(const char *fmt, ...)
{
    va_list args;
    sk_progress_clear();
    va_start(args, fmt);
    note(vprintf(fmt, args) < 0);
    va_end(args);
}

/* What is no UTF-8 becomes '?'. */
static const char *as_utf8(char *out, size_t cap, const char *text)
{
    size_t n = 0, used, len = strlen(text);
    for (; len > 0 && n + 4 < cap; text += used, len -= used) {
        bool fine = sk_utf8_next(text, len, &used) != SK_NO_CHARACTER;
        if (fine)
            memcpy(out + n, text, used);
        else
            out[n] = '?';
        n += fine ? used : 1;
    }
    out[n] = '\0';
    return out;
}

json_t *sk_json_text(const char *text)
{
    char shown[SK_PATH + 2048];
    return json_string(as_utf8(shown, sizeof(shown), text));
}

enum sk_code sk_print_json(json_t *object, const char *what, struct sk_err *err)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    if (text)
        sk_print("%s\n", text);
    free(text);
    return text ? SK_OK
                : sk_fail(err, SK_INPUT, "%s cannot be written as JSON: a name is not UTF-8 or a figure not finite",
                          what);
}

void sk_print_flush(void)
{
    note(fflush(stdout) != 0);
}

enum sk_code sk_print_end(struct sk_err *err)
{
    sk_print_flush();
    if (!failure)
        return SK_OK;
    return sk_fail_errno(err, SK_IO, failure, "cannot write to standard output");
}

bool sk_print_reader_gone(void)
{
    return failure == EPIPE;
}

bool sk_print_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int sk_text_columns(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

enum sk_code sk_csv_text(struct sk_str *out, const char *text, struct sk_err *err)
{
    char shown[SK_PATH + 2048];
    text = as_utf8(shown, sizeof(shown), text);
    if (!text[strcspn(text, ",\"\r\n")])
        return sk_str_add(out, err, "%s", text);
    enum sk_code code = sk_str_add(out, err, "\"");
    for (; *text && code == SK_OK; text++)
        code = sk_str_add(out, err, *text == '"' ? "\"\"" : "%c", *text);
    return code == SK_OK ? sk_str_add(out, err, "\"") : code;
}

enum sk_code sk_bar(struct sk_str *out, double share, int width, struct sk_err *err)
{
    static const char *const eighth[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    bool unicode = sk_print_unicode();
    double filled = share > 0 ? (share < 1 ? share : 1) * width : 0;
    enum sk_code code = SK_OK;
    for (int i = 0; i < width && code == SK_OK; i++) {
        double part = filled - i;
        int eighths = part >= 1 ? 8 : part > 0 ? (int)(part * 8) : 0;
        code = sk_str_add(out, err, "%s", unicode ? eighth[eighths] : eighths >= 4 ? "#" : ".");
    }
    return code;
}
