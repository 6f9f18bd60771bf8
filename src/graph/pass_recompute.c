/* Pass for training: some values are not kept from the forward to the backward pass, but made again.
 *
 * The forward ops between two that are always kept are a unit, whose values are kept all or none: none only where that
 * lowers the peak, the most bytes that live at one time, by more than a little. In the last units, whose gradients come
 * first, it does not. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

/* A graph that is being written with copies of some ops of another. */
struct rewrite {
    const struct sk_graph *from;
    struct sk_graph to;
    const bool *again; /* by op of from: is its output made again? */
    int *copy;         /* by tensor: what the backward pass reads instead, -1: the tensor itself */
};

/* ---- writing ---- */
static enum sk_code copy_tensors(struct rewrite *w, struct sk_err *err)
{
    size_t count = w->from->tensor_count;
    enum sk_code code = sk_grow(&w->to.tensor, &w->to.tensor_cap, count, sizeof *w->to.tensor, err);
    w->copy = code == SK_OK ? sk_alloc(count, sizeof *w->copy, err) : NULL;
    if (!w->copy)
        return SK_NOMEM;
    memcpy(w->to.tensor, w->from->tensor, count * sizeof *w->to.tensor);
    w->to.tensor_count = count;
    for (size_t t = 0; t < count; t++)
        w->copy[t] = -1;
    return SK_OK;
}

/* Only output 0 is made again; statistics are small and stay. */
static bool is_made_again(const struct rewrite *w, int t)
{
    int producer = w->from->tensor[t].producer;
    return producer >= 0 && w->again[producer] && w->from->op[producer].out[0] == t;
}

static enum sk_code make_again(struct rewrite *w, int t, struct sk_err *err);

/* Lets op read copies, which are made if they are not there yet. */
static enum sk_code read_copies(struct rewrite *w, struct sk_op *op, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int k = 0; k < op->in_count && code == SK_OK; k++) {
        int t = op->in[k];
        if (!is_made_again(w, t))
            continue;
        code = w->copy[t] < 0 ? make_again(w, t, err) : SK_OK;
        op->in[k] = w->copy[t];
    }
    return code;
}

/* As deep as the chain of ops since the last value that is kept. */
static enum sk_code make_again(struct rewrite *w, int t, struct sk_err *err)
{
    struct sk_op op = w->from->op[w->from->tensor[t].producer];
    int index = -1;
    enum sk_code code = read_copies(w, &op, err);
    if (code == SK_OK)
        code = sk_format(op.name, sizeof op.name, "an op's name", err, "%s.again",
                         w->from->op[w->from->tensor[t].producer].name);
    op.phase = SK_PHASE_BACKWARD;
    for (int k = 0; k < SK_OP_OUT; k++)
        op.out[k] = -1;
    if (code == SK_OK)
        code = sk_graph_op(&w->to, &op, &index, err);
    if (code == SK_OK)
        w->copy[t] = w->to.op[index].out[0];
    return code;
}

/* The graph with copies of the ops that are marked; *to is for sk_graph_release, also after an error. */
static enum sk_code rewrite(const struct sk_graph *g, const bool *again, struct sk_graph *to, struct sk_err *err)
{
    struct rewrite w = {.from = g, .again = again};
    int index;
    enum sk_code code = copy_tensors(&w, err);
    for (size_t i = 0; i < g->op_count && code == SK_OK; i++) {
        struct sk_op op = g->op[i];
        if (op.phase == SK_PHASE_BACKWARD)
            code = read_copies(&w, &op, err);
        if (code == SK_OK)
            code = sk_graph_op(&w.to, &op, &index, err);
    }
    sk_free(w.copy);
    if (code == SK_OK)
        code = sk_graph_compact(&w.to, NULL, err);
    *to = w.to;
    return code;
}

/* ---- judging ---- */
static bool in_memory(const struct sk_tensor *t)
{
    return (t->role == SK_ROLE_VALUE || t->role == SK_ROLE_RESULT) && t->producer >= 0;
}

/* By tensor: the last op that reads it, its maker where none does; op_count for results. */
static void find_last_uses(const struct sk_graph *g, int *last)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        last[t] = g->tensor[t].role == SK_ROLE_RESULT ? (int)g->op_count : g->tensor[t].producer;
    for (size_t i = 0; i < g->op_count; i++)
        for (int k = 0; k < g->op[i].in_count; k++)
            if (last[g->op[i].in[k]] < (int)i)
                last[g->op[i].in[k]] = (int)i;
}

