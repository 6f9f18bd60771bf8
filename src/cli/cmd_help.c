/* skua help: of all commands, of one, and of the recipe's keys. */
#include <string.h>

#include "cli/cli.h"

static enum sk_code add_commands(struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(
        out, err, "skua %s: trains and runs ResNet image classifiers\n\nusage: skua COMMAND ...\n\n", SKUA_VERSION);
    for (size_t i = 0; sk_commands[i] && code == SK_OK; i++)
        code = sk_str_add(out, err, "  %-9s %-22s %s\n", sk_commands[i]->name, sk_commands[i]->words,
                          sk_commands[i]->help);
    if (code == SK_OK)
        code = sk_str_add(out, err,
                          "\nskua help COMMAND, skua help recipe (every key of a recipe), skua --version\n"
                          "first steps: skua train shapes-demo; skua eval RUN; skua predict RUN IMAGE\n");
    return code;
}

static enum sk_code add_command(const struct sk_command *c, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "usage: skua %s %s%s\n\n%s\n\n", c->name, c->words,
                                   c->options ? " [options]" : "", c->help);
    return code == SK_OK ? sk_options_help(c, out, err) : code;
}

enum sk_code sk_help_print(const struct sk_command *c, struct sk_err *err)
{
    struct sk_str out = {0};
    enum sk_code code = c ? add_command(c, &out, err) : add_commands(&out, err);
    if (code == SK_OK)
        sk_print("%s", out.text);
    sk_str_release(&out);
    return code;
}

static enum sk_code add_recipes(struct sk_str *out, struct sk_err *err)
{
    char **names = NULL;
    size_t count = 0;
    enum sk_code code = sk_recipe_list(&names, &count, err);
    if (code == SK_OK)
        code = sk_str_add(out, err, "\ninstalled recipes:");
    for (size_t i = 0; i < count && code == SK_OK; i++)
        code = sk_str_add(out, err, " %s", names[i]);
    sk_free(names);
    return code == SK_OK ? sk_str_add(out, err, "\n") : code;
}

static enum sk_code print_recipe_help(struct sk_err *err)
{
    struct sk_str out = {0};
    enum sk_code code = sk_recipe_help(&out, err);
    if (code == SK_OK)
        code = add_recipes(&out, err);
    if (code == SK_OK)
        sk_print("%s", out.text);
    sk_str_release(&out);
    return code;
}

static enum sk_code run_help(const struct sk_words *words, const void *args, struct sk_err *err)
{
    (void)args;
    if (words->count == 0)
        return sk_help_print(NULL, err);
    if (strcmp(words->item[0], "recipe") == 0 || strcmp(words->item[0], "recipes") == 0)
        return print_recipe_help(err);
    const struct sk_command *c = sk_command_find(words->item[0]);
    return c ? sk_help_print(c, err) : sk_command_unknown(words->item[0], err);
}

const struct sk_command sk_cmd_help = {
    .name = "help",
    .words = "[COMMAND|recipe]",
    .help = "this help, that of a command, or every key of a recipe",
    .words_max = 1,
    .args_size = 1,
    .run = run_help,
};
