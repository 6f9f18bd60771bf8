/* Tables: cells gathered first, so that every column is as wide as it must be. */
#include "cli/cli.h"

#include <string.h>

static void add_cell(struct sk_table *t, const char *cell)
{
    if (sk_str_add_bytes(&t->text, cell, strlen(cell) + 1, NULL) != SK_OK)
        t->failed = true;
    else
        t->cells++;
}

void sk_table_cell(struct sk_table *t, const char *fmt, ...)
{
    char cell[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(cell, sizeof(cell), fmt, args);
    va_end(args);
    add_cell(t, cell);
}

void sk_table_cell_if(struct sk_table *t, bool there, const char *fmt, ...)
{
    char cell[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(cell, sizeof(cell), fmt, args);
    va_end(args);
    add_cell(t, there ? cell : "");
}

enum { COLUMNS = 16 };

static void measure(const struct sk_table *t, size_t columns, int width[COLUMNS])
{
    const char *cell = t->text.text;
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1)
        if (sk_text_columns(cell) > width[i % columns])
            width[i % columns] = sk_text_columns(cell);
}

/* Nothing is padded at a line's end, where a bar may also end in blanks. */
static void print_last(const char *cell)
{
    size_t len = strlen(cell);
    while (len > 0 && cell[len - 1] == ' ')
        len--;
    sk_print("%.*s\n", (int)len, cell);
}

static void print_rows(const struct sk_table *t, size_t columns, const int width[COLUMNS])
{
    const char *cell = t->text.text;
    for (size_t i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        size_t column = i % columns;
        bool right = t->align[column] == 'r';
        int pad = width[column] - sk_text_columns(cell);
        if (right)
            sk_print("%*s", pad, "");
        if (column + 1 == columns)
            print_last(cell);
        else
            sk_print("%s%*s  ", cell, right ? 0 : pad, "");
    }
}

enum sk_code sk_table_print(struct sk_table *t, struct sk_err *err)
{
    int width[COLUMNS] = {0};
    size_t columns = strlen(t->align);
    enum sk_code code = SK_OK;
    if (t->failed) {
        code = sk_fail(err, SK_NOMEM, "not enough memory for a table");
    } else if (t->cells > 0 && columns <= COLUMNS) {
        measure(t, columns, width);
        print_rows(t, columns, width);
    }
    sk_str_release(&t->text);
    t->cells = 0;
    return code;
}