/* change[i]: by how many bytes op i needs more than the op before it. What lies over an input counts from the next on. */
static void add_outputs(const struct sk_graph *g, int index, const int *last, double *change)
{
    for (int k = 0; k < g->op[index].out_count; k++) {
        int t = g->op[index].out[k], first = index + (sk_graph_takes_over(g, index, k) >= 0);
        double bytes = (double)sk_desc_bytes(&g->tensor[t].desc);
        if (!in_memory(&g->tensor[t]))
            continue;
        change[first] += bytes;
        change[last[t] + 1 > first ? last[t] + 1 : first] -= bytes;
    }
}

/* The most bytes of values that live at one time. */
static enum sk_code most_bytes(const struct sk_graph *g, double *most, struct sk_err *err)
{
    double *change = sk_alloc(g->op_count + 2, sizeof *change, err), live = 0;
    int *last = change ? sk_alloc(g->tensor_count + 1, sizeof *last, err) : NULL;
    enum sk_code code = last ? SK_OK : SK_NOMEM;
    *most = 0;
    if (code == SK_OK) {
        find_last_uses(g, last);
        for (size_t i = 0; i < g->op_count; i++)
            add_outputs(g, (int)i, last, change);
        for (size_t i = 0; i < g->op_count; i++) {
            live += change[i];
            *most = live > *most ? live : *most;
        }
    }
    sk_free(change);
    sk_free(last);
    return code;
}

static enum sk_code most_bytes_with(const struct sk_graph *g, const bool *again, double *most, struct sk_err *err)
{
    struct sk_graph trial = {0};
    enum sk_code code = rewrite(g, again, &trial, err);
    if (code == SK_OK)
        code = most_bytes(&trial, most, err);
    sk_graph_release(&trial);
    return code;
}

/* ---- units ---- */
/* Norms that read what convolutions have made, those of a pair too: both are kept. */
static bool is_norm_of_kept(const struct sk_op *op)
{
    if (op->kind == SK_OP_BATCH_NORM_INFER)
        return !op->attr.residual || op->attr.residual_norm;
    return op->kind == SK_OP_NORMALIZE;
}

/* What lies within a block, or in the stem. */
static bool is_inside(const struct sk_op *op)
{
    return op->kind == SK_OP_CONV || op->kind == SK_OP_NORMALIZE ||
           ((op->kind == SK_OP_BATCH_NORM || op->kind == SK_OP_BATCH_NORM_INFER) && !op->attr.residual);
}

static bool can_repeat(const struct sk_graph *g, int index, enum sk_recompute what)
{
    const struct sk_op *op = &g->op[index];
    if (op->phase != SK_PHASE_FORWARD || g->tensor[op->out[0]].role != SK_ROLE_VALUE)
        return false;
    return what == SK_RECOMPUTE_BLOCKS ? is_inside(op) : is_norm_of_kept(op);
}

static void mark(const struct sk_graph *g, int from, int to, enum sk_recompute what, bool *again)
{
    for (int i = from; i < to; i++)
        again[i] = can_repeat(g, i, what);
}

/* Whether the peak with a unit's values kept is within the limit. */
static enum sk_code try_keeping(const struct sk_graph *g, int from, int to, bool *again, double limit, bool *keep, struct sk_err *err)
{
    double most = 0;
    memset(again + from, 0, (size_t)(to - from) * sizeof *again);
    enum sk_code code = most_bytes_with(g, again, &most, err);
    *keep = most <= limit;
    return code;
}

/* From the last unit on, whose values live the shortest: those that may be kept for next to nothing are. */
static enum sk_code keep_what_is_free(const struct sk_graph *g, enum sk_recompute what, bool *again, struct sk_err *err)
{
    const double slack = 1.02;
    double least = 0;
    enum sk_code code = most_bytes_with(g, again, &least, err);
    for (int to = (int)g->op_count, from; to > 0 && code == SK_OK; to = from) {
        bool keep = true;
        for (from = to - 1; from > 0 && can_repeat(g, from - 1, what);)
            from--;
        if (to - from > 1 || again[from])
            code = try_keeping(g, from, to, again, slack * least, &keep, err);
        if (!keep)
            mark(g, from, to, what, again);
    }
    return code;
}

enum sk_code sk_pass_recompute(struct sk_graph *g, enum sk_recompute what, struct sk_err *err)
{
    bool *again = sk_alloc(g->op_count + 1, sizeof *again, err);
    struct sk_graph done = {0};
    if (!again)
        return SK_NOMEM;
    mark(g, 0, (int)g->op_count, what, again);
    enum sk_code code = keep_what_is_free(g, what, again, err);
    if (code == SK_OK)
        code = rewrite(g, again, &done, err);
    sk_free(again);
    if (code != SK_OK) {
        sk_graph_release(&done);
        return code;
    }
    sk_graph_release(g);
    *g = done;
    return SK_OK;
}
