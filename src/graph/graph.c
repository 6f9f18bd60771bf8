/* Building a graph: tensors, ops, lookups and the invariants that every pass must keep. */
#include "graph/graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t sk_dtype_size(enum sk_dtype t)
{
    static const size_t size[] = {[SK_F32] = 4, [SK_BF16] = 2, [SK_U8] = 1, [SK_I32] = 4};
    return size[t];
}

const char *sk_dtype_name(enum sk_dtype t)
{
    static const char *const name[] = {[SK_F32] = "f32", [SK_BF16] = "bf16", [SK_U8] = "u8", [SK_I32] = "i32"};
    return name[t];
}

int64_t sk_desc_count(const struct sk_desc *d)
{
    int64_t n = 1;
    for (int i = 0; i < d->rank; i++)
        n *= d->dim[i];
    return n;
}

size_t sk_desc_bytes(const struct sk_desc *d)
{
    return (size_t)sk_desc_count(d) * sk_dtype_size(d->dtype);
}

struct sk_desc sk_desc_make(enum sk_dtype dtype, int rank, const int64_t *dim)
{
    struct sk_desc d = {.dtype = dtype, .layout = SK_LAYOUT_DENSE, .rank = rank};
    assert(rank >= 1 && rank <= SK_DIMS);
    for (int i = 0; i < rank; i++)
        d.dim[i] = dim[i];
    return d;
}

void sk_graph_release(struct sk_graph *g)
{
    sk_free(g->tensor);
    sk_free(g->op);
    memset(g, 0, sizeof *g);
}

/* Every tensor's size must be countable: at most 2^40 elements, no dimension below 1. */
static enum sk_code check_dims(const char *name, const struct sk_desc *d, struct sk_err *err)
{
    int64_t n = 1;
    for (int i = 0; i < d->rank; i++) {
        if (d->dim[i] < 1)
            return sk_fail(err, SK_INPUT, "'%s' would be empty: dimension %d is %lld", name, i, (long long)d->dim[i]);
        if (n > (INT64_C(1) << 40) / d->dim[i])
            return sk_fail(err, SK_INPUT, "'%s' is too large to compute with", name);
        n *= d->dim[i];
    }
    return SK_OK;
}

enum sk_code sk_graph_tensor(struct sk_graph *g, const char *name, enum sk_role role, const struct sk_desc *desc, int *id,
                             struct sk_err *err)
{
    enum sk_code code = check_dims(name, desc, err);
    if (code != SK_OK)
        return code;
    code = sk_grow(&g->tensor, &g->tensor_cap, g->tensor_count + 1, sizeof *g->tensor, err);
    if (code != SK_OK)
        return code;
    struct sk_tensor *t = &g->tensor[g->tensor_count];
    *t = (struct sk_tensor){.desc = *desc, .role = role, .producer = -1, .grad = -1};
    code = sk_format(t->name, sizeof t->name, "a tensor's name", err, "%s", name);
    if (code == SK_OK)
        *id = (int)g->tensor_count++;
    return code;
}

int sk_graph_find(const struct sk_graph *g, const char *name)
{
    for (size_t i = 0; i < g->tensor_count; i++)
        if (strcmp(g->tensor[i].name, name) == 0)
            return (int)i;
    return -1;
}

static enum sk_code make_output(struct sk_graph *g, struct sk_op *op, int i, const struct sk_desc *desc, int producer,
                                struct sk_err *err)
{
    char name[SK_TENSOR_NAME];
    enum sk_code code = i == 0 ? sk_format(name, sizeof name, "an op's name", err, "%s", op->name)
                               : sk_format(name, sizeof name, "an op's name", err, "%s.%d", op->name, i);
    if (code != SK_OK)
        return code;
    code = sk_graph_tensor(g, name, op->phase == SK_PHASE_PREPARE ? SK_ROLE_FROZEN : SK_ROLE_VALUE, desc, &op->out[i], err);
    if (code == SK_OK)
        g->tensor[op->out[i]].producer = producer;
    return code;
}

