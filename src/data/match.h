/* Classes matched by name; inside data/ only. */
#ifndef SKUA_DATA_MATCH_H
#define SKUA_DATA_MATCH_H

#include "data/data.h"

struct sk_names {
    const char *const *name; /* [count] */
    int count;
};
/* map[from->count]: the number that each class has in to. Names that come again are matched in their order, and with
 * what `data convert` makes of them ("crane (517)"). INPUT names a class that is not in to, and those that are. */
enum sk_code sk_classes_match(int *map, const struct sk_names *from, const struct sk_names *to,
                              struct sk_err *err) SK_MUST;

#endif
