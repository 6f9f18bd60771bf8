/* What pages have in common: a head with the styles, light, dark and print, text, bars. */
#include "report/html.h"

#include <string.h>

/* Colours of text on page have a contrast of 4.5 to 1 and more in both schemes. */
static const char style[] =
    "<style>\n"
    ":root { color-scheme: light dark; --text: #1b1f24; --page: #fff; --line: #dde1e6; --quiet: #59626d;\n"
    "  --soft: #f4f6f8; --heat: 11 98 164; --good: #11743a; --bad: #b42318;\n"
    "  --c0: #0b62a4; --c1: #c2410c; --c2: #15803d; --c3: #7e3bb5; --c4: #a16207; --c5: #be185d; --c6: #0e7490;\n"
    "  --c7: #59626d; }\n"
    "@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --page: #15181c; --line: #343a42; --quiet: "
    "#a0a9b4;\n"
    "  --soft: #1e2228; --heat: 64 145 210; --good: #4cc38a; --bad: #ff8e82;\n"
    "  --c0: #64b0ee; --c1: #f79256; --c2: #4cc38a; --c3: #c59bf0; --c4: #e2b93b; --c5: #f587b3; --c6: #4dc4d9;\n"
    "  --c7: #a0a9b4; } }\n"
    "* { box-sizing: border-box; }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 62rem;\n"
    "  margin: 2rem auto 4rem; padding: 0 1rem; overflow-wrap: break-word; -webkit-text-size-adjust: 100%; }\n"
    "h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }\n"
    "h2 { font-size: 1.15rem; margin: 2.6rem 0 .7rem; padding-top: .7rem; border-top: 1px solid var(--line); }\n"
    "h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; } p { margin: .5rem 0; } a { color: var(--c0); }\n"
    "table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }\n"
    "td, th { padding: .22rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }\n"
    "td:first-child, th:first-child { text-align: left; padding-left: 0; } th { color: var(--quiet); font-weight: 600; "
    "}\n"
    "th[scope] { color: inherit; font-weight: 400; } td.text, th.text { text-align: left; }\n"
    "td { vertical-align: baseline; } td small { display: block; color: var(--quiet); line-height: 1.2; }\n"
    "td.wrap { white-space: normal; text-align: left; overflow-wrap: anywhere; min-width: 5rem; }\n"
    ".scroll { overflow-x: auto; } .quiet { color: var(--quiet); } .verdict { font-size: 1.15rem; margin: .2rem 0; }\n"
    ".good { color: var(--good); } .bad { color: var(--bad); } .verdict b { font-weight: 650; } .whole { white-space: "
    "nowrap; }\n"
    ".bar { display: flex; height: 1.4rem; border-radius: 4px; overflow: hidden; margin: .6rem 0; gap: 1px; }\n"
    ".key { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-variant-numeric: tabular-nums; }\n"
    ".swatch { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin-right: .4rem; }\n"
    "img { vertical-align: middle; max-width: 100%; height: auto; } img.small { width: 6rem; image-rendering: "
    "pixelated; }\n"
    ".strip { margin: 0 0 .9rem; } .strip img { margin: 2px; } .strip img.small { width: min(6rem, 17%); } .strip b { "
    "font-weight: 600; }\n"
    "td.count { width: 60%; text-align: left; } td.count div { background: var(--c0); height: .8rem; }\n"
    ".figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .9rem 1rem;\n"
    "  margin: 1.4rem 0 0; } .figures dt { color: var(--quiet); font-size: .85rem; line-height: 1.3; }\n"
    ".figures dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }\n"
    ".figures dd small { display: block; font-size: .8rem; color: var(--quiet); line-height: 1.3; }\n"
    ".key + .charts { margin-top: 1rem; }\n"
    ".charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1.2rem "
    "2rem; }\n"
    "figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .2rem; } figcaption span { font-weight: 400; "
    "}\n"
    "svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 10.5px; }\n"
    "svg text { fill: var(--quiet); font-variant-numeric: tabular-nums; } svg .grid { stroke: var(--line); }\n"
    "svg path { fill: none; stroke-width: 1.7; stroke-linejoin: round; } svg .faint { opacity: .35; stroke-width: 1; "
    "}\n"
    "svg .dashed { stroke-dasharray: 4 3; stroke-width: 1.3; }\n"
    "details { margin: .7rem 0; } summary { cursor: pointer; color: var(--c0); }\n"
    "details.run { border-top: 1px solid var(--line); margin: 0; padding: .7rem 0; }\n"
    "details.run > summary { font-weight: 600; color: inherit; }\n"
    "pre { background: var(--soft); padding: .7rem .9rem; border-radius: 4px; overflow-x: auto; font-size: .82rem;\n"
    "  line-height: 1.45; } code, pre { font-family: ui-monospace, monospace; }\n"
    "ul.notes { background: var(--soft); border-left: 3px solid var(--c4); margin: 1.2rem 0; padding: .5rem 1rem .5rem "
    "2rem; }\n"
    ".matrix td { text-align: center; background: rgb(var(--heat) / var(--v, 0)); }\n"
    ".matrix td.hit { background: rgb(var(--heat) / calc(var(--v, 0) * .55)); font-weight: 600; }\n"
    ".matrix thead th { writing-mode: sideways-lr; text-align: left; padding: .4rem .2rem; max-height: 9rem; }\n"
    ".matrix td, .matrix tbody th { padding: .22rem .45rem; }\n"
    ".matrix tbody th { max-width: min(12rem, 28vw); } .matrix th { overflow: hidden; text-overflow: ellipsis; }\n"
    ".captioned { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); gap: 1rem; }\n"
    ".captioned figcaption { font-weight: 400; font-size: .85rem; line-height: 1.35; margin-top: .3rem; }\n"
    ".captioned img { max-height: 12rem; }\n"
    "@media (max-width: 30rem) { body { margin-top: 1rem; } td, th { padding: .22rem .4rem; }\n"
    "  td:first-child { white-space: normal; min-width: 6.5rem; } h1 { font-size: 1.35rem; } .figures { gap: .7rem; }\n"
    "  .captioned { grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: .8rem; } }\n"
    "@media print { body { max-width: none; margin: 0; font-size: 10pt; } h2, h3, figcaption, summary { break-after: "
    "avoid; }\n"
    "  figure, svg, tr, .strip, .charts, .charts > * { break-inside: avoid; }\n"
    "  h3 + p, h2 + p, .key { break-after: avoid; } .scroll, pre { overflow: visible; }\n"
    "  .matrix { break-inside: avoid; }\n"
    "  td, th { padding: .15rem .35rem; } td.wrap { min-width: 0; } td:first-child { white-space: normal; }\n"
    "  pre { white-space: pre-wrap; } details pre { columns: 2; } * { print-color-adjust: exact; "
    "-webkit-print-color-adjust: exact; }\n"
    "  details::details-content { content-visibility: visible; height: auto; } }\n"
    "</style>\n";

