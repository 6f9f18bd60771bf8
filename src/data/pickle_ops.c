/* Pickles: the opcodes that are read, working on stack, marks and memo; every other opcode is refused. */
#include "data/pickle.h"

#include <string.h>

enum { MAX_NAME = 128 };

static enum sk_code push(struct sk_pickle *p, struct sk_pickle_value *v)
{
    if (!v)
        return SK_NOMEM;
    if (p->stack_count == SK_PICKLE_MAX_STACK)
        return sk_pickle_bad(p, "puts more than %d values on the stack", SK_PICKLE_MAX_STACK);
    enum sk_code code =
        sk_grow(&p->stack, &p->stack_capacity, p->stack_count + 1, sizeof(struct sk_pickle_value *), p->err);
    if (code == SK_OK)
        p->stack[p->stack_count++] = v;
    return code;
}

/* The n values above the last mark, or an error; they stay on the stack. */
static enum sk_code need(const struct sk_pickle *p, size_t n)
{
    size_t base = p->marks > 0 ? p->mark[p->marks - 1] : 0;
    return p->stack_count - base >= n ? SK_OK : sk_pickle_bad(p, "finds fewer than %zu values on the stack", n);
}

static struct sk_pickle_value *top(const struct sk_pickle *p)
{
    return p->stack[p->stack_count - 1];
}

/* Takes away the last mark: *first is the place of the first value above it. */
static enum sk_code pop_mark(struct sk_pickle *p, size_t *first)
{
    if (p->marks == 0)
        return sk_pickle_bad(p, "finds no mark on the stack");
    *first = p->mark[--p->marks];
    return SK_OK;
}

/* A little-endian number of width bytes from the input. */
static enum sk_code read_number(struct sk_pickle *p, int width, uint64_t *out)
{
    if (p->end - p->at < width)
        return sk_pickle_bad(p, "is cut off");
    *out = 0;
    memcpy(out, p->at, (size_t)width);
    p->at += width;
    return SK_OK;
}

static enum sk_code read_bytes(struct sk_pickle *p, uint64_t len, const uint8_t **out)
{
    if (len > (uint64_t)(p->end - p->at))
        return sk_pickle_bad(p, "is cut off: %llu bytes said, %zu left", (unsigned long long)len,
                             (size_t)(p->end - p->at));
    *out = p->at;
    p->at += len;
    return SK_OK;
}

static enum sk_code add_items(struct sk_pickle *p, struct sk_pickle_value *to, size_t first)
{
    size_t n = p->stack_count - first;
    enum sk_code code = sk_grow(&to->item, &to->capacity, to->count + n, sizeof(struct sk_pickle_value *), p->err);
    if (code != SK_OK)
        return code;
    if (n > 0)
        memcpy(to->item + to->count, p->stack + first, n * sizeof(*to->item));
    to->count += n;
    p->stack_count = first;
    return SK_OK;
}

/* ---- opcodes: arg is what the table gives ---- */

static enum sk_code op_proto(struct sk_pickle *p, int arg)
{
    uint64_t version;
    enum sk_code code = read_number(p, arg, &version);
    if (code == SK_OK && (version < 2 || version > 5))
        return sk_pickle_bad(p, "says protocol %d, expected 2 to 5", (int)version);
    return code;
}

static enum sk_code op_frame(struct sk_pickle *p, int arg)
{
    uint64_t len;
    return read_number(p, arg, &len);
}

static enum sk_code op_constant(struct sk_pickle *p, int arg)
{
    struct sk_pickle_value *v = sk_pickle_new(p, arg < 0 ? SK_PICKLE_NONE : SK_PICKLE_BOOL);
    if (v && arg > 0)
        v->number = 1;
    return push(p, v);
}

/* BININT of four bytes is signed, the shorter ones are not. */
static enum sk_code op_int(struct sk_pickle *p, int arg)
{
    uint64_t n;
    enum sk_code code = read_number(p, arg, &n);
    if (code != SK_OK)
        return code;
    struct sk_pickle_value *v = sk_pickle_new(p, SK_PICKLE_INT);
    if (v)
        v->number = arg == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
    return push(p, v);
}

