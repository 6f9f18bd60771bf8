/* Memory: zeroed, 64-byte aligned blocks, large mappings, and a switch that makes allocations fail in tests. */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 64, HUGE_PAGE = 2 << 20 };

static atomic_long fail_after; /* 0: off; n > 1: n - 1 allocations succeed yet; 1: all fail from now on */

void sk_mem_fail_after(long n)
{
    atomic_store(&fail_after, n);
}

static bool must_fail(void)
{
    long n = atomic_load(&fail_after);
    while (n > 1)
        if (atomic_compare_exchange_weak(&fail_after, &n, n - 1))
            return false;
    return n == 1;
}

bool sk_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static void *alloc_bytes(size_t bytes, struct sk_err *err)
{
    if (bytes <= PTRDIFF_MAX - ALIGN && !must_fail()) {
        size_t rounded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
        void *block = aligned_alloc(ALIGN, rounded ? rounded : ALIGN);
        if (block)
            return block;
    }
    sk_fail(err, SK_NOMEM, "not enough memory for %zu bytes", bytes);
    return NULL;
}

void *sk_alloc(size_t n, size_t size, struct sk_err *err)
{
    size_t bytes;
    if (!sk_mul_size(n, size, &bytes)) {
        sk_fail(err, SK_NOMEM, "not enough memory for %zu times %zu bytes", n, size);
        return NULL;
    }
    void *block = alloc_bytes(bytes, err);
    if (block)
        memset(block, 0, bytes);
    return block;
}

/* ptr is the address of a pointer of any type: read and written by memcpy, for C has no generic pointer to pointer. */
enum sk_code sk_grow(void *ptr, size_t *cap, size_t n, size_t size, struct sk_err *err)
{
    char *old;
    memcpy(&old, ptr, sizeof(old));
    if (n <= *cap && old)
        return SK_OK;
    size_t want = *cap > SIZE_MAX / 2 || n > *cap * 2 ? n : *cap * 2;
    size_t bytes;
    if (!sk_mul_size(want, size, &bytes))
        return sk_fail(err, SK_NOMEM, "not enough memory for %zu times %zu bytes", want, size);
    char *block = alloc_bytes(bytes, err);
    if (!block)
        return err ? err->code : SK_NOMEM;
    size_t used = old ? *cap * size : 0;
    if (used)
        memcpy(block, old, used);
    memset(block + used, 0, bytes - used);
    free(old);
    memcpy(ptr, &block, sizeof(block));
    *cap = want;
    return SK_OK;
}

void sk_free(void *ptr)
{
    free(ptr);
}

/* The length that mmap really gives for size bytes; 0 on overflow. Whole small pages: the end of a large block is not
 * worth a huge one. */
static size_t map_length(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > PTRDIFF_MAX - 2 * (size_t)HUGE_PAGE)
        return 0;
    return size ? (size + page - 1) / page * page : page;
}

/* Asks for one huge page more than needed and gives the ends back, so that the start lies on a huge page. */
static void *map_huge(size_t length)
{
    char *base = mmap(NULL, length + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return MAP_FAILED;
    size_t head = (HUGE_PAGE - (uintptr_t)base % HUGE_PAGE) % HUGE_PAGE;
    if (head)
        munmap(base, head);
    if (head < HUGE_PAGE)
        munmap(base + head + length, HUGE_PAGE - head);
    madvise(base + head, length, MADV_HUGEPAGE);
    return base + head;
}

void *sk_map(size_t size, struct sk_err *err)
{
    size_t length = map_length(size);
    void *base = MAP_FAILED;
    if (length && !must_fail())
        base = length >= HUGE_PAGE ? map_huge(length)
                                   : mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base != MAP_FAILED)
        return base;
    sk_fail(err, SK_NOMEM, "not enough memory to map %zu bytes", size);
    return NULL;
}

void sk_unmap(void *ptr, size_t size)
{
    if (ptr)
        munmap(ptr, map_length(size));
}
