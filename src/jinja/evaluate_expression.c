/* Expressions. */
#include "jinja_internal.h"

#include <string.h>

static jinja_value make_items(jinja_machine *m, const jinja_node *node, int type)
{
    jinja_value list = jinja_new_list(m, type);
    for (const jinja_node *item = node->args; item && m->st == MASA_OK; item = item->next)
        jinja_push(m, list, jinja_evaluate(m, item));
    return list;
}

static jinja_value make_dict(jinja_machine *m, const jinja_node *node)
{
    jinja_value v = {.type = JINJA_DICT, .as.dict = jinja_alloc(m->arena, sizeof(jinja_dict))};
    jinja_room(m, sizeof(jinja_dict));
    for (const jinja_node *pair = node->args; pair && m->st == MASA_OK; pair = pair->next) {
        jinja_value key = jinja_evaluate(m, pair->a);
        jinja_dict_put(m, v.as.dict, key, jinja_evaluate(m, pair->b));
    }
    return v;
}

static jinja_value negate(jinja_machine *m, const jinja_node *node)
{
    jinja_value v = jinja_evaluate(m, node->a);
    if (!jinja_is_number(v)) {
        if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
        return jinja_fail(m, "bad operand type for a sign: '%s'", jinja_type_name(v));
    }
    if (v.type == JINJA_REAL)
        return masa_jinja_real(node->kind == NODE_PLUS ? v.as.real : -v.as.real);
    return jinja_binary(m, node->kind == NODE_PLUS ? '+' : '-', masa_jinja_integer(0), v);
}

static bool compare(jinja_machine *m, int op, jinja_value a, jinja_value b)
{
    switch (op) {
    case OP('=', '='): return jinja_equal(m, a, b);
    case OP('!', '='): return !jinja_equal(m, a, b);
    case OP_IN: return jinja_contains(m, b, a);
    case OP_NOT_IN: return !jinja_contains(m, b, a);
    default: break;
    }
    bool nan = (a.type == JINJA_REAL && a.as.real != a.as.real) ||
               (b.type == JINJA_REAL && b.as.real != b.as.real);
    int order = jinja_compare(m, a, b);
    if (nan) return false;
    return op == '<'            ? order < 0
           : op == '>'          ? order > 0
           : op == OP('<', '=') ? order <= 0
                                : order >= 0;
}

static jinja_value evaluate_comparison(jinja_machine *m, const jinja_node *node)
{
    jinja_value left = jinja_evaluate(m, node->a);
    for (const jinja_node *o = node->args; o && m->st == MASA_OK; o = o->next) {
        jinja_value right = jinja_evaluate(m, o->a);
        m->line = o->line;
        if (m->st != MASA_OK || !compare(m, o->op, left, right)) return masa_jinja_bool(false);
        left = right;
    }
    return masa_jinja_bool(true);
}

static jinja_value concatenate(jinja_machine *m, const jinja_node *node)
{
    jinja_builder b = {0};
    for (const jinja_node *part = node->args; part && m->st == MASA_OK; part = part->next)
        jinja_print(m, &b, jinja_evaluate(m, part));
    return jinja_finish(m, &b);
}

static jinja_value evaluate_optional(jinja_machine *m, const jinja_node *node)
{
    return node ? jinja_evaluate(m, node) : masa_jinja_none();
}

static jinja_value evaluate_item(jinja_machine *m, const jinja_node *node)
{
    jinja_value v = jinja_evaluate(m, node->a);
    if (node->b->kind != NODE_SLICE) {
        jinja_value key = jinja_evaluate(m, node->b);
        m->line = node->line;
        return jinja_get_item(m, v, key);
    }
    jinja_value from = evaluate_optional(m, node->b->a), to = evaluate_optional(m, node->b->b);
    jinja_value step = evaluate_optional(m, node->b->c);
    m->line = node->line;
    return jinja_slice(m, v, from, to, step);
}

