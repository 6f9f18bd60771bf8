/* For tests of folders: small PNG files whose pixels tell which they are. */
#include "data/folder_make.h"

#include "test.h"

static void make_parents(const char *path)
{
    struct sk_err err = {0};
    char parent[SK_PATH];
    snprintf(parent, sizeof(parent), "%s", test_path(path));
    *strrchr(parent, '/') = '\0';
    assert_ok(sk_mkdirs(parent, &err), err);
}

void folder_file(const char *path, const char *text)
{
    make_parents(path);
    test_put(path, text, strlen(text));
}

void folder_picture(const char *path, int height, int width, int red, int green)
{
    struct sk_err err = {0};
    struct sk_picture p = {0};
    struct sk_str file = {0};
    assert_ok(sk_picture_reserve(&p, height, width, 3, SK_PIXEL_U8, &err), err);
    for (int i = 0; i < height * width; i++)
        memcpy((uint8_t *)p.data + i * 3, (uint8_t[]){(uint8_t)red, (uint8_t)green, 7}, 3);
    assert_ok(sk_picture_encode(&p, &file, &err), err);
    make_parents(path);
    test_put(path, file.text, file.len);
    sk_str_release(&file);
    sk_picture_release(&p);
}

struct sk_recipe_data folder_recipe(const char *path)
{
    struct sk_recipe_data d = {.source = SK_SOURCE_FOLDER, .val_fraction = 0.2};
    snprintf(d.path, sizeof(d.path), "%s", test_path(path));
    return d;
}

struct sk_dataset *open_split(const struct sk_recipe_data *data, enum sk_split split, int64_t seed)
{
    struct sk_err err = {0};
    struct sk_dataset *ds;
    assert_ok(sk_dataset_open(&ds, data, seed, split, &err), err);
    return ds;
}

struct sk_dataset *open_all(const char *path)
{
    struct sk_recipe_data data = folder_recipe(path);
    data.source = SK_SOURCE_AUTO;
    data.val_fraction = 0;
    return open_split(&data, SK_TRAIN, 0);
}

void folder_open_without_memory(const struct sk_recipe_data *data, enum sk_split split, long most)
{
    struct sk_err err = {0};
    enum sk_code code = SK_NOMEM;
    for (long n = 1; code != SK_OK; n++) {
        struct sk_dataset *ds;
        sk_mem_fail_after(n);
        code = sk_dataset_open(&ds, data, 0, split, &err);
        sk_mem_fail_after(0);
        assert_true(n < most);
        if (code == SK_OK)
            sk_dataset_close(ds);
        else
            assert_error(code, SK_NOMEM, err, "not enough memory");
    }
}
