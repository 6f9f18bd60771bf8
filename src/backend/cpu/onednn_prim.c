/* Primitives of oneDNN with their arguments: memory objects are made once and get their addresses before each run. */
#include "backend/cpu/onednn.h"

#include <assert.h>

enum sk_code sk_dnnl_prim_arg(struct sk_dnnl_prim *p, int arg, sk_dnnl_md md, struct sk_err *err)
{
    assert(p->count < SK_DNNL_ARGS);
    dnnl_exec_arg_t *a = &p->arg[p->count];
    a->arg = arg;
    dnnl_status_t status = dnnl_memory_create(&a->memory, md, sk_dnnl_engine(), DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        p->count++;
    return sk_dnnl_check(status, "memory object", err);
}

enum sk_code sk_dnnl_prim_open(struct sk_dnnl_prim *p, const_dnnl_primitive_desc_t pd, size_t *scratchpad,
                               struct sk_err *err)
{
    *p = (struct sk_dnnl_prim){0};
    sk_dnnl_md md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    *scratchpad = md != NULL ? dnnl_memory_desc_get_size(md) : 0;
    enum sk_code code = sk_dnnl_check(dnnl_primitive_create(&p->prim, pd), "primitive", err);
    if (code == SK_OK && *scratchpad > 0)
        code = sk_dnnl_prim_arg(p, DNNL_ARG_SCRATCHPAD, md, err);
    if (code != SK_OK)
        sk_dnnl_prim_release(p);
    return code;
}

void sk_dnnl_prim_release(struct sk_dnnl_prim *p)
{
    for (int i = 0; i < p->count; i++)
        dnnl_memory_destroy(p->arg[i].memory);
    if (p->prim != NULL)
        dnnl_primitive_destroy(p->prim);
    *p = (struct sk_dnnl_prim){0};
}

/* Setting an address may write the padding of a blocked layout, so it is done only where the address changes. */
static void set_address(dnnl_memory_t memory, void *ptr)
{
    void *old = NULL;
    dnnl_status_t status = dnnl_memory_get_data_handle(memory, &old);
    if (status == dnnl_success && old != ptr)
        status = dnnl_memory_set_data_handle(memory, ptr);
    assert(status == dnnl_success); /* nothing but a memory object that does not exist can fail */
    (void)status;
}

void sk_dnnl_prim_bind(struct sk_dnnl_prim *p, int arg, void *ptr)
{
    for (int i = 0; i < p->count; i++)
        if (p->arg[i].arg == arg)
            set_address(p->arg[i].memory, ptr);
}

enum sk_code sk_dnnl_prim_run(const struct sk_dnnl_prim *p, struct sk_err *err)
{
    dnnl_stream_t stream = sk_dnnl_stream();
    dnnl_status_t status = dnnl_primitive_execute(p->prim, stream, p->count, p->arg);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    return sk_dnnl_check(status, "execution", err);
}

enum sk_code sk_dnnl_reorder_open(struct sk_dnnl_reorder *r, sk_dnnl_md from, sk_dnnl_md to, struct sk_err *err)
{
    *r = (struct sk_dnnl_reorder){.needed = !dnnl_memory_desc_equal(from, to), .bytes = dnnl_memory_desc_get_size(to)};
    if (!r->needed)
        return SK_OK;
    dnnl_engine_t engine = sk_dnnl_engine();
    dnnl_primitive_desc_t pd = NULL;
    size_t scratchpad;
    enum sk_code code =
        sk_dnnl_check(dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL), "reorder", err);
    if (code == SK_OK)
        code = sk_dnnl_prim_open(&r->prim, pd, &scratchpad, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&r->prim, DNNL_ARG_FROM, from, err);
    if (code == SK_OK)
        code = sk_dnnl_prim_arg(&r->prim, DNNL_ARG_TO, to, err);
    if (pd != NULL)
        dnnl_primitive_desc_destroy(pd);
    if (code != SK_OK)
        sk_dnnl_reorder_release(r);
    return code;
}

void sk_dnnl_reorder_release(struct sk_dnnl_reorder *r)
{
    sk_dnnl_prim_release(&r->prim);
    *r = (struct sk_dnnl_reorder){0};
}

enum sk_code sk_dnnl_reorder_run(struct sk_dnnl_reorder *r, void *from, void *to, struct sk_err *err)
{
    sk_dnnl_prim_bind(&r->prim, DNNL_ARG_FROM, from);
    sk_dnnl_prim_bind(&r->prim, DNNL_ARG_TO, to);
    return sk_dnnl_prim_run(&r->prim, err);
}
