/* What every test program includes: cmocka with the headers it wants before it, and a scratch folder of its own. */
#ifndef SKUA_TEST_H
#define SKUA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four before it */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Fails with the message of err unless code is SK_OK. */
#define assert_ok(code, err) test_ok((code), &(err), __FILE__, __LINE__)
/* Fails unless code is want and the message of err holds part; clears err. */
#define assert_error(code, want, err, part) test_error((code), (want), &(err), (part), __FILE__, __LINE__)

void test_ok(enum sk_code code, const struct sk_err *err, const char *file, int line);
void test_error(enum sk_code code, enum sk_code want, struct sk_err *err, const char *part, const char *file, int line);

/* An empty folder of this process, made on the first call and removed when the program ends. */
const char *test_folder(void);
/* The path of name in it, in one of a few buffers used in turn. */
const char *test_path(const char *name);
/* Writes a file into it, without sk_file_write; returns its path. */
const char *test_put(const char *name, const void *data, size_t len);

#endif
