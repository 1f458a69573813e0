/* Expressions, by Jinja's precedences: if, or, and, not, comparisons, + -, ~, * / // %,
 * **, signs, then what follows a value: .name [item] (call) | filter, is test. */
#include "jinja_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static jinja_node *binary(jinja_parser *p, jinja_kind kind, int op, int line, jinja_node *a,
                          jinja_node *b)
{
    jinja_node *node = jinja_node_create(p, kind, line);
    node->op = op;
    node->a = a;
    node->b = b;
    return node;
}

/* Called on the way down: false, having failed, when there are too many levels. */
static bool enter(jinja_parser *p)
{
    if (++p->depth <= PARSE_DEPTH) return true;
    jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, p->at->line,
                     "an expression is nested too deeply");
    return false;
}

static jinja_node *parse_constant(jinja_parser *p, jinja_value value)
{
    jinja_node *node = jinja_node_create(p, NODE_VALUE, p->at->line);
    node->value = value;
    p->at++;
    return node;
}

static jinja_node *parse_name(jinja_parser *p)
{
    const char *s = p->at->s;
    if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0)
        return parse_constant(p, masa_jinja_bool(true));
    if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0)
        return parse_constant(p, masa_jinja_bool(false));
    if (strcmp(s, "none") == 0 || strcmp(s, "None") == 0)
        return parse_constant(p, masa_jinja_none());
    jinja_node *node = jinja_node_create(p, NODE_NAME, p->at->line);
    node->name = jinja_expect_name(p);
    return node;
}

static jinja_node *parse_number(jinja_parser *p)
{
    if (p->at->type == TOKEN_FLOAT)
        return parse_constant(p, masa_jinja_real(strtod(p->at->s, NULL)));
    errno = 0;
    long long value = strtoll(p->at->s, NULL, 10);
    if (errno)
        jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, p->at->line,
                         "integers beyond 64 bits are not supported");
    return p->st ? jinja_node_create(p, NODE_VALUE, 0)
                 : parse_constant(p, masa_jinja_integer(value));
}

/* Neighbouring literals are one. */
static jinja_node *parse_string(jinja_parser *p)
{
    const jinja_token *first = p->at;
    size_t n = 0;
    for (; p->at->type == TOKEN_STRING; p->at++) n += p->at->n;
    char *s = jinja_alloc(p->arena, n + 1);
    jinja_string *text = jinja_alloc(p->arena, sizeof *text);
    *text = (jinja_string){.s = s, .n = n};
    for (const jinja_token *t = first; t < p->at; s += t->n, t++) memcpy(s, t->s, t->n);
    jinja_node *node = jinja_node_create(p, NODE_VALUE, first->line);
    node->value = (jinja_value){.type = JINJA_STRING, .as.string = text};
    return node;
}

/* [a, b] or {a: b} behind its bracket. */
static jinja_node *parse_items(jinja_parser *p, jinja_kind kind, char close)
{
    jinja_node *node = jinja_node_create(p, kind, p->at->line), **last = &node->args;
    while (p->at->type != TOKEN_END && !jinja_is_op(p, close)) {
        if (node->args) jinja_expect_op(p, ',');
        if (node->args && jinja_is_op(p, close)) break;
        jinja_node *item = jinja_parse_expression(p, true);
        if (kind == NODE_DICT) {
            jinja_node *pair = jinja_node_create(p, NODE_PAIR, item->line);
            pair->a = item;
            jinja_expect_op(p, ':');
            pair->b = jinja_parse_expression(p, true);
            item = pair;
        }
        /* An argument of its own: the same node must not be in two lists. */
        *last = item;
        last = &item->next;
    }
    jinja_expect_op(p, close);
    return node;
}

static jinja_node *parse_primary(jinja_parser *p)
{
    jinja_node *node;
    switch (p->at->type) {
    case TOKEN_NAME: return parse_name(p);
    case TOKEN_STRING: return parse_string(p);
    case TOKEN_INTEGER:
    case TOKEN_FLOAT: return parse_number(p);
    default: break;
    }
    if (jinja_skip_op(p, '(')) {
        node = jinja_parse_tuple(p, OF_EXPRESSIONS, true);
        jinja_expect_op(p, ')');
        return node;
    }
    if (jinja_skip_op(p, '[')) return parse_items(p, NODE_LIST, ']');
    if (jinja_skip_op(p, '{')) return parse_items(p, NODE_DICT, '}');
    jinja_parse_fail(p, MASA_ERR_FORMAT, p->at->line, "expected an expression, not \"%.40s\"",
                     p->at->s);
    return jinja_node_create(p, NODE_VALUE, 0);
}

