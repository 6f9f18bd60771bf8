/* Decoding of pictures: stored files against Pillow's pixels (tests/data/pictures), and every kind of bad file. */
#include "test.h"

#include "data/internal.h"
#include "format/format.h"

#include <stdio.h>

static const char *stored(const char *name)
{
    static char path[SK_PATH];
    snprintf(path, sizeof(path), "%s/data/pictures/%s", SKUA_TEST_DIR, name);
    return path;
}

static char *load(const char *name, size_t *len)
{
    struct sk_err err = {0};
    char *data = NULL;
    assert_ok(sk_file_read(stored(name), SK_MAX_FILE, &data, len, &err), err);
    return data;
}

/* Decodes a stored picture and gives the largest difference from what Pillow made of it. */
static int difference(const char *name)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    struct sk_npy want;
    char npy[256];
    size_t len;
    char *data = load(name, &len);
    assert_ok(sk_picture_decode(&p, data, len, name, &err), err);
    snprintf(npy, sizeof(npy), "%s.npy", name);
    assert_ok(sk_npy_open(&want, stored(npy), &err), err);
    assert_int_equal(p.height, want.dim[0]);
    assert_int_equal(p.width, want.dim[1]);
    assert_int_equal(p.channels, 3);
    assert_int_equal(sk_picture_bytes(&p), want.bytes);
    int worst = 0;
    for (size_t i = 0; i < want.bytes; i++) {
        int d = abs(((const uint8_t *)p.data)[i] - ((const uint8_t *)want.data)[i]);
        worst = d > worst ? d : worst;
    }
    sk_npy_close(&want);
    sk_picture_release(&p);
    sk_free(data);
    return worst;
}

static void stored_pictures(void **state)
{
    (void)state;
    struct sk_err err = {0};
    char **names;
    size_t count, pngs = 0, jpegs = 0;
    assert_ok(sk_dir_list(stored(""), &names, &count, &err), err);
    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(names[i], '.');
        bool png = dot && strcmp(dot, ".png") == 0, jpeg = dot && strcmp(dot, ".jpg") == 0;
        if (!png && !jpeg)
            continue;
        int worst = difference(names[i]);
        if (worst > (jpeg ? 1 : 0))
            fail_msg("%s differs by %d", names[i], worst);
        pngs += png;
        jpegs += jpeg;
    }
    sk_free(names);
    assert_int_equal(pngs, 32);
    assert_int_equal(jpegs, 12);
}

static enum sk_code decode(const void *data, size_t len, struct sk_err *err)
{
    struct sk_picture p = {0};
    enum sk_code code = sk_picture_decode(&p, data, len, "x.png", err);
    sk_picture_release(&p);
    return code;
}

static void foreign_content(void **state)
{
    (void)state;
    struct sk_err err = {0};
    assert_error(decode("", 0, &err), SK_INPUT, err, "cannot decode 'x.png': the file is empty");
    assert_error(decode("GIF89a....", 10, &err), SK_INPUT, err, "cannot decode 'x.png': not a JPEG or PNG file (GIF)");
    assert_error(decode("RIFF\1\2\3\4WEBP", 12, &err), SK_INPUT, err, "not a JPEG or PNG file (WebP)");
    assert_error(decode("<html>", 6, &err), SK_INPUT, err, "(HTML)");
    assert_error(decode("hello", 5, &err), SK_INPUT, err, "(unknown content)");
    assert_error(decode("\xff", 1, &err), SK_INPUT, err, "(unknown content)");
}

/* Every prefix is refused, but for what lies after the last pixels' data. */
static void truncated(const char *name, size_t spare)
{
    struct sk_err err = {0};
    size_t len;
    char *data = load(name, &len);
    for (size_t n = 1; n + spare < len; n++) {
        char *part = malloc(n); /* exact, so that the address sanitizer sees a read beyond */
        memcpy(part, data, n);
        enum sk_code code = decode(part, n, &err);
        free(part);
        if (code != SK_INPUT)
            fail_msg("%s cut to %zu of %zu bytes: code %d", name, n, len, (int)code);
        assert_memory_equal(err.text, "cannot decode 'x.png': ", 23);
        sk_err_clear(&err);
    }
    assert_ok(decode(data, len, &err), err);
    sk_free(data);
}

