/* First parts of a network that are not trained: the backward pass ends behind them. */
#include <string.h>

#include "graph/graph.h"

static bool begins_with(const char *name, const char *word)
{
    size_t n = strlen(word);
    return strncmp(name, word, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

static bool is_of(const char *name, const char *word)
{
    if (strcmp(word, "stem") == 0)
        return begins_with(name, "conv1") || begins_with(name, "bn1") || begins_with(name, "features.0");
    return begins_with(name, word);
}

static enum sk_code check_word(const struct sk_graph *g, const char *word, struct sk_err *err)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM && is_of(g->tensor[t].name, word))
            return SK_OK;
    return sk_fail(err, SK_INPUT, "train.freeze: no weight of the network has a name that begins with '%s'", word);
}

static void freeze_word(struct sk_graph *g, const char *word)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM && is_of(g->tensor[t].name, word))
            g->tensor[t].role = SK_ROLE_STATE;
}

/* A norm of which only gamma or only beta is frozen is one that is trained. */
static bool is_frozen(const struct sk_graph *g, const struct sk_op *norm)
{
    return g->tensor[norm->in[1]].role == SK_ROLE_STATE && g->tensor[norm->in[2]].role == SK_ROLE_STATE;
}

/* The running statistics stand beside gamma, "x.weight". */
static enum sk_code use_running(struct sk_graph *g, struct sk_op *norm, struct sk_err *err)
{
    static const char *const stat[] = {"running_mean", "running_var"};
    const char *gamma = g->tensor[norm->in[1]].name;
    for (int i = 0; i < 2; i++) {
        char name[2 * SK_TENSOR_NAME];
        snprintf(name, sizeof name, "%.*s.%s", (int)(strlen(gamma) - strlen(".weight")), gamma, stat[i]);
        norm->in[3 + i] = sk_graph_find(g, name);
        if (norm->in[3 + i] < 0)
            return sk_fail(err, SK_BUG, "norm '%s' has no '%s'", norm->name, name);
    }
    norm->kind = SK_OP_BATCH_NORM_INFER;
    norm->in_count = 5;
    for (int i = 1; i < 3; i++)
        g->tensor[norm->out[i]].producer = -1;
    norm->out_count = 1;
    return SK_OK;
}

/* Nothing that is trained may stand before it. */
static enum sk_code check_first(const struct sk_graph *g, const struct sk_op *op, struct sk_err *err)
{
    bool frozen = op->in_count > 1 && g->tensor[op->in[1]].role == SK_ROLE_STATE;
    if (!frozen || !g->tensor[op->in[0]].wanted)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "train.freeze: '%s' stands behind weights that are trained: only the first parts of a "
                                  "network can be frozen",
                   op->name);
}

static enum sk_code check_rest(const struct sk_graph *g, struct sk_err *err)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM)
            return SK_OK;
    return sk_fail(err, SK_INPUT, "train.freeze: nothing is left to train");
}

enum sk_code sk_graph_freeze(struct sk_graph *g, const struct sk_recipe_words *words, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < words->count && code == SK_OK; i++)
        code = check_word(g, sk_recipe_word(words, i), err);
    for (int i = 0; i < words->count && code == SK_OK; i++) /* one may say again what another says */
        freeze_word(g, sk_recipe_word(words, i));
    if (code == SK_OK && words->count > 0)
        sk_graph_mark_wanted(g);
    for (size_t i = 0; i < g->op_count && words->count > 0 && code == SK_OK; i++) {
        struct sk_op *op = &g->op[i];
        code = check_first(g, op, err);
        if (code == SK_OK && op->kind == SK_OP_BATCH_NORM && is_frozen(g, op))
            code = use_running(g, op, err);
    }
    return code == SK_OK ? check_rest(g, err) : code;
}
