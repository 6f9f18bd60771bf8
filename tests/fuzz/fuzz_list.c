/* Fuzzer: lists of pictures. The first byte chooses the form, the rest is the text. */
#include <string.h>

#include "data/labels.h"
#include "data/list.h"
#include "fuzz.h"

static enum sk_code take(void *ctx, const struct sk_list_row *row, struct sk_err *err)
{
    int number;
    if (row->path && (row->path_len == 0 || row->path_len >= SK_PATH || memchr(row->path, '\0', row->path_len)))
        abort();
    return sk_label_set_add(ctx, row->label, row->label_len, &number, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_label_set labels = {0};
    struct sk_err err = {0};
    if (size == 0)
        return 0;
    char *text = malloc(size); /* of its own length, so that a step beyond it is seen */
    memcpy(text, data + 1, size - 1);
    if (sk_list_parse(text, size - 1, (enum sk_list_form)(data[0] % SK_LIST_NONE), "fuzz", take, &labels, &err) !=
            SK_OK && err.text[0] == '\0')
        abort(); /* every refusal says why */
    sk_label_set_release(&labels);
    free(text);
    return 0;
}
