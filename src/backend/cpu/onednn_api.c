/* Where oneDNN's 2.6 interface (Debian 12) and its 3.x one (Debian 13, Ubuntu 24.04) differ: memory descriptors, which
 * are structs there and handles here; primitive descriptors, made from operation descriptors there and directly here.
 */
#include "backend/cpu/onednn.h"

#include <string.h>

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t make_desc(dnnl_memory_desc_t *md, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(md, rank, dims, type, tag);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}

static dnnl_status_t append_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0.0f, 0.0f);
}

static dnnl_status_t make_inner(dnnl_primitive_desc_t *pd, const struct sk_dnnl_spec *s, enum sk_dnnl_pass pass,
                                sk_dnnl_md w, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr)
{
    dnnl_engine_t engine = sk_dnnl_engine();
    sk_dnnl_md x = sk_dnnl_desc_md(&s->x), bias = sk_dnnl_desc_md(&s->bias), y = sk_dnnl_desc_md(&s->y);
    if (pass == SK_DNNL_GRAD_DATA)
        return dnnl_inner_product_backward_data_primitive_desc_create(pd, engine, x, w, y, hint, attr);
    if (pass == SK_DNNL_GRAD_WEIGHT)
        return dnnl_inner_product_backward_weights_primitive_desc_create(pd, engine, x, w, bias, y, hint, attr);
    return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_training, x, w, bias, y, attr);
}

static dnnl_status_t make_conv(dnnl_primitive_desc_t *pd, const struct sk_dnnl_spec *s, enum sk_dnnl_pass pass,
                               sk_dnnl_md w, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attr)
{
    static const dnnl_dims_t dense = {0, 0};
    dnnl_engine_t engine = sk_dnnl_engine();
    sk_dnnl_md x = sk_dnnl_desc_md(&s->x), bias = sk_dnnl_desc_md(&s->bias), y = sk_dnnl_desc_md(&s->y);
    if (pass == SK_DNNL_GRAD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct, x, w, y,
                                                                    s->stride, dense, s->pad_l, s->pad_r, hint, attr);
    if (pass == SK_DNNL_GRAD_WEIGHT)
        return dnnl_convolution_backward_weights_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, x, w, bias, y, s->stride, dense, s->pad_l, s->pad_r, hint, attr);
    return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, dnnl_convolution_direct, x,
                                                          w, bias, y, s->stride, dense, s->pad_l, s->pad_r, attr);
}

static dnnl_status_t make_first(struct sk_dnnl_iter *it, const struct sk_dnnl_spec *s)
{
    dnnl_status_t (*make)(dnnl_primitive_desc_t *, const struct sk_dnnl_spec *, enum sk_dnnl_pass, sk_dnnl_md,
                          dnnl_primitive_desc_t, dnnl_primitive_attr_t) = s->inner ? make_inner : make_conv;
    if (s->pass != SK_DNNL_FORWARD) {
        dnnl_status_t status = make(&it->hint, s, SK_DNNL_FORWARD, sk_dnnl_desc_md(&s->hint_w), NULL, NULL);
        if (status != dnnl_success)
            return status;
    }
    return make(&it->at, s, s->pass, sk_dnnl_desc_md(&s->w), it->hint, it->attr);
}

enum sk_code sk_dnnl_iter_get(const struct sk_dnnl_iter *it, dnnl_primitive_desc_t *pd, struct sk_err *err)
{
    return sk_dnnl_check(dnnl_primitive_desc_clone(pd, it->at), "implementation", err);
}

bool sk_dnnl_iter_next(struct sk_dnnl_iter *it)
{
    return dnnl_primitive_desc_next_impl(it->at) == dnnl_success;
}

#else

static dnnl_status_t make_desc(dnnl_memory_desc_t *md, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(md, rank, dims, type, tag);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f);
}

static dnnl_status_t append_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
}

static dnnl_status_t init_inner(union sk_dnnl_operation *op, const struct sk_dnnl_spec *s, enum sk_dnnl_pass pass,
                                sk_dnnl_md w)
{
    sk_dnnl_md x = sk_dnnl_desc_md(&s->x), bias = sk_dnnl_desc_md(&s->bias), y = sk_dnnl_desc_md(&s->y);
    if (pass == SK_DNNL_GRAD_DATA)
        return dnnl_inner_product_backward_data_desc_init(&op->inner, x, w, y);
    if (pass == SK_DNNL_GRAD_WEIGHT)
        return dnnl_inner_product_backward_weights_desc_init(&op->inner, x, w, bias, y);
    return dnnl_inner_product_forward_desc_init(&op->inner, dnnl_forward_training, x, w, bias, y);
}

