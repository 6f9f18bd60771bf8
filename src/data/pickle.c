/* Pickles: values, and the run from the first opcode to the last. */
#include "data/pickle.h"

#include <string.h>

enum { BLOCK_VALUES = 512 };

struct sk_pickle_block {
    struct sk_pickle_block *next;
    struct sk_pickle_value value[BLOCK_VALUES];
};

enum sk_code sk_pickle_bad(const struct sk_pickle *p, const char *fmt, ...)
{
    char text[512], opcode[8];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    int c = *p->opcode;
    (void)snprintf(opcode, sizeof(opcode), c > ' ' && c < 127 ? "'%c'" : "0x%02x", c);
    return sk_fail(p->err, SK_INPUT, "'%s': pickle opcode %s at byte %zu %s", p->name, opcode,
                   (size_t)(p->opcode - p->begin), text);
}

struct sk_pickle_value *sk_pickle_new(struct sk_pickle *p, enum sk_pickle_kind kind)
{
    if (!p->blocks || p->used == BLOCK_VALUES) {
        struct sk_pickle_block *block = sk_alloc(1, sizeof(*block), p->err);
        if (!block)
            return NULL;
        block->next = p->blocks;
        p->blocks = block;
        p->used = 0;
    }
    struct sk_pickle_value *v = &p->blocks->value[p->used++];
    v->kind = kind;
    return v;
}

/* Runs until STOP, whose value becomes the root. */
static enum sk_code run(struct sk_pickle *p)
{
    enum sk_code code = SK_OK;
    for (long ops = 0; p->at < p->end; ops++) {
        p->opcode = p->at++;
        if (ops == SK_PICKLE_MAX_OPS)
            return sk_pickle_bad(p, "comes after %d others, more are not read", SK_PICKLE_MAX_OPS);
        if (*p->opcode == '.') {
            if (p->stack_count == 0 || p->marks > 0)
                return sk_pickle_bad(p, "finds no finished value on the stack");
            p->root = p->stack[p->stack_count - 1];
            return SK_OK;
        }
        if ((code = sk_pickle_step(p)) != SK_OK)
            return code;
    }
    return sk_fail(p->err, SK_INPUT, "'%s': the pickle ends without a stop", p->name);
}

enum sk_code sk_pickle_read(struct sk_pickle *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    *p = (struct sk_pickle){.name = name, .begin = data, .at = data, .err = err};
    if (len == 0)
        return sk_fail(err, SK_INPUT, "'%s' is empty", name);
    p->end = p->begin + len;
    enum sk_code code =
        *p->begin == 0x80 ? run(p) : sk_fail(err, SK_INPUT, "'%s' is not a pickle of protocol 2 to 5", name);
    if (code != SK_OK)
        sk_pickle_release(p);
    return code;
}

void sk_pickle_release(struct sk_pickle *p)
{
    for (struct sk_pickle_block *block = p->blocks, *next; block; block = next) {
        for (size_t i = 0; i < BLOCK_VALUES; i++) {
            sk_free(block->value[i].item);
            sk_free(block->value[i].owned);
        }
        next = block->next;
        sk_free(block);
    }
    sk_free(p->stack);
    sk_free(p->memo);
    *p = (struct sk_pickle){0};
}

const struct sk_pickle_value *sk_pickle_get(const struct sk_pickle_value *dict, const char *key)
{
    size_t len = strlen(key);
    if (dict->kind != SK_PICKLE_DICT)
        return NULL;
    for (size_t i = 0; i < dict->count; i += 2) {
        const struct sk_pickle_value *k = dict->item[i];
        if ((k->kind == SK_PICKLE_BYTES || k->kind == SK_PICKLE_TEXT) && k->len == len &&
            memcmp(k->data, key, len) == 0)
            return dict->item[i + 1];
    }
    return NULL;
}

void *sk_pickle_take(struct sk_pickle *p, const uint8_t *data)
{
    for (struct sk_pickle_block *block = p->blocks; block; block = block->next) {
        for (size_t i = 0; i < BLOCK_VALUES; i++) {
            void *owned = block->value[i].owned;
            if (owned && owned == data) {
                block->value[i].owned = NULL;
                return owned;
            }
        }
    }
    return NULL;
}