static bool ends_tuple(const jinja_parser *p, jinja_tuple_of of)
{
    return p->at->type == TOKEN_VARIABLE_END || p->at->type == TOKEN_BLOCK_END ||
           p->at->type == TOKEN_END || jinja_is_op(p, ')') ||
           (of == OF_TARGETS && jinja_is_name(p, "in"));
}

jinja_node *jinja_parse_tuple(jinja_parser *p, jinja_tuple_of of, bool may_be_empty)
{
    jinja_node *tuple = jinja_node_create(p, NODE_TUPLE, p->at->line), **last = &tuple->args;
    bool is_tuple = false;
    if (!enter(p)) return tuple;
    for (;;) {
        if (tuple->args) jinja_expect_op(p, ',');
        if (ends_tuple(p, of)) break;
        jinja_node *item = of == OF_TARGETS ? parse_primary(p)
                                            : jinja_parse_expression(p, of == OF_EXPRESSIONS);
        *last = item;
        last = &item->next;
        if (!jinja_is_op(p, ',')) break;
        is_tuple = true;
    }
    p->depth--;
    if (is_tuple) return tuple;
    if (tuple->args) return tuple->args;
    if (!may_be_empty)
        jinja_parse_fail(p, MASA_ERR_FORMAT, p->at->line,
                         "expected an expression, not \"%.40s\"", p->at->s);
    return tuple;
}

/* (a, b, *items, name=c) */
static jinja_node *parse_arguments(jinja_parser *p)
{
    jinja_node *first = NULL, **last = &first;
    bool named = false;
    jinja_expect_op(p, '(');
    while (p->at->type != TOKEN_END && !jinja_is_op(p, ')')) {
        if (first) jinja_expect_op(p, ',');
        if (first && jinja_is_op(p, ')')) break;
        jinja_node *node = jinja_node_create(p, NODE_ARGUMENT, p->at->line);
        if (jinja_is_op(p, OP('*', '*')))
            jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, p->at->line,
                             "`**` in arguments is not supported");
        if (!named && jinja_skip_op(p, '*')) node->op = '*';
        const jinja_token *next = p->at + (p->at->type != TOKEN_END);
        if (p->at->type == TOKEN_NAME && next->type == TOKEN_OPERATOR && next->op == '=') {
            node->name = jinja_expect_name(p);
            p->at++;
            named = true;
        } else if (named)
            jinja_parse_fail(p, MASA_ERR_FORMAT, p->at->line,
                             "an argument follows a named one");
        node->a = jinja_parse_expression(p, true);
        *last = node;
        last = &node->next;
    }
    jinja_expect_op(p, ')');
    return first;
}

/* a[b], a[b:c:d] behind the bracket */
static jinja_node *parse_subscript(jinja_parser *p, jinja_node *of, int line)
{
    jinja_node *slice = jinja_node_create(p, NODE_SLICE, line), *index = NULL;
    jinja_node **parts[] = {&slice->a, &slice->b, &slice->c};
    if (!jinja_is_op(p, ':')) index = jinja_parse_expression(p, true);
    if (jinja_is_op(p, ':')) {
        slice->a = index;
        index = slice;
        for (int i = 1; i < 3 && jinja_skip_op(p, ':'); i++)
            if (!jinja_is_op(p, ':') && !jinja_is_op(p, ']'))
                *parts[i] = jinja_parse_expression(p, true);
    }
    if (jinja_is_op(p, ','))
        jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, line,
                         "a subscript of several items is not supported");
    jinja_expect_op(p, ']');
    return binary(p, NODE_ITEM, 0, line, of, index);
}

