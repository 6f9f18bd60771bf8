/* Text of values: which characters a recipe may hold, and doubles as their shortest decimal. */
#include "recipe/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static bool fits(uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    bool separator = c == 0x2028 || c == 0x2029 || c == 0xFEFF; /* YAML would read these as line breaks, or as a mark */
    return !control && !separator && c != 0xFFFE && c != 0xFFFF && c != SK_NO_CHARACTER;
}

bool sk_text_fits(const char *text, size_t len)
{
    for (size_t i = 0, used; i < len; i += used)
        if (!fits(sk_utf8_next(text + i, len - i, &used)))
            return false;
    return true;
}

char *sk_use_point(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        bool number = (*from >= '0' && *from <= '9') || *from == '-' || *from == '+' || *from == 'e';
        if (number)
            *to++ = *from;
        else if (to == text || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
    return text;
}

char *sk_real_text(double value, char out[SK_REAL_TEXT])
{
    assert(isfinite(value));
    double back = 0;
    if (fabs(value) < 1e15 && value == floor(value)) { /* 30, not 3e+01 */
        snprintf(out, SK_REAL_TEXT, "%.0f", value);
        return out;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, SK_REAL_TEXT, "%.*g", digits, value);
        if (sk_parse_f64(sk_use_point(out), &back) && back == value)
            break;
    }
    return out;
}

enum sk_code sk_real_format(double value, struct sk_str *out, struct sk_err *err)
{
    char text[SK_REAL_TEXT];
    sk_real_text(value, text);
    if (strchr(text, '.'))
        return sk_str_add(out, err, "%s", text);
    size_t mantissa = strcspn(text, "e");
    return sk_str_add(out, err, "%.*s.0%s", (int)mantissa, text, text + mantissa);
}
