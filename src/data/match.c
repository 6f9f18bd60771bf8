/* The classes of a data set matched with those of a network by their names. */
#include "data/match.h"

#include <string.h>

enum { SHOWN = 8, LIST = 400 };

bool sk_classes_numbered(const char *const *name, int first, int classes)
{
    char number[16];
    for (int c = first; c < classes; c++) {
        snprintf(number, sizeof(number), "%d", c);
        if (strcmp(name[c], number) != 0)
            return false;
    }
    return true;
}

/* name (number): what `data convert` makes of a name that comes again. */
static bool is_repeated(const char *text, const char *name, int number)
{
    size_t len = strlen(name);
    char behind[32];
    snprintf(behind, sizeof(behind), " (%d)", number);
    return strncmp(text, name, len) == 0 && strcmp(text + len, behind) == 0;
}

static bool is_same(const char *a, const char *b, int number)
{
    return strcmp(a, b) == 0 || is_repeated(a, b, number) || is_repeated(b, a, number);
}

/* The network's class of that name that is not taken: the one of this number where that is it, else the next after the
 * one found before (names mostly come in the same order). -1: there is none. */
static int find_class(const struct sk_names *to, const char *name, int number, int after, const bool *taken)
{
    if (number < to->count && !taken[number] && is_same(name, to->name[number], number))
        return number;
    for (int i = 0; i < to->count; i++) {
        int at = (after + 1 + i) % to->count;
        if (!taken[at] && is_same(name, to->name[at], at))
            return at;
    }
    return -1;
}

static enum sk_code refuse(const struct sk_names *to, const char *name, struct sk_err *err)
{
    char list[LIST] = "", shown[SK_NAME], more[64] = "";
    size_t len = 0;
    int n = 0;
    for (; n < to->count && n < SHOWN && len + 64 < sizeof(list); n++) {
        char one[60];
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", n ? ", " : "",
                                sk_printable(one, sizeof(one), to->name[n]));
    }
    if (n < to->count)
        snprintf(more, sizeof(more), " and %d more", to->count - n);
    const char *nearest = sk_nearest(name, to->name, (size_t)to->count);
    if (nearest && strcmp(nearest, name) == 0) /* it comes more often than the network's */
        nearest = NULL;
    return sk_fail(err, SK_INPUT, "the data has a class '%s' that the network does not know%s%s%s; its classes: %s%s",
                   sk_printable(shown, sizeof(shown), name), nearest ? " (did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?)" : "", list, more);
}

enum sk_code sk_classes_match(int *map, const struct sk_names *from, const struct sk_names *to, struct sk_err *err)
{
    bool *taken = sk_alloc((size_t)to->count, sizeof(*taken), err);
    enum sk_code code = taken ? SK_OK : SK_NOMEM;
    for (int i = 0, last = -1; code == SK_OK && i < from->count; i++) {
        map[i] = last = find_class(to, from->name[i], i, last, taken);
        if (last < 0)
            code = refuse(to, from->name[i], err);
        else
            taken[last] = true;
    }
    sk_free(taken);
    return code;
}
