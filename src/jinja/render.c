/* Statements, and the names they bind. */
#include "jinja_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

typedef struct jinja_binding {
    struct jinja_binding *next;
    const char *name;
    jinja_value value;
} binding;

jinja_scope *jinja_new_scope(jinja_machine *m, jinja_scope *parent)
{
    jinja_scope *scope = jinja_alloc(m->arena, sizeof *scope);
    jinja_room(m, sizeof *scope);
    scope->parent = parent;
    return scope;
}

jinja_value jinja_lookup(jinja_machine *m, const char *name)
{
    size_t looked = 0;
    for (const jinja_scope *s = m->scope; s; s = s->parent)
        for (const binding *b = s->bindings; b; b = b->next, looked++)
            if (b->name == name) {
                jinja_work(m, looked);
                return b->value;
            }
    const jinja_value *given = jinja_dict_named(&m->data->variables, name);
    if (given) return *given;
    return jinja_global(name) ? jinja_new_callable(m, masa_jinja_none(), name)
                              : jinja_undefined(name);
}

void jinja_bind(jinja_machine *m, const char *name, jinja_value value)
{
    for (binding *b = m->scope->bindings; b; b = b->next)
        if (b->name == name) {
            b->value = value;
            return;
        }
    if (!jinja_room(m, sizeof(binding))) return;
    binding *b = jinja_alloc(m->arena, sizeof *b);
    *b = (binding){m->scope->bindings, name, value};
    m->scope->bindings = b;
}

static void assign(jinja_machine *m, const jinja_node *target, jinja_value value);

static void assign_items(jinja_machine *m, const jinja_node *target, jinja_value value)
{
    const jinja_list *items = jinja_iterate(m, value);
    size_t n = 0;
    for (const jinja_node *t = target->args; t; t = t->next) n++;
    if (items && items->n != n) {
        jinja_fail(m, "%zu values for %zu names", items->n, n);
        return;
    }
    n = 0;
    for (const jinja_node *t = target->args; items && t; t = t->next)
        assign(m, t, items->items[n++]);
}

static void assign(jinja_machine *m, const jinja_node *target, jinja_value value)
{
    if (m->st != MASA_OK) return;
    m->line = target->line;
    if (target->kind == NODE_NAME) {
        jinja_bind(m, target->name, value);
    } else if (target->kind == NODE_TUPLE) {
        assign_items(m, target, value);
    } else {
        jinja_value space = jinja_lookup(m, target->name);
        if (space.type != JINJA_NAMESPACE)
            jinja_fail(m, "attributes of %.60s cannot be set; it is no namespace",
                       target->name);
        else jinja_dict_put(m, space.as.dict, jinja_constant(m, target->value.as.name), value);
    }
}

static void run(jinja_machine *m, const jinja_node *body);

jinja_value jinja_capture(jinja_machine *m, const jinja_node *body, jinja_scope *scope)
{
    jinja_builder b = {0}, *out = m->out;
    jinja_scope *around = m->scope;
    m->out = &b;
    m->scope = scope;
    run(m, body);
    m->scope = around;
    m->out = out;
    return jinja_finish(m, &b);
}

/* The items for which the loop's test holds. */
static const jinja_list *choose(jinja_machine *m, const jinja_node *node,
                                const jinja_list *items)
{
    if (!node->c) return items;
    jinja_value chosen = jinja_new_list(m, JINJA_LIST);
    jinja_scope *around = m->scope;
    for (size_t i = 0; i < items->n && m->st == MASA_OK; i++) {
        m->scope = jinja_new_scope(m, around);
        assign(m, node->a, items->items[i]);
        if (jinja_truth(jinja_evaluate(m, node->c))) jinja_push(m, chosen, items->items[i]);
    }
    m->scope = around;
    return chosen.as.list;
}

static void run_loop(jinja_machine *m, const jinja_node *node)
{
    const jinja_list *items = jinja_iterate(m, jinja_evaluate(m, node->b));
    if (!items || m->st != MASA_OK) return;
    items = choose(m, node, items);
    jinja_scope *around = m->scope;
    jinja_loop *loop = jinja_alloc(m->arena, sizeof *loop);
    *loop = (jinja_loop){.items = items};
    bool completed =
        false; /* Jinja's `else` runs when no pass came to its end, even by `break` */
    for (; loop->index < items->n && m->st == MASA_OK && m->flow != FLOW_BREAK; loop->index++) {
        m->flow = FLOW_ON;
        m->scope = jinja_new_scope(m, around);
        assign(m, node->a, items->items[loop->index]);
        jinja_bind(m, node->name, (jinja_value){.type = JINJA_LOOP, .as.loop = loop});
        run(m, node->body);
        completed |= m->flow == FLOW_ON;
    }
    m->flow = FLOW_ON;
    m->scope = around;
    if (!completed && node->other) {
        m->scope = jinja_new_scope(m, around);
        run(m, node->other);
        m->scope = around;
    }
}

