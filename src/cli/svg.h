/* Charts as SVG files, for light and dark pages (svg.c). */
#ifndef SKUA_CLI_SVG_H
#define SKUA_CLI_SVG_H

#include "cli/cli.h"

/* Begins a chart; "</svg>" ends it. style: classes of its own besides grid (lines), text and background. */
enum sk_code sk_svg_open(struct sk_str *out, double width, double height, const char *style,
                         struct sk_err *err) SK_MUST;
enum sk_code sk_svg_rect(struct sk_str *out, const char *class, double x, double y, double width, double height,
                         struct sk_err *err) SK_MUST;
enum sk_code sk_svg_line(struct sk_str *out, const char *class, double x1, double y1, double x2, double y2,
                         struct sk_err *err) SK_MUST;
/* anchor: start, middle or end. The text may be anything. */
enum sk_code sk_svg_text(struct sk_str *out, double x, double y, const char *anchor, bool bold, const char *text,
                         struct sk_err *err) SK_MUST;

#endif
