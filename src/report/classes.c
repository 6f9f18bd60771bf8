/* The classes: precision, recall and F1 of each, and which are taken for which. */
#include "report/internal.h"

#include <stdlib.h>

enum {
    ROWS = 100,             /* classes in the table: all, or those of the lowest F1 */
    TABLE_CLASSES = 20,     /* up to so many the confusion matrix is a table, */
    PICTURE_CLASSES = 1024, /* up to so many a picture */
    PAIRS = 20
};

/* ---- per class ---- */
struct row {
    int class_number;
    double f1;
};

static int worst_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->f1 != y->f1 ? (x->f1 > y->f1) - (x->f1 < y->f1) : x->class_number - y->class_number;
}

/* The wrong class that class c is most often taken for; -1: none. */
static int taken_for(const struct sk_scores *s, int c)
{
    int most = -1;
    for (int j = 0; s->confusion && j < s->classes; j++) {
        const int64_t *row = s->confusion + (size_t)c * (size_t)s->classes;
        if (j != c && row[j] > (most < 0 ? 0 : row[most]))
            most = j;
    }
    return most;
}

static void add_row(struct sk_page *p, const struct sk_scores *s, const char *const *class_name, int c)
{
    struct sk_prf f = sk_scores_class(s, c);
    int other = taken_for(s, c);
    char number[32];
    sk_page_add(p, "<tr>");
    sk_page_cell(p, "td class=\"wrap\"", class_name[c]);
    sk_page_add(p, "<td>%s</td><td>%.2f%%</td><td>%.2f%%</td><td>%.2f%%</td><td class=\"wrap\">",
                sk_thousands(s->support[c], number), 100 * f.precision, 100 * f.recall, 100 * f.f1);
    if (other >= 0) {
        sk_page_text(p, class_name[other]);
        sk_page_add(p, " <span class=\"quiet\">%lld</span>",
                    (long long)s->confusion[(size_t)c * (size_t)s->classes + (size_t)other]);
    }
    sk_page_add(p, "</td></tr>\n");
}

static void add_averages(struct sk_page *p, const struct sk_scores *s)
{
    char number[32];
    for (int a = 0; a < SK_AVERAGES; a++) {
        struct sk_prf f = sk_scores_average(s, (enum sk_average)a);
        sk_page_add(p,
                    "<tr><td class=\"quiet\">%s average</td><td>%s</td><td>%.2f%%</td><td>%.2f%%</td><td>%.2f%%</td>"
                    "<td></td></tr>\n",
                    sk_average_name[a], sk_thousands(s->count, number), 100 * f.precision, 100 * f.recall, 100 * f.f1);
    }
}

void sk_report_classes(struct sk_page *p, const struct sk_scores *s, const char *const *class_name)
{
    struct row *row = sk_alloc((size_t)s->classes, sizeof(*row), &p->err);
    if (!row)
        return;
    for (int c = 0; c < s->classes; c++)
        row[c] = (struct row){c, sk_scores_class(s, c).f1};
    bool cut = s->classes > ROWS;
    if (cut)
        qsort(row, (size_t)s->classes, sizeof(*row), worst_first);
    sk_page_add(p, "<h3>Classes</h3>\n");
    if (cut)
        sk_page_add(p, "<p class=\"quiet\">The %d of %d classes with the lowest F1.</p>\n", ROWS, s->classes);
    sk_page_add(
        p, "<div class=\"scroll\"><table><thead><tr><th>class</th><th>pictures</th><th>precision</th><th>recall</th>"
           "<th>F1</th><th class=\"text\">most often taken for</th></tr></thead>\n");
    for (int i = 0; i < (cut ? ROWS : s->classes); i++)
        add_row(p, s, class_name, row[i].class_number);
    add_averages(p, s);
    sk_page_add(p, "</table></div>\n");
    sk_free(row);
}

/* ---- confusion ---- */
static int64_t count_of(const struct sk_scores *s, int label, int predicted)
{
    return s->confusion[(size_t)label * (size_t)s->classes + (size_t)predicted];
}

