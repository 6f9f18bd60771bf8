/* A network: one store of weights and a plan for each batch size it is trained or evaluated with. */
#include <math.h>
#include <string.h>

#include "exec/internal.h"

static enum sk_dtype compute_type(const struct sk_net *n)
{
    return n->engine->precision == SK_PRECISION_BF16 ? SK_BF16 : SK_F32;
}

static bool mixes(const struct sk_net *n)
{
    return n->recipe.train.mixup_alpha > 0 || n->recipe.train.cutmix_alpha > 0;
}

static enum sk_code build_model(const struct sk_net *n, int batch, bool train, struct sk_graph *g, int *logits, struct sk_err *err)
{
    const struct sk_recipe_data *d = &n->recipe.data;
    struct sk_model_io io = {.batch = batch, .height = n->shape.height, .width = n->shape.width, .channels = n->shape.channels,
                             .pixel = n->shape.pixel, .compute = compute_type(n), .classes = n->shape.classes, .train = train,
                             .mixed = train && mixes(n),
                             .has_normalize = d->has_normalize};
    for (int c = 0; c < SK_MAX_CHANNELS; c++) {
        int from = c < d->normalize_channels ? c : 0; /* one value serves all channels */
        io.mean[c] = d->mean[from];
        io.std[c] = d->std[from];
    }
    return sk_model_build(g, &n->recipe.model, &io, logits, err);
}

/* Adds labels, loss and top-k, of mixed labels where the pixels are mixed; the three results are readable after a run. */
static enum sk_code add_loss(struct sk_graph *g, struct sk_net_plan *np, int batch, double smoothing, bool weighted, struct sk_err *err)
{
    const struct sk_desc *logits = &g->tensor[np->logits].desc;
    struct sk_desc weights = sk_desc_make(SK_F32, 1, (int64_t[]){logits->dim[1]});
    struct sk_desc labels = sk_desc_make(SK_I32, 1, (int64_t[]){batch});
    struct sk_attr attr = {.smoothing = smoothing, .weighted = weighted};
    int in[4] = {np->logits, -1, sk_graph_find(g, "mix")}, count = in[2] < 0 ? 2 : 3;
    enum sk_code code = sk_graph_tensor(g, "labels", SK_ROLE_INPUT, &labels, &in[1], err);
    if (code == SK_OK)
        code = sk_graph_emit(g, SK_OP_TOPK, "topk", in, count, NULL, &np->topk, err);
    if (code == SK_OK && weighted)
        code = sk_graph_tensor(g, "class_weights", SK_ROLE_INPUT, &weights, &in[count++], err);
    if (code == SK_OK)
        code = sk_graph_emit(g, SK_OP_LOSS, "loss", in, count, &attr, &np->loss, err);
    if (code != SK_OK)
        return code;
    g->tensor[np->loss].role = g->tensor[np->logits].role = g->tensor[np->topk].role = SK_ROLE_RESULT;
    return SK_OK;
}

static void keep_gradients(struct sk_graph *g)
{
    for (size_t t = 0; t < g->tensor_count; t++)
        if (g->tensor[t].role == SK_ROLE_PARAM && g->tensor[t].grad >= 0)
            g->tensor[g->tensor[t].grad].role = SK_ROLE_RESULT;
}

/* Batch norm becomes part of its neighbours. Convolutions that normalize what they read are worth having where they are our own, that is
 * with Winograd. */
static enum sk_code fuse_training(const struct sk_net *n, struct sk_graph *g, struct sk_err *err)
{
    enum sk_code code = sk_pass_conv_stats(g, err);
    if (code == SK_OK && n->recipe.engine.winograd != SK_WINOGRAD_OFF)
        code = sk_pass_norm_on_load(g, err);
    if (code == SK_OK)
        code = sk_pass_norm_reduce(g, err);
    if (code == SK_OK)
        code = sk_pass_norm_pair(g, err);
    if (code != SK_OK)
        return code;
    return sk_pass_recompute(g, n->recipe.engine.recompute ? SK_RECOMPUTE_BLOCKS : SK_RECOMPUTE_NORMS, err);
}

static enum sk_code build_training(const struct sk_net *n, struct sk_net_plan *np, struct sk_graph *g, struct sk_err *err)
{
    enum sk_code code = build_model(n, np->batch, true, g, &np->logits, err);
    if (code == SK_OK)
        code = sk_graph_freeze(g, &n->recipe.train.freeze, err);
    if (code == SK_OK)
        code = add_loss(g, np, np->batch, n->recipe.train.label_smoothing, n->class_weight, err);
    if (code == SK_OK)
        code = sk_pass_fuse_norm(g, err);
    if (code == SK_OK)
        code = sk_graph_backward(g, np->loss, err);
    if (code == SK_OK)
        code = sk_pass_fuse_grad_add(g, err);
    if (code == SK_OK && n->keep_gradients)
        keep_gradients(g);
    if (code == SK_OK)
        code = sk_graph_update(g, &n->recipe.train, n->recipe.model.bn_momentum, err);
    return code != SK_OK ? code : fuse_training(n, g, err);
}

