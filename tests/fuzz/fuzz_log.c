/* Fuzzer: the run log read back, and its epochs as rows of metrics.csv. */
#include <string.h>

#include "fuzz.h"
#include "train/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_run_log log;
    struct sk_str out = {0};
    char *text = malloc(size ? size : 1); /* of its own length, so that a step beyond it is seen */
    size_t lines = 0;
    memcpy(text, data, size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n' || i + 1 == size;
    if (sk_run_log_parse(&log, text, size, NULL) == SK_OK) {
        if (log.steps + log.epochs + (size_t)log.skipped + log.cut != lines)
            abort(); /* each line is something */
        for (size_t i = 0; i < log.epochs; i++)
            if (sk_logged_csv(&log.epoch[i], &out, NULL) != SK_OK)
                abort();
        if (sk_run_log_skipped(&log, &out, NULL) != SK_OK)
            abort();
        sk_run_log_release(&log);
    }
    sk_str_release(&out);
    free(text);
    return 0;
}