jinja_arguments jinja_evaluate_arguments(jinja_machine *m, const jinja_node *args, size_t extra)
{
    jinja_arguments out = {0};
    size_t n_named = 0;
    jinja_list items = {0};
    for (const jinja_node *a = args; a; a = a->next) n_named += a->name != NULL;
    out.names = jinja_alloc(m->arena, (n_named + extra + 1) * sizeof *out.names);
    out.named = jinja_alloc(m->arena, (n_named + extra + 1) * sizeof *out.named);
    jinja_room(m, 2 * (n_named + extra + 2) * sizeof *out.items);
    for (const jinja_node *a = args; a && m->st == MASA_OK; a = a->next) {
        jinja_value v = jinja_evaluate(m, a->a);
        const jinja_list *more = a->op == '*' ? jinja_iterate(m, v) : NULL;
        jinja_value list = {.type = JINJA_LIST, .as.list = &items};
        for (size_t i = 0; more && i < more->n; i++) jinja_push(m, list, more->items[i]);
        if (a->op == '*') continue;
        if (!a->name) {
            jinja_push(m, list, v);
            continue;
        }
        out.names[out.n_named] = a->name;
        out.named[out.n_named++] = v;
    }
    out.items = items.items;
    out.n = items.n;
    return out;
}

static jinja_value evaluate_call(jinja_machine *m, const jinja_node *node)
{
    jinja_value callee = jinja_evaluate(m, node->a);
    jinja_arguments args = jinja_evaluate_arguments(m, node->args, 0);
    m->line = node->line;
    return m->st == MASA_OK ? jinja_call(m, callee, &args) : callee;
}

static jinja_value evaluate_filter(jinja_machine *m, const jinja_node *node)
{
    jinja_value subject = node->a ? jinja_evaluate(m, node->a) : m->block_text;
    jinja_arguments args = jinja_evaluate_arguments(m, node->args, 0);
    m->line = node->line;
    if (m->st != MASA_OK) return subject;
    if (node->kind == NODE_FILTER) return jinja_apply_filter(m, node->name, subject, &args);
    return masa_jinja_bool(jinja_apply_test(m, node->name, subject, &args));
}

static jinja_value evaluate_condition(jinja_machine *m, const jinja_node *node)
{
    if (jinja_truth(jinja_evaluate(m, node->b))) return jinja_evaluate(m, node->a);
    return node->c ? jinja_evaluate(m, node->c) : jinja_undefined("a condition without else");
}

static jinja_value evaluate(jinja_machine *m, const jinja_node *node)
{
    jinja_value v, w;
    switch (node->kind) {
    case NODE_VALUE: return node->value;
    case NODE_NAME: return jinja_lookup(m, node->name);
    case NODE_LIST: return make_items(m, node, JINJA_LIST);
    case NODE_TUPLE: return make_items(m, node, JINJA_TUPLE);
    case NODE_DICT: return make_dict(m, node);
    case NODE_AND:
        v = jinja_evaluate(m, node->a);
        return jinja_truth(v) ? jinja_evaluate(m, node->b) : v;
    case NODE_OR:
        v = jinja_evaluate(m, node->a);
        return jinja_truth(v) ? v : jinja_evaluate(m, node->b);
    case NODE_NOT: return masa_jinja_bool(!jinja_truth(jinja_evaluate(m, node->a)));
    case NODE_NEGATE:
    case NODE_PLUS: return negate(m, node);
    case NODE_BINARY:
        v = jinja_evaluate(m, node->a);
        w = jinja_evaluate(m, node->b);
        m->line = node->line;
        return jinja_binary(m, node->op, v, w);
    case NODE_CONCAT: return concatenate(m, node);
    case NODE_COMPARE: return evaluate_comparison(m, node);
    case NODE_CONDITION: return evaluate_condition(m, node);
    case NODE_ATTRIBUTE:
        v = jinja_evaluate(m, node->a);
        m->line = node->line;
        return jinja_get_attribute(m, v, node->name);
    case NODE_ITEM: return evaluate_item(m, node);
    case NODE_CALL: return evaluate_call(m, node);
    case NODE_FILTER:
    case NODE_TEST: return evaluate_filter(m, node);
    default: return jinja_undefined("");
    }
}

jinja_value jinja_evaluate(jinja_machine *m, const jinja_node *node)
{
    jinja_value v = jinja_undefined("");
    if (jinja_enter(m)) {
        m->line = node->line;
        v = evaluate(m, node);
    }
    jinja_leave(m);
    return v;
}
