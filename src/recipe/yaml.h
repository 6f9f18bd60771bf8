/* Recipe internals: YAML text as a small tree of nodes with line and column (yaml.c). */
#ifndef SKUA_RECIPE_YAML_H
#define SKUA_RECIPE_YAML_H

#include "base/base.h"

enum { SK_YAML_BYTES = 1 << 20, SK_YAML_NODES = 10000, SK_YAML_DEPTH = 16 };
enum sk_node_kind { SK_NODE_SCALAR, SK_NODE_LIST, SK_NODE_MAP };
struct sk_node {
    enum sk_node_kind kind;
    bool plain;       /* scalar without quotes: null words count only in these */
    int line, column; /* from 1 */
    int first,
        next; /* index of the first child and of the next sibling, -1: none; a map's children are key, value, ... */
    int children;
    size_t text; /* scalar: where its NUL-terminated text begins in sk_yaml.text */
};
struct sk_yaml { /* node[0] is the root; release accepts a zeroed one */
    struct sk_node *node;
    size_t count, cap;
    struct sk_str text;
};
/* Parses one document. where goes before " line L column C: ..." in messages: "recipe 'x.yaml'". INPUT: larger than the
 * limits above, not UTF-8, control bytes, bad syntax, anchors, aliases, tags, several documents, nothing at all. On
 * failure y is released. */
enum sk_code sk_yaml_parse(struct sk_yaml *y, const char *text, size_t len, const char *where,
                           struct sk_err *err) SK_MUST;
void sk_yaml_release(struct sk_yaml *y);

const struct sk_node *sk_node_first(const struct sk_yaml *y, const struct sk_node *n); /* first child, NULL: none */
const struct sk_node *sk_node_next(const struct sk_yaml *y, const struct sk_node *n);  /* next sibling, NULL: none */
const char *sk_node_text(const struct sk_yaml *y, const struct sk_node *scalar);
/* Whether a key before this one in the map has the same text. */
bool sk_node_repeated(const struct sk_yaml *y, const struct sk_node *map, const struct sk_node *key);
bool sk_node_null(const struct sk_yaml *y, const struct sk_node *n); /* plain and empty, null or ~ */

#endif
