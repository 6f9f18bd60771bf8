/* Which convolutions Winograd takes, and by which of its algorithms. */
#include "backend/cpu/wino.h"

/* Fewer channels leave most of every vector empty and make the transforms cost more than they save. */
enum { LEAST_CHANNELS = 8 };

static enum sk_code check_shape(const struct sk_wino_shape *s, const struct sk_desc *x, const struct sk_desc *w,
                                const struct sk_desc *y, struct sk_err *err)
{
    if (s->pad < 0 || s->pad > 2)
        return sk_fail(err, SK_UNSUPPORTED, "a padding of %d, not 0 to 2", s->pad);
    if (w->dim[1] != s->c || y->dim[0] != s->n || y->dim[3] != s->k || w->dtype != SK_F32 || y->dtype != x->dtype ||
        s->p != s->h + 2 * s->pad - 2 || s->q != s->w + 2 * s->pad - 2 || s->p < 1 || s->q < 1)
        return sk_fail(err, SK_UNSUPPORTED, "x, w and y do not belong together");
    if (s->c < LEAST_CHANNELS || s->k < LEAST_CHANNELS)
        return sk_fail(err, SK_UNSUPPORTED, "%d channels: too few to gain", s->c < s->k ? s->c : s->k);
    return SK_OK;
}

enum sk_code sk_wino_accept(struct sk_wino_shape *s, const struct sk_attr *attr, const struct sk_desc *x,
                            const struct sk_desc *w, const struct sk_desc *y, const struct sk_kernel_env *env,
                            struct sk_err *err)
{
    enum sk_ktype type;
    if (env->winograd == SK_WINOGRAD_OFF)
        return sk_fail(err, SK_UNSUPPORTED, "engine.winograd is off");
    if (sk_kern_get()->wino[SK_WINO_F4_F32].m == 0)
        return sk_fail(err, SK_UNSUPPORTED, "SKUA_CPU=%s has none", sk_isa_name(sk_isa_level()));
    if (w->dim[2] != 3 || w->dim[3] != 3 || attr->stride != 1)
        return sk_fail(err, SK_UNSUPPORTED, "%dx%d with stride %d, not 3x3 with stride 1", (int)w->dim[2],
                       (int)w->dim[3], attr->stride);
    *s = (struct sk_wino_shape){.n = (int)x->dim[0],
                                .h = (int)x->dim[1],
                                .w = (int)x->dim[2],
                                .c = (int)x->dim[3],
                                .k = (int)w->dim[0],
                                .p = (int)y->dim[1],
                                .q = (int)y->dim[2],
                                .pad = attr->pad};
    enum sk_code code = sk_cpu_type(x, "x", &type, err);
    return code != SK_OK ? code : check_shape(s, x, w, y, err);
}

enum sk_code sk_wino_choose(struct sk_wino_choice *choice, enum sk_dtype type, const struct sk_kernel_env *env,
                            const enum sk_wino_split *split, int variant, struct sk_err *err)
{
    static const enum sk_wino_kind f32[] = {SK_WINO_F4_F32, SK_WINO_F2_F32, SK_WINO_KINDS};
    static const enum sk_wino_kind safe[] = {SK_WINO_F2_BF16, SK_WINO_F4_MIXED, SK_WINO_F2_MIXED, SK_WINO_KINDS};
    static const enum sk_wino_kind fast[] = {SK_WINO_F4_BF16, SK_WINO_F2_BF16, SK_WINO_F4_MIXED, SK_WINO_F2_MIXED,
                                             SK_WINO_KINDS};
    const enum sk_wino_kind *kind = type == SK_F32 ? f32 : env->winograd == SK_WINOGRAD_FAST ? fast : safe;
    int skip = variant / 2;
    bool other = variant % 2 == 1;
    for (; *kind != SK_WINO_KINDS; kind++) {
        const struct sk_kern_wino *kern = &sk_kern_get()->wino[*kind];
        if (kern->m == 0 || skip-- > 0)
            continue;
        choice->kern = kern;
        choice->split = (*split == SK_WINO_CHANNELS) != other ? SK_WINO_CHANNELS : SK_WINO_TILES;
        return SK_OK;
    }
    return sk_fail(err, SK_UNSUPPORTED, "no more implementations");
}

void sk_wino_label(const struct sk_wino_choice *choice, char *label, size_t size)
{
    snprintf(label, size, "f%d%s%s", choice->kern->m, choice->kern->inner == SK_K_BF16 ? " bf16" : "",
             choice->split == SK_WINO_TILES ? " tiles" : " channels");
}

double sk_wino_flops(const struct sk_wino_shape *s, const struct sk_kern_wino *kern)
{
    double points = (double)sk_wino_points(kern->m) * (double)sk_wino_tiles(s, kern->m);
    return 2.0 * points * (double)sk_wino_pad(s->c) * (double)sk_wino_pad(s->k);
}