static enum sk_code build_evaluation(const struct sk_net *n, struct sk_net_plan *np, struct sk_graph *g, struct sk_err *err)
{
    enum sk_code code = build_model(n, np->batch, false, g, &np->logits, err);
    if (code == SK_OK)
        code = add_loss(g, np, np->batch, 0, false, err);
    if (code == SK_OK)
        code = sk_pass_fuse_norm(g, err);
    return code != SK_OK ? code : sk_pass_fold_norm(g, err);
}

/* Params and statistics enter the store in the order of the network, whatever is planned first. */
static enum sk_code fill_store(struct sk_net *n, struct sk_err *err)
{
    struct sk_graph g = {0};
    struct sk_store_entry *entry;
    int logits;
    enum sk_code code = build_model(n, 1, false, &g, &logits, err);
    for (size_t t = 0; t < g.tensor_count && code == SK_OK; t++)
        if (g.tensor[t].role == SK_ROLE_PARAM || g.tensor[t].role == SK_ROLE_STATE)
            code = sk_store_take(n->store, &g.tensor[t], &entry, err);
    for (int i = 0; i < 2 && code == SK_OK; i++) /* logits come out of the classifier */
        memcpy(n->head[i], g.tensor[g.op[g.tensor[logits].producer].in[1 + i]].name, SK_TENSOR_NAME);
    sk_graph_release(&g);
    return code;
}

enum sk_code sk_net_weigh_classes(struct sk_net *n, const double *weight, int count, struct sk_err *err)
{
    if (count != n->shape.classes)
        return sk_fail(err, SK_INPUT, "train.loss.class_weights: expected a weight for each of %d classes, got %d", n->shape.classes, count);
    float *copy = sk_alloc((size_t)count, sizeof *copy, err);
    if (!copy)
        return SK_NOMEM;
    for (int i = 0; i < count; i++)
        copy[i] = (float)weight[i];
    sk_free(n->class_weight);
    n->class_weight = copy;
    return SK_OK;
}

enum sk_code sk_net_new(struct sk_net **out, struct sk_engine *e, const struct sk_recipe *recipe, const struct sk_net_shape *shape,
                        struct sk_err *err)
{
    struct sk_net *n = sk_alloc(1, sizeof *n, err);
    if (!n)
        return SK_NOMEM;
    n->engine = e;
    n->recipe = *recipe;
    n->shape = *shape;
    enum sk_code code = sk_store_new(&n->store, e, err);
    if (code == SK_OK)
        code = fill_store(n, err);
    if (code != SK_OK)
        sk_net_free(n);
    else
        *out = n;
    return code;
}

void sk_net_free(struct sk_net *n)
{
    if (!n)
        return;
    for (int i = 0; i < n->plans; i++)
        sk_plan_free(n->plan[i].plan);
    sk_store_free(n->store);
    sk_choices_free(n->choices);
    sk_free(n->logits);
    sk_free(n->no_labels);
    sk_free(n->class_weight);
    sk_free(n);
}

struct sk_store *sk_net_store(struct sk_net *n)
{
    return n->store;
}

const struct sk_net_shape *sk_net_shape(const struct sk_net *n)
{
    return &n->shape;
}

/* Nan and infinity have all bits of the exponent set. */
static bool is_finite(const float *x, size_t n)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t bits, bad = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

const char *sk_net_not_finite(const struct sk_net *n)
{
    for (size_t i = 0; i < n->store->count; i++) {
        const struct sk_store_entry *e = n->store->entry[i];
        if (!is_finite(e->data, (size_t)sk_desc_count(&e->desc)))
            return e->name;
    }
    return NULL;
}

static struct sk_net_plan *find_plan(const struct sk_net *n, int batch, bool train)
{
    for (int i = 0; i < n->plans; i++)
        if (n->plan[i].batch == batch && n->plan[i].train == train)
            return (struct sk_net_plan *)&n->plan[i];
    return NULL;
}

/* Training bears the larger errors of fast (docs/results.md); what a finished network says should be as near as can be. */
static enum sk_winograd winograd(const struct sk_net *n, bool train)
{
    enum sk_winograd asked = n->recipe.engine.winograd;
    return asked != SK_WINOGRAD_AUTO ? asked : train ? SK_WINOGRAD_FAST : SK_WINOGRAD_SAFE;
}

