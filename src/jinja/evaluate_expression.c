/* Expressions. */
#include "jinja_internal.h"

#include <string.h>

static jinja__value make_items(jinja__machine *m, const jinja__node *node, int type)
{
    jinja__value list = jinja__new_list(m, type);
    for (const jinja__node *item = node->args; item && m->st == MASA_OK; item = item->next)
        jinja__push(m, list, jinja__evaluate(m, item));
    return list;
}

static jinja__value make_dict(jinja__machine *m, const jinja__node *node)
{
    jinja__value v = {.type = JINJA_DICT,
                      .as.dict = jinja__alloc(m->arena, sizeof(jinja__dict))};
    jinja__room(m, sizeof(jinja__dict));
    for (const jinja__node *pair = node->args; pair && m->st == MASA_OK; pair = pair->next) {
        jinja__value key = jinja__evaluate(m, pair->a);
        jinja__dict_put(m, v.as.dict, key, jinja__evaluate(m, pair->b));
    }
    return v;
}

static jinja__value negate(jinja__machine *m, const jinja__node *node)
{
    jinja__value v = jinja__evaluate(m, node->a);
    if (!jinja__is_number(v)) {
        if (v.type == JINJA_UNDEFINED) return jinja__fail(m, "'%.60s' is undefined", v.as.name);
        return jinja__fail(m, "bad operand type for a sign: '%s'", jinja__type_name(v));
    }
    if (v.type == JINJA_REAL)
        return masa_jinja_real(node->kind == NODE_PLUS ? v.as.real : -v.as.real);
    return jinja__binary(m, node->kind == NODE_PLUS ? '+' : '-', masa_jinja_integer(0), v);
}

static bool compare(jinja__machine *m, int op, jinja__value a, jinja__value b)
{
    switch (op) {
    case OP('=', '='): return jinja__equal(m, a, b);
    case OP('!', '='): return !jinja__equal(m, a, b);
    case OP_IN: return jinja__contains(m, b, a);
    case OP_NOT_IN: return !jinja__contains(m, b, a);
    default: break;
    }
    bool nan = (a.type == JINJA_REAL && a.as.real != a.as.real) ||
               (b.type == JINJA_REAL && b.as.real != b.as.real);
    int order = jinja__compare(m, a, b);
    if (nan) return false;
    return op == '<'            ? order < 0
           : op == '>'          ? order > 0
           : op == OP('<', '=') ? order <= 0
                                : order >= 0;
}

static jinja__value evaluate_comparison(jinja__machine *m, const jinja__node *node)
{
    jinja__value left = jinja__evaluate(m, node->a);
    for (const jinja__node *o = node->args; o && m->st == MASA_OK; o = o->next) {
        jinja__value right = jinja__evaluate(m, o->a);
        m->line = o->line;
        if (m->st != MASA_OK || !compare(m, o->op, left, right)) return masa_jinja_bool(false);
        left = right;
    }
    return masa_jinja_bool(true);
}

static jinja__value concatenate(jinja__machine *m, const jinja__node *node)
{
    jinja__builder b = {0};
    for (const jinja__node *part = node->args; part && m->st == MASA_OK; part = part->next)
        jinja__print(m, &b, jinja__evaluate(m, part));
    return jinja__finish(m, &b);
}

static jinja__value evaluate_optional(jinja__machine *m, const jinja__node *node)
{
    return node ? jinja__evaluate(m, node) : masa_jinja_none();
}

static jinja__value evaluate_item(jinja__machine *m, const jinja__node *node)
{
    jinja__value v = jinja__evaluate(m, node->a);
    if (node->b->kind != NODE_SLICE) {
        jinja__value key = jinja__evaluate(m, node->b);
        m->line = node->line;
        return jinja__get_item(m, v, key);
    }
    jinja__value from = evaluate_optional(m, node->b->a), to = evaluate_optional(m, node->b->b);
    jinja__value step = evaluate_optional(m, node->b->c);
    m->line = node->line;
    return jinja__slice(m, v, from, to, step);
}

