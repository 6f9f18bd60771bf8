/* Fuzzer: what a checkpoint says in JSON: state.json, and the kernels that plan.json names. */
#include "exec/exec.h"
#include "fuzz.h"
#include "train/internal.h"

static char folder[] = "/tmp/skua-fuzz-XXXXXX";
static char link_path[sizeof(folder) + sizeof("/state.json")];

static void remove_folder(void)
{
    unlink(link_path);
    rmdir(folder);
}

/* A folder whose state.json is the input; it is a link, so nothing is written to the disk. */
static const char *folder_of(const char *file)
{
    if (link_path[0])
        return folder;
    if (!mkdtemp(folder))
        abort();
    snprintf(link_path, sizeof(link_path), "%s/state.json", folder);
    if (symlink(file, link_path) != 0 || atexit(remove_folder) != 0)
        abort();
    return folder;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_checkpoint_state state;
    struct sk_choices *choices = NULL;
    struct sk_err err = {0};
    enum sk_code code = sk_state_read(folder_of(fuzz_file(data, size)), &state, &err);
    if (code != SK_OK && err.text[0] == '\0')
        abort(); /* every refusal says why */
    if (code == SK_OK && (state.position.step < 0 || state.sha256[SK_CKPT_MODEL][SK_SHA256_TEXT - 1] != '\0'))
        abort();
    sk_err_clear(&err);
    if (sk_choices_parse(&choices, (const char *)data, size, "fuzz", &err) == SK_OK)
        sk_choices_free(choices);
    return 0;
}