static dnnl_status_t init_conv(union sk_dnnl_operation *op, const struct sk_dnnl_spec *s, enum sk_dnnl_pass pass,
                               sk_dnnl_md w)
{
    sk_dnnl_md x = sk_dnnl_desc_md(&s->x), bias = sk_dnnl_desc_md(&s->bias), y = sk_dnnl_desc_md(&s->y);
    if (pass == SK_DNNL_GRAD_DATA)
        return dnnl_convolution_backward_data_desc_init(&op->conv, dnnl_convolution_direct, x, w, y, s->stride,
                                                        s->pad_l, s->pad_r);
    if (pass == SK_DNNL_GRAD_WEIGHT)
        return dnnl_convolution_backward_weights_desc_init(&op->conv, dnnl_convolution_direct, x, w, bias, y, s->stride,
                                                           s->pad_l, s->pad_r);
    return dnnl_convolution_forward_desc_init(&op->conv, dnnl_forward_training, dnnl_convolution_direct, x, w, bias, y,
                                              s->stride, s->pad_l, s->pad_r);
}

static dnnl_status_t make_first(struct sk_dnnl_iter *it, const struct sk_dnnl_spec *s)
{
    dnnl_status_t (*init)(union sk_dnnl_operation *, const struct sk_dnnl_spec *, enum sk_dnnl_pass, sk_dnnl_md) =
        s->inner ? init_inner : init_conv;
    dnnl_status_t status = dnnl_success;
    if (s->pass != SK_DNNL_FORWARD) {
        status = init(&it->op, s, SK_DNNL_FORWARD, sk_dnnl_desc_md(&s->hint_w));
        if (status == dnnl_success)
            status = dnnl_primitive_desc_create(&it->hint, &it->op, NULL, sk_dnnl_engine(), NULL);
    }
    if (status == dnnl_success)
        status = init(&it->op, s, s->pass, sk_dnnl_desc_md(&s->w));
    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&it->at, &it->op, it->attr, sk_dnnl_engine(), it->hint);
    return status;
}

enum sk_code sk_dnnl_iter_get(const struct sk_dnnl_iter *it, dnnl_primitive_desc_t *pd, struct sk_err *err)
{
    *pd = dnnl_primitive_desc_iterator_fetch(it->at);
    return sk_dnnl_check(*pd != NULL ? dnnl_success : dnnl_out_of_memory, "implementation", err);
}

bool sk_dnnl_iter_next(struct sk_dnnl_iter *it)
{
    return dnnl_primitive_desc_iterator_next(it->at) == dnnl_success;
}

#endif

enum sk_code sk_dnnl_desc_init(struct sk_dnnl_desc *d, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag, struct sk_err *err)
{
    enum sk_code code = sk_dnnl_check(make_desc(&d->md, rank, dims, type, tag), "tensor", err);
    d->made = code == SK_OK;
    return code;
}

void sk_dnnl_desc_release(struct sk_dnnl_desc *d)
{
#if DNNL_VERSION_MAJOR >= 3
    if (d->made)
        dnnl_memory_desc_destroy(d->md);
#endif
    d->made = false;
}

sk_dnnl_md sk_dnnl_desc_md(const struct sk_dnnl_desc *d)
{
    if (!d->made)
        return NULL;
#if DNNL_VERSION_MAJOR >= 3
    return d->md;
#else
    return &d->md;
#endif
}

void sk_dnnl_spec_release(struct sk_dnnl_spec *s)
{
    sk_dnnl_desc_release(&s->x);
    sk_dnnl_desc_release(&s->w);
    sk_dnnl_desc_release(&s->bias);
    sk_dnnl_desc_release(&s->y);
    sk_dnnl_desc_release(&s->hint_w);
}

static dnnl_status_t set_post_ops(dnnl_primitive_attr_t attr, const struct sk_dnnl_spec *s)
{
    dnnl_post_ops_t ops;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status != dnnl_success)
        return status;
    if (s->sum)
        status = append_sum(ops);
    if (s->relu && status == dnnl_success)
        status = append_relu(ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

enum sk_code sk_dnnl_iter_open(struct sk_dnnl_iter *it, const struct sk_dnnl_spec *s, struct sk_err *err)
{
    *it = (struct sk_dnnl_iter){0};
    dnnl_status_t status = dnnl_primitive_attr_create(&it->attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(it->attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = set_post_ops(it->attr, s);
    if (status == dnnl_success)
        status = make_first(it, s);
    if (status != dnnl_success)
        sk_dnnl_iter_close(it);
    return sk_dnnl_check(status, s->inner ? "inner product" : "convolution", err);
}

void sk_dnnl_iter_close(struct sk_dnnl_iter *it)
{
    if (it->at != NULL) {
#if DNNL_VERSION_MAJOR >= 3
        dnnl_primitive_desc_destroy(it->at);
#else
        dnnl_primitive_desc_iterator_destroy(it->at);
#endif
    }
    if (it->hint != NULL)
        dnnl_primitive_desc_destroy(it->hint);
    if (it->attr != NULL)
        dnnl_primitive_attr_destroy(it->attr);
    *it = (struct sk_dnnl_iter){0};
}

const char *sk_dnnl_name(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || name == NULL)
        return "unknown";
    return name;
}

bool sk_dnnl_is_ref(const char *name)
{
    return strncmp(name, "ref", 3) == 0 || strstr(name, ":ref") != NULL;
}
