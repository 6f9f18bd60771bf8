/* What pages have in common: a head with the styles, light and dark, and text. */
#include "cli/html.h"

#include <string.h>

static const char style[] =
    "<style>\n"
    ":root { color-scheme: light dark; --text: #1c1e21; --page: #fff; --line: #d5d8dc; --quiet: #5f6670;\n"
    "  --c0: #c0392b; --c1: #2471a3; --c2: #1e8449; --c3: #b7950b; --c4: #7f8c8d; }\n"
    "@media (prefers-color-scheme: dark) { :root { --text: #e4e6e9; --page: #16181b; --line: #3a3f45; --quiet: "
    "#9aa3ad;\n"
    "  --c0: #e57368; --c1: #5dade2; --c2: #58d68d; --c3: #f4d03f; --c4: #99a3a4; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 62rem;\n"
    "  margin: 2rem auto; padding: 0 1rem; }\n"
    "h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } .verdict { font-size: 1.1rem; }\n"
    "table { border-collapse: collapse; width: 100%; } td, th { padding: .2rem .6rem; text-align: right;\n"
    "  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }\n"
    "td:first-child, th:first-child { text-align: left; } th { color: var(--quiet); font-weight: 600; }\n"
    ".bar { display: flex; height: 1.6rem; border-radius: 4px; overflow: hidden; margin: .6rem 0; }\n"
    ".key span { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin: 0 .3rem 0 1rem; }\n"
    ".scroll { overflow-x: auto; } img { margin: 2px; vertical-align: middle; }\n"
    "figure { display: inline-block; margin: 2px; } figcaption { font-size: .8rem; color: var(--quiet); }\n"
    "td.count { width: 60%; text-align: left; } td.count div { background: var(--c1); height: .8rem; }\n"
    "</style>\n";

enum sk_code sk_html_text(struct sk_str *out, const char *text, struct sk_err *err)
{
    static const char special[] = "<>&\"";
    static const char *const written[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    enum sk_code code = SK_OK;
    for (size_t len = strlen(text), used; len > 0 && code == SK_OK; text += used, len -= used) {
        uint32_t c = sk_utf8_next(text, len, &used);
        const char *at = c < 0x80 ? strchr(special, (int)c) : NULL;
        if (c == SK_NO_CHARACTER || c < ' ' || c == 0x7f)
            code = sk_str_add(out, err, "?");
        else
            code = at ? sk_str_add(out, err, "%s", written[at - special]) : sk_str_add_bytes(out, text, used, err);
    }
    return code;
}

enum sk_code sk_html_open(struct sk_str *out, const char *title, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err,
                                   "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                                   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>skua: ");
    if (code == SK_OK)
        code = sk_html_text(out, title, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, "</title>\n%s</head><body>\n<h1>", style);
    if (code == SK_OK)
        code = sk_html_text(out, title, err);
    return code == SK_OK ? sk_str_add(out, err, "</h1>\n") : code;
}

enum sk_code sk_html_base64(struct sk_str *out, const void *data, size_t len, struct sk_err *err)
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = data;
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < len && code == SK_OK; i += 3) {
        unsigned rest = len - i < 3 ? (unsigned)(len - i) : 3;
        unsigned v = (unsigned)at[i] << 16 | (rest > 1 ? (unsigned)at[i + 1] << 8 : 0) | (rest > 2 ? at[i + 2] : 0u);
        char four[4] = {letter[v >> 18], letter[v >> 12 & 63], rest > 1 ? letter[v >> 6 & 63] : '=',
                        rest > 2 ? letter[v & 63] : '='};
        code = sk_str_add_bytes(out, four, sizeof(four), err);
    }
    return code;
}
