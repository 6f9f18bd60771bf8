/* For tests of folders: small PNG files whose pixels tell which they are. */
#ifndef SKUA_TEST_FOLDER_MAKE_H
#define SKUA_TEST_FOLDER_MAKE_H

#include "data/data.h"

/* Writes side x side pixels of (red, green, 7) to a path below the scratch folder, whose folders are made. */
void folder_picture(const char *path, int height, int width, int red, int green);
/* Any other file there. */
void folder_file(const char *path, const char *text);
/* A recipe's data section for that folder. */
struct sk_recipe_data folder_recipe(const char *path);

/* The split, which must open. */
struct sk_dataset *open_split(const struct sk_recipe_data *data, enum sk_split split, int64_t seed);
/* All samples of what lies below the scratch folder there, of a source that is found out. */
struct sk_dataset *open_all(const char *path);

/* Opens the split with the first, second, ... allocation failing until none does (fewer than most): each time NOMEM. */
void folder_open_without_memory(const struct sk_recipe_data *data, enum sk_split split, long most);

#endif
