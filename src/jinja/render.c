/* Statements, and the names they bind. */
#include "jinja_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

typedef struct jinja__binding {
    struct jinja__binding *next;
    const char *name;
    jinja__value value;
} binding;

jinja__scope *jinja__new_scope(jinja__machine *m, jinja__scope *parent)
{
    jinja__scope *scope = jinja__alloc(m->arena, sizeof *scope);
    jinja__room(m, sizeof *scope);
    scope->parent = parent;
    return scope;
}

jinja__value jinja__lookup(jinja__machine *m, const char *name)
{
    size_t looked = 0;
    for (const jinja__scope *s = m->scope; s; s = s->parent)
        for (const binding *b = s->bindings; b; b = b->next, looked++)
            if (b->name == name) {
                jinja__work(m, looked);
                return b->value;
            }
    const jinja__value *given = jinja__dict_named(&m->data->variables, name);
    if (given) return *given;
    return jinja__global(name) ? jinja__new_callable(m, masa_jinja_none(), name)
                               : jinja__undefined(name);
}

void jinja__bind(jinja__machine *m, const char *name, jinja__value value)
{
    for (binding *b = m->scope->bindings; b; b = b->next)
        if (b->name == name) {
            b->value = value;
            return;
        }
    if (!jinja__room(m, sizeof(binding))) return;
    binding *b = jinja__alloc(m->arena, sizeof *b);
    *b = (binding){m->scope->bindings, name, value};
    m->scope->bindings = b;
}

static void assign(jinja__machine *m, const jinja__node *target, jinja__value value);

static void assign_items(jinja__machine *m, const jinja__node *target, jinja__value value)
{
    const jinja__list *items = jinja__iterate(m, value);
    size_t n = 0;
    for (const jinja__node *t = target->args; t; t = t->next) n++;
    if (items && items->n != n) {
        jinja__fail(m, "%zu values for %zu names", items->n, n);
        return;
    }
    n = 0;
    for (const jinja__node *t = target->args; items && t; t = t->next)
        assign(m, t, items->items[n++]);
}

static void assign(jinja__machine *m, const jinja__node *target, jinja__value value)
{
    if (m->st != MASA_OK) return;
    m->line = target->line;
    if (target->kind == NODE_NAME) {
        jinja__bind(m, target->name, value);
    } else if (target->kind == NODE_TUPLE) {
        assign_items(m, target, value);
    } else {
        jinja__value space = jinja__lookup(m, target->name);
        if (space.type != JINJA_NAMESPACE)
            jinja__fail(m, "attributes of %.60s cannot be set; it is no namespace",
                        target->name);
        else
            jinja__dict_put(m, space.as.dict, jinja__constant(m, target->value.as.name), value);
    }
}

static void run(jinja__machine *m, const jinja__node *body);

jinja__value jinja__capture(jinja__machine *m, const jinja__node *body, jinja__scope *scope)
{
    jinja__builder b = {0}, *out = m->out;
    jinja__scope *around = m->scope;
    m->out = &b;
    m->scope = scope;
    run(m, body);
    m->scope = around;
    m->out = out;
    return jinja__finish(m, &b);
}

/* The items for which the loop's test holds. */
static const jinja__list *choose(jinja__machine *m, const jinja__node *node,
                                 const jinja__list *items)
{
    if (!node->c) return items;
    jinja__value chosen = jinja__new_list(m, JINJA_LIST);
    jinja__scope *around = m->scope;
    for (size_t i = 0; i < items->n && m->st == MASA_OK; i++) {
        m->scope = jinja__new_scope(m, around);
        assign(m, node->a, items->items[i]);
        if (jinja__truth(jinja__evaluate(m, node->c))) jinja__push(m, chosen, items->items[i]);
    }
    m->scope = around;
    return chosen.as.list;
}

static void run_loop(jinja__machine *m, const jinja__node *node)
{
    const jinja__list *items = jinja__iterate(m, jinja__evaluate(m, node->b));
    if (!items || m->st != MASA_OK) return;
    items = choose(m, node, items);
    jinja__scope *around = m->scope;
    jinja__loop *loop = jinja__alloc(m->arena, sizeof *loop);
    *loop = (jinja__loop){.items = items};
    bool completed =
        false; /* Jinja's `else` runs when no pass came to its end, even by `break` */
    for (; loop->index < items->n && m->st == MASA_OK && m->flow != FLOW_BREAK; loop->index++) {
        m->flow = FLOW_ON;
        m->scope = jinja__new_scope(m, around);
        assign(m, node->a, items->items[loop->index]);
        jinja__bind(m, node->name, (jinja__value){.type = JINJA_LOOP, .as.loop = loop});
        run(m, node->body);
        completed |= m->flow == FLOW_ON;
    }
    m->flow = FLOW_ON;
    m->scope = around;
    if (!completed && node->other) {
        m->scope = jinja__new_scope(m, around);
        run(m, node->other);
        m->scope = around;
    }
}

