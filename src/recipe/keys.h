/* Recipe internals: the table of keys (keys.c, step_types.c) and the values of its rows (value.c, composite.c). Only
 * src/recipe and its tests include this. */
#ifndef SKUA_RECIPE_KEYS_H
#define SKUA_RECIPE_KEYS_H

#include "recipe/recipe.h"
#include "recipe/yaml.h"

/* ---- rows ---- */
enum sk_key_type {
    /* scalars: their text is all there is to them */
    SK_KEY_NAME, /* char[]: text that can name a folder */
    SK_KEY_TEXT, /* char[] */
    SK_KEY_BOOL,
    SK_KEY_INT, /* int within low..high, or word for word_value */
    SK_KEY_INT64,
    SK_KEY_REAL, /* double within the range, or word for word_value */
    SK_KEY_ENUM, /* any C enum: the index in names */
    /* values with an inside */
    SK_KEY_REALS,     /* struct sk_range or double[n]: a list of numbers, or one that stands for all (reals.c) */
    SK_KEY_SIDES,     /* resize's size: N, or [height, width]; base is a struct sk_picture_step */
    SK_KEY_STEPS,     /* struct sk_picture_steps */
    SK_KEY_WORDS,     /* struct sk_recipe_words */
    SK_KEY_NUMBERS,   /* struct sk_recipe_numbers: a list of numbers within the range, or word for count word_value */
    SK_KEY_GRID, /* sweep.grid: keys with lists of values, as text (sweep.c) */
    SK_KEY_LIST, /* sweep.list: a list of settings, as text */
    SK_KEY_NORMALIZE, /* has_normalize, normalize_channels, mean and std; base is a struct sk_recipe */
};
enum sk_key_resume { SK_RESUME_NO, SK_RESUME_YES, SK_RESUME_GROW /* 0 is without end */ };

enum sk_key_one {
    SK_ONE_NOT,      /* a list is needed: [low, high] with low <= high */
    SK_ONE_AROUND_0, /* [-x, x] */
    SK_ONE_AROUND_1, /* [1 - x, 1 + x], not below the least value */
    SK_ONE_EACH      /* x for all; the list may have any order */
};

struct sk_key {
    const char *name; /* dotted: train.optimizer.lr; a step's parameter: its plain name */
    enum sk_key_type type;
    size_t offset, size; /* of the member in the base struct: a recipe, or a picture step */
    const char *initial; /* default, as written in a recipe; NULL: a step's parameter that must be given */
    enum sk_key_resume resume;
    int64_t low, high;         /* integers */
    double min, max;           /* reals */
    bool above_min, below_max; /* reals: the bound itself is out */
    const char *word;          /* also accepted, for word_value; NULL: none */
    int word_value;
    const char *const *names; /* enum: NULL-terminated */
    enum sk_key_one one;      /* REALS: what a single number x means */
    const char *help;         /* one phrase with the unit */
};
extern const struct sk_key sk_keys[]; /* rows of a section stand together, sections inside it after its own rows */
extern const size_t sk_key_count;
const struct sk_key *sk_key_find(const char *name); /* NULL: none */
bool sk_key_is_section(const char *name);
bool sk_key_is_scalar(const struct sk_key *k);
/* The key or section that whoever wrote an unknown name most likely meant, copied to out; NULL: no guess. */
const char *sk_key_nearest(const char *name, char out[SK_NAME]);

/* One kind of picture step and its parameters; a step given as `name: value` gives the first parameter. */
struct sk_step_type {
    const char *name;
    enum sk_step_kind kind;
    bool random; /* for training only */
    bool sizes;  /* decides how large the picture is */
    const struct sk_key *param;
    size_t params;
    const char *help;
};
extern const struct sk_step_type sk_step_types[];
extern const size_t sk_step_type_count;
const struct sk_step_type *sk_step_type_of(enum sk_step_kind kind);

/* ---- values of one row; base is the struct that offset counts from ---- */
/* "an integer from 1 to 65536", cut to fit; returns out. */
char *sk_key_expected(const struct sk_key *k, char *out, size_t size);
/* Sets a scalar row (not SIDES, STEPS, NORMALIZE). INPUT "expected ..., got '...'". */
enum sk_code sk_key_set_text(const struct sk_key *k, void *base, const char *text, struct sk_err *err) SK_MUST;
/* Sets any row from a node; on failure *at is the node to blame and the message is without place and name. */
enum sk_code sk_key_set_node(const struct sk_key *k, void *base, const struct sk_yaml *y, const struct sk_node *n,
                             const struct sk_node **at, struct sk_err *err) SK_MUST;
