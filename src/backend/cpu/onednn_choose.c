/* Which of oneDNN's implementations does a convolution. */
#include "backend/cpu/onednn_conv.h"

#include <assert.h>
#include <string.h>

enum { CHOICES = 16 };

struct list {
    struct sk_dnnl_choice choice[CHOICES];
    int cost[CHOICES];
    int count;
};

/* Instruction sets in rising order; what is not named here (gemm, other processors) comes below. */
static int isa_class(const char *name)
{
    static const char *const isa[] = {"sse41", "avx2", "avx512", "amx"};
    int found = 0;
    for (int i = 0; i < (int)SK_COUNT(isa); i++)
        if (strstr(name, isa[i]) != NULL)
            found = i + 1;
    return found;
}

static int cost_of(const struct sk_dnnl_conv *conv, const struct sk_fold *fold, const char *name)
{
    (void)conv;(void)name;
    return fold->how == SK_FOLD_NONE ? 0 : 1;
}

static bool known(const struct list *l, const char *label)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->choice[i].label, label) == 0)
            return true;
    return false;
}

/* Implementations that tests between inaccessible pages found wanting, in oneDNN 2.6. */
static bool broken(const struct sk_dnnl_conv *conv, const struct sk_fold *fold, const char *name)
{
    enum { WIDEST = 448, NARROWEST = 16 };
    bool amx = isa_class(name) == 4, weight = conv->pass == SK_DNNL_GRAD_WEIGHT;
    bool only_1x1 = strncmp(name, "jit_1x1", 7) == 0;
    /* Writes beyond its buffers, or never returns, from about 490 columns. */
    if (amx && weight && fold->wide.q > WIDEST)
        return true;
    /* Reads rows beyond the source; brgconv_1x1 is there as well and faster. */
    if (amx && only_1x1)
        return true;
    /* Threads overwrite each other's gathered pixels where the channels do not fill a vector. */
    return only_1x1 && weight && fold->wide.stride > 1 && fold->wide.c < NARROWEST;
}

/* Takes pd over. */
static void add(struct list *l, const struct sk_dnnl_conv *conv, const struct sk_fold *fold, dnnl_primitive_desc_t pd)
{
    const char *name = sk_dnnl_name(pd);
    struct sk_dnnl_choice c = {.fold = *fold, .pd = pd};
    snprintf(c.label, sizeof c.label, "%s%s", fold->how == SK_FOLD_NONE ? "" : "fold ", name);
    if (l->count == CHOICES || sk_dnnl_is_ref(name) || broken(conv, fold, name) || known(l, c.label)) {
        dnnl_primitive_desc_destroy(pd);
        return;
    }
    int cost = cost_of(conv, fold, name), at = l->count++;
    for (; at > 0 && l->cost[at - 1] > cost; at--) {
        l->choice[at] = l->choice[at - 1];
        l->cost[at] = l->cost[at - 1];
    }
    l->choice[at] = c;
    l->cost[at] = cost;
}

static enum sk_code make_spec(struct sk_dnnl_spec *spec, const struct sk_dnnl_conv *conv, const struct sk_fold *fold,
                              struct sk_err *err)
{
    const struct sk_conv_shape *s = &fold->wide;
    dnnl_dims_t x = {s->n, s->c, s->h, s->w}, w = {s->k, s->c, s->r, s->s}, y = {s->n, s->k, s->p, s->q}, bias = {s->k};
    dnnl_data_type_t type = sk_dnnl_type(conv->type);
    *spec = (struct sk_dnnl_spec){.pass = conv->pass,
                                  .stride = {s->stride, s->stride},
                                  .pad_l = {s->pad, s->pad},
                                  .pad_r = {fold->pad_bottom, fold->pad_right},
                                  .sum = conv->sum,
                                  .relu = conv->relu};
    enum sk_code code = sk_dnnl_desc_init(&spec->x, 4, x, type, dnnl_nhwc, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->y, 4, y, type, dnnl_nhwc, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->hint_w, 4, w, type, dnnl_format_tag_any, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->w, 4, w, conv->pass == SK_DNNL_GRAD_WEIGHT ? dnnl_f32 : type,
                                 dnnl_format_tag_any, err);
    if (code == SK_OK && conv->bias)
        code = sk_dnnl_desc_init(&spec->bias, 1, bias, dnnl_f32, dnnl_a, err);
    return code;
}

static enum sk_code add_all(struct list *l, const struct sk_dnnl_conv *conv, const struct sk_fold *fold,
                            struct sk_err *err)
{
    struct sk_dnnl_spec spec;
    struct sk_dnnl_iter it = {0};
    dnnl_primitive_desc_t pd;
    enum sk_code code = make_spec(&spec, conv, fold, err);
    if (code == SK_OK)
        code = sk_dnnl_iter_open(&it, &spec, err);
    if (code == SK_OK) {
        do {
            code = sk_dnnl_iter_get(&it, &pd, err);
            if (code == SK_OK)
                add(l, conv, fold, pd);
        } while (code == SK_OK && sk_dnnl_iter_next(&it));
    }
    sk_dnnl_iter_close(&it);
    sk_dnnl_spec_release(&spec);
    return code;
}

static void drop(struct list *l, int at)
{
    sk_dnnl_choice_release(&l->choice[at]);
    l->count--;
    memmove(&l->choice[at], &l->choice[at + 1], (size_t)(l->count - at) * sizeof l->choice[0]);
}

/* An implementation for a lesser instruction set is never the faster one: not worth anybody's time to try. */
static void drop_lesser(struct list *l)
{
    int best = 0;
    for (int i = 0; i < l->count; i++)
        best = isa_class(l->choice[i].label) > best ? isa_class(l->choice[i].label) : best;
    for (int i = l->count - 1; i >= 0; i--)
        if (isa_class(l->choice[i].label) < best)
            drop(l, i);
}

enum sk_code sk_dnnl_choose(struct sk_dnnl_choice *c, const struct sk_dnnl_conv *conv, int variant, struct sk_err *err)
{
    struct list l = {.count = 0};
    struct sk_fold fold;
    *c = (struct sk_dnnl_choice){0};
    sk_fold_none(&fold, &conv->shape);
    enum sk_code code = add_all(&l, conv, &fold, err);
    if (code == SK_OK && sk_fold_make(&fold, &conv->shape))
        code = add_all(&l, conv, &fold, err);
    drop_lesser(&l);
    if (code == SK_OK && l.count == 0)
        code = sk_fail(err, SK_UNSUPPORTED, "oneDNN has nothing but its reference implementation");
    if (code == SK_OK && variant >= l.count)
        code = sk_fail(err, SK_UNSUPPORTED, "no more implementations");
    if (code == SK_OK) {
        *c = l.choice[variant];
        l.choice[variant].pd = NULL;
    }
    for (int i = 0; i < l.count; i++)
        sk_dnnl_choice_release(&l.choice[i]);
    return code;
}

void sk_dnnl_choice_release(struct sk_dnnl_choice *c)
{
    if (c->pd != NULL)
        dnnl_primitive_desc_destroy(c->pd);
    *c = (struct sk_dnnl_choice){0};
}
