/* Pages that need no network, no script and no other file: reports, and what `skua data inspect` and `skua profile`
 * write. */
#ifndef SKUA_REPORT_HTML_H
#define SKUA_REPORT_HTML_H

#include "data/data.h"

/* Text that may be anything, for HTML and SVG (html.c): characters that these have for themselves are replaced; what is
 * no UTF-8 or controls becomes '?'. Appended to out. */
enum sk_code sk_html_text(struct sk_str *out, const char *text, struct sk_err *err) SK_MUST;

/* ---- a page or a part of one (html.c) ---- */
struct sk_page { /* zeroed: empty. The first failure is kept in err, and what is written after it is dropped */
    struct sk_str text;
    struct sk_err err;
};
void sk_page_add(struct sk_page *p, const char *fmt, ...) SK_PRINTF(2, 3); /* markup and numbers, as they stand */
void sk_page_text(struct sk_page *p, const char *text);                    /* as sk_html_text */
void sk_page_lines(struct sk_page *p, const char *text);                 /* the same of lines, each ended: for <pre> */
void sk_page_cell(struct sk_page *p, const char *tag, const char *text); /* <tag>text</tag> */
void sk_page_base64(struct sk_page *p, const void *data, size_t len);    /* for data URIs (RFC 4648) */
void sk_page_join(struct sk_page *p, struct sk_page *part); /* appends part, or takes its failure over; releases part */
void sk_page_open(struct sk_page *p, const char *title);    /* the head with the styles; title is text */
void sk_page_heading(struct sk_page *p, const char *title); /* <h1> */
/* Ends the page and writes it, whole or not at all. The first failure of the writing before is the error here. */
enum sk_code sk_page_write(struct sk_page *p, const char *path, struct sk_err *err) SK_MUST;
void sk_page_release(struct sk_page *p);

struct sk_share { /* a part of a bar */
    const char *name;
    double value;
};
/* A bar of parts of a whole, and the key to its colours with each value * scale in unit. At most SK_COLOURS parts. */
enum { SK_COLOURS = 8 };
void sk_page_bar(struct sk_page *p, const struct sk_share *part, int parts, double scale, const char *unit);

/* ---- pictures of a data set (pictures.c) ---- */
struct sk_page_pictures { /* zeroed but for page and ds; release with the next function */
    struct sk_page *page;
    const struct sk_dataset *ds;
    const struct sk_picture_steps *steps; /* of training */
    int64_t seed;
    struct sk_picture picture, scratch;
    struct sk_str file;
};
void sk_page_pictures_release(struct sk_page_pictures *p);
/* p->picture as an image; large ones are scaled down and JPEG. alt: what it shows. Floats: UNSUPPORTED. */
enum sk_code sk_page_picture(struct sk_page_pictures *p, const char *alt, struct sk_err *err) SK_MUST;
/* Reads a sample into p->picture as that epoch of training gets it. */
enum sk_code sk_page_augmented(struct sk_page_pictures *p, int64_t index, uint32_t epoch, struct sk_err *err) SK_MUST;
/* A sample as it lies and, where there are steps, as the first `epochs` epochs of training get it; one that is damaged
 * says so. What does not lie in the sample is an error. */
enum sk_code sk_page_versions(struct sk_page_pictures *p, int64_t index, uint32_t epochs, struct sk_err *err) SK_MUST;

#endif