static bool fine(const struct sk_page *p)
{
    return p->err.code == SK_OK;
}

static void add_bytes(struct sk_page *p, const void *bytes, size_t len)
{
    if (fine(p) && sk_str_add_bytes(&p->text, bytes, len, &p->err) != SK_OK)
        sk_str_release(&p->text);
}

void sk_page_add(struct sk_page *p, const char *fmt, ...)
{
    char shorter[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(shorter, sizeof(shorter), fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(shorter)) {
        add_bytes(p, shorter, (size_t)len);
        return;
    }
    char *text = fine(p) && len >= 0 ? sk_alloc((size_t)len + 1, 1, &p->err) : NULL;
    if (!text)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    add_bytes(p, text, (size_t)len);
    sk_free(text);
}

enum sk_code sk_html_text(struct sk_str *out, const char *text, struct sk_err *err)
{
    static const char special[] = "<>&\"'";
    static const char *const written[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    enum sk_code code = SK_OK;
    for (size_t len = strlen(text), used; len > 0 && code == SK_OK; text += used, len -= used) {
        uint32_t c = sk_utf8_next(text, len, &used);
        const char *at = c < 0x80 ? strchr(special, (int)c) : NULL;
        if (c == SK_NO_CHARACTER || c < ' ' || (c >= 0x7f && c < 0xa0))
            code = sk_str_add(out, err, "?");
        else
            code = at ? sk_str_add(out, err, "%s", written[at - special]) : sk_str_add_bytes(out, text, used, err);
    }
    return code;
}

void sk_page_text(struct sk_page *p, const char *text)
{
    if (fine(p) && sk_html_text(&p->text, text, &p->err) != SK_OK)
        sk_str_release(&p->text);
}

void sk_page_lines(struct sk_page *p, const char *text)
{
    for (const char *end; *text; text = end + (*end != '\0')) {
        end = strchrnul(text, '\n');
        char *line = fine(p) ? sk_alloc((size_t)(end - text) + 1, 1, &p->err) : NULL;
        if (!line)
            return;
        memcpy(line, text, (size_t)(end - text));
        sk_page_text(p, line);
        sk_page_add(p, "\n");
        sk_free(line);
    }
}

void sk_page_cell(struct sk_page *p, const char *tag, const char *text)
{
    sk_page_add(p, "<%s>", tag);
    sk_page_text(p, text);
    sk_page_add(p, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void sk_page_base64(struct sk_page *p, const void *data, size_t len)
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = data;
    for (size_t i = 0; i < len && fine(p); i += 3) {
        unsigned rest = len - i < 3 ? (unsigned)(len - i) : 3;
        unsigned v = (unsigned)at[i] << 16 | (rest > 1 ? (unsigned)at[i + 1] << 8 : 0) | (rest > 2 ? at[i + 2] : 0u);
        char four[4] = {letter[v >> 18], letter[v >> 12 & 63], rest > 1 ? letter[v >> 6 & 63] : '=',
                        rest > 2 ? letter[v & 63] : '='};
        add_bytes(p, four, sizeof(four));
    }
}

void sk_page_join(struct sk_page *p, struct sk_page *part)
{
    if (fine(p))
        p->err = part->err;
    if (fine(p) && part->text.len > 0)
        add_bytes(p, part->text.text, part->text.len);
    sk_page_release(part);
}

void sk_page_open(struct sk_page *p, const char *title)
{
    sk_page_add(p, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>skua: ");
    sk_page_text(p, title);
    sk_page_add(p, "</title>\n%s</head><body>\n", style);
}

void sk_page_heading(struct sk_page *p, const char *title)
{
    sk_page_cell(p, "h1", title);
    sk_page_add(p, "\n");
}

enum sk_code sk_page_write(struct sk_page *p, const char *path, struct sk_err *err)
{
    sk_page_add(p, "</body></html>\n");
    if (!fine(p))
        return sk_fail(err, p->err.code, "%s", p->err.text);
    return sk_file_write(path, p->text.text, p->text.len, err);
}

void sk_page_release(struct sk_page *p)
{
    sk_str_release(&p->text);
    *p = (struct sk_page){0};
}

void sk_page_bar(struct sk_page *p, const struct sk_share *part, int parts, double scale, const char *unit)
{
    double all = 0;
    for (int i = 0; i < parts; i++)
        all += part[i].value;
    all = all > 0 ? all : 1;
    sk_page_add(p, "<div class=\"bar\" aria-hidden=\"true\">");
    for (int i = 0; i < parts; i++)
        sk_page_add(p, "<div style=\"width:%.3f%%;background:var(--c%d)\" title=\"%s\"></div>",
                    100 * part[i].value / all, i % SK_COLOURS, part[i].name);
    sk_page_add(p, "</div>\n<div class=\"key\">");
    for (int i = 0; i < parts; i++) {
        double v = part[i].value * scale;
        sk_page_add(p, "<span><span class=\"swatch\" style=\"background:var(--c%d)\"></span>%s ", i % SK_COLOURS,
                    part[i].name);
        sk_page_add(p, v < 999.5 ? "%.3g" : "%.0f", v);
        sk_page_add(p, " %s (%.1f%%)</span>", unit, 100 * part[i].value / all);
    }
    sk_page_add(p, "</div>\n");
}
