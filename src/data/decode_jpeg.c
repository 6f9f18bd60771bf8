/* JPEG by libjpeg-turbo: its errors become ours by a jump, and so do its warnings about missing or wrong data. */
#include "data/internal.h"

#include <setjmp.h>

#include <jpeglib.h>
#include <jerror.h>

/* Even where long runs of blocks are empty, a byte of Huffman-coded data holds less than 2048 pixels: a small file that
 * claims more is refused before memory is taken for it. */
enum { SCANS_MAX = 100, PIXELS_PER_BYTE_MAX = 2048 };

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    const char *name;
    struct sk_err *err;
    enum sk_code code;
};

static _Noreturn void refuse(struct reader *r, enum sk_code code, const char *what)
{
    r->code = code == SK_NOMEM ? sk_fail(r->err, code, "not enough memory to decode '%s'", r->name)
                               : sk_fail(r->err, code, "cannot decode '%s': %s", r->name, what);
    longjmp(r->leave, 1);
}

static _Noreturn void on_error(j_common_ptr jpeg)
{
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    refuse(jpeg->client_data, jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? SK_NOMEM : SK_INPUT, text);
}

/* Level -1 is a warning. Those below say nothing about the pixels; every other means that data is missing or wrong. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_TOO_MUCH_DATA: return;
    case JWRN_JPEG_EOF: refuse(jpeg->client_data, SK_INPUT, "the file is truncated");
    default: on_error(jpeg);
    }
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX)
        refuse(jpeg->client_data, SK_INPUT, "more progressive scans than the limit of 100");
}

static void set_up(struct reader *r, const void *data, size_t len)
{
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.client_data = r;
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, data, (unsigned long)len);
    jpeg_read_header(&r->jpeg, TRUE);
}

/* Inverted CMYK, as Adobe's programs write it: each value is one minus the ink. Leftover ink darkens what black leaves,
 * rounded as Pillow does: 255 - k - c * (255 - k) / 255. */
static void cmyk_to_rgb(uint8_t *row, const uint8_t *cmyk, int width)
{
    for (int x = 0; x < width; x++, row += 3, cmyk += 4) {
        int light = cmyk[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[c]) * light + 128;
            int value = light - ((product >> 8) + product) / 256;
            row[c] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

static void read_rows(struct reader *r, struct sk_picture *p)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(jpeg);
    JSAMPLE *inks = NULL;
    if (cmyk) /* freed with the decompressor */
        inks = jpeg->mem->alloc_large((j_common_ptr)jpeg, JPOOL_IMAGE, (size_t)p->width * 4);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPLE *row = (uint8_t *)p->data + (size_t)jpeg->output_scanline * (size_t)p->width * 3;
        JSAMPLE *target = cmyk ? inks : row;
        if (jpeg_read_scanlines(jpeg, &target, 1) == 1 && cmyk)
            cmyk_to_rgb(row, inks, p->width);
    }
}

enum sk_code sk_decode_jpeg(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    struct reader r = {.name = name, .err = err};
    r.jpeg.err = jpeg_std_error(&r.manager);
    r.jpeg.client_data = &r; /* an error may come before set_up says so */
    r.manager.error_exit = on_error;
    r.manager.emit_message = on_message;
    r.manager.output_message = on_output;
    if (setjmp(r.leave) == 0) {
        set_up(&r, data, len);
        uint64_t pixels = (uint64_t)r.jpeg.image_height * r.jpeg.image_width;
        r.code = sk_picture_check_size(r.jpeg.image_height, r.jpeg.image_width, name, err);
        if (r.code == SK_OK && !r.jpeg.arith_code && pixels / PIXELS_PER_BYTE_MAX > len)
            refuse(&r, SK_INPUT, "the file is truncated");
        if (r.code == SK_OK)
            r.code = sk_picture_reserve(p, (int)r.jpeg.image_height, (int)r.jpeg.image_width, 3, SK_PIXEL_U8, err);
        if (r.code == SK_OK)
            read_rows(&r, p);
    }
    jpeg_destroy_decompress(&r.jpeg);
    return r.code;
}