static enum sk_code make_plan(struct sk_net *n, struct sk_net_plan *np, struct sk_err *err)
{
    struct sk_plan_options o = {.frozen = !np->train, .tune = n->recipe.engine.tune, .winograd = winograd(n, np->train),
                                .choices = n->choices};
    struct sk_graph g = {0};
    enum sk_code code = np->train ? build_training(n, np, &g, err) : build_evaluation(n, np, &g, err);
    if (code == SK_OK)
        code = sk_plan_new(&np->plan, n->engine, n->store, &g, &o, err);
    if (code != SK_OK)
        sk_err_prefix(err, "%s with a batch of %d", np->train ? "training" : "evaluation", np->batch);
    sk_graph_release(&g);
    return code;
}

/* The plan for this batch size, made when first asked for; the oldest gives way when there are too many. */
static enum sk_code get_plan(struct sk_net *n, int batch, bool train, struct sk_net_plan **out, struct sk_err *err)
{
    *out = find_plan(n, batch, train);
    if (*out)
        return SK_OK;
    struct sk_net_plan np = {.batch = batch, .train = train};
    enum sk_code code = make_plan(n, &np, err);
    if (code != SK_OK)
        return code;
    if (n->plans < SK_MAX_PLANS) {
        *out = &n->plan[n->plans++];
    } else {
        *out = &n->plan[n->next];
        n->next = (n->next + 1) % SK_MAX_PLANS;
        sk_plan_free((*out)->plan);
    }
    **out = np;
    return SK_OK;
}

/* Samples of the part of a batch that begins with sample from: all parts but the last have the same size, whatever the batch. */
static int part_of(const struct sk_net *n, int batch, int from, bool train)
{
    const struct sk_recipe_train *t = &n->recipe.train;
    int part = train && t->accumulate > 1 ? (t->batch + t->accumulate - 1) / t->accumulate : batch;
    return part < batch - from ? part : batch - from;
}

enum sk_code sk_net_prepare(struct sk_net *n, int batch, bool train, struct sk_err *err)
{
    struct sk_net_plan *np;
    int first = part_of(n, batch, 0, train), last = batch % first;
    enum sk_code code = get_plan(n, first, train, &np, err);
    return code == SK_OK && last > 0 ? get_plan(n, last, train, &np, err) : code;
}

const struct sk_plan *sk_net_plan(const struct sk_net *n, int batch, bool train)
{
    const struct sk_net_plan *np = find_plan(n, part_of(n, batch, 0, train), train);
    return np ? np->plan : NULL;
}

/* Adds to r what the plan made of the samples from sample `from` on. */
static enum sk_code read_result(struct sk_net *n, const struct sk_net_plan *np, int from, struct sk_net_result *r, struct sk_err *err)
{
    size_t at = (size_t)from * (size_t)n->shape.classes, count = (size_t)np->batch * (size_t)n->shape.classes;
    int32_t correct[2] = {0};
    enum sk_code code = sk_grow(&n->logits, &n->logits_cap, at + count, sizeof *n->logits, err);
    if (code == SK_OK)
        code = sk_plan_read(np->plan, np->logits, n->logits + at, count * sizeof *n->logits, err);
    if (code == SK_OK)
        code = sk_plan_read(np->plan, np->topk, correct, sizeof correct, err);
    r->logits = n->logits;
    r->correct1 += correct[0];
    r->correct5 += correct[1];
    return code;
}

static enum sk_code read_loss(const struct sk_net_plan *np, double *loss, struct sk_err *err)
{
    float value = 0;
    enum sk_code code = sk_plan_read(np->plan, np->loss, &value, sizeof value, err);
    *loss = (double)value;
    return code;
}

/* What the mean over samples counts them as (SK_OP_LOSS). */
static double weight_of(const struct sk_net *n, const int32_t *label, int count)
{
    bool weighted = n->class_weight && !mixes(n);
    double sum = weighted ? 0 : count;
    for (int i = 0; i < count && weighted; i++)
        sum += label[i] >= 0 && label[i] < n->shape.classes ? (double)n->class_weight[label[i]] : 1;
    return sum;
}

/* Forward and backward of a part of the batch, which begins with sample from. r->loss becomes the mean over the parts so far, weighted by
 * their shares; where that is not finite nothing is gathered. */
