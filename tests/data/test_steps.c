/* Steps at given parameters: the picture that torchvision makes, stored by steps/make_steps.py, to the bit. */
#include "test.h"

#include "data/steps.h"
#include "format/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARAMETERS = 9, LINE_MAX_BYTES = 400 };

static struct sk_picture from, grey, p, scratch;
static struct sk_npy results;

static void open_stored(struct sk_npy *a, const char *name)
{
    struct sk_err err = {0};
    char path[SK_PATH];
    snprintf(path, sizeof(path), "%s/data/steps/%s", SKUA_TEST_DIR, name);
    assert_ok(sk_npy_open(a, path, &err), err);
}

static int set_up(void **state)
{
    (void)state;
    struct sk_err err = {0};
    struct sk_npy a;
    open_stored(&a, "from.npy");
    open_stored(&results, "cases.npy");
    assert_ok(sk_picture_reserve(&from, (int)a.dim[0], (int)a.dim[1], 3, SK_PIXEL_U8, &err), err);
    assert_ok(sk_picture_reserve(&grey, (int)a.dim[0], (int)a.dim[1], 1, SK_PIXEL_U8, &err), err);
    memcpy(from.data, a.data, a.bytes);
    for (size_t i = 0; i < sk_picture_bytes(&grey); i++)
        ((uint8_t *)grey.data)[i] = ((uint8_t *)from.data)[3 * i];
    sk_npy_close(&a);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct sk_picture *all[] = {&from, &grey, &p, &scratch};
    for (size_t i = 0; i < SK_COUNT(all); i++)
        sk_picture_release(all[i]);
    sk_npy_close(&results);
    return 0;
}

/* ---- what a line says, as a step and what it drew ---- */
static void jitter(struct sk_picture_step *s, struct sk_drawn *d, enum sk_jitter which, double factor)
{
    s->kind = SK_STEP_COLOR_JITTER;
    s->hue = (struct sk_range){-0.5, which == SK_JITTER_HUE ? 0.5 : -0.5};
    if (which != SK_JITTER_HUE)
        s->hue = (struct sk_range){0, 0};
    for (int i = 0; i < SK_JITTERS; i++) {
        d->order[i] = (enum sk_jitter)i;
        d->factor[i] = i == SK_JITTER_HUE ? 0.0 : 1.0;
    }
    d->factor[which] = factor;
}

static bool parse(const char *name, const double *v, struct sk_picture_step *s, struct sk_drawn *d)
{
    static const char *const jitters[] = {"brightness", "contrast", "saturation", "hue"};
    for (int i = 0; i < SK_JITTERS; i++)
        if (strncmp(name, jitters[i], strlen(jitters[i])) == 0)
            return jitter(s, d, (enum sk_jitter)i, v[0]), true;
    d->on = true;
    s->sampling = (enum sk_sampling)v[0];
    if (strncmp(name, "rotation", 8) == 0) {
        s->kind = SK_STEP_ROTATION;
        d->angle = v[1];
    } else if (strncmp(name, "affine", 6) == 0) {
        s->kind = SK_STEP_AFFINE;
        d->affine = (struct sk_affine){
            v[1], {v[2], v[3]}, v[4], {v[5], v[6]}, {from.width * 0.5, from.height * 0.5}};
    } else if (strncmp(name, "grayscale", 9) == 0) {
        s->kind = SK_STEP_GRAYSCALE;
    } else if (strncmp(name, "policy", 6) == 0) {
        s->kind = SK_STEP_RAND_AUGMENT;
        s->sampling = SK_NEAREST;
        enum sk_policy_op op = (enum sk_policy_op)v[0];
        int side = op == SK_OP_TRANSLATE_Y ? from.height : from.width;
        d->ops = 1;
        d->op[0].op = op;
        d->op[0].magnitude = v[3] * sk_policy_magnitude(op, v[1] != 0, (int)v[2], side);
    } else {
        return false;
    }
    return true;
}

static void copy(const struct sk_picture *source)
{
    struct sk_err err = {0};
    assert_ok(sk_picture_reserve(&p, source->height, source->width, source->channels, source->pixel, &err), err);
    memcpy(p.data, source->data, sk_picture_bytes(source));
}

static void check_line(char *line, size_t *at)
{
    struct sk_err err = {0};
    double v[PARAMETERS] = {0};
    char shown[LINE_MAX_BYTES], *rest = NULL;
    snprintf(shown, sizeof(shown), "%s", line);
    char *name = strtok_r(line, " \n", &rest), *word;
    for (int i = 0; i < PARAMETERS && (word = strtok_r(NULL, " \n", &rest)); i++)
        v[i] = strtod(word, NULL);
    struct sk_picture_step step = {0};
    struct sk_drawn drawn = {0};
    copy(strstr(name, "_grey") ? &grey : &from);
    if (strncmp(name, "sharpness", 9) == 0)
        assert_ok(sk_adjust_sharpness(&p, &scratch, v[0], &err), err);
    else if (parse(name, v, &step, &drawn))
        assert_ok(sk_step_apply(&p, &scratch, &step, &drawn, &err), err);
    else
        fail_msg("unknown case '%s'", name);
    assert_true(*at + sk_picture_bytes(&p) <= results.bytes);
    for (size_t i = 0; i < sk_picture_bytes(&p); i++) {
        int got = ((uint8_t *)p.data)[i], want = ((const uint8_t *)results.data)[*at + i];
        if (got != want)
            fail_msg("%s element %zu is %d, expected %d", shown, i, got, want);
    }
    *at += sk_picture_bytes(&p);
}

static void as_torchvision(void **state)
{
    (void)state;
    char path[SK_PATH], line[LINE_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/data/steps/cases.txt", SKUA_TEST_DIR);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t at = 0;
    while (fgets(line, sizeof(line), f))
        check_line(line, &at);
    fclose(f);
    assert_int_equal(at, results.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_torchvision)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
