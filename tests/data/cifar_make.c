/* Small made-up CIFAR-10 and CIFAR-100 batches: binary records, pickles with the opcodes that Python 2 wrote, MAT-files,
 * tar archives. */
#include "data/cifar_make.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>

#include "data/mat_make.h"
#include "test.h"

enum { PLANE = 1024, PIXELS = 3 * PLANE, BATCHES = 6 };

static const char *const names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                    "dog",      "frog",       "horse", "ship", "truck"};

uint8_t cifar_pixel(int batch, int record, int channel, int y, int x)
{
    return (uint8_t)(batch * 41 + record * 17 + channel * 101 + y * 3 + x * 5);
}

int cifar_label(int batch, int record)
{
    return (batch * CIFAR_MADE + record * 3) % 10;
}

static void put_pixels(FILE *f, int batch, int record)
{
    for (int i = 0; i < PIXELS; i++)
        putc(cifar_pixel(batch, record, i / PLANE, i % PLANE / 32, i % 32), f);
}

static FILE *create(const char *folder, int batch, const char *suffix)
{
    char path[SK_PATH];
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(folder, &err), err);
    if (batch < 0)
        snprintf(path, sizeof(path), "%s/batches.meta%s", folder, *suffix ? ".txt" : "");
    else if (batch == BATCHES - 1)
        snprintf(path, sizeof(path), "%s/test_batch%s", folder, suffix);
    else
        snprintf(path, sizeof(path), "%s/data_batch_%d%s", folder, batch + 1, suffix);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

void cifar_write_binary(const char *folder)
{
    for (int b = 0; b < BATCHES; b++) {
        FILE *f = create(folder, b, ".bin");
        for (int r = 0; r < CIFAR_MADE; r++) {
            putc(cifar_label(b, r), f);
            put_pixels(f, b, r);
        }
        assert_int_equal(fclose(f), 0);
    }
    FILE *f = create(folder, -1, ".bin");
    for (int i = 0; i < 10; i++)
        fprintf(f, "%s\n", names[i]);
    fputs("\n", f);
    assert_int_equal(fclose(f), 0);
}

static void put_string(FILE *f, const char *text)
{
    fprintf(f, "U%c%sq%c", (int)strlen(text), text, 1);
}

static void put_u32(FILE *f, uint32_t n)
{
    fwrite(&n, sizeof(n), 1, f);
}

#define PUT(f, literal) fwrite(literal, 1, sizeof(literal) - 1, f)

static void put_array_head(FILE *f)
{
    PUT(f, "cnumpy.core.multiarray\n_reconstruct\nq\x02"
           "cnumpy\nndarray\nq\x03K\0\x85U\1b\x87Rq\x04(K\1");
    fprintf(f, "K%cM", CIFAR_MADE);
    PUT(f, "\0\x0c\x86"
           "cnumpy\ndtype\nq\x05U\2u1K\0K\1\x87Rq\6(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T");
    put_u32(f, CIFAR_MADE * PIXELS);
}

static void put_data_and_close(FILE *f, int batch)
{
    put_string(f, "data");
    put_array_head(f);
    for (int r = 0; r < CIFAR_MADE; r++)
        put_pixels(f, batch, r);
    fputs("tb", f);
    put_string(f, "filenames");
    fputs("]q\x02(", f);
    for (int r = 0; r < CIFAR_MADE; r++)
        put_string(f, "x.png");
    fputs("eu.", f);
    assert_int_equal(fclose(f), 0);
}

static void write_pickled_batch(const char *folder, int batch)
{
    FILE *f = create(folder, batch, "");
    fputs("\x80\x02}q\x01(", f);
    put_string(f, "batch_label");
    put_string(f, "a batch");
    put_string(f, "labels");
    fputs("]q\x02(", f);
    for (int r = 0; r < CIFAR_MADE; r++)
        fprintf(f, "K%c", cifar_label(batch, r));
    fputs("e", f);
    put_data_and_close(f, batch);
}

void cifar_write_pickled(const char *folder)
{
    for (int b = 0; b < BATCHES; b++)
        write_pickled_batch(folder, b);
    FILE *f = create(folder, -1, "");
    fputs("\x80\x02}q\x01(", f);
    put_string(f, "num_vis");
    PUT(f, "M\0\x0c");
    put_string(f, "label_names");
    fputs("]q\x02(", f);
    for (int i = 0; i < 10; i++)
        put_string(f, names[i]);
    fputs("eu.", f);
    assert_int_equal(fclose(f), 0);
}

/* ---- CIFAR-100 ---- */
int cifar100_label(int batch, int record, bool coarse)
{
    return coarse ? (batch + record * 7) % 20 : (batch * 11 + record * 49) % 100;
}

static FILE *create_named(const char *folder, const char *name)
{
    char path[SK_PATH];
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(folder, &err), err);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

void cifar100_write_binary(const char *folder)
{
    for (int b = 0; b < BATCHES; b += BATCHES - 1) {
        FILE *f = create_named(folder, b ? "test.bin" : "train.bin");
        for (int r = 0; r < CIFAR_MADE; r++) {
            putc(cifar100_label(b, r, true), f);
            putc(cifar100_label(b, r, false), f);
            put_pixels(f, b, r);
        }
        assert_int_equal(fclose(f), 0);
    }
    for (int coarse = 0; coarse < 2; coarse++) {
        FILE *f = create_named(folder, coarse ? "coarse_label_names.txt" : "fine_label_names.txt");
        for (int i = 0; i < (coarse ? 20 : 100); i++)
            fprintf(f, "%s%d\n", coarse ? "group" : "kind", i);
        assert_int_equal(fclose(f), 0);
    }
}

