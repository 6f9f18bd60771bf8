/* Command line: the table of commands, their options, and what all of them use to talk to the user. */
#ifndef SKUA_CLI_H
#define SKUA_CLI_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/base.h"
#include "recipe/recipe.h"

/* ---- options (options.c): rows of a table, written --name VALUE or --name=VALUE ---- */
enum sk_option_kind {
    SK_OPTION_FLAG,  /* bool */
    SK_OPTION_TEXT,  /* const char *, NULL: not given */
    SK_OPTION_COUNT, /* int64_t from low to high; low - 1: not given */
    SK_OPTION_LIST   /* struct sk_words; may be given again and again */
};
struct sk_words { /* texts of argv, NULL-terminated once there is one; release with sk_free(item) */
    const char **item;
    size_t count, cap;
};
struct sk_option {
    const char *name, *value, *help; /* name without --; value: what stands for it in the help, NULL for a flag */
    enum sk_option_kind kind;
    size_t offset; /* of the member in the command's arguments */
    int64_t low, high;
};
struct sk_command {
    const char *name, *words, *help; /* words: "MODEL IMAGE..." */
    size_t words_min, words_max;
    const struct sk_option *option;
    size_t options;
    size_t args_size; /* of the struct that run gets, filled from the options */
    enum sk_code (*run)(const struct sk_words *words, const void *args, struct sk_err *err);
};
/* Fills args (args_size zeroed bytes) and words. USAGE: unknown options (nearest named), values missing or out of
 * bounds, too few or too many words. *help: --help was given, nothing else was checked. */
enum sk_code sk_options_parse(const struct sk_command *c, int argc, char **argv, void *args, struct sk_words *words,
                              bool *help, struct sk_err *err) SK_MUST;
void sk_options_release(const struct sk_command *c, void *args);
/* Options as lines of a help text. */
enum sk_code sk_options_help(const struct sk_command *c, struct sk_str *out, struct sk_err *err) SK_MUST;

/* Rows that several commands share: put into their tables with the struct that holds the member. */
#define SK_OPTION(text, placeholder, kind_, type, member, phrase)                                                      \
    {                                                                                                                  \
        .name = (text), .value = (placeholder), .help = (phrase), .kind = (kind_), .offset = offsetof(type, member)    \
    }
#define SK_OPTION_NUMBER(text, placeholder, type, member, phrase, from, to)                                            \
    {                                                                                                                  \
        .name = (text), .value = (placeholder), .help = (phrase), .kind = SK_OPTION_COUNT,                             \
        .offset = offsetof(type, member), .low = (from), .high = (to)                                                  \
    }
#define SK_OPTION_SET(type)                                                                                            \
    SK_OPTION("set", "KEY=VALUE", SK_OPTION_LIST, type, set, "overrides a key of the recipe; may be repeated")
#define SK_OPTION_JSON(type)  SK_OPTION("json", NULL, SK_OPTION_FLAG, type, json, "for machines: one JSON object a line")
#define SK_OPTION_QUIET(type) SK_OPTION("quiet", NULL, SK_OPTION_FLAG, type, quiet, "no progress bar, results only")

/* ---- commands (commands.c, cmd_*.c) ---- */
extern const struct sk_command sk_cmd_train, sk_cmd_eval, sk_cmd_predict, sk_cmd_info, sk_cmd_bench, sk_cmd_data,
    sk_cmd_help;
extern const struct sk_command sk_cmd_profile, sk_cmd_sweep, sk_cmd_reproduce, sk_cmd_report;
extern const struct sk_command *const sk_commands[];                   /* NULL-terminated */
const struct sk_command *sk_command_find(const char *name);            /* NULL: none */
enum sk_code sk_command_unknown(const char *name, struct sk_err *err); /* USAGE that names the nearest */
/* The program: parses, runs, prints errors; returns the exit status. */
int sk_cli_main(int argc, char **argv);
/* The end of a process: prints the error, if any, and what is still to be written; returns the exit status. */
int sk_cli_end(enum sk_code code, const struct sk_err *err);
/* Prints the help of one command, or of all (NULL). */
enum sk_code sk_help_print(const struct sk_command *c, struct sk_err *err) SK_MUST;