jinja__arguments jinja__evaluate_arguments(jinja__machine *m, const jinja__node *args,
                                           size_t extra)
{
    jinja__arguments out = {0};
    size_t n_named = 0;
    jinja__list items = {0};
    for (const jinja__node *a = args; a; a = a->next) n_named += a->name != NULL;
    out.names = jinja__alloc(m->arena, (n_named + extra + 1) * sizeof *out.names);
    out.named = jinja__alloc(m->arena, (n_named + extra + 1) * sizeof *out.named);
    jinja__room(m, 2 * (n_named + extra + 2) * sizeof *out.items);
    for (const jinja__node *a = args; a && m->st == MASA_OK; a = a->next) {
        jinja__value v = jinja__evaluate(m, a->a);
        const jinja__list *more = a->op == '*' ? jinja__iterate(m, v) : NULL;
        jinja__value list = {.type = JINJA_LIST, .as.list = &items};
        for (size_t i = 0; more && i < more->n; i++) jinja__push(m, list, more->items[i]);
        if (a->op == '*') continue;
        if (!a->name) {
            jinja__push(m, list, v);
            continue;
        }
        out.names[out.n_named] = a->name;
        out.named[out.n_named++] = v;
    }
    out.items = items.items;
    out.n = items.n;
    return out;
}

static jinja__value evaluate_call(jinja__machine *m, const jinja__node *node)
{
    jinja__value callee = jinja__evaluate(m, node->a);
    jinja__arguments args = jinja__evaluate_arguments(m, node->args, 0);
    m->line = node->line;
    return m->st == MASA_OK ? jinja__call(m, callee, &args) : callee;
}

static jinja__value evaluate_filter(jinja__machine *m, const jinja__node *node)
{
    jinja__value subject = node->a ? jinja__evaluate(m, node->a) : m->block_text;
    jinja__arguments args = jinja__evaluate_arguments(m, node->args, 0);
    m->line = node->line;
    if (m->st != MASA_OK) return subject;
    if (node->kind == NODE_FILTER) return jinja__apply_filter(m, node->name, subject, &args);
    return masa_jinja_bool(jinja__apply_test(m, node->name, subject, &args));
}

static jinja__value evaluate_condition(jinja__machine *m, const jinja__node *node)
{
    if (jinja__truth(jinja__evaluate(m, node->b))) return jinja__evaluate(m, node->a);
    return node->c ? jinja__evaluate(m, node->c) : jinja__undefined("a condition without else");
}

static jinja__value evaluate(jinja__machine *m, const jinja__node *node)
{
    jinja__value v, w;
    switch (node->kind) {
    case NODE_VALUE: return node->value;
    case NODE_NAME: return jinja__lookup(m, node->name);
    case NODE_LIST: return make_items(m, node, JINJA_LIST);
    case NODE_TUPLE: return make_items(m, node, JINJA_TUPLE);
    case NODE_DICT: return make_dict(m, node);
    case NODE_AND:
        v = jinja__evaluate(m, node->a);
        return jinja__truth(v) ? jinja__evaluate(m, node->b) : v;
    case NODE_OR:
        v = jinja__evaluate(m, node->a);
        return jinja__truth(v) ? v : jinja__evaluate(m, node->b);
    case NODE_NOT: return masa_jinja_bool(!jinja__truth(jinja__evaluate(m, node->a)));
    case NODE_NEGATE:
    case NODE_PLUS: return negate(m, node);
    case NODE_BINARY:
        v = jinja__evaluate(m, node->a);
        w = jinja__evaluate(m, node->b);
        m->line = node->line;
        return jinja__binary(m, node->op, v, w);
    case NODE_CONCAT: return concatenate(m, node);
    case NODE_COMPARE: return evaluate_comparison(m, node);
    case NODE_CONDITION: return evaluate_condition(m, node);
    case NODE_ATTRIBUTE:
        v = jinja__evaluate(m, node->a);
        m->line = node->line;
        return jinja__get_attribute(m, v, node->name);
    case NODE_ITEM: return evaluate_item(m, node);
    case NODE_CALL: return evaluate_call(m, node);
    case NODE_FILTER:
    case NODE_TEST: return evaluate_filter(m, node);
    default: return jinja__undefined("");
    }
}

jinja__value jinja__evaluate(jinja__machine *m, const jinja__node *node)
{
    jinja__value v = jinja__undefined("");
    if (jinja__enter(m)) {
        m->line = node->line;
        v = evaluate(m, node);
    }
    jinja__leave(m);
    return v;
}