static void put_labels(FILE *f, int batch, bool coarse)
{
    put_string(f, coarse ? "coarse_labels" : "fine_labels");
    fputs("]q\x02(", f);
    for (int r = 0; r < CIFAR_MADE; r++)
        fprintf(f, "K%c", cifar100_label(batch, r, coarse));
    fputs("e", f);
}

void cifar100_write_pickled(const char *folder)
{
    for (int b = 0; b < BATCHES; b += BATCHES - 1) {
        FILE *f = create_named(folder, b ? "test" : "train");
        fputs("\x80\x02}q\x01(", f);
        put_labels(f, b, false);
        put_labels(f, b, true);
        put_data_and_close(f, b);
    }
    FILE *f = create_named(folder, "meta");
    fputs("\x80\x02}q\x01(", f);
    for (int coarse = 0; coarse < 2; coarse++) {
        put_string(f, coarse ? "coarse_label_names" : "fine_label_names");
        fputs("]q\x02(", f);
        for (int i = 0; i < (coarse ? 20 : 100); i++) {
            char name[16];
            snprintf(name, sizeof(name), "%s%d", coarse ? "group" : "kind", i);
            put_string(f, name);
        }
        fputs("e", f);
    }
    fputs("u.", f);
    assert_int_equal(fclose(f), 0);
}

/* ---- MATLAB ---- */
static void add_pixels(struct mat_file *f, int batch)
{
    uint8_t data[PIXELS][CIFAR_MADE];
    for (int i = 0; i < PIXELS; i++)
        for (int r = 0; r < CIFAR_MADE; r++)
            data[i][r] = cifar_pixel(batch, r, i / PLANE, i % PLANE / 32, i % 32);
    mat_add_bytes(f, "data", data[0], CIFAR_MADE, PIXELS);
}

static void write_in(struct mat_file *f, const char *folder, const char *name)
{
    char path[SK_PATH];
    struct sk_err err = {0};
    assert_ok(sk_mkdirs(folder, &err), err);
    assert_ok(sk_path_join(path, &err, folder, name), err);
    mat_write(f, path);
}

void cifar_write_matlab(const char *folder, bool big, bool packed)
{
    char name[32] = "test_batch.mat";
    uint8_t label[CIFAR_MADE];
    for (int b = BATCHES - 1; b >= 0; b--) {
        struct mat_file f = {.big = big, .packed = packed};
        mat_add_texts(&f, "batch_label", names, 1);
        for (int r = 0; r < CIFAR_MADE; r++)
            label[r] = (uint8_t)cifar_label(b, r);
        mat_add_bytes(&f, "labels", label, CIFAR_MADE, 1);
        add_pixels(&f, b);
        write_in(&f, folder, name);
        snprintf(name, sizeof(name), "data_batch_%d.mat", b);
    }
    struct mat_file meta = {.big = big, .packed = packed};
    mat_add_bytes(&meta, "num_vis", (const uint8_t[]){0}, 1, 1);
    mat_add_texts(&meta, "label_names", names, 10);
    write_in(&meta, folder, "batches.meta.mat");
}

static void add_names100(struct mat_file *meta, bool coarse)
{
    char text[100][16];
    const char *name[100];
    for (int i = 0; i < 100; i++) {
        snprintf(text[i], sizeof(text[i]), "%s%d", coarse ? "group" : "kind", i);
        name[i] = text[i];
    }
    mat_add_texts(meta, coarse ? "coarse_label_names" : "fine_label_names", name, coarse ? 20 : 100);
}

void cifar100_write_matlab(const char *folder, bool big, bool packed)
{
    struct mat_file meta = {.big = big, .packed = packed};
    uint8_t label[CIFAR_MADE];
    for (int b = 0; b < BATCHES; b += BATCHES - 1) {
        struct mat_file f = {.big = big, .packed = packed};
        add_pixels(&f, b);
        for (int coarse = 0; coarse < 2; coarse++) {
            for (int r = 0; r < CIFAR_MADE; r++)
                label[r] = (uint8_t)cifar100_label(b, r, coarse);
            mat_add_bytes(&f, coarse ? "coarse_labels" : "fine_labels", label, CIFAR_MADE, 1);
        }
        write_in(&f, folder, b ? "test.mat" : "train.mat");
    }
    add_names100(&meta, true);
    add_names100(&meta, false);
    write_in(&meta, folder, "meta.mat");
}

/* ---- archives ---- */
static void add_member(struct archive *a, const char *name, const void *data, size_t len)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, data ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, data ? 0644 : 0755);
    archive_entry_set_size(entry, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    if (len > 0)
        assert_int_equal(archive_write_data(a, data, len), len);
    archive_entry_free(entry);
}

void cifar_write_archive(const char *path, const char *folder, const char *inside, int gzip, const char *skip)
{
    struct sk_err err = {0};
    char **files, name[SK_PATH], *data;
    size_t count, len;
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
    if (gzip)
        assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    add_member(a, inside, NULL, 0);
    assert_ok(sk_dir_list(folder, &files, &count, &err), err);
    for (size_t i = 0; i < count; i++) {
        if (skip && strcmp(files[i], skip) == 0)
            continue;
        assert_ok(sk_path_join(name, &err, folder, files[i]), err);
        assert_ok(sk_file_read(name, 1 << 20, &data, &len, &err), err);
        assert_ok(sk_path_join(name, &err, inside, files[i]), err);
        add_member(a, name, data, len);
        sk_free(data);
    }
    sk_free(files);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}