static void truncated_files(void **state)
{
    (void)state;
    enum { IEND = 12, EOI = 2, ADLER = 8 }; /* libspng asks neither for the end nor for the checksum of the data */
    truncated("rgb_8.png", IEND + ADLER);
    truncated("palette_4_interlaced.png", IEND + ADLER);
    truncated("rgb_444.jpg", EOI + 2); /* the last bits may be padding */
    truncated("progressive.jpg", EOI);
    truncated("cmyk.jpg", EOI + 2);
}

static void flipped_bits(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb_8.png",       "palette_2.png", "rgb_420.jpg",
                                        "progressive.jpg", "ycck.jpg",      "restart.jpg"};
    struct sk_err err = {0};
    for (size_t f = 0; f < SK_COUNT(names); f++) {
        size_t len, refused = 0;
        char *data = load(names[f], &len);
        for (size_t i = 0; i < len * 8; i++) {
            data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
            enum sk_code code = decode(data, len, &err);
            data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
            assert_true(code == SK_OK || code == SK_INPUT);
            assert_true(code == SK_OK || strchr(err.text, '\n') == NULL);
            refused += code != SK_OK;
            sk_err_clear(&err);
        }
        assert_true(refused > 0);
        sk_free(data);
    }
}

static void damaged_png_data_is_refused(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t len;
    char *data = load("rgb_8.png", &len), *idat = NULL;
    for (size_t i = 0; i + 4 < len; i++)
        if (memcmp(data + i, "IDAT", 4) == 0)
            idat = data + i;
    assert_non_null(idat);
    idat[40] = (char)(idat[40] ^ 4);
    assert_int_equal(decode(data, len, &err), SK_INPUT);
    sk_free(data);
}

/* An ancillary chunk may be damaged or absurd: it is not looked at. */
static void ancillary_chunks_are_skipped(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t len;
    char *data = load("rgb_8.png", &len), *text = NULL;
    for (size_t i = 0; i + 4 < len; i++)
        if (memcmp(data + i, "tEXt", 4) == 0)
            text = data + i;
    assert_non_null(text);
    text[8] = (char)(text[8] ^ 4);
    assert_ok(decode(data, len, &err), err);
    memset(text - 4, 0x7f, 4); /* its length */
    assert_error(decode(data, len, &err), SK_INPUT, err, "the file is truncated");
    sk_free(data);
}

