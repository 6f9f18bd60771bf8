/* YAML text to a tree of nodes: libyaml's events, with limits on everything a file can ask for and none of YAML's ways
 * to refer (anchors, aliases, tags), so that what a reader sees is what there is. */
#include "recipe/yaml.h"

#include "recipe/text.h"

#include <string.h>
#include <yaml.h>

struct builder {
    struct sk_yaml *y;
    int open[SK_YAML_DEPTH], last[SK_YAML_DEPTH]; /* the lists and maps we are in, and the last child of each */
    int depth;
    const char *text, *where;
    size_t len;
    struct sk_err *err;
};

static enum sk_code refuse(const struct builder *b, const yaml_mark_t *at, const char *why)
{
    return sk_fail(b->err, SK_INPUT, "%s line %zu column %zu: %s", b->where, at->line + 1, at->column + 1, why);
}

/* Control characters other than YAML's white space and line breaks; libyaml would refuse most without saying where. */
static bool is_control(uint32_t c)
{
    bool space = c == '\t' || c == '\n' || c == '\r' || c == 0x85;
    return (c < 0x20 && !space) || (c >= 0x7F && c < 0xA0 && !space) || c == 0xFFFE || c == 0xFFFF;
}

static enum sk_code check_characters(const struct builder *b)
{
    yaml_mark_t at = {0};
    for (size_t used; at.index < b->len; at.index += used) {
        uint32_t c = sk_utf8_next(b->text + at.index, b->len - at.index, &used);
        if (c == SK_NO_CHARACTER)
            return refuse(b, &at, "expected UTF-8 text, got other bytes");
        if (is_control(c))
            return refuse(b, &at, "expected text, got a control character");
        at.column = c == '\n' ? 0 : at.column + 1;
        at.line += c == '\n';
    }
    return SK_OK;
}

/* The character at a mark, whose index counts characters. */
static uint32_t character_at(const struct builder *b, const yaml_mark_t *at)
{
    size_t byte = 0, used;
    uint32_t c = 0;
    for (size_t i = 0; i <= at->index && byte < b->len; i++, byte += used)
        c = sk_utf8_next(b->text + byte, b->len - byte, &used);
    return c;
}

/* libyaml's own words, but for the commonest slip, which it puts in a way that helps nobody. */
static enum sk_code refuse_syntax(const struct builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return sk_fail(b->err, SK_NOMEM, "%s: not enough memory to parse it", b->where);
    const yaml_mark_t *at = &parser->problem_mark;
    char why[256];
    if (character_at(b, at) == '\t')
        return refuse(b, at, "a tab cannot indent YAML, use spaces");
    bool context = parser->context != NULL;
    snprintf(why, sizeof(why), "%s%s%s", parser->problem ? parser->problem : "not YAML", context ? ", " : "",
             context ? parser->context : "");
    return refuse(b, at, why);
}

static enum sk_code add_node(struct builder *b, const yaml_event_t *e, enum sk_node_kind kind)
{
    struct sk_yaml *y = b->y;
    if (y->count == SK_YAML_NODES)
        return refuse(b, &e->start_mark, "too many values, a recipe holds at most 10000");
    enum sk_code code = sk_grow(&y->node, &y->cap, y->count + 1, sizeof(*y->node), b->err);
    if (code != SK_OK)
        return code;
    int index = (int)y->count++;
    y->node[index] = (struct sk_node){.kind = kind,
                                      .line = (int)e->start_mark.line + 1,
                                      .column = (int)e->start_mark.column + 1,
                                      .first = -1,
                                      .next = -1};
    if (b->depth == 0)
        return SK_OK;
    int parent = b->open[b->depth - 1], *last = &b->last[b->depth - 1];
    *(*last < 0 ? &y->node[parent].first : &y->node[*last].next) = index;
    y->node[parent].children++;
    *last = index;
    return SK_OK;
}

static enum sk_code add_scalar(struct builder *b, const yaml_event_t *e)
{
    const char *value = (const char *)e->data.scalar.value;
    size_t length = e->data.scalar.length;
    if (memchr(value, '\0', length))
        return refuse(b, &e->start_mark, "expected text, got a zero byte");
    enum sk_code code = add_node(b, e, SK_NODE_SCALAR);
    if (code != SK_OK)
        return code;
    struct sk_node *n = &b->y->node[b->y->count - 1];
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->text = b->y->text.len;
    return sk_str_add_bytes(&b->y->text, value, length + 1, b->err); /* libyaml puts a NUL after every value */
}