static enum sk_code train_part(struct sk_net *n, struct sk_net_plan *np, const struct sk_net_batch *b, int from, struct sk_step *step,
                               struct sk_net_result *r, const atomic_bool *cancel, struct sk_err *err)
{
    size_t picture = (size_t)(n->shape.height * n->shape.width * n->shape.channels) * sk_dtype_size(n->shape.pixel);
    static const struct sk_mix as_they_are = {.lambda = 1};
    const void *pixels = (const char *)b->pixels + (size_t)from * picture, *mix = b->mix ? b->mix : &as_they_are;
    const void *mixed[] = {pixels, mix, b->label + from, n->class_weight};
    const void *plain[] = {pixels, b->label + from, n->class_weight};
    const void *const *inputs = mixes(n) ? mixed : plain;
    double loss = 0;
    step->share = weight_of(n, b->label + from, np->batch) / weight_of(n, b->label, b->count);
    if (isnan(step->share))
        step->share = 0; /* the whole batch weighs nothing */
    enum sk_code code = sk_plan_run(np->plan, SK_PHASE_FORWARD, SK_PHASE_BACKWARD, inputs, step, cancel, err);
    if (code == SK_OK)
        code = read_loss(np, &loss, err);
    if (code == SK_OK)
        code = read_result(n, np, from, r, err);
    r->loss += step->share == 1 ? loss : step->share * loss;
    n->last_train = np;
    return code == SK_OK && isfinite(r->loss) ? sk_plan_run(np->plan, SK_PHASE_GATHER, SK_PHASE_GATHER, inputs, step, NULL, err) : code;
}

enum sk_code sk_net_train(struct sk_net *n, const struct sk_net_batch *b, const struct sk_step *step, struct sk_net_result *r,
                          const atomic_bool *cancel, struct sk_err *err)
{
    struct sk_net_plan *np = NULL;
    struct sk_step now = *step;
    enum sk_code code = SK_OK;
    *r = (struct sk_net_result){0};
    for (int from = 0; from < b->count && code == SK_OK && isfinite(r->loss); from += np->batch, now.part++) {
        code = get_plan(n, part_of(n, b->count, from, true), true, &np, err);
        if (code != SK_OK)
            return code;
        code = train_part(n, np, b, from, &now, r, from ? NULL : cancel, err); /* what was begun is ended */
    }
    if (code == SK_OK && np && isfinite(r->loss))
        code = sk_plan_run(np->plan, SK_PHASE_UPDATE, SK_PHASE_UPDATE, NULL, &now, NULL, err);
    return code;
}

enum sk_code sk_net_eval(struct sk_net *n, const struct sk_net_batch *b, struct sk_net_result *r, struct sk_err *err)
{
    struct sk_net_plan *np;
    struct sk_step step = {0};
    *r = (struct sk_net_result){0};
    enum sk_code code = get_plan(n, b->count, false, &np, err);
    if (code == SK_OK && !b->label)
        code = sk_grow(&n->no_labels, &n->no_labels_cap, (size_t)b->count, sizeof *n->no_labels, err);
    const void *inputs[2] = {b->pixels, b->label ? b->label : n->no_labels};
    if (code == SK_OK)
        code = sk_plan_run(np->plan, SK_PHASE_FORWARD, SK_PHASE_FORWARD, inputs, &step, NULL, err);
    if (code == SK_OK)
        code = read_loss(np, &r->loss, err);
    if (code == SK_OK)
        code = read_result(n, np, 0, r, err);
    if (code == SK_OK && !b->label)
        r->loss = 0, r->correct1 = r->correct5 = 0;
    return code;
}

void sk_net_keep_gradients(struct sk_net *n)
{
    n->keep_gradients = true;
}

bool sk_net_has_gradient(const struct sk_net *n, const char *param)
{
    const struct sk_graph *g = n->last_train ? sk_plan_graph(n->last_train->plan) : NULL;
    int t = g ? sk_graph_find(g, param) : -1;
    return t >= 0 && g->tensor[t].grad >= 0;
}

enum sk_code sk_net_gradient(struct sk_net *n, const char *param, float *out, size_t count, struct sk_err *err)
{
    if (!sk_net_has_gradient(n, param))
        return sk_fail(err, SK_BUG, "no gradient of '%s' was kept", param);
    const struct sk_graph *g = sk_plan_graph(n->last_train->plan);
    int t = sk_graph_find(g, param);
    if (g->tensor[g->tensor[t].grad].role == SK_ROLE_SUM)
        return sk_store_read(n->store, g->tensor[g->tensor[t].grad].name, out, count, err);
    return sk_plan_read(n->last_train->plan, g->tensor[t].grad, out, count * sizeof *out, err);
}

size_t sk_net_bytes(const struct sk_net *n)
{
    size_t bytes = n->engine->arena_bytes;
    for (size_t i = 0; i < n->store->count; i++)
        bytes += sk_desc_bytes(&n->store->entry[i]->desc);
    for (int i = 0; i < n->plans; i++)
        bytes += n->plan[i].plan->kept_bytes;
    return bytes;
}