/* LONG1: a length, then a number in two's complement. */
static enum sk_code op_long(struct sk_pickle *p, int arg)
{
    uint64_t len, n = 0;
    enum sk_code code = read_number(p, arg, &len);
    if (code != SK_OK)
        return code;
    if (len > sizeof(n))
        return sk_pickle_bad(p, "holds a number of %d bytes, expected at most 8", (int)len);
    if ((code = read_number(p, (int)len, &n)) != SK_OK)
        return code;
    struct sk_pickle_value *v = sk_pickle_new(p, SK_PICKLE_INT);
    if (v && len > 0)
        v->number = (int64_t)(n << (64 - 8 * len)) >> (64 - 8 * len);
    return push(p, v);
}

static enum sk_code string(struct sk_pickle *p, int width, enum sk_pickle_kind kind)
{
    uint64_t len;
    const uint8_t *data = NULL;
    enum sk_code code;
    if ((code = read_number(p, width, &len)) != SK_OK || (code = read_bytes(p, len, &data)) != SK_OK)
        return code;
    struct sk_pickle_value *v = sk_pickle_new(p, kind);
    if (v) {
        v->data = data;
        v->len = (size_t)len;
    }
    return push(p, v);
}

static enum sk_code op_bytes(struct sk_pickle *p, int arg)
{
    return string(p, arg, SK_PICKLE_BYTES);
}

static enum sk_code op_text(struct sk_pickle *p, int arg)
{
    return string(p, arg, SK_PICKLE_TEXT);
}

static enum sk_code op_empty(struct sk_pickle *p, int arg)
{
    return push(p, sk_pickle_new(p, (enum sk_pickle_kind)arg));
}

static enum sk_code op_mark(struct sk_pickle *p, int arg)
{
    (void)arg;
    if (p->marks == SK_PICKLE_MAX_MARKS)
        return sk_pickle_bad(p, "nests deeper than %d", SK_PICKLE_MAX_MARKS);
    p->mark[p->marks++] = p->stack_count;
    return SK_OK;
}

/* A tuple of the last arg values; -1: of those above the mark. */
static enum sk_code op_tuple(struct sk_pickle *p, int arg)
{
    size_t first = 0;
    enum sk_code code = arg < 0 ? pop_mark(p, &first) : need(p, (size_t)arg);
    if (code != SK_OK)
        return code;
    if (arg >= 0)
        first = p->stack_count - (size_t)arg;
    struct sk_pickle_value *v = sk_pickle_new(p, SK_PICKLE_TUPLE);
    if (!v)
        return SK_NOMEM;
    code = add_items(p, v, first);
    return code == SK_OK ? push(p, v) : code;
}

/* Values into the list or dictionary below them: the last n, or those above the mark (n = 0). */
static enum sk_code extend(struct sk_pickle *p, size_t n, enum sk_pickle_kind kind)
{
    size_t first = 0;
    enum sk_code code = n == 0 ? pop_mark(p, &first) : need(p, n);
    if (code != SK_OK)
        return code;
    if (n > 0)
        first = p->stack_count - n;
    size_t base = p->marks > 0 ? p->mark[p->marks - 1] : 0;
    if (first == base || p->stack[first - 1]->kind != kind)
        return sk_pickle_bad(p, "finds no %s to add to", kind == SK_PICKLE_LIST ? "list" : "dictionary");
    if (kind == SK_PICKLE_DICT && (p->stack_count - first) % 2 != 0)
        return sk_pickle_bad(p, "finds a key without a value");
    return add_items(p, p->stack[first - 1], first);
}

static enum sk_code op_append(struct sk_pickle *p, int arg)
{
    return extend(p, (size_t)arg, SK_PICKLE_LIST);
}

static enum sk_code op_set(struct sk_pickle *p, int arg)
{
    return extend(p, (size_t)arg, SK_PICKLE_DICT);
}

static enum sk_code memoize(struct sk_pickle *p, uint64_t index)
{
    enum sk_code code = need(p, 1);
    if (code != SK_OK)
        return code;
    if (index >= SK_PICKLE_MAX_OPS)
        return sk_pickle_bad(p, "numbers memo entry %llu, expected less than %d", (unsigned long long)index,
                             SK_PICKLE_MAX_OPS);
    code = sk_grow(&p->memo, &p->memo_capacity, (size_t)index + 1, sizeof(struct sk_pickle_value *), p->err);
    if (code == SK_OK)
        p->memo[index] = top(p);
    return code;
}

static enum sk_code op_put(struct sk_pickle *p, int arg)
{
    uint64_t index;
    enum sk_code code = read_number(p, arg, &index);
    return code == SK_OK ? memoize(p, index) : code;
}

static enum sk_code op_memoize(struct sk_pickle *p, int arg)
{
    (void)arg;
    return memoize(p, p->memo_next++);
}

