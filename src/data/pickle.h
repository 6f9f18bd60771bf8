/* A small strict reader of Python pickles (protocols 2 to 5, https://docs.python.org/3/library/pickletools.html):
 * numbers, strings, lists, tuples, dictionaries and uint8 arrays of NumPy. Nothing is executed: the few global names
 * that NumPy's arrays need are known by an exact list and interpreted here, every other name and opcode is refused. */
#ifndef SKUA_DATA_PICKLE_H
#define SKUA_DATA_PICKLE_H

#include "base/base.h"

enum { SK_PICKLE_MAX_RANK = 4, SK_PICKLE_MAX_OPS = 1 << 20, SK_PICKLE_MAX_STACK = 1 << 17, SK_PICKLE_MAX_MARKS = 32 };

enum sk_pickle_kind {
    SK_PICKLE_NONE,
    SK_PICKLE_BOOL,
    SK_PICKLE_INT,
    SK_PICKLE_BYTES,
    SK_PICKLE_TEXT, /* TEXT: UTF-8, not checked; a str of Python 2 is BYTES */
    SK_PICKLE_LIST,
    SK_PICKLE_TUPLE,
    SK_PICKLE_DICT,
    SK_PICKLE_ARRAY, /* uint8, C order; rank -1 until its state is set */
    SK_PICKLE_GLOBAL,
    SK_PICKLE_DTYPE
};

struct sk_pickle_value {
    enum sk_pickle_kind kind;
    int rank; /* ARRAY */
    int64_t dim[SK_PICKLE_MAX_RANK];
    int64_t number;      /* BOOL, INT; GLOBAL: which */
    const uint8_t *data; /* BYTES, TEXT, ARRAY: in the input, or in owned */
    size_t len;
    struct sk_pickle_value **item; /* LIST, TUPLE; DICT: keys and values in turn */
    size_t count, capacity;
    void *owned;
};

struct sk_pickle_block; /* values are allocated in blocks */

struct sk_pickle {
    const struct sk_pickle_value *root; /* the value that the pickle holds */
    /* private to the three files */
    const char *name;
    const uint8_t *begin, *at, *end, *opcode; /* input; next byte; its end; the opcode being run */
    struct sk_pickle_block *blocks;
    size_t used; /* values used in the newest block */
    struct sk_pickle_value **stack, **memo;
    size_t stack_count, stack_capacity, memo_capacity;
    size_t memo_next;                 /* MEMOIZE numbers its entries */
    size_t mark[SK_PICKLE_MAX_MARKS]; /* stack heights */
    int marks;
    size_t decoded; /* bytes of text decoded: at most those of the input */
    struct sk_err *err;
};

/* Reads the pickle at data, which must outlive p and what is taken from it. name is for messages. Damaged, or holding
 * anything else than said above: INPUT "'name': pickle opcode ...". *p is overwritten; on failure it is zeroed. */
enum sk_code sk_pickle_read(struct sk_pickle *p, const void *data, size_t len, const char *name,
                            struct sk_err *err) SK_MUST;
void sk_pickle_release(struct sk_pickle *p); /* accepts a zeroed one */
/* The value under a key (BYTES or TEXT) of a dictionary; NULL: no such key, or dict is none. */
const struct sk_pickle_value *sk_pickle_get(const struct sk_pickle_value *dict, const char *key);
/* Takes over the block that begins at data (sk_free), where data is not in the input but was decoded from it; else
 * NULL. */
void *sk_pickle_take(struct sk_pickle *p, const uint8_t *data);

/* ---- between pickle.c, pickle_ops.c and pickle_numpy.c ---- */
/* Records INPUT "'name': pickle opcode 'x' at byte n " and the text. */
enum sk_code sk_pickle_bad(const struct sk_pickle *p, const char *fmt, ...) SK_PRINTF(2, 3);
/* A fresh value of a kind, owned by p; NULL: no memory. */
struct sk_pickle_value *sk_pickle_new(struct sk_pickle *p, enum sk_pickle_kind kind);
/* Runs the opcode at p->opcode, any but STOP; p->at stands behind it. */
enum sk_code sk_pickle_step(struct sk_pickle *p) SK_MUST;
/* GLOBAL for "module name"; calling it; setting the state of what a call gave. */
enum sk_code sk_pickle_global(struct sk_pickle *p, const char *name, struct sk_pickle_value **out) SK_MUST;
enum sk_code sk_pickle_call(struct sk_pickle *p, const struct sk_pickle_value *function,
                            const struct sk_pickle_value *args, struct sk_pickle_value **out) SK_MUST;
enum sk_code sk_pickle_set_state(struct sk_pickle *p, struct sk_pickle_value *object,
                                 const struct sk_pickle_value *state) SK_MUST;

#endif