/* "expected <what>, got 'text'", or got nothing, a list, a mapping. */
enum sk_code sk_key_unexpected(const struct sk_yaml *y, const struct sk_node *n, const char *what,
                               struct sk_err *err) SK_MUST;
/* Appends the value as YAML (flow style) that reads back to the same. */
enum sk_code sk_key_format(const struct sk_key *k, const void *base, struct sk_str *out, struct sk_err *err) SK_MUST;
bool sk_key_equal(const struct sk_key *k, const void *a, const void *b);

/* Appends text as YAML, in quotes where it needs them, or always. INPUT where a recipe cannot hold it. */
enum sk_code sk_text_format(const char *text, struct sk_str *out, struct sk_err *err) SK_MUST;
enum sk_code sk_text_quote(const char *text, struct sk_str *out, struct sk_err *err) SK_MUST;

/* ---- rows that are more than one value (composite.c, words.c, numbers.c); sk_key_* above call these ---- */
enum sk_code sk_words_set(struct sk_recipe_words *words, const struct sk_yaml *y, const struct sk_node *n,
                          const struct sk_node **at, struct sk_err *err) SK_MUST;
enum sk_code sk_words_format(const struct sk_recipe_words *words, struct sk_str *out, struct sk_err *err) SK_MUST;
bool sk_words_equal(const struct sk_recipe_words *a, const struct sk_recipe_words *b);

enum sk_code sk_numbers_set(const struct sk_key *k, struct sk_recipe_numbers *numbers, const struct sk_yaml *y,
                            const struct sk_node *n, const struct sk_node **at, struct sk_err *err) SK_MUST;
enum sk_code sk_numbers_format(const struct sk_key *k, const struct sk_recipe_numbers *numbers, struct sk_str *out,
                               struct sk_err *err) SK_MUST;
bool sk_numbers_equal(const struct sk_recipe_numbers *a, const struct sk_recipe_numbers *b);

enum sk_code sk_sweep_set(const struct sk_key *k, char text[SK_SWEEP_TEXT], const struct sk_yaml *y,
                          const struct sk_node *n, const struct sk_node **at, struct sk_err *err) SK_MUST;
/* What sk_recipe_check asks of the sweep section. */
enum sk_code sk_sweep_check(const struct sk_recipe *r, struct sk_err *err) SK_MUST;
/* Sets a key, or those given of a section, from a node (parse.c); messages as of sk_key_set_node, with the key. INPUT
 * where there is no such key; with n NULL nothing is set, and only that is asked. */
enum sk_code sk_recipe_set_node(struct sk_recipe *r, const char *name, const struct sk_yaml *y, const struct sk_node *n,
                                const struct sk_node **at, struct sk_err *err) SK_MUST;

enum sk_code sk_steps_set(struct sk_picture_steps *steps, const struct sk_yaml *y, const struct sk_node *n,
                          const struct sk_node **at, struct sk_err *err) SK_MUST;
enum sk_code sk_steps_format(const struct sk_picture_steps *steps, struct sk_str *out, struct sk_err *err) SK_MUST;
bool sk_steps_equal(const struct sk_picture_steps *a, const struct sk_picture_steps *b);

/* Rows of several numbers (reals.c): from a list, or from text ("0.5", "[0.08, 1]"); false where text is no such. */
enum sk_code sk_reals_set(const struct sk_key *k, void *member, const struct sk_yaml *y, const struct sk_node *list,
                          const struct sk_node **at, struct sk_err *err) SK_MUST;
bool sk_reals_set_text(const struct sk_key *k, void *member, const char *text);
void sk_reals_describe(const struct sk_key *k, char *out, size_t size);
enum sk_code sk_reals_format(const struct sk_key *k, const void *member, struct sk_str *out, struct sk_err *err) SK_MUST;

enum sk_code sk_sides_set(const struct sk_key *k, struct sk_picture_step *step, const struct sk_yaml *y,
                          const struct sk_node *list, const struct sk_node **at, struct sk_err *err) SK_MUST;
enum sk_code sk_sides_format(const struct sk_picture_step *step, struct sk_str *out, struct sk_err *err) SK_MUST;
bool sk_sides_equal(const struct sk_picture_step *a, const struct sk_picture_step *b);

enum sk_code sk_normalize_set(struct sk_recipe *r, const struct sk_yaml *y, const struct sk_node *n,
                              const struct sk_node **at, struct sk_err *err) SK_MUST;
enum sk_code sk_normalize_format(const struct sk_recipe *r, struct sk_str *out, struct sk_err *err) SK_MUST;
bool sk_normalize_equal(const struct sk_recipe *a, const struct sk_recipe *b);

#endif
