/* Fuzzer: decoding a picture; what can be decoded is resized and cropped; then a part alone. Seeds: tests/data/pictures. Pictures of more
 * than a megapixel are not decoded to the end: the fuzzer looks for faults, and those show in small ones. */
#include "fuzz.h"

#include "data/data.h"

/* Whether the header, where the format has it at a fixed place or the frame marker, claims a large picture. */
static int claims_much(const uint8_t *d, size_t n)
{
    if (n >= 24 && d[0] == 0x89)
        return d[16] | d[17] | d[20] | d[21] ||
               (uint32_t)(d[18] << 8 | d[19]) * (uint32_t)(d[22] << 8 | d[23]) > 1 << 20;
    for (size_t i = 0; i + 9 < n; i++)
        if (d[i] == 0xff && d[i + 1] >= 0xc0 && d[i + 1] <= 0xcf &&
            (uint32_t)(d[i + 5] << 8 | d[i + 6]) * (uint32_t)(d[i + 7] << 8 | d[i + 8]) > 1 << 20)
            return 1;
    return 0;
}

/* The way of training: a box is drawn from the header's size, and just that is decoded, in either way. */
static void decode_part(struct sk_picture *p, struct sk_picture *scratch, const uint8_t *data, size_t size)
{
    struct sk_picture_steps steps = {
        .count = 1,
        .step = {{.kind = SK_STEP_RANDOM_RESIZED_CROP, .size = 8, .scale = {0.08, 1}, .ratio = {0.75, 1.33}}}};
    for (int way = 0; way < 2 && !claims_much(data, size); way++) {
        struct sk_err err = {0};
        struct sk_rng rng;
        int done = 0;
        steps.decode = way ? SK_DECODE_FAST : SK_DECODE_EXACT;
        sk_rng_init(&rng, 0, 0, size ? data[size - 1] : 0, SK_RNG_TEST);
        if (sk_picture_decode_for(p, scratch, data, size, "x", &steps, &rng, &done, &err) == SK_OK && done == 1 &&
            (p->height != 8 || p->width != 8))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_picture p = {0}, scratch = {0};
    struct sk_err err = {0};
    struct sk_rng rng;
    struct sk_picture_steps steps = {
        .count = 2, .step = {{.kind = SK_STEP_RESIZE, .size = 9}, {.kind = SK_STEP_CENTER_CROP, .size = 8}}};

    sk_rng_init(&rng, 0, 0, 0, SK_RNG_TEST);
    if (!claims_much(data, size) && sk_picture_decode(&p, data, size, "x", &err) == SK_OK)
        if (sk_picture_apply(&p, &scratch, &steps, &rng, &err) == SK_OK && (p.height != 8 || p.width != 8))
            abort();
    decode_part(&p, &scratch, data, size);
    sk_picture_release(&p);
    sk_picture_release(&scratch);
    return 0;
}