static enum sk_code op_get(struct sk_pickle *p, int arg)
{
    uint64_t index;
    enum sk_code code = read_number(p, arg, &index);
    if (code != SK_OK)
        return code;
    if (index >= p->memo_capacity || !p->memo[index])
        return sk_pickle_bad(p, "asks for memo entry %llu, which is not there", (unsigned long long)index);
    return push(p, p->memo[index]);
}

static enum sk_code push_global(struct sk_pickle *p, const void *module, size_t module_len, const void *name,
                                size_t name_len)
{
    char full[2 * MAX_NAME + 2];
    struct sk_pickle_value *v;
    if (module_len > MAX_NAME || name_len > MAX_NAME)
        return sk_pickle_bad(p, "names something of more than %d letters", MAX_NAME);
    (void)snprintf(full, sizeof(full), "%.*s %.*s", (int)module_len, (const char *)module, (int)name_len,
                   (const char *)name);
    enum sk_code code = sk_pickle_global(p, full, &v);
    return code == SK_OK ? push(p, v) : code;
}

static enum sk_code read_line(struct sk_pickle *p, const uint8_t **line, size_t *len)
{
    const uint8_t *end = memchr(p->at, '\n', (size_t)(p->end - p->at));
    if (!end)
        return sk_pickle_bad(p, "is cut off");
    *line = p->at;
    *len = (size_t)(end - p->at);
    p->at = end + 1;
    return SK_OK;
}

static enum sk_code op_global(struct sk_pickle *p, int arg)
{
    const uint8_t *module = NULL, *name = NULL;
    size_t module_len = 0, name_len = 0;
    enum sk_code code;
    (void)arg;
    if ((code = read_line(p, &module, &module_len)) != SK_OK || (code = read_line(p, &name, &name_len)) != SK_OK)
        return code;
    return push_global(p, module, module_len, name, name_len);
}

static enum sk_code op_stack_global(struct sk_pickle *p, int arg)
{
    enum sk_code code = need(p, 2);
    (void)arg;
    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *name = p->stack[--p->stack_count], *module = p->stack[--p->stack_count];
    if (name->kind != SK_PICKLE_TEXT || module->kind != SK_PICKLE_TEXT)
        return sk_pickle_bad(p, "finds no name on the stack");
    return push_global(p, module->data, module->len, name->data, name->len);
}

static enum sk_code op_reduce(struct sk_pickle *p, int arg)
{
    struct sk_pickle_value *result;
    enum sk_code code = need(p, 2);
    (void)arg;
    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *args = p->stack[--p->stack_count], *function = p->stack[--p->stack_count];
    code = sk_pickle_call(p, function, args, &result);
    return code == SK_OK ? push(p, result) : code;
}

static enum sk_code op_build(struct sk_pickle *p, int arg)
{
    enum sk_code code = need(p, 2);
    (void)arg;
    if (code != SK_OK)
        return code;
    const struct sk_pickle_value *state = p->stack[--p->stack_count];
    return sk_pickle_set_state(p, top(p), state);
}

static const struct {
    enum sk_code (*run)(struct sk_pickle *p, int arg);
    int arg;
} opcodes[256] = {
    [0x80] = {op_proto, 1},
    [0x95] = {op_frame, 8},
    ['N'] = {op_constant, -1},
    [0x88] = {op_constant, 1},
    [0x89] = {op_constant, 0},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},
    [0x8a] = {op_long, 1},
    ['U'] = {op_bytes, 1}, /* strings of Python 2 */
    ['T'] = {op_bytes, 4},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8}, /* bytearray */
    [0x8c] = {op_text, 1},
    ['X'] = {op_text, 4},
    [0x8d] = {op_text, 8},
    [']'] = {op_empty, SK_PICKLE_LIST},
    ['}'] = {op_empty, SK_PICKLE_DICT},
    [')'] = {op_empty, SK_PICKLE_TUPLE},
    ['('] = {op_mark, 0},
    ['t'] = {op_tuple, -1},
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['a'] = {op_append, 1},
    ['e'] = {op_append, 0},
    ['s'] = {op_set, 2},
    ['u'] = {op_set, 0},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_reduce, 0},
    ['b'] = {op_build, 0},
};

enum sk_code sk_pickle_step(struct sk_pickle *p)
{
    int opcode = *p->opcode;
    if (!opcodes[opcode].run)
        return sk_pickle_bad(p, "is not one of those that numbers, strings and numpy arrays need");
    return opcodes[opcode].run(p, opcodes[opcode].arg);
}