/* .name and .0 behind the dot */
static jinja_node *parse_attribute(jinja_parser *p, jinja_node *of, int line)
{
    if (p->at->type == TOKEN_INTEGER) return binary(p, NODE_ITEM, 0, line, of, parse_number(p));
    jinja_node *node = binary(p, NODE_ATTRIBUTE, 0, line, of, NULL);
    node->name = jinja_expect_name(p);
    return node;
}

static jinja_node *parse_call(jinja_parser *p, jinja_node *of)
{
    jinja_node *node = binary(p, NODE_CALL, 0, p->at->line, of, NULL);
    node->args = parse_arguments(p);
    return node;
}

static jinja_node *parse_postfix(jinja_parser *p, jinja_node *node)
{
    for (int line = p->at->line; p->st == MASA_OK; line = p->at->line) {
        if (jinja_skip_op(p, '.')) node = parse_attribute(p, node, line);
        else if (jinja_skip_op(p, '[')) node = parse_subscript(p, node, line);
        else if (jinja_is_op(p, '(')) node = parse_call(p, node);
        else break;
    }
    return node;
}

/* The name of a filter or a test, which may have dots. */
static const char *parse_dotted_name(jinja_parser *p)
{
    const char *name = jinja_expect_name(p);
    while (jinja_skip_op(p, '.')) {
        const char *more = jinja_expect_name(p);
        size_t n = strlen(name), size = strlen(more);
        char *both = jinja_alloc(p->arena, n + size + 2);
        memcpy(both, name, n);
        both[n] = '.';
        memcpy(both + n + 1, more, size);
        name = both;
    }
    return name;
}

jinja_node *jinja_parse_filters(jinja_parser *p, jinja_node *subject, bool begun)
{
    while (begun || jinja_skip_op(p, '|')) {
        begun = false;
        jinja_node *node = binary(p, NODE_FILTER, 0, p->at->line, subject, NULL);
        node->name = parse_dotted_name(p);
        if (jinja_is_op(p, '(')) node->args = parse_arguments(p);
        subject = node;
    }
    return subject;
}

static bool begins_operand(const jinja_parser *p)
{
    switch (p->at->type) {
    case TOKEN_NAME:
        return !jinja_is_name(p, "else") && !jinja_is_name(p, "or") && !jinja_is_name(p, "and");
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT: return true;
    default: return jinja_is_op(p, '(') || jinja_is_op(p, '[') || jinja_is_op(p, '{');
    }
}

/* `is not name argument` behind "is" */
static jinja_node *parse_test(jinja_parser *p, jinja_node *subject, int line)
{
    bool negated = jinja_skip_name(p, "not");
    jinja_node *node = binary(p, NODE_TEST, 0, line, subject, NULL);
    node->name = parse_dotted_name(p);
    if (jinja_is_op(p, '(')) {
        node->args = parse_arguments(p);
    } else if (begins_operand(p)) {
        if (jinja_is_name(p, "is"))
            jinja_parse_fail(p, MASA_ERR_FORMAT, line, "tests cannot be chained with `is`");
        node->args = jinja_node_create(p, NODE_ARGUMENT, p->at->line);
        node->args->a = parse_postfix(p, parse_primary(p));
    }
    return negated ? binary(p, NODE_NOT, 0, line, node, NULL) : node;
}

static jinja_node *parse_unary(jinja_parser *p, bool filters)
{
    int line = p->at->line;
    jinja_node *node;
    if (!enter(p)) return jinja_node_create(p, NODE_VALUE, line);
    if (jinja_skip_op(p, '-'))
        node = binary(p, NODE_NEGATE, 0, line, parse_unary(p, false), NULL);
    else if (jinja_skip_op(p, '+'))
        node = binary(p, NODE_PLUS, 0, line, parse_unary(p, false), NULL);
    else node = parse_primary(p);
    node = parse_postfix(p, node);
    while (filters && p->st == MASA_OK) {
        line = p->at->line;
        if (jinja_is_op(p, '|')) node = jinja_parse_filters(p, node, false);
        else if (jinja_skip_name(p, "is")) node = parse_test(p, node, line);
        else if (jinja_is_op(p, '(')) node = parse_call(p, node);
        else break;
    }
    p->depth--;
    return node;
}

