/* Writing pictures as JPEG, by libjpeg-turbo: baseline, 4:2:0, the slow and exact transform. */
#include "data/internal.h"

#include <setjmp.h>

#include <jpeglib.h>

enum { CHUNK = 1 << 16 };

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_destination_mgr to;
    jmp_buf leave;
    struct sk_str *out;
    struct sk_err *err;
    enum sk_code code;
    JOCTET chunk[CHUNK]; /* of the file, on its way to out */
};

static _Noreturn void on_error(j_common_ptr jpeg)
{
    struct writer *w = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    if (w->code == SK_OK)
        w->code = sk_fail(w->err, SK_UNSUPPORTED, "a picture of %u x %u pixels cannot be written as JPEG: %s",
                          w->jpeg.image_height, w->jpeg.image_width, text);
    longjmp(w->leave, 1);
}

static void on_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* ---- where the bytes go ---- */
static void pass_on(struct writer *w, size_t bytes)
{
    w->code = sk_str_add_bytes(w->out, w->chunk, bytes, w->err);
    if (w->code != SK_OK)
        longjmp(w->leave, 1);
    w->to.next_output_byte = w->chunk;
    w->to.free_in_buffer = CHUNK;
}

static void begin(j_compress_ptr jpeg)
{
    pass_on(jpeg->client_data, 0);
}

static boolean chunk_is_full(j_compress_ptr jpeg)
{
    pass_on(jpeg->client_data, CHUNK);
    return TRUE;
}

static void end(j_compress_ptr jpeg)
{
    struct writer *w = jpeg->client_data;
    pass_on(w, CHUNK - w->to.free_in_buffer);
}

static void write_rows(struct writer *w, const struct sk_picture *p, int quality)
{
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    jpeg_create_compress(jpeg);
    jpeg->client_data = w;
    w->to.init_destination = begin;
    w->to.empty_output_buffer = chunk_is_full;
    w->to.term_destination = end;
    jpeg->dest = &w->to;
    jpeg->image_width = (JDIMENSION)p->width;
    jpeg->image_height = (JDIMENSION)p->height;
    jpeg->input_components = p->channels;
    jpeg->in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        size_t row = (size_t)p->width * (size_t)p->channels;
        JSAMPLE *from = (JSAMPLE *)p->data + jpeg->next_scanline * row;
        jpeg_write_scanlines(jpeg, &from, 1);
    }
    jpeg_finish_compress(jpeg);
}

enum sk_code sk_picture_encode_jpeg(const struct sk_picture *p, int quality, struct sk_str *out, struct sk_err *err)
{
    if (p->pixel != SK_PIXEL_U8 || (p->channels != 1 && p->channels != 3))
        return sk_fail(err, SK_UNSUPPORTED, "a picture of %d channels of %s pixels cannot be written as JPEG",
                       p->channels, p->pixel == SK_PIXEL_U8 ? "8-bit" : "float32");
    struct writer *w = sk_alloc(1, sizeof(*w), err);
    if (!w)
        return SK_NOMEM;
    w->out = out;
    w->err = err;
    w->jpeg.err = jpeg_std_error(&w->manager);
    w->jpeg.client_data = w;
    w->manager.error_exit = on_error;
    w->manager.output_message = on_message;
    if (setjmp(w->leave) == 0)
        write_rows(w, p, quality);
    enum sk_code code = w->code;
    jpeg_destroy_compress(&w->jpeg);
    sk_free(w);
    return code;
}
