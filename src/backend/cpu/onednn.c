/* oneDNN as a whole: its one engine and stream, its version, its errors. */
#include "backend/cpu/onednn.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_status_t status;
    const char *failed; /* what the status is about; NULL: nothing failed */
    char version[64];
} library; /* kept until the process ends: plans in other threads may still use it */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void limit_isa(void)
{
    switch (sk_isa_level()) {
    case SK_ISA_AVX2:
        library.status = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
        break;
    case SK_ISA_AVX512:
        library.status = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
        break;
    case SK_ISA_REF: /* not x86-64, or older than AVX2: whatever the library finds */
    case SK_ISA_AVX512_BF16:
        break;
    }
    if (library.status == dnnl_unimplemented) /* a library built without this switch: as it likes */
        library.status = dnnl_success;
}

static void start_library(void)
{
    library.failed = "instruction set";
    limit_isa();
    if (library.status != dnnl_success)
        return;
    library.failed = "engine";
    library.status = dnnl_engine_create(&library.engine, dnnl_cpu, 0);
    if (library.status == dnnl_success)
        library.status = dnnl_stream_create(&library.stream, library.engine, dnnl_stream_default_flags);
    if (library.status == dnnl_success)
        library.failed = NULL;
}

enum sk_code sk_dnnl_start(struct sk_err *err)
{
    if (sk_isa_level() == SK_ISA_REF && sk_isa_hardware() != SK_ISA_REF)
        return sk_fail(err, SK_UNSUPPORTED, "SKUA_CPU=ref");
    pthread_once(&once, start_library);
    return library.failed == NULL ? SK_OK : sk_dnnl_check(library.status, library.failed, err);
}

dnnl_engine_t sk_dnnl_engine(void)
{
    return library.engine;
}

dnnl_stream_t sk_dnnl_stream(void)
{
    return library.stream;
}

enum sk_code sk_dnnl_check(dnnl_status_t status, const char *what, struct sk_err *err)
{
    switch (status) {
    case dnnl_success:
        return SK_OK;
    case dnnl_unimplemented:
        return sk_fail(err, SK_UNSUPPORTED, "oneDNN has no %s like this", what);
    case dnnl_out_of_memory:
        return sk_fail(err, SK_NOMEM, "oneDNN: out of memory for %s", what);
    default:
        return sk_fail(err, SK_DEVICE, "oneDNN: %s failed with status %d", what, (int)status);
    }
}

dnnl_data_type_t sk_dnnl_type(enum sk_dtype t)
{
    return t == SK_BF16 ? dnnl_bf16 : dnnl_f32;
}

enum sk_code sk_dnnl_accept(const struct sk_desc *d, const char *what, int rank, enum sk_dtype type, struct sk_err *err)
{
    const int64_t most = INT32_MAX / 2;
    int64_t sample = 1;
    if (d->layout != SK_LAYOUT_DENSE)
        return sk_fail(err, SK_UNSUPPORTED, "%s is blocked", what);
    if (d->rank != rank || d->dtype != type)
        return sk_fail(err, SK_UNSUPPORTED, "%s: expected %s of rank %d, got %s of rank %d", what, sk_dtype_name(type),
                       rank, sk_dtype_name(d->dtype), d->rank);
    for (int i = 0; i < rank; i++) {
        if (d->dim[i] < 1 || d->dim[i] > most || (i > 0 && d->dim[i] > most / sample))
            return sk_fail(err, SK_UNSUPPORTED, "%s is empty or too large", what);
        if (i > 0)
            sample *= d->dim[i];
    }
    return SK_OK;
}

int sk_dnnl_threads(int threads)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    return before;
}

static void write_version(void)
{
    const dnnl_version_t *v = dnnl_version();
    const char *limit = getenv("ONEDNN_MAX_CPU_ISA");
    limit = limit ? limit : getenv("DNNL_MAX_CPU_ISA");
    snprintf(library.version, sizeof library.version, "%d.%d.%d%s%.20s", v->major, v->minor, v->patch,
             limit ? " limited to " : "", limit ? limit : "");
}

const char *sk_onednn_version(void)
{
    static pthread_once_t written = PTHREAD_ONCE_INIT;
    pthread_once(&written, write_version);
    return library.version;
}
