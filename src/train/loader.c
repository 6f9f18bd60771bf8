/* Loaders whose batches fit in memory: their buffers are cleared when they are made, so what is too large must be
 * refused before. */
#include "train/internal.h"

/* Bytes that the buffers of a loader take, told from a loader for one picture. */
static enum sk_code buffer_bytes(const struct sk_loader_options *o, int shape[3], double *bytes, struct sk_err *err)
{
    enum { RING = 3 }; /* data.h: where none is given */
    struct sk_loader_options one = *o;
    struct sk_loader *loader = NULL;
    enum sk_pixel pixel;
    int64_t samples = sk_dataset_info(o->dataset)->count;
    one.batch = 1;
    one.workers = 0;
    enum sk_code code = sk_loader_new(&loader, &one, err);
    if (code != SK_OK)
        return code;
    sk_loader_shape(loader, &shape[0], &shape[1], &shape[2], &pixel);
    sk_loader_free(loader);
    samples = o->limit > 0 && o->limit < samples ? o->limit : samples;
    double batch = o->batch < samples ? o->batch : (double)samples;
    *bytes = (o->ring ? o->ring : RING) * batch * shape[0] * shape[1] * shape[2] * (pixel == SK_PIXEL_U8 ? 1 : 4);
    return SK_OK;
}

enum sk_code sk_train_loader(struct sk_loader **loader, const struct sk_loader_options *o, struct sk_err *err)
{
    struct sk_machine m;
    char a[32], b[32];
    double need;
    int shape[3];
    enum sk_code code = buffer_bytes(o, shape, &need, err);
    if (code != SK_OK)
        return code;
    sk_machine_read(&m);
    if (need <= (double)m.memory_available)
        return sk_loader_new(loader, o, err);
    return sk_fail(err, SK_INPUT,
                   "a batch of %d pictures of %dx%dx%d: %s of memory are needed to load it, %s are available", o->batch,
                   shape[0], shape[1], shape[2], sk_bytes_text(need, a), sk_bytes_text((double)m.memory_available, b));
}