/* ---- the terminal (terminal.c) ---- */
/* Standard descriptors are open, signals ask to stop, notices go to standard error. */
void sk_terminal_start(void);
extern atomic_bool sk_cancel;        /* set by the first SIGINT, SIGTERM or SIGHUP; the second ends the process */
int sk_terminal_signal(void);        /* the signal that asked to stop; 0: none */
void sk_terminal_saving(bool saves); /* whether stopping writes a checkpoint, for the message */
/* A message to standard error, past the progress bar; a newline is added. */
void sk_tell(const char *fmt, ...) SK_PRINTF(1, 2);

/* ---- progress (progress.c): one line on standard error, redrawn on a terminal, else a line every half minute ---- */
void sk_progress_quiet(bool quiet);
/* Draws "label [bar] done/all detail" when it is due. all 0: no bar. */
void sk_progress(const char *label, int64_t done, int64_t all, const char *fmt, ...) SK_PRINTF(4, 5);
void sk_progress_clear(void); /* erases it; it comes back with the next call of sk_progress */

/* ---- results (print.c) ---- */
/* printf to standard output, past the progress bar. Failures are remembered for sk_print_end. */
void sk_print(const char *fmt, ...) SK_PRINTF(1, 2);
void sk_print_flush(void);
/* A string of text that may be anything, as names of files are: what is not UTF-8 becomes '?'. */
json_t *sk_json_text(const char *text);
/* One line of JSON; takes object over. INPUT where it is NULL or cannot be written; what: "the results", for the message. */
enum sk_code sk_print_json(json_t *object, const char *what, struct sk_err *err) SK_MUST;
/* IO when something could not be written. */
enum sk_code sk_print_end(struct sk_err *err) SK_MUST;
bool sk_print_reader_gone(void); /* the failure was a closed pipe */
bool sk_print_unicode(void);                            /* whether block characters can be shown */
/* Visible length of UTF-8 text, a character a column. */
int sk_text_columns(const char *text);
/* A field of a CSV file (RFC 4180): in quotes, which are doubled, where it holds a comma, a quote or the end of a line;
 * what is not UTF-8 becomes '?'. */
enum sk_code sk_csv_text(struct sk_str *out, const char *text, struct sk_err *err) SK_MUST;
/* A bar of width columns, share of it filled; appended to out. */
enum sk_code sk_bar(struct sk_str *out, double share, int width, struct sk_err *err) SK_MUST;

/* ---- tables (table.c) ---- */
struct sk_table { /* zeroed but for align: a letter a column, l or r; release accepts it */
    const char *align;
    struct sk_str text; /* cells, each with its NUL */
    size_t cells;
    bool failed; /* memory ran out */
};
void sk_table_cell(struct sk_table *t, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_table_cell_if(struct sk_table *t, bool there, const char *fmt, ...) SK_PRINTF(3, 4); /* else an empty one */
/* Prints the rows, the first as heading, columns two spaces apart; then releases. */
enum sk_code sk_table_print(struct sk_table *t, struct sk_err *err) SK_MUST;

/* ---- recipes given on the command line (recipe_args.c) ---- */
/* The recipe called name, or a default one for the data (then data must be given), with data and set applied and
 * checked. */
enum sk_code sk_cli_recipe(struct sk_recipe *r, const char *name, const char *data, const struct sk_words *set,
                           struct sk_err *err) SK_MUST;
/* Of such a recipe: what it expects is for what it trains, with any seed, and longer. Where set changed more, that is
 * told and r expects nothing, unless set says what. name NULL: nothing to compare with. */
enum sk_code sk_cli_expectation(struct sk_recipe *r, const char *name, const struct sk_words *set,
                                struct sk_err *err) SK_MUST;
/* --data DIR on a recipe. */
enum sk_code sk_cli_set_data(struct sk_recipe *r, const char *data, struct sk_err *err) SK_MUST;
enum sk_code sk_cli_set(struct sk_recipe *r, const struct sk_words *set, struct sk_err *err) SK_MUST;

#endif
