/* Base: errors, memory, strings, random numbers, files, time and the machine. Includes nothing else of skua.
 *
 * Error scheme: a function that can fail returns `enum sk_code`, must be checked, and takes `struct sk_err *err` last.
 * The caller owns err (zero it before first use); the first message wins; outer layers prefix context. */
#ifndef SKUA_BASE_H
#define SKUA_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SK_MUST __attribute__((warn_unused_result))
#define SK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { SK_PATH = 4096, SK_NAME = 128 };

/* ---- errors (err.c) ---- */
enum sk_code { SK_OK, SK_USAGE, SK_INPUT, SK_IO, SK_NOMEM, SK_UNSUPPORTED, SK_DEVICE, SK_CANCELLED, SK_BUG,
               SK_MISSED /* done, but not what was to be reached */,
               SK_NO_SPLIT /* data without a validation split, which was asked for */ };

struct sk_err {
    enum sk_code code;
    char text[2048]; /* one sentence, lower case, no full stop, no newline */
};

/* Records code and message unless err already holds one; returns the code that err now holds. err may be NULL. */
enum sk_code sk_fail(struct sk_err *err, enum sk_code code, const char *fmt, ...) SK_PRINTF(3, 4);
/* As sk_fail, with ": " and the text of errnum appended. ENOMEM becomes SK_NOMEM. */
enum sk_code sk_fail_errno(struct sk_err *err, enum sk_code code, int errnum, const char *fmt, ...) SK_PRINTF(4, 5);
/* Puts context and ": " before the message that err holds; does nothing when it holds none. */
void sk_err_prefix(struct sk_err *err, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_err_clear(struct sk_err *err);
/* Exit status of the program for a code: 0, 1, 2 (USAGE, INPUT, UNSUPPORTED, NO_SPLIT), 130 (CANCELLED). */
int sk_exit_status(enum sk_code code);

/* ---- notices: things a user is told once (notice.c) ---- */
/* Tells the user one sentence through the installed sink (default: none); the same text is told once a process.
 * Thread-safe. Libraries never print: the command line installs a sink that writes to standard error. */
void sk_notice(const char *fmt, ...) SK_PRINTF(1, 2);
void sk_notice_sink(void (*sink)(const char *text));

/* ---- memory (mem.c) ---- */
/* n * size zeroed bytes, 64-byte aligned; NULL with err set (NOMEM, also on overflow). Free with sk_free. n*size==0 gives
 * a valid pointer. */
void *sk_alloc(size_t n, size_t size, struct sk_err *err) SK_MUST;
/* Grows *ptr (NULL or from sk_alloc) to at least n elements of size bytes, doubling *cap; new elements are zeroed. */
enum sk_code sk_grow(void *ptr, size_t *cap, size_t n, size_t size, struct sk_err *err) SK_MUST;
void sk_free(void *ptr);
bool sk_mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
/* Anonymous mapping for large arenas: zeroed, page aligned, huge pages where the system grants them. */
void *sk_map(size_t size, struct sk_err *err) SK_MUST;
void sk_unmap(void *ptr, size_t size);
/* Tests only: the n-th allocation from now (1 = the next) and every later one fails; 0 switches it off. */
void sk_mem_fail_after(long n);

/* ---- strings (str.c) ---- */
struct sk_str { /* growable, always NUL-terminated once used; release accepts a zeroed one */
    char *text;
    size_t len, cap;
};
enum sk_code sk_str_add(struct sk_str *s, struct sk_err *err, const char *fmt, ...) SK_MUST SK_PRINTF(3, 4);
enum sk_code sk_str_add_bytes(struct sk_str *s, const void *data, size_t len, struct sk_err *err) SK_MUST;
void sk_str_release(struct sk_str *s);
/* snprintf that fails with INPUT "<what> is too long" where dst would be cut. */
enum sk_code sk_format(char *dst, size_t size, const char *what, struct sk_err *err, const char *fmt, ...) SK_MUST
    SK_PRINTF(5, 6);
bool sk_parse_i64(const char *text, int64_t *out);   /* whole text, decimal; false on anything else or overflow */
bool sk_parse_f64(const char *text, double *out);    /* whole text, finite; "5.0e-4" style; independent of locale */
/* The nearest of names (n of them) by edit distance, NULL where none is near enough to suggest. */
const char *sk_nearest(const char *text, const char *const *names, size_t n);
/* The character that begins text (len >= 1 bytes left) and the bytes it takes; SK_NO_CHARACTER and 1 where that is not
 * UTF-8. */
#define SK_NO_CHARACTER UINT32_MAX
uint32_t sk_utf8_next(const char *text, size_t len, size_t *used);
bool sk_is_utf8(const char *text);
/* Copies text for a message: control bytes become '?', cut with "..." to fit; returns dst. */
char *sk_printable(char *dst, size_t size, const char *text);
/* Copies text as a word of a command that can be pasted: in single quotes where a shell would take it apart; what does not
 * fit as sk_printable. Returns dst. */
char *sk_shell_word(char *dst, size_t size, const char *text);
const char *sk_bytes_text(double bytes, char out[32]); /* "43.2 MB" */
const char *sk_thousands(int64_t n, char out[32]);      /* "11,173,962" */
const char *sk_time_text(double seconds, char out[32]); /* "0:09", "1:02:03" */

/* ---- random numbers (rng.c): Philox4x32-10 (Salmon et al., SC 2011), keyed by what the number is for ---- */
enum sk_purpose { SK_RNG_INIT = 1, SK_RNG_ORDER, SK_RNG_AUGMENT, SK_RNG_DROPOUT, SK_RNG_SHAPES, SK_RNG_SPLIT, SK_RNG_TEST, SK_RNG_MIX };
struct sk_rng {
    uint32_t key[2], counter[4], out[4];
    unsigned used;
};
void sk_rng_init(struct sk_rng *r, uint64_t seed, uint32_t epoch, uint64_t index, enum sk_purpose purpose);
uint32_t sk_rng_u32(struct sk_rng *r);
uint32_t sk_rng_below(struct sk_rng *r, uint32_t n); /* unbiased, 0 <= result < n; n >= 1 */
float sk_rng_unit(struct sk_rng *r);                 /* [0, 1), 24 bits */
float sk_rng_normal(struct sk_rng *r);               /* standard normal, Box-Muller */
double sk_rng_beta(struct sk_rng *r, double a);       /* Beta(a, a), a > 0; below 1e-6, where it is a coin, as of 1e-6 */
/* Philox4x32-10 itself: out[4] from counter[4] and key[2]. */
void sk_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* ---- files (file.c) ---- */
enum sk_code sk_path_join(char out[SK_PATH], struct sk_err *err, const char *dir, const char *name) SK_MUST;
/* Whole file, with a NUL after it, into *data (sk_free). Larger than max, not a regular file or unreadable: error that names the path. */
enum sk_code sk_file_read(const char *path, size_t max, char **data, size_t *len, struct sk_err *err) SK_MUST;
/* Maps a regular file read-only (map.c); an empty one gives *map = NULL, *len = 0. Absent, unreadable or no regular file:
 * INPUT that names the path. Reading what another process cuts off meanwhile is SIGBUS: map only what is replaced by rename. */
enum sk_code sk_file_map(const char *path, void **map, size_t *len, struct sk_err *err) SK_MUST;
void sk_file_unmap(void *map, size_t len); /* NULL is fine */
/* A regular file open for reading at any place, by several threads at once; zeroed: none. What another process cuts off
 * meanwhile is INPUT "'x' became shorter while it was read". Absent, unreadable or no regular file: as sk_file_map. */
struct sk_file {
    char path[SK_PATH];
    int fd;
    uint64_t size; /* when it was opened */
};
enum sk_code sk_file_open(struct sk_file *f, const char *path, struct sk_err *err) SK_MUST;
enum sk_code sk_file_read_at(const struct sk_file *f, uint64_t offset, void *out, size_t len,
                             struct sk_err *err) SK_MUST;
void sk_file_close(struct sk_file *f); /* accepts a zeroed one */
/* Writes path.tmp-PID, flushes, renames over path, flushes the folder: path is the old or the new content, never a part.
 * Of a link, what it leads to is replaced. A device, a pipe, and the file that standard output or error goes to, are
 * written into as they are. */
enum sk_code sk_file_write(const char *path, const void *data, size_t len, struct sk_err *err) SK_MUST;
/* The same for a file that is written from parts: close puts it in place, drop leaves what was there. */
struct sk_new_file {
    char path[SK_PATH], temp[SK_PATH]; /* temp is empty where path is written into as it is */
    int fd;
};
enum sk_code sk_new_file_open(struct sk_new_file *f, const char *path, struct sk_err *err) SK_MUST;
enum sk_code sk_new_file_add(struct sk_new_file *f, const void *data, size_t len, struct sk_err *err) SK_MUST;
/* Ends it either way: after a failure the temporary is gone. */
enum sk_code sk_new_file_close(struct sk_new_file *f, struct sk_err *err) SK_MUST;
void sk_new_file_drop(struct sk_new_file *f); /* accepts one that is zeroed, did not open or is closed */
/* Whether sk_file_write could write there, asked before long work; nothing is left. NULL: nothing is asked. */
enum sk_code sk_file_writable(const char *path, struct sk_err *err) SK_MUST;
/* IO, and errno says why. */
enum sk_code sk_write_all(int fd, const void *data, size_t len, const char *path, struct sk_err *err) SK_MUST;
enum sk_code sk_mkdirs(const char *path, struct sk_err *err) SK_MUST; /* with parents; existing is fine */
enum sk_code sk_dir_sync(const char *path, struct sk_err *err) SK_MUST;
enum sk_code sk_remove_tree(const char *path, struct sk_err *err) SK_MUST; /* absent is fine; does not follow links */
enum sk_code sk_symlink_swap(const char *target, const char *link, struct sk_err *err) SK_MUST; /* atomic replace */
bool sk_is_dir(const char *path);
bool sk_is_file(const char *path);
/* Names in a folder (without . and ..), sorted bytewise; *names is one sk_alloc'd block: free with sk_free. */
enum sk_code sk_dir_list(const char *path, char ***names, size_t *count, struct sk_err *err) SK_MUST;

/* ---- time (time.c) ---- */
double sk_now(void);                       /* seconds, monotonic */
double sk_thread_seconds(void);            /* processor time of the calling thread */
void sk_time_stamp(char out[32]);          /* local "20261121-094512" for folder names */

/* ---- the machine (machine.c) ---- */
struct sk_machine {
    char cpu[SK_NAME];        /* model name */
    int affinity, cores;      /* logical CPUs this process may use; physical cores among them */
    double quota;             /* container's CPU quota (cgroup v1 or v2), 0: none */
    int threads;              /* the smaller of affinity, quota rounded up, cores; at least 1 */
    uint64_t memory_total, memory_available; /* bytes, the smallest of the system's (MemAvailable), the container's limit and (available) ulimit -v's */
};
void sk_machine_read(struct sk_machine *m);
/* As sk_machine_read, with /proc and /sys looked up below the folder root (tests of containers' limits); the affinity
 * is this process'. */
void sk_machine_read_from(struct sk_machine *m, const char *root);
uint64_t sk_peak_rss(void); /* bytes */

/* ---- checksums (digest.c) ---- */
enum sk_digest { SK_DIGEST_MD5, SK_DIGEST_SHA256 };
enum { SK_DIGEST_HEX = 65 };
/* Checksum of a whole file, open for reading, as lower-case hex; its position stays. path is for messages. */
enum sk_code sk_digest_file(int fd, const char *path, enum sk_digest kind, char hex[SK_DIGEST_HEX],
                            struct sk_err *err) SK_MUST;

#endif
