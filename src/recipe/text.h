/* Recipe internals: text of values (text.c). */
#ifndef SKUA_RECIPE_TEXT_H
#define SKUA_RECIPE_TEXT_H

#include "base/base.h"

enum { SK_REAL_TEXT = 48 };

/* Whether text is UTF-8 without control characters, line separators and byte order marks: what a value may hold. */
bool sk_text_fits(const char *text, size_t len);
/* A number as snprintf writes it gets '.' for the decimal point of the locale of the moment, in place. Returns text. */
char *sk_use_point(char *text);
/* The shortest decimal that reads back to the same finite double, whatever the locale: 1, 0.05, 1e-08. Returns out. */
char *sk_real_text(double value, char out[SK_REAL_TEXT]);
/* The same appended with a point in it, as every YAML reader wants reals: 1.0, 0.05, 1.0e-08. */
enum sk_code sk_real_format(double value, struct sk_str *out, struct sk_err *err) SK_MUST;

#endif