static jinja_node *parse_power(jinja_parser *p)
{
    jinja_node *left = parse_unary(p, true);
    for (int line = p->at->line; jinja_skip_op(p, OP('*', '*')); line = p->at->line)
        left = binary(p, NODE_BINARY, OP('*', '*'), line, left, parse_unary(p, true));
    return left;
}

static jinja_node *parse_product(jinja_parser *p)
{
    static const int ops[] = {'*', '/', OP('/', '/'), '%'};
    jinja_node *left = parse_power(p);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        int line = p->at->line;
        if (!jinja_skip_op(p, ops[i])) continue;
        left = binary(p, NODE_BINARY, ops[i], line, left, parse_power(p));
        i = (size_t)-1;
    }
    return left;
}

static jinja_node *parse_concat(jinja_parser *p)
{
    jinja_node *first = parse_product(p);
    if (!jinja_is_op(p, '~')) return first;
    jinja_node *node = jinja_node_create(p, NODE_CONCAT, first->line), **last = &first->next;
    node->args = first;
    while (jinja_skip_op(p, '~')) {
        *last = parse_product(p);
        last = &(*last)->next;
    }
    return node;
}

static jinja_node *parse_sum(jinja_parser *p)
{
    jinja_node *left = parse_concat(p);
    while (jinja_is_op(p, '+') || jinja_is_op(p, '-')) {
        const jinja_token *sign = p->at++;
        left = binary(p, NODE_BINARY, sign->op, sign->line, left, parse_concat(p));
    }
    return left;
}

/* The comparison at the token, which is read; 0: none. */
static int skip_comparison(jinja_parser *p)
{
    static const int ops[] = {OP('=', '='), OP('!', '='), OP('<', '='), OP('>', '='), '<', '>'};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (jinja_skip_op(p, ops[i])) return ops[i];
    if (jinja_skip_name(p, "in")) return OP_IN;
    const jinja_token *next = p->at + (p->at->type != TOKEN_END);
    if (jinja_is_name(p, "not") && next->type == TOKEN_NAME && strcmp(next->s, "in") == 0) {
        p->at += 2;
        return OP_NOT_IN;
    }
    return 0;
}

static jinja_node *parse_comparison(jinja_parser *p)
{
    jinja_node *first = parse_sum(p), *node = NULL, **last = NULL;
    int line = p->at->line;
    for (int op; (op = skip_comparison(p));) {
        if (!node) {
            node = binary(p, NODE_COMPARE, 0, line, first, NULL);
            last = &node->args;
        }
        *last = binary(p, NODE_OPERAND, op, line, parse_sum(p), NULL);
        last = &(*last)->next;
    }
    return node ? node : first;
}

static jinja_node *parse_not(jinja_parser *p)
{
    int line = p->at->line;
    if (!jinja_skip_name(p, "not")) return parse_comparison(p);
    if (!enter(p)) return jinja_node_create(p, NODE_VALUE, line);
    jinja_node *node = binary(p, NODE_NOT, 0, line, parse_not(p), NULL);
    p->depth--;
    return node;
}

static jinja_node *parse_and(jinja_parser *p)
{
    jinja_node *left = parse_not(p);
    for (int line = p->at->line; jinja_skip_name(p, "and"); line = p->at->line)
        left = binary(p, NODE_AND, 0, line, left, parse_not(p));
    return left;
}

static jinja_node *parse_or(jinja_parser *p)
{
    jinja_node *left = parse_and(p);
    for (int line = p->at->line; jinja_skip_name(p, "or"); line = p->at->line)
        left = binary(p, NODE_OR, 0, line, left, parse_and(p));
    return left;
}

jinja_node *jinja_parse_expression(jinja_parser *p, bool conditions)
{
    if (!enter(p)) return jinja_node_create(p, NODE_VALUE, p->at->line);
    jinja_node *node = parse_or(p);
    for (int line = p->at->line; conditions && jinja_skip_name(p, "if"); line = p->at->line) {
        jinja_node *condition = binary(p, NODE_CONDITION, 0, line, node, parse_or(p));
        if (jinja_skip_name(p, "else")) condition->c = jinja_parse_expression(p, true);
        node = condition;
    }
    p->depth--;
    return node;
}
