/* Fuzzer: opening an npy file and reading every byte that it says to hold. */
#include "fuzz.h"

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_npy a;
    struct sk_err err = {0};
    volatile unsigned char sink = 0;

    if (sk_npy_open(&a, fuzz_file(data, size), &err) != SK_OK)
        return 0;
    for (size_t i = 0; i < a.bytes; i++)
        sink = (unsigned char)(sink ^ ((const unsigned char *)a.data)[i]);
    sk_npy_close(&a);
    return 0;
}