static void run_with(jinja_machine *m, const jinja_node *node)
{
    jinja_scope *around = m->scope, *inner = jinja_new_scope(m, around);
    for (const jinja_node *set = node->args; set; set = set->next) {
        jinja_value v = jinja_evaluate(m, set->b); /* of the scope around */
        m->scope = inner;
        assign(m, set->a, v);
        m->scope = around;
    }
    m->scope = inner;
    run(m, node->body);
    m->scope = around;
}

/* A body whose text goes through a filter; filter NULL: as it is. */
static jinja_value run_text(jinja_machine *m, const jinja_node *filter, const jinja_node *body)
{
    jinja_value around = m->block_text,
                text = jinja_capture(m, body, jinja_new_scope(m, m->scope));
    if (!filter) return text;
    m->block_text = text;
    text = jinja_evaluate(m, filter);
    m->block_text = around;
    return text;
}

static jinja_value make_macro(jinja_machine *m, const jinja_node *node)
{
    jinja_value v = jinja_new_callable(m, masa_jinja_none(), node->name);
    jinja_callable *macro = (jinja_callable *)v.as.callable;
    macro->macro = node;
    macro->scope = m->scope;
    return v;
}

/* The call gets the block as `caller`. */
static void run_call_block(jinja_machine *m, const jinja_node *node)
{
    jinja_value callee = jinja_evaluate(m, node->a->a);
    jinja_arguments args = jinja_evaluate_arguments(m, node->a->args, 1);
    m->line = node->line;
    args.names[args.n_named] = node->name;
    args.named[args.n_named++] = make_macro(m, node);
    if (m->st == MASA_OK) jinja_print(m, m->out, jinja_call(m, callee, &args));
}

static void run_generation(jinja_machine *m, const jinja_node *node)
{
    jinja_scope *around = m->scope;
    size_t begin = m->out->text.size;
    m->scope = jinja_new_scope(m, around);
    run(m, node->body);
    m->scope = around;
    for (size_t i = begin; i < m->out->marks.size; i++)
        m->out->marks.data[i] |= MASA_JINJA_GENERATED;
}

static void run_one(jinja_machine *m, const jinja_node *node)
{
    m->line = node->line;
    switch (node->kind) {
    case NODE_TEXT: jinja_add_string(m, m->out, node->value); break;
    case NODE_PRINT: jinja_print(m, m->out, jinja_evaluate(m, node->a)); break;
    case NODE_IF:
        if (jinja_truth(jinja_evaluate(m, node->a))) run(m, node->body);
        else if (node->other) run(m, node->other);
        break;
    case NODE_FOR: run_loop(m, node); break;
    case NODE_SET: assign(m, node->a, jinja_evaluate(m, node->b)); break;
    case NODE_SET_BLOCK: assign(m, node->a, run_text(m, node->b, node->body)); break;
    case NODE_FILTER_BLOCK: jinja_print(m, m->out, run_text(m, node->a, node->body)); break;
    case NODE_MACRO: jinja_bind(m, node->name, make_macro(m, node)); break;
    case NODE_CALL_BLOCK: run_call_block(m, node); break;
    case NODE_WITH: run_with(m, node); break;
    case NODE_GENERATION: run_generation(m, node); break;
    case NODE_BREAK: m->flow = FLOW_BREAK; break;
    case NODE_CONTINUE: m->flow = FLOW_CONTINUE; break;
    default: break;
    }
}

static void run(jinja_machine *m, const jinja_node *body)
{
    if (jinja_enter(m))
        for (; body && m->st == MASA_OK && m->flow == FLOW_ON; body = body->next) {
            jinja_work(m, 0);
            run_one(m, body);
        }
    jinja_leave(m);
}

masa_status masa_jinja_render(masa_jinja_output *out, const masa_jinja *t, masa_jinja_data *d,
                              masa_error *err)
{
    jinja_builder b = {0};
    jinja_machine m = {.data = d, .arena = &d->arena, .out = &b, .line = 1, .err = err};
    m.block_text = jinja_undefined("");
    m.scope = jinja_new_scope(&m, NULL);
    run(&m, t->body);
    if (m.st == MASA_OK) {
        masa_jinja_output_deinit(out);
        *out = (masa_jinja_output){b.text, b.marks};
        return MASA_OK;
    }
    masa_text_deinit(&b.text);
    masa_text_deinit(&b.marks);
    return m.st;
}