static void add_table(struct sk_page *p, const struct sk_scores *s, const char *const *class_name)
{
    sk_page_add(p, "<p class=\"quiet\">A row for each true class, a column for each predicted one.</p>\n"
                   "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th></th>");
    for (int j = 0; j < s->classes; j++)
        sk_page_cell(p, "th", class_name[j]);
    sk_page_add(p, "</tr></thead><tbody>\n");
    for (int i = 0; i < s->classes; i++) {
        sk_page_add(p, "<tr>");
        sk_page_cell(p, "th scope=\"row\"", class_name[i]);
        for (int j = 0; j < s->classes; j++) {
            int64_t n = count_of(s, i, j);
            double share = s->support[i] > 0 ? (double)n / (double)s->support[i] : 0;
            const char *hit = i == j ? " class=\"hit\"" : "";
            if (n > 0)
                sk_page_add(p, "<td%s style=\"--v:%.3f\">%lld</td>", hit, 0.75 * sqrt(share), (long long)n);
            else
                sk_page_add(p, "<td%s></td>", hit);
        }
        sk_page_add(p, "</tr>\n");
    }
    sk_page_add(p, "</tbody></table></div>\n");
}

/* A pixel for each pair: the darker, the larger its share of the true class. */
static enum sk_code draw(const struct sk_scores *s, struct sk_picture *picture, struct sk_err *err)
{
    enum sk_code code = sk_picture_reserve(picture, s->classes, s->classes, 1, SK_PIXEL_U8, err);
    uint8_t *at = picture->data;
    for (int i = 0; i < s->classes && code == SK_OK; i++)
        for (int j = 0; j < s->classes; j++) {
            double share = s->support[i] > 0 ? (double)count_of(s, i, j) / (double)s->support[i] : 0;
            *at++ = (uint8_t)lround(255 * (1 - sqrt(share)));
        }
    return code;
}

static void add_picture(struct sk_page *p, const struct sk_scores *s)
{
    struct sk_picture picture = {0};
    struct sk_str file = {0};
    enum sk_code code = draw(s, &picture, &p->err);
    if (code == SK_OK)
        code = sk_picture_encode(&picture, &file, &p->err);
    if (code == SK_OK) {
        sk_page_add(
            p,
            "<p class=\"quiet\">A row for each true class, a column for each predicted one, in the order of the "
            "classes; darker is more.</p>\n<img alt=\"confusion matrix of %d classes\" "
            "style=\"width:min(100%%,32rem);image-rendering:pixelated\" src=\"data:image/png;base64,",
            s->classes);
        sk_page_base64(p, file.text, file.len);
        sk_page_add(p, "\">\n");
    }
    sk_picture_release(&picture);
    sk_str_release(&file);
}

static void add_pairs(struct sk_page *p, const struct sk_scores *s, const char *const *class_name)
{
    struct sk_confused pair[PAIRS];
    int n = sk_scores_confused(s, pair, PAIRS);
    if (n == 0)
        return;
    sk_page_add(p,
                "<details><summary>The pairs that are confused most</summary>\n<div class=\"scroll\"><table><thead><tr>"
                "<th>class</th><th class=\"text\">taken for</th><th>pictures</th><th>of the class</th></tr></thead>\n");
    for (int i = 0; i < n; i++) {
        sk_page_add(p, "<tr>");
        sk_page_cell(p, "td class=\"wrap\"", class_name[pair[i].label]);
        sk_page_cell(p, "td class=\"wrap\"", class_name[pair[i].predicted]);
        sk_page_add(p, "<td>%lld</td><td>%.1f%%</td></tr>\n", (long long)pair[i].count,
                    100 * (double)pair[i].count / (double)s->support[pair[i].label]);
    }
    sk_page_add(p, "</table></div></details>\n");
}

void sk_report_confusion(struct sk_page *p, const struct sk_scores *s, const char *const *class_name)
{
    if (!s->confusion)
        return;
    sk_page_add(p, "<h3>Confusion</h3>\n");
    if (s->classes <= TABLE_CLASSES)
        add_table(p, s, class_name);
    else if (s->classes <= PICTURE_CLASSES)
        add_picture(p, s);
    add_pairs(p, s, class_name);
}
