/* Writing pictures as PNG, by libspng. */
#include "data/internal.h"

#include <stdlib.h>

#include <spng.h>

static int encode(spng_ctx *png, const struct sk_picture *p)
{
    struct spng_ihdr head = {
        .width = (uint32_t)p->width,
        .height = (uint32_t)p->height,
        .bit_depth = 8,
        .color_type = p->channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR,
    };
    int status = spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
    if (status == 0)
        status = spng_set_ihdr(png, &head);
    if (status == 0)
        status = spng_encode_image(png, p->data, sk_picture_bytes(p), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    return status;
}

enum sk_code sk_picture_encode(const struct sk_picture *p, struct sk_str *out, struct sk_err *err)
{
    if (p->pixel != SK_PIXEL_U8 || (p->channels != 1 && p->channels != 3))
        return sk_fail(err, SK_UNSUPPORTED, "a picture of %d channels of %s pixels cannot be written as PNG",
                       p->channels, p->pixel == SK_PIXEL_U8 ? "8-bit" : "float32");
    void *file = NULL;
    size_t len = 0;
    enum sk_code code = SK_OK;
    int status = SPNG_EMEM;
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    if (png)
        status = encode(png, p);
    if (status == 0)
        file = spng_get_png_buffer(png, &len, &status);
    if (file)
        code = sk_str_add_bytes(out, file, len, err);
    else if (status == SPNG_EMEM)
        code = sk_fail(err, SK_NOMEM, "not enough memory to write a picture of %d x %d pixels", p->height, p->width);
    else
        code = sk_fail(err, SK_BUG, "cannot encode a picture of %d x %d pixels: %s", p->height, p->width,
                       spng_strerror(status));
    free(file);
    spng_ctx_free(png);
    return code;
}
