/* Which convolutions Winograd takes, and by which of its algorithms. */
#include "backend/cpu/wino.h"

/* Fewer channels leave most of every vector empty and make the transforms cost more than they save. */
enum { LEAST_CHANNELS = 8 };

static enum sk_code check_shape(const struct sk_wino_job *job, const struct sk_desc *x, const struct sk_desc *w,
                                const struct sk_desc *y, struct sk_err *err)
{
    const struct sk_wino_shape *s = &job->shape;
    int high = s->h + 2 * s->pad - 3, wide = s->w + 2 * s->pad - 3;
    if (s->n < 1)
        return sk_fail(err, SK_UNSUPPORTED, "x is empty");
    if (job->stride == 2 ? s->pad != 1 : s->pad < 0 || s->pad > 2)
        return sk_fail(err, SK_UNSUPPORTED, "a padding of %d with stride %d", s->pad, job->stride);
    if (w->dim[1] != s->c || y->dim[0] != s->n || y->dim[3] != s->k || w->dtype != SK_F32 || y->dtype != x->dtype ||
        high < 0 || wide < 0 || s->p != high / job->stride + 1 || s->q != wide / job->stride + 1)
        return sk_fail(err, SK_UNSUPPORTED, "x, w and y do not belong together");
    if (s->c < LEAST_CHANNELS || s->k < LEAST_CHANNELS)
        return sk_fail(err, SK_UNSUPPORTED, "%d channels: too few to gain", s->c < s->k ? s->c : s->k);
    return SK_OK;
}

/* What is fused to it: parameters of channels are float32, pictures are of the type of x. */
static enum sk_code check_more(const struct sk_op_desc *op, enum sk_dtype type, struct sk_err *err)
{
    enum sk_code code = sk_cpu_accept(op, 0, err);
    for (int i = 2; i < op->in_count && code == SK_OK; i++)
        code = sk_cpu_want(&op->in[i], "what is fused to it", op->in[i].rank == 1 ? SK_F32 : type, err);
    return code;
}

enum sk_code sk_wino_accept(struct sk_wino_job *job, const struct sk_op_desc *op, const struct sk_desc *x,
                            const struct sk_desc *w, const struct sk_desc *y, const struct sk_kernel_env *env,
                            struct sk_err *err)
{
    const struct sk_attr *attr = &op->attr;
    enum sk_ktype type;
    if (env->winograd == SK_WINOGRAD_OFF)
        return sk_fail(err, SK_UNSUPPORTED, "engine.winograd is off");
    if (sk_kern_get()->wino[SK_WINO_F4][SK_WINO_F32].points == 0)
        return sk_fail(err, SK_UNSUPPORTED, "SKUA_CPU=%s has none", sk_isa_name(sk_isa_level()));
    if (w->dim[2] != 3 || w->dim[3] != 3 || attr->stride < 1 || attr->stride > 2)
        return sk_fail(err, SK_UNSUPPORTED, "%dx%d with stride %d, not 3x3 with stride 1 or 2", (int)w->dim[2],
                       (int)w->dim[3], attr->stride);
    if (attr->groups > 1)
        return sk_fail(err, SK_UNSUPPORTED, "%d groups", attr->groups);
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    if (code != SK_OK)
        return code;
    job->stride = attr->stride;
    job->type = x->dtype;
    job->shape = (struct sk_wino_shape){.n = (int)x->dim[0],
                                        .h = (int)x->dim[1],
                                        .w = (int)x->dim[2],
                                        .c = (int)x->dim[3],
                                        .k = (int)w->dim[0],
                                        .p = (int)y->dim[1],
                                        .q = (int)y->dim[2],
                                        .pad = attr->pad};
    code = check_shape(job, x, w, y, err);
    return code == SK_OK ? check_more(op, x->dtype, err) : code;
}

void sk_wino_turn(struct sk_wino_job *job)
{
    const struct sk_wino_shape f = job->shape;
    job->back = true;
    job->shape = (struct sk_wino_shape){.n = f.n,
                                        .h = f.p,
                                        .w = f.q,
                                        .c = f.k,
                                        .k = f.c,
                                        .p = f.h,
                                        .q = f.w,
                                        .pad = job->stride == 1 ? 2 - f.pad : f.pad};
}

struct candidate {
    enum sk_wino_alg alg;
    enum sk_wino_type type;
    bool fast; /* only where engine.winograd is fast */
};

/* Ends with a candidate of no algorithm. */
static const struct candidate *candidates(const struct sk_wino_job *job)
{
    static const struct candidate
        f32[] = {{SK_WINO_F4, SK_WINO_F32, false}, {SK_WINO_F2, SK_WINO_F32, false}, {SK_WINO_ALGS, 0, false}},
        bf16[] = {{SK_WINO_F4, SK_WINO_BF16, true},
                  {SK_WINO_F2, SK_WINO_BF16, false},
                  {SK_WINO_F4, SK_WINO_MIXED, false},
                  {SK_WINO_F2, SK_WINO_MIXED, false},
                  {SK_WINO_ALGS, 0, false}},
        s2_f32[] = {{SK_WINO_S2, SK_WINO_F32, false}, {SK_WINO_ALGS, 0, false}},
        s2_bf16[] = {{SK_WINO_S2, SK_WINO_BF16, false}, {SK_WINO_S2, SK_WINO_MIXED, false}, {SK_WINO_ALGS, 0, false}},
        t2_f32[] = {{SK_WINO_T2, SK_WINO_F32, false}, {SK_WINO_ALGS, 0, false}},
        t2_bf16[] = {{SK_WINO_T2, SK_WINO_BF16, false}, {SK_WINO_T2, SK_WINO_MIXED, false}, {SK_WINO_ALGS, 0, false}};
    bool single = job->type == SK_F32;
    if (job->stride == 1)
        return single ? f32 : bf16;
    if (job->back)
        return single ? t2_f32 : t2_bf16;
    return single ? s2_f32 : s2_bf16;
}

enum sk_code sk_wino_choose(struct sk_wino_choice *choice, const struct sk_wino_job *job,
                            const struct sk_kernel_env *env, int variant, struct sk_err *err)
{
    int skip = variant / 2;
    for (const struct candidate *c = candidates(job); c->alg != SK_WINO_ALGS; c++) {
        const struct sk_kern_wino *kern = &sk_kern_get()->wino[c->alg][c->type];
        if (kern->points == 0 || (c->fast && env->winograd != SK_WINOGRAD_FAST) || skip-- > 0)
            continue;
        enum sk_wino_split first = job->split(&job->shape, kern, env->threads);
        bool other = variant % 2 == 1;
        *choice = (struct sk_wino_choice){
            .kern = kern, .split = (first == SK_WINO_CHANNELS) != other ? SK_WINO_CHANNELS : SK_WINO_TILES};
        return SK_OK;
    }
    return sk_fail(err, SK_UNSUPPORTED, SK_NO_MORE);
}

void sk_wino_label(const struct sk_wino_choice *choice, char *label, size_t size)
{
    static const char *const name[] = {"f2", "f4", "s2", "t2"};
    snprintf(label, size, "%s%s%s", name[choice->kern->alg], choice->kern->inner == SK_K_BF16 ? " bf16" : "",
             choice->split == SK_WINO_TILES ? " tiles" : " channels");
}

double sk_wino_flops(const struct sk_wino_shape *s, const struct sk_kern_wino *kern)
{
    double points = (double)kern->points * (double)sk_wino_tiles(s, kern->m);
    return 2.0 * points * (double)sk_wino_pad(s->c) * (double)sk_wino_pad(s->k);
}