static void put_u32(unsigned char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* The checksum of PNG chunks, bit by bit. */
static uint32_t crc(const unsigned char *data, size_t len)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        c ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

static void huge_png(uint32_t height, uint32_t width, const char *part)
{
    struct sk_err err = {0};
    size_t len;
    unsigned char *data = (unsigned char *)load("rgb_8.png", &len);
    put_u32(data + 16, width);
    put_u32(data + 20, height);
    put_u32(data + 29, crc(data + 12, 17));
    assert_error(decode(data, len, &err), SK_INPUT, err, part);
    sk_free(data);
}

static void huge_headers(void **state)
{
    (void)state;
    huge_png(100000, 100000, "100000 x 100000 pixels is more than the limit");
    huge_png(0x7fffffff, 0x7fffffff, "2147483647 x 2147483647 pixels");
    huge_png(20000, 20000, "20000 x 20000 pixels is more than the limit");
    huge_png(13000, 13000, "the file is truncated"); /* within the limit, but not in so few bytes */
    struct sk_err err = {0};
    size_t len;
    unsigned char *data = (unsigned char *)load("rgb_444.jpg", &len);
    for (size_t i = 0; i + 9 < len; i++) {
        if (data[i] == 0xff && data[i + 1] == 0xc0) {
            memcpy(data + i + 5, "\xff\xff\xff\xff", 4);
            assert_int_equal(decode(data, len, &err), SK_INPUT);
            sk_err_clear(&err);
            memcpy(data + i + 5, "\x32\xc8\x32\xc8", 4);
            assert_error(decode(data, len, &err), SK_INPUT, err, "the file is truncated");
            break;
        }
    }
    sk_free(data);
}

/* A progressive picture of many pixels needs memory for all its coefficients. */
static void coefficients(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t len, at = 0, padded = 1 << 17;
    char *file = load("progressive.jpg", &len);
    char *data = calloc(padded, 1); /* so long a file may claim so many pixels */
    memcpy(data, file, len);
    while (memcmp(data + at, "\xff\xc2", 2) != 0)
        at++;
    memcpy(data + at + 5, "\x32\xc8\x32\xc8", 4); /* 13000 x 13000 */
    data[at + 11] = 0x11;                             /* no subsampling */
    assert_error(decode(data, padded, &err), SK_INPUT, err,
                 "its scans need 967 MiB of memory, more than the limit of 512 MiB");
    free(data);
    sk_free(file);
}

/* A short scan costs little in the file, but work for the whole picture: the first one, two hundred times. */
static void scans_without_end(void **state)
{
    (void)state;
    enum { COPIES = 200 };
    struct sk_err err = {0};
    size_t len, scan = 0, end;
    unsigned char *data = (unsigned char *)load("progressive.jpg", &len);
    while (!(data[scan] == 0xff && data[scan + 1] == 0xda))
        scan++;
    for (end = scan + 2; !(data[end] == 0xff && data[end + 1] != 0); end++)
        ;
    size_t size = end - scan, all = len + COPIES * size;
    unsigned char *many = malloc(all);
    memcpy(many, data, end);
    for (size_t i = 0; i < COPIES; i++)
        memcpy(many + end + i * size, data + scan, size);
    memcpy(many + end + COPIES * size, data + end, len - end);
    assert_error(decode(many, all, &err), SK_INPUT, err, "more progressive scans than the limit of 100");
    memcpy(many + end + 2 * size, data + end, len - end); /* two more are fine */
    assert_ok(decode(many, len + 2 * size, &err), err);
    free(many);
    sk_free(data);
}

static void no_memory(void **state)
{
    (void)state;
    struct sk_err err = {0};
    size_t len;
    char *data = load("rgb_8.png", &len);
    sk_mem_fail_after(1);
    enum sk_code code = decode(data, len, &err);
    sk_mem_fail_after(0);
    assert_error(code, SK_NOMEM, err, "not enough memory");
    sk_free(data);
}

static void buffers(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_picture p = {0};
    assert_ok(sk_picture_reserve(&p, 10, 20, 3, SK_PIXEL_F32, &err), err);
    assert_int_equal(sk_picture_bytes(&p), 2400);
    void *data = p.data;
    assert_ok(sk_picture_reserve(&p, 20, 10, 1, SK_PIXEL_U8, &err), err);
    assert_ptr_equal(p.data, data);
    assert_error(sk_picture_reserve(&p, 0, 20, 3, SK_PIXEL_U8, &err), SK_INPUT, err, "outside the limits");
    assert_error(sk_picture_reserve(&p, 65501, 1, 3, SK_PIXEL_U8, &err), SK_INPUT, err, "outside the limits");
    assert_error(sk_picture_reserve(&p, 60000, 60000, 3, SK_PIXEL_U8, &err), SK_INPUT, err, "outside the limits");
    assert_error(sk_picture_reserve(&p, 2, 2, 4, SK_PIXEL_U8, &err), SK_INPUT, err, "4 channels");
    sk_picture_release(&p);
    sk_picture_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_pictures),
        cmocka_unit_test(foreign_content),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(damaged_png_data_is_refused),
        cmocka_unit_test(ancillary_chunks_are_skipped),
        cmocka_unit_test(huge_headers),
        cmocka_unit_test(coefficients), cmocka_unit_test(scans_without_end),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