static enum sk_code open_container(struct builder *b, const yaml_event_t *e, enum sk_node_kind kind)
{
    if (b->depth == SK_YAML_DEPTH)
        return refuse(b, &e->start_mark, "nested too deep, a recipe has at most 16 levels");
    enum sk_code code = add_node(b, e, kind);
    if (code != SK_OK)
        return code;
    b->open[b->depth] = (int)b->y->count - 1;
    b->last[b->depth++] = -1;
    return SK_OK;
}

static bool has_reference(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default:
        return false;
    }
}

static enum sk_code take(struct builder *b, const yaml_event_t *e)
{
    if (has_reference(e))
        return refuse(b, &e->start_mark, "anchors, aliases and tags ('&', '*', '!') are not for recipes");
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->y->count ? refuse(b, &e->start_mark, "expected one document, got a second") : SK_OK;
    case YAML_SCALAR_EVENT:
        return add_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, e, SK_NODE_LIST);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, e, SK_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return SK_OK;
    default:
        return SK_OK;
    }
}

static enum sk_code build(struct builder *b, yaml_parser_t *parser)
{
    enum sk_code code = SK_OK;
    for (bool done = false; code == SK_OK && !done;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e))
            return refuse_syntax(b, parser);
        done = e.type == YAML_STREAM_END_EVENT;
        code = take(b, &e);
        yaml_event_delete(&e);
    }
    if (code == SK_OK && b->y->count == 0)
        code = sk_fail(b->err, SK_INPUT, "%s line 1 column 1: expected keys and values, got nothing", b->where);
    return code;
}

enum sk_code sk_yaml_parse(struct sk_yaml *y, const char *text, size_t len, const char *where, struct sk_err *err)
{
    struct builder b = {.y = y, .text = text, .len = len, .where = where, .err = err};
    yaml_parser_t parser;
    *y = (struct sk_yaml){0};
    if (len > SK_YAML_BYTES)
        return sk_fail(err, SK_INPUT, "%s line 1 column 1: %zu bytes are too many, a recipe has at most 1 MiB", where,
                       len);
    enum sk_code code = check_characters(&b);
    if (code != SK_OK)
        return code;
    if (!yaml_parser_initialize(&parser))
        return sk_fail(err, SK_NOMEM, "%s: not enough memory to parse it", where);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    code = build(&b, &parser);
    yaml_parser_delete(&parser);
    if (code != SK_OK)
        sk_yaml_release(y);
    return code;
}

void sk_yaml_release(struct sk_yaml *y)
{
    sk_free(y->node);
    sk_str_release(&y->text);
    *y = (struct sk_yaml){0};
}

static const struct sk_node *node_at(const struct sk_yaml *y, int index)
{
    return index < 0 ? NULL : &y->node[index];
}

const struct sk_node *sk_node_first(const struct sk_yaml *y, const struct sk_node *n)
{
    return node_at(y, n->first);
}

const struct sk_node *sk_node_next(const struct sk_yaml *y, const struct sk_node *n)
{
    return node_at(y, n->next);
}

const char *sk_node_text(const struct sk_yaml *y, const struct sk_node *scalar)
{
    return y->text.text + scalar->text;
}

bool sk_node_null(const struct sk_yaml *y, const struct sk_node *n)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (n->kind != SK_NODE_SCALAR || !n->plain)
        return false;
    for (size_t i = 0; i < SK_COUNT(words); i++)
        if (strcmp(sk_node_text(y, n), words[i]) == 0)
            return true;
    return false;
}

bool sk_node_repeated(const struct sk_yaml *y, const struct sk_node *map, const struct sk_node *key)
{
    for (const struct sk_node *n = sk_node_first(y, map); n != key; n = sk_node_next(y, sk_node_next(y, n)))
        if (n->kind == SK_NODE_SCALAR && strcmp(sk_node_text(y, n), sk_node_text(y, key)) == 0)
            return true;
    return false;
}
