/* Errors: the first message wins, outer layers put context before it. */
#include "base/base.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { RAW = 2 * sizeof(((struct sk_err *)NULL)->text) }; /* room before cutting, so that a cut shows as "..." */

static enum sk_code record(struct sk_err *err, enum sk_code code, const char *text)
{
    assert(code != SK_OK);
    if (!err)
        return code;
    if (err->code == SK_OK) {
        err->code = code;
        sk_printable(err->text, sizeof(err->text), text);
    }
    return err->code;
}

enum sk_code sk_fail(struct sk_err *err, enum sk_code code, const char *fmt, ...)
{
    char raw[RAW];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    return record(err, code, raw);
}

enum sk_code sk_fail_errno(struct sk_err *err, enum sk_code code, int errnum, const char *fmt, ...)
{
    char raw[RAW], reason[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    const char *text = strerror_r(errnum, reason, sizeof(reason));
    size_t used = strlen(raw), room = strlen(text) + 3;
    if (used + room > sizeof(((struct sk_err *)NULL)->text)) /* cut the sentence rather than the reason */
        used = sizeof(((struct sk_err *)NULL)->text) - room;
    snprintf(raw + used, sizeof(raw) - used, ": %s", text);
    return record(err, errnum == ENOMEM ? SK_NOMEM : code, raw);
}

void sk_err_prefix(struct sk_err *err, const char *fmt, ...)
{
    if (!err || err->code == SK_OK)
        return;
    char raw[RAW + sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, RAW, fmt, args);
    va_end(args);
    size_t used = strlen(raw);
    snprintf(raw + used, sizeof(raw) - used, ": %s", err->text);
    sk_printable(err->text, sizeof(err->text), raw);
}

void sk_err_clear(struct sk_err *err)
{
    if (!err)
        return;
    err->code = SK_OK;
    err->text[0] = '\0';
}

int sk_exit_status(enum sk_code code)
{
    switch (code) {
    case SK_OK:
        return 0;
    case SK_USAGE:
    case SK_INPUT:
    case SK_UNSUPPORTED:
    case SK_NO_SPLIT:
        return 2;
    case SK_CANCELLED:
        return 130;
    case SK_IO:
    case SK_NOMEM:
    case SK_DEVICE:
    case SK_BUG:
    case SK_MISSED:
        break;
    }
    return 1;
}
