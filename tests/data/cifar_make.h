/* Writes small made-up CIFAR-10 and CIFAR-100 batches in the published layouts. The pictures are the same in all of them. */
#ifndef SKUA_TEST_CIFAR_MAKE_H
#define SKUA_TEST_CIFAR_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CIFAR_MADE = 3 /* pictures in a batch */ };

/* Value of a made-up picture; batch 5 is that of the validation split. */
uint8_t cifar_pixel(int batch, int record, int channel, int y, int x);
int cifar_label(int batch, int record);

/* Batches and class names into a folder, which is created. */
void cifar_write_binary(const char *folder);
void cifar_write_pickled(const char *folder);
void cifar_write_matlab(const char *folder, bool big, bool packed);
/* The same as CIFAR-100, whose batches are one for training (0) and one for validation (5). */
int cifar100_label(int batch, int record, bool coarse);
void cifar100_write_binary(const char *folder);
void cifar100_write_pickled(const char *folder);
void cifar100_write_matlab(const char *folder, bool big, bool packed);
/* Packs the files of folder as inside/NAME; gzip'd or a plain tar. skip: a file left out, or NULL. */
void cifar_write_archive(const char *path, const char *folder, const char *inside, int gzip, const char *skip);

#endif
