/* Memory layout: tensors that do not live at the same time share the same bytes of one arena. */
#include <stdlib.h>
#include <string.h>

#include "exec/internal.h"

enum { ALIGN = 64 };

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static bool overlap(const struct sk_block *a, const struct sk_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int by_size(const void *a, const void *b)
{
    const struct sk_block *x = *(struct sk_block *const *)a, *y = *(struct sk_block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : (x < y ? -1 : x > y);
}

static int by_offset(const void *a, const void *b)
{
    const struct sk_block *x = *(struct sk_block *const *)a, *y = *(struct sk_block *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap that fits among the placed blocks that live at the same time; near is room for them. */
static size_t lowest_gap(const struct sk_block *b, struct sk_block *const *placed, size_t count, struct sk_block **near)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        if (overlap(b, placed[i]))
            near[n++] = placed[i];
    qsort(near, n, sizeof *near, by_offset);
    for (size_t i = 0; i < n; i++) {
        if (near[i]->offset >= at + b->bytes)
            break;
        if (near[i]->offset + near[i]->bytes > at)
            at = near[i]->offset + near[i]->bytes;
    }
    return at;
}

enum sk_code sk_memory_layout(struct sk_block *block, size_t count, size_t *bytes, struct sk_err *err)
{
    struct sk_block **order = sk_alloc(2 * count + 1, sizeof *order, err), **near = order ? order + count : NULL;
    *bytes = 0;
    if (!order)
        return SK_NOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = &block[i];
    qsort(order, count, sizeof *order, by_size);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = lowest_gap(order[i], order, i, near);
        if (order[i]->offset + order[i]->bytes > *bytes)
            *bytes = order[i]->offset + order[i]->bytes;
    }
    sk_free(order);
    return SK_OK;
}

static bool in_arena(const struct sk_tensor *t)
{
    return t->role == SK_ROLE_VALUE || t->role == SK_ROLE_RESULT;
}

static int add_block(struct sk_memory *m, size_t bytes, int first, int last)
{
    m->block[m->count] = (struct sk_block){.bytes = round_up(bytes), .first = first, .last = last};
    return (int)m->count++;
}

static void place_outputs(struct sk_memory *m, const struct sk_graph *g, int index)
{
    const struct sk_op *op = &g->op[index];
    for (int k = 0; k < op->out_count; k++) {
        int t = op->out[k], old = in_arena(&g->tensor[t]) ? sk_graph_takes_over(g, index, k) : -1, last = sk_graph_last_use(g, t);
        if (!in_arena(&g->tensor[t]))
            continue;
        if (old < 0) {
            m->tensor_block[t] = add_block(m, sk_desc_bytes(&g->tensor[t].desc), index, last);
            continue;
        }
        m->tensor_block[t] = m->tensor_block[old];
        m->block[m->tensor_block[t]].last = last;
    }
}

enum sk_code sk_memory_plan(struct sk_memory *m, const struct sk_graph *g, const size_t *scratch, struct sk_err *err)
{
    memset(m, 0, sizeof *m);
    m->block = sk_alloc(g->tensor_count + g->op_count + 1, sizeof *m->block, err);
    m->tensor_block = sk_alloc(g->tensor_count + 1, sizeof *m->tensor_block, err);
    m->scratch_block = sk_alloc(g->op_count + 1, sizeof *m->scratch_block, err);
    if (!m->block || !m->tensor_block || !m->scratch_block) {
        sk_memory_release(m);
        return SK_NOMEM;
    }
    for (size_t t = 0; t < g->tensor_count; t++)
        m->tensor_block[t] = -1;
    for (size_t i = 0; i < g->op_count; i++) {
        place_outputs(m, g, (int)i);
        m->scratch_block[i] = scratch[i] ? add_block(m, scratch[i], (int)i, (int)i) : -1;
    }
    return sk_memory_layout(m->block, m->count, &m->bytes, err);
}

void sk_memory_release(struct sk_memory *m)
{
    sk_free(m->block);
    sk_free(m->tensor_block);
    sk_free(m->scratch_block);
    memset(m, 0, sizeof *m);
}
