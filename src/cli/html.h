/* Pages that need no network (html.c). */
#ifndef SKUA_CLI_HTML_H
#define SKUA_CLI_HTML_H

#include "cli/cli.h"

/* Begins a page with its title as heading; "</body></html>" ends it. */
enum sk_code sk_html_open(struct sk_str *out, const char *title, struct sk_err *err) SK_MUST;
/* Text with the characters that HTML and SVG have for themselves replaced; what is no UTF-8 or controls becomes '?'. */
enum sk_code sk_html_text(struct sk_str *out, const char *text, struct sk_err *err) SK_MUST;

/* Bytes as base64, for data URIs (RFC 4648). */
enum sk_code sk_html_base64(struct sk_str *out, const void *data, size_t len, struct sk_err *err) SK_MUST;

#endif
