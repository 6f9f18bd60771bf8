/* Fuzzer: opening a safetensors file and reading every byte that it says to hold. */
#include "fuzz.h"

#include "format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_safetensors st;
    struct sk_err err = {0};
    volatile unsigned char sink = 0;

    if (sk_st_open(&st, fuzz_file(data, size), &err) != SK_OK)
        return 0;
    for (size_t i = 0; i < st.count; i++) {
        const unsigned char *bytes = st.tensor[i].data;
        for (size_t k = 0; k < st.tensor[i].bytes; k++)
            sink = (unsigned char)(sink ^ bytes[k]);
        if (sk_st_find(&st, st.tensor[i].name) != &st.tensor[i])
            abort();
    }
    sk_st_close(&st);
    return 0;
}
