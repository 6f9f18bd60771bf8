/* What charts are made of: a frame with styles, bars, lines and text. */
#include "cli/svg.h"

#include "report/html.h"

enum sk_code sk_svg_open(struct sk_str *out, double width, double height, const char *style, struct sk_err *err)
{
    return sk_str_add(out, err,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
                      "font-size=\"12\">\n"
                      "<style>svg { background: #fff } text { fill: #1c1e21 } .grid { stroke: #d5d8dc }\n%s\n"
                      "@media (prefers-color-scheme: dark) { svg { background: #16181b }\n"
                      "text { fill: #e4e6e9 } .grid { stroke: #3a3f45 } }</style>\n",
                      width, height, style);
}

enum sk_code sk_svg_rect(struct sk_str *out, const char *class, double x, double y, double width, double height,
                         struct sk_err *err)
{
    return sk_str_add(out, err, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x,
                      y, width, height);
}

enum sk_code sk_svg_line(struct sk_str *out, const char *class, double x1, double y1, double x2, double y2,
                         struct sk_err *err)
{
    return sk_str_add(out, err, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1,
                      x2, y2);
}

enum sk_code sk_svg_text(struct sk_str *out, double x, double y, const char *anchor, bool bold, const char *text,
                         struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor,
                                   bold ? " font-weight=\"bold\"" : "");
    if (code == SK_OK)
        code = sk_html_text(out, text, err);
    return code == SK_OK ? sk_str_add(out, err, "</text>\n") : code;
}