enum sk_code sk_graph_op(struct sk_graph *g, const struct sk_op *op, int *index, struct sk_err *err)
{
    const struct sk_op_info *info = sk_op_info(op->kind);
    struct sk_op copy = *op;
    struct sk_desc out[SK_OP_OUT];
    assert(copy.in_count >= info->in_min && copy.in_count <= info->in_max);
    if (copy.out_count == 0)
        copy.out_count = info->out_count;
    enum sk_code code = sk_grow(&g->op, &g->op_cap, g->op_count + 1, sizeof *g->op, err);
    if (code == SK_OK)
        code = info->shape(g, &copy, out, err);
    if (code != SK_OK) {
        sk_err_prefix(err, "%s '%s'", info->name, copy.name);
        return code;
    }
    size_t tensors = g->tensor_count;
    for (int i = 0; i < copy.out_count && code == SK_OK; i++)
        if (copy.out[i] < 0)
            code = make_output(g, &copy, i, &out[i], (int)g->op_count, err);
    if (code != SK_OK) {
        g->tensor_count = tensors;
        return code;
    }
    g->op[g->op_count] = copy;
    *index = (int)g->op_count++;
    return SK_OK;
}

struct sk_op sk_op_make(enum sk_op_kind kind, enum sk_phase phase, const int *in, int in_count)
{
    struct sk_op op = {.kind = kind, .phase = phase, .in_count = in_count};
    assert(in_count <= SK_OP_IN);
    for (int i = 0; i < in_count; i++)
        op.in[i] = in[i];
    for (int i = 0; i < SK_OP_OUT; i++)
        op.out[i] = -1;
    return op;
}

enum sk_code sk_graph_emit(struct sk_graph *g, enum sk_op_kind kind, const char *name, const int *in, int in_count,
                           const struct sk_attr *attr, int *out, struct sk_err *err)
{
    struct sk_op op = sk_op_make(kind, SK_PHASE_FORWARD, in, in_count);
    int index = -1;
    if (attr)
        op.attr = *attr;
    enum sk_code code = sk_format(op.name, sizeof op.name, "an op's name", err, "%s", name);
    if (code == SK_OK)
        code = sk_graph_op(g, &op, &index, err);
    if (code == SK_OK)
        *out = g->op[index].out[0];
    return code;
}

static bool made_before(const struct sk_graph *g, int tensor, size_t op)
{
    const struct sk_tensor *t = &g->tensor[tensor];
    if (t->role != SK_ROLE_VALUE && t->role != SK_ROLE_RESULT && t->role != SK_ROLE_FROZEN)
        return true;
    return t->producer >= 0 && (size_t)t->producer < op;
}

static bool same_shape(const struct sk_desc *a, const struct sk_desc *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    return memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static enum sk_code check_op(const struct sk_graph *g, size_t index, struct sk_err *err)
{
    const struct sk_op *op = &g->op[index];
    const struct sk_op_info *info = sk_op_info(op->kind);
    struct sk_desc out[SK_OP_OUT];
    if (op->in_count < info->in_min || op->in_count > info->in_max)
        return sk_fail(err, SK_BUG, "op '%s' (%s) has %d inputs", op->name, info->name, op->in_count);
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] < 0 || (size_t)op->in[i] >= g->tensor_count || !made_before(g, op->in[i], index))
            return sk_fail(err, SK_BUG, "op '%s' (%s) reads tensor %d before it is made", op->name, info->name, op->in[i]);
    enum sk_code code = info->shape(g, op, out, err);
    if (code != SK_OK)
        return code;
    for (int i = 0; i < op->out_count; i++) {
        if (op->out[i] < 0 || (size_t)op->out[i] >= g->tensor_count)
            return sk_fail(err, SK_BUG, "op '%s' (%s) makes no tensor %d", op->name, info->name, i);
        if (!same_shape(&g->tensor[op->out[i]].desc, &out[i]))
            return sk_fail(err, SK_BUG, "output %d of op '%s' (%s) has another shape than the op gives", i, op->name, info->name);
    }
    return SK_OK;
}

enum sk_code sk_graph_check(const struct sk_graph *g, struct sk_err *err)
{
    for (size_t i = 0; i < g->op_count; i++) {
        enum sk_code code = check_op(g, i, err);
        if (code != SK_OK)
            return code;
        if (i > 0 && g->op[i].phase < g->op[i - 1].phase)
            return sk_fail(err, SK_BUG, "op '%s' stands after an op of a later phase", g->op[i].name);
    }
    return SK_OK;
}
