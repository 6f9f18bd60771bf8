/* Fuzzes recipes: any bytes as a file and as a --set; what is accepted must be written and read back to the same. */
#include "recipe/recipe.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_read_back(const struct sk_recipe *r)
{
    static struct sk_recipe back;
    struct sk_err err = {0};
    struct sk_str s = {0};
    sk_recipe_defaults(&back);
    bool same = sk_recipe_write(r, &s, &err) == SK_OK &&
                sk_recipe_parse(&back, s.text, s.len, "written", &err) == SK_OK && memcmp(r, &back, sizeof(back)) == 0;
    if (!same) {
        fprintf(stderr, "%s\n%s\n", err.text, s.text ? s.text : "");
        abort();
    }
    sk_str_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sk_recipe r;
    struct sk_err err = {0};
    sk_recipe_defaults(&r);
    if (sk_recipe_parse(&r, (const char *)data, size, "fuzz", &err) == SK_OK)
        must_read_back(&r);
    else if (!err.text[0] || err.code == SK_BUG)
        abort();
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    sk_recipe_defaults(&r);
    sk_err_clear(&err);
    if (sk_recipe_set(&r, text, &err) == SK_OK)
        must_read_back(&r);
    free(text);
    return 0;
}
