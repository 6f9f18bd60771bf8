/* Resizing, AVX2: products of 8-bit pixels with the two parts of a weight, two taps at once (vpmaddwd), which is exact.
 * Along a row two output pixels of three channels at a time, one in each half of a register; across rows 16 bytes. */
#include "kern/levels.h"
#include "kern/resize_scalar.h"

#include <immintrin.h>
#include <string.h>

enum { TAP_BYTES = 16, STEP = 16 }; /* bytes that a group of taps loads; outputs of a step across rows */

/* Rounded sums in 32 bits, not yet cut to 0..255. */
static inline __m256i finish(__m256i low, __m256i high)
{
    __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, SK_RESIZE_LOW_BITS));
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1 << (SK_RESIZE_BITS - 1)));
    return _mm256_srai_epi32(sum, SK_RESIZE_BITS);
}

static inline __m256i load_pair(const void *a, const void *b)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(a)), _mm_loadu_si128(b), 1);
}

/* Two pixels of a row, four bytes each of which three count. */
static inline __m256i two_pixels(const uint8_t *from0, const uint8_t *from1, const int16_t *w0, const int16_t *w1,
                                 int groups)
{
    /* per channel: taps 0 and 1 side by side, then 2 and 3 */
    const __m256i first = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i second = _mm256_broadcastsi128_si256(_mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    __m256i low = _mm256_setzero_si256(), high = low;
    for (int g = 0; g < groups; g++, w0 += 2 * SK_RESIZE_GROUP, w1 += 2 * SK_RESIZE_GROUP) {
        __m256i pixels = load_pair(from0 + g * SK_RESIZE_GROUP * 3, from1 + g * SK_RESIZE_GROUP * 3);
        __m256i w = load_pair(w0, w1);
        __m256i a = _mm256_shuffle_epi8(pixels, first), b = _mm256_shuffle_epi8(pixels, second);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(a, _mm256_shuffle_epi32(w, 0x00)));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(b, _mm256_shuffle_epi32(w, 0x55)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(a, _mm256_shuffle_epi32(w, 0xAA)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(b, _mm256_shuffle_epi32(w, 0xFF)));
    }
    __m256i words = _mm256_packs_epi32(finish(low, high), low);
    return _mm256_packus_epi16(words, words);
}

static inline int groups_of(int taps)
{
    return (taps + SK_RESIZE_GROUP - 1) / SK_RESIZE_GROUP;
}

static void row3(const struct sk_resize_axis *a, const uint8_t *in, size_t width, uint8_t *out)
{
    size_t stride = (size_t)a->groups * (2 * SK_RESIZE_GROUP);
    int i = 0;
    for (; i + 2 < a->n; i += 2) { /* a store writes a byte too many: the last output is not made here */
        int groups = groups_of(a->taps[i] > a->taps[i + 1] ? a->taps[i] : a->taps[i + 1]);
        size_t last = (size_t)(a->first[i] > a->first[i + 1] ? a->first[i] : a->first[i + 1]) * 3;
        if (last + (size_t)(groups - 1) * SK_RESIZE_GROUP * 3 + TAP_BYTES > width * 3)
            break;
        const int16_t *w = a->weight + (size_t)i * stride;
        __m256i two = two_pixels(in + (size_t)a->first[i] * 3, in + (size_t)a->first[i + 1] * 3, w, w + stride, groups);
        int32_t pixel[2] = {_mm256_extract_epi32(two, 0), _mm256_extract_epi32(two, 4)};
        memcpy(out + (size_t)i * 3, &pixel[0], 4);
        memcpy(out + (size_t)i * 3 + 3, &pixel[1], 4);
    }
    sk_resize_row_scalar(a, i, in, 3, out);
}

static void row(const struct sk_resize_axis *a, const uint8_t *in, size_t width, size_t channels, uint8_t *out)
{
    if (channels == 3)
        row3(a, in, width, out);
    else
        sk_resize_row_scalar(a, 0, in, channels, out);
}

/* Adds two rows of 16 bytes, times the weights of a pair of taps, to the sums. */
static inline void add_rows(__m256i low[2], __m256i high[2], __m128i p, __m128i q, __m256i wl, __m256i wh)
{
    __m256i a = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(p, q)), b = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(p, q));
    low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(a, wl));
    low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(b, wl));
    high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(a, wh));
    high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(b, wh));
}

static inline __m256i pair(const int16_t *weight)
{
    int32_t two;
    memcpy(&two, weight, sizeof(two));
    return _mm256_set1_epi32(two);
}

static void column(const uint8_t *const *rows, const int16_t *weight, int taps, size_t n, uint8_t *out)
{
    size_t j = 0;
    for (; j + STEP <= n; j += STEP) {
        __m256i low[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, high[2] = {low[0], low[0]};
        for (int k = 0; k < taps; k += 2) {
            const int16_t *w = weight + (size_t)(k / SK_RESIZE_GROUP) * (2 * SK_RESIZE_GROUP) + k % SK_RESIZE_GROUP;
            const uint8_t *next = rows[k + 1 < taps ? k + 1 : k]; /* behind the last tap the weight is 0 */
            add_rows(low, high, _mm_loadu_si128((const void *)(rows[k] + j)), _mm_loadu_si128((const void *)(next + j)),
                     pair(w), pair(w + SK_RESIZE_GROUP));
        }
        __m256i words = _mm256_packs_epi32(finish(low[0], high[0]), finish(low[1], high[1]));
        words = _mm256_permute4x64_epi64(words, 0xD8);
        __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0xD8);
        _mm_storeu_si128((void *)(out + j), _mm256_castsi256_si128(bytes));
    }
    sk_resize_column_scalar(rows, weight, taps, j, n, out);
}

void sk_resize_avx2(struct sk_kern_resize *k)
{
    *k = (struct sk_kern_resize){.row = row, .column = column};
}
