/* JPEG by libjpeg-turbo: its errors become ours by a jump, and so do its warnings about missing or wrong data. */
#include "data/internal.h"

#include <math.h>
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

/* ---- parts ---- */

/* Pixels beside the box that are decoded too: chroma is interpolated from its neighbours, and a column at the edge of
 * what is decoded has none on the other side. */
enum { MARGIN = 8, SCALE_MAX = 8 };

/* How many times smaller the picture may be decoded: the box keeps at least the size that it will be resized to. */
static int scale_of(const struct sk_jpeg_part *part, const struct sk_window *box)
{
    int scale = part->fast ? SCALE_MAX : 1;
    while (scale > 1 && (box->height < scale * part->height || box->width < scale * part->width))
        scale /= 2;
    return scale;
}

/* Leaves out columns: only what is needed from left to right, more at the edges of blocks, is decoded from now on.
 * Returns the first column that is. */
static int crop_columns(struct jpeg_decompress_struct *jpeg, double left, double right)
{
    int from = (int)floor(left) - MARGIN, to = (int)ceil(right) + MARGIN;
    JDIMENSION first = from < 0 ? 0 : (JDIMENSION)from;
    JDIMENSION end = to > (int)jpeg->output_width ? jpeg->output_width : (JDIMENSION)to, width = end - first;
    jpeg_crop_scanline(jpeg, &first, &width);
    return (int)first;
}

struct rows { /* what is decoded: these rows of the (scaled) picture, all columns from first on */
    int top, count, first;
};

static struct rows begin_part(struct reader *r, struct sk_jpeg_part *part, const struct sk_window *box)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    double scale = scale_of(part, box);
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)scale;
    jpeg_start_decompress(jpeg);
    int top = (int)(box->top / scale), end = (int)ceil((box->top + box->height) / scale);
    struct rows rows = {top, end - top, crop_columns(jpeg, box->left / scale, (box->left + box->width) / scale)};
    part->box = (struct sk_box){box->top / scale - top, box->left / scale - rows.first, box->height / scale,
                                box->width / scale};
    return rows;
}

static void read_rows(struct reader *r, struct sk_picture *p, const struct rows *rows)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    JSAMPLE *inks = NULL;
    if (jpeg->out_color_space == JCS_CMYK) /* freed with the decompressor */
        inks = jpeg->mem->alloc_large((j_common_ptr)jpeg, JPOOL_IMAGE, (size_t)p->width * 4);
    if (rows->top > 0)
        jpeg_skip_scanlines(jpeg, (JDIMENSION)rows->top);
    for (int y = 0; y < rows->count;) {
        JSAMPLE *row = (uint8_t *)p->data + (size_t)y * (size_t)p->width * 3, *target = inks ? inks : row;
        if (jpeg_read_scanlines(jpeg, &target, 1) != 1)
            continue;
        if (inks)
            cmyk_to_rgb(row, inks, p->width);
        y++;
    }
}

/* ---- the whole ---- */
static void check_claim(struct reader *r, size_t len)
{
    uint64_t pixels = (uint64_t)r->jpeg.image_height * r->jpeg.image_width;
    if (!r->jpeg.arith_code && pixels / PIXELS_PER_BYTE_MAX > len)
        refuse(r, SK_INPUT, "the file is truncated");
}

/* All coefficients of a picture in several scans are held until the last. */
static void check_memory(struct reader *r)
{
    uint64_t bytes = 0;
    char what[96];
    for (int i = 0; i < r->jpeg.num_components; i++) {
        const jpeg_component_info *c = &r->jpeg.comp_info[i];
        bytes += (uint64_t)c->width_in_blocks * c->height_in_blocks * DCTSIZE2 * sizeof(JCOEF);
    }
    if (!jpeg_has_multiple_scans(&r->jpeg) || bytes <= SK_MAX_COEFFICIENTS)
        return;
    snprintf(what, sizeof(what), "its scans need %llu MiB of memory, more than the limit of %d MiB",
             (unsigned long long)(bytes >> 20), SK_MAX_COEFFICIENTS >> 20);
    refuse(r, SK_INPUT, what);
}

/* The header has been read. */
static enum sk_code decode(struct reader *r, struct sk_picture *p, struct sk_jpeg_part *part)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    int height = (int)jpeg->image_height, width = (int)jpeg->image_width;
    struct rows rows = {0, height, 0};
    struct sk_window box = {0};
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    enum sk_code code = part ? part->choose(part->ctx, height, width, &box, r->err) : SK_OK;
    if (code != SK_OK)
        return code;
    if (part)
        rows = begin_part(r, part, &box);
    else
        jpeg_start_decompress(jpeg);
    code = sk_picture_reserve(p, rows.count, (int)jpeg->output_width, 3, SK_PIXEL_U8, r->err);
    if (code == SK_OK)
        read_rows(r, p, &rows);
    return code;
}

enum sk_code sk_decode_jpeg_part(struct sk_picture *p, const void *data, size_t len, const char *name,
                                 struct sk_jpeg_part *part, struct sk_err *err)
{
    struct reader r = {.name = name, .err = err};
    r.jpeg.err = jpeg_std_error(&r.manager);
    r.jpeg.client_data = &r; /* an error may come before set_up says so */
    r.manager.error_exit = on_error;
    r.manager.emit_message = on_message;
    r.manager.output_message = on_output;
    if (setjmp(r.leave) == 0) {
        set_up(&r, data, len);
        r.code = sk_picture_check_size(r.jpeg.image_height, r.jpeg.image_width, name, err);
        if (r.code == SK_OK) {
            check_claim(&r, len);
            check_memory(&r);
            r.code = decode(&r, p, part);
        }
    }
    jpeg_destroy_decompress(&r.jpeg);
    return r.code;
}

enum sk_code sk_decode_jpeg(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err)
{
    return sk_decode_jpeg_part(p, data, len, name, NULL, err);
}