static void run_with(jinja__machine *m, const jinja__node *node)
{
    jinja__scope *around = m->scope, *inner = jinja__new_scope(m, around);
    for (const jinja__node *set = node->args; set; set = set->next) {
        jinja__value v = jinja__evaluate(m, set->b); /* of the scope around */
        m->scope = inner;
        assign(m, set->a, v);
        m->scope = around;
    }
    m->scope = inner;
    run(m, node->body);
    m->scope = around;
}

/* A body whose text goes through a filter; filter NULL: as it is. */
static jinja__value run_text(jinja__machine *m, const jinja__node *filter,
                             const jinja__node *body)
{
    jinja__value around = m->block_text,
                 text = jinja__capture(m, body, jinja__new_scope(m, m->scope));
    if (!filter) return text;
    m->block_text = text;
    text = jinja__evaluate(m, filter);
    m->block_text = around;
    return text;
}

static jinja__value make_macro(jinja__machine *m, const jinja__node *node)
{
    jinja__value v = jinja__new_callable(m, masa_jinja_none(), node->name);
    jinja__callable *macro = (jinja__callable *)v.as.callable;
    macro->macro = node;
    macro->scope = m->scope;
    return v;
}

/* The call gets the block as `caller`. */
static void run_call_block(jinja__machine *m, const jinja__node *node)
{
    jinja__value callee = jinja__evaluate(m, node->a->a);
    jinja__arguments args = jinja__evaluate_arguments(m, node->a->args, 1);
    m->line = node->line;
    args.names[args.n_named] = node->name;
    args.named[args.n_named++] = make_macro(m, node);
    if (m->st == MASA_OK) jinja__print(m, m->out, jinja__call(m, callee, &args));
}

static void run_generation(jinja__machine *m, const jinja__node *node)
{
    jinja__scope *around = m->scope;
    size_t begin = m->out->text.size;
    m->scope = jinja__new_scope(m, around);
    run(m, node->body);
    m->scope = around;
    for (size_t i = begin; i < m->out->marks.size; i++)
        m->out->marks.data[i] |= MASA_JINJA_GENERATED;
}

static void run_one(jinja__machine *m, const jinja__node *node)
{
    m->line = node->line;
    switch (node->kind) {
    case NODE_TEXT: jinja__add_string(m, m->out, node->value); break;
    case NODE_PRINT: jinja__print(m, m->out, jinja__evaluate(m, node->a)); break;
    case NODE_IF:
        if (jinja__truth(jinja__evaluate(m, node->a))) run(m, node->body);
        else if (node->other) run(m, node->other);
        break;
    case NODE_FOR: run_loop(m, node); break;
    case NODE_SET: assign(m, node->a, jinja__evaluate(m, node->b)); break;
    case NODE_SET_BLOCK: assign(m, node->a, run_text(m, node->b, node->body)); break;
    case NODE_FILTER_BLOCK: jinja__print(m, m->out, run_text(m, node->a, node->body)); break;
    case NODE_MACRO: jinja__bind(m, node->name, make_macro(m, node)); break;
    case NODE_CALL_BLOCK: run_call_block(m, node); break;
    case NODE_WITH: run_with(m, node); break;
    case NODE_GENERATION: run_generation(m, node); break;
    case NODE_BREAK: m->flow = FLOW_BREAK; break;
    case NODE_CONTINUE: m->flow = FLOW_CONTINUE; break;
    default: break;
    }
}

static void run(jinja__machine *m, const jinja__node *body)
{
    if (jinja__enter(m))
        for (; body && m->st == MASA_OK && m->flow == FLOW_ON; body = body->next) {
            jinja__work(m, 0);
            run_one(m, body);
        }
    jinja__leave(m);
}

masa_status masa_jinja_render(masa_jinja_output *out, const masa_jinja *t, masa_jinja_data *d,
                              masa_error *err)
{
    jinja__builder b = {0};
    jinja__machine m = {.data = d, .arena = &d->arena, .out = &b, .line = 1, .err = err};
    m.block_text = jinja__undefined("");
    m.scope = jinja__new_scope(&m, NULL);
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
