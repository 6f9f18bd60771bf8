/* Fuzzer: opening a safetensors file, reading every byte that it says to hold, and what its metadata says. */
#include "fuzz.h"

#include "exec/exec.h"
#include "format/format.h"

static void read_facts(const struct sk_safetensors *st)
{
    static struct sk_model_facts facts;
    struct sk_err err = {0};
    if (sk_model_facts_read(&facts, st, "fuzz", &err) == SK_OK)
        sk_model_facts_release(&facts);
    else if (err.text[0] == '\0')
        abort(); /* every refusal says why */
}

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
    read_facts(&st);
    sk_st_close(&st);
    return 0;
}
