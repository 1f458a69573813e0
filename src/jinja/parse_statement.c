/* Statements. */
#include "jinja_internal.h"

#include <masa/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jinja_parse_fail(jinja_parser *p, masa_status st, int line, const char *format, ...)
{
    static const jinja_token end = {.type = TOKEN_END, .s = ""};
    if (p->st == MASA_OK) {
        char text[400];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        p->st = MASA_FAIL(p->err, st, "line %d: %s", line, text);
    }
    p->at = &end;
}

static void unexpected(jinja_parser *p, const char *wanted)
{
    jinja_parse_fail(p, MASA_ERR_FORMAT, p->at->line, "expected %s, not \"%.40s\"", wanted,
                     p->at->s);
}

jinja_node *jinja_node_create(jinja_parser *p, jinja_kind kind, int line)
{
    jinja_node *node = jinja_alloc(p->arena, sizeof *node);
    node->kind = kind;
    node->line = line;
    return node;
}

static const char *intern(jinja_parser *p, const char *s)
{
    for (size_t i = 0; i < p->n_names; i++)
        if (strcmp(p->names[i], s) == 0) return p->names[i];
    MASA_PUSH(p->names, p->n_names, p->names_capacity, s);
    return s;
}

bool jinja_is_name(const jinja_parser *p, const char *name)
{
    return p->at->type == TOKEN_NAME && strcmp(p->at->s, name) == 0;
}

bool jinja_skip_name(jinja_parser *p, const char *name)
{
    bool is = jinja_is_name(p, name);
    p->at += is;
    return is;
}

bool jinja_is_op(const jinja_parser *p, int op)
{
    return p->at->type == TOKEN_OPERATOR && p->at->op == op;
}

bool jinja_skip_op(jinja_parser *p, int op)
{
    bool is = jinja_is_op(p, op);
    p->at += is;
    return is;
}

void jinja_expect_op(jinja_parser *p, int op)
{
    char wanted[4] = {'\'', (char)op, '\''};
    if (!jinja_skip_op(p, op)) unexpected(p, wanted);
}

const char *jinja_expect_name(jinja_parser *p)
{
    if (p->at->type != TOKEN_NAME) return unexpected(p, "a name"), "";
    return intern(p, (p->at++)->s);
}

static void expect(jinja_parser *p, jinja_token_type type, const char *wanted)
{
    if (p->at->type == type) p->at++;
    else unexpected(p, wanted);
}

static void end_block(jinja_parser *p)
{
    expect(p, TOKEN_BLOCK_END, "the end of the tag");
}

static jinja_node *parse_body(jinja_parser *p, const char *const *ends);

/* The body up to one of the ends (a NULL behind them), which is left at its name. */
static jinja_node *parse_until(jinja_parser *p, const char *a, const char *b, const char *c)
{
    const char *const ends[] = {a, b, c, NULL};
    end_block(p);
    return parse_body(p, ends);
}

/* The same up to {% name %}, which is read. */
static jinja_node *parse_block(jinja_parser *p, const char *name)
{
    jinja_node *body = parse_until(p, name, NULL, NULL);
    jinja_skip_name(p, name);
    return body;
}

static jinja_node *parse_if(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_IF, line);
    node->a = jinja_parse_tuple(p, OF_UNCONDITIONAL, false);
    node->body = parse_until(p, "elif", "else", "endif");
    line = p->at->line;
    if (jinja_skip_name(p, "elif")) {
        if (++p->depth > PARSE_DEPTH)
            jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, line, "too many branches");
        node->other = parse_if(p, line);
        p->depth--;
    } else if (jinja_skip_name(p, "else")) {
        node->other = parse_block(p, "endif");
    } else jinja_skip_name(p, "endif");
    return node;
}

static jinja_node *parse_target(jinja_parser *p)
{
    jinja_node *target = jinja_parse_tuple(p, OF_TARGETS, false);
    bool fine = target->kind == NODE_NAME || target->kind == NODE_TUPLE;
    for (const jinja_node *t = target->args; fine && target->kind == NODE_TUPLE && t;
         t = t->next)
        fine = t->kind == NODE_NAME || t->kind == NODE_TUPLE;
    if (!fine)
        jinja_parse_fail(p, MASA_ERR_FORMAT, target->line, "only names can be assigned to");
    return target;
}

static jinja_node *parse_for(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_FOR, line);
    node->name = intern(p, "loop");
    node->a = parse_target(p);
    if (!jinja_skip_name(p, "in")) unexpected(p, "in");
    node->b = jinja_parse_tuple(p, OF_UNCONDITIONAL, false);
    if (jinja_skip_name(p, "if")) node->c = jinja_parse_expression(p, true);
    if (jinja_is_name(p, "recursive"))
        jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, line, "recursive loops are not supported");
    node->body = parse_until(p, "else", "endfor", NULL);
    if (jinja_skip_name(p, "else")) node->other = parse_block(p, "endfor");
    else jinja_skip_name(p, "endfor");
    return node;
}

static jinja_node *parse_set(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_SET, line);
    const jinja_token *next = p->at + (p->at->type != TOKEN_END);
    if (p->at->type == TOKEN_NAME && next->type == TOKEN_OPERATOR && next->op == '.') {
        node->a = jinja_node_create(p, NODE_NAMESPACE_NAME, line);
        node->a->name = jinja_expect_name(p);
        jinja_expect_op(p, '.');
        node->a->value.as.name = jinja_expect_name(p);
    } else node->a = parse_target(p);
    if (jinja_skip_op(p, '=')) {
        node->b = jinja_parse_tuple(p, OF_EXPRESSIONS, false);
        return node;
    }
    node->kind = NODE_SET_BLOCK;
    if (jinja_is_op(p, '|')) node->b = jinja_parse_filters(p, NULL, false);
    node->body = parse_block(p, "endset");
    return node;
}

/* (a, b=1) of a macro */
static jinja_node *parse_parameters(jinja_parser *p)
{
    jinja_node *first = NULL, **last = &first;
    bool optional = false;
    jinja_expect_op(p, '(');
    while (p->at->type != TOKEN_END && !jinja_is_op(p, ')')) {
        if (first) jinja_expect_op(p, ',');
        if (first && jinja_is_op(p, ')')) break;
        jinja_node *node = jinja_node_create(p, NODE_PARAMETER, p->at->line);
        node->name = jinja_expect_name(p);
        if (jinja_skip_op(p, '=')) node->a = jinja_parse_expression(p, true), optional = true;
        else if (optional)
            jinja_parse_fail(p, MASA_ERR_FORMAT, node->line,
                             "a parameter without default follows one with default");
        *last = node;
        last = &node->next;
    }
    jinja_expect_op(p, ')');
    return first;
}

static jinja_node *parse_macro(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_MACRO, line);
    node->name = jinja_expect_name(p);
    node->args = parse_parameters(p);
    node->body = parse_block(p, "endmacro");
    return node;
}

static jinja_node *parse_call_block(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_CALL_BLOCK, line);
    if (jinja_is_op(p, '(')) node->args = parse_parameters(p);
    node->name = intern(p, "caller");
    node->a = jinja_parse_expression(p, true);
    if (node->a->kind != NODE_CALL)
        jinja_parse_fail(p, MASA_ERR_FORMAT, line, "expected a call");
    node->body = parse_block(p, "endcall");
    return node;
}

static jinja_node *parse_with(jinja_parser *p, int line)
{
    jinja_node *node = jinja_node_create(p, NODE_WITH, line), **last = &node->args;
    while (p->at->type != TOKEN_BLOCK_END && p->at->type != TOKEN_END) {
        if (node->args) jinja_expect_op(p, ',');
        jinja_node *set = jinja_node_create(p, NODE_SET, p->at->line);
        set->a = jinja_node_create(p, NODE_NAME, p->at->line);
        set->a->name = jinja_expect_name(p);
        jinja_expect_op(p, '=');
        set->b = jinja_parse_expression(p, true);
        *last = set;
        last = &set->next;
    }
    node->body = parse_block(p, "endwith");
    return node;
}

static jinja_node *parse_simple_block(jinja_parser *p, jinja_kind kind, int line,
                                      const char *end)
{
    jinja_node *node = jinja_node_create(p, kind, line);
    if (kind == NODE_FILTER_BLOCK) node->a = jinja_parse_filters(p, NULL, true);
    node->body = parse_block(p, end);
    return node;
}

static jinja_node *parse_statement(jinja_parser *p)
{
    int line = p->at->line;
    const char *name = jinja_expect_name(p);
    if (strcmp(name, "if") == 0) return parse_if(p, line);
    if (strcmp(name, "for") == 0) return parse_for(p, line);
    if (strcmp(name, "set") == 0) return parse_set(p, line);
    if (strcmp(name, "macro") == 0) return parse_macro(p, line);
    if (strcmp(name, "call") == 0) return parse_call_block(p, line);
    if (strcmp(name, "with") == 0) return parse_with(p, line);
    if (strcmp(name, "filter") == 0)
        return parse_simple_block(p, NODE_FILTER_BLOCK, line, "endfilter");
    if (strcmp(name, "generation") == 0)
        return parse_simple_block(p, NODE_GENERATION, line, "endgeneration");
    if (strcmp(name, "break") == 0) return jinja_node_create(p, NODE_BREAK, line);
    if (strcmp(name, "continue") == 0) return jinja_node_create(p, NODE_CONTINUE, line);
    static const char *const refused[] = {"extends",    "block", "include", "import", "from",
                                          "autoescape", "print", "do",      "trans",  "debug"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(name, refused[i]) == 0)
            jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, line,
                             "the statement `%s` is not supported", name);
    jinja_parse_fail(p, MASA_ERR_FORMAT, line, "unknown statement `%.40s`", name);
    return jinja_node_create(p, NODE_BREAK, line);
}

static bool is_end(const jinja_parser *p, const char *const *ends)
{
    for (; *ends; ends++)
        if (p->at[1].type == TOKEN_NAME && strcmp(p->at[1].s, *ends) == 0) return true;
    return false;
}

static jinja_node *parse_body(jinja_parser *p, const char *const *ends)
{
    jinja_node *first = NULL, **last = &first;
    int line = *ends && p->st == MASA_OK ? p->at[-1].line : p->at->line; /* of the tag before */
    if (++p->depth > PARSE_DEPTH)
        jinja_parse_fail(p, MASA_ERR_UNSUPPORTED, line, "blocks are nested too deeply");
    for (; p->at->type != TOKEN_END; last = &(*last)->next) {
        jinja_node *node;
        if (p->at->type == TOKEN_TEXT) {
            node = jinja_node_create(p, NODE_TEXT, p->at->line);
            jinja_string *text = jinja_alloc(p->arena, sizeof *text);
            *text = (jinja_string){.s = p->at->s, .n = p->at->n};
            node->value = (jinja_value){.type = JINJA_STRING, .as.string = text};
            p->at++;
        } else if (p->at->type == TOKEN_VARIABLE_BEGIN) {
            node = jinja_node_create(p, NODE_PRINT, p->at->line);
            p->at++;
            node->a = jinja_parse_tuple(p, OF_EXPRESSIONS, false);
            expect(p, TOKEN_VARIABLE_END, "the end of the tag");
        } else {
            if (is_end(p, ends)) break;
            p->at++;
            node = parse_statement(p);
            end_block(p);
        }
        *last = node;
    }
    p->depth--;
    if (!*ends) return first;
    while (ends[1]) ends++;
    if (p->at->type == TOKEN_END)
        jinja_parse_fail(p, MASA_ERR_FORMAT, line, "this block has no {%% %s %%}", *ends);
    else p->at++;
    return first;
}

masa_status masa_jinja_parse(masa_jinja **out, const char *source, size_t n, masa_error *err)
{
    static const char *const none[] = {NULL};
    masa_jinja *t = masa_alloc(1, sizeof *t);
    jinja_tokens tokens = {0};
    jinja_parser p = {.arena = &t->arena, .err = err};
    p.st = jinja_lex(&tokens, &t->arena, source, n, err);
    if (p.st == MASA_OK) {
        p.at = tokens.items;
        t->body = parse_body(&p, none);
    }
    free(tokens.items);
    free(p.names);
    if (p.st == MASA_OK) *out = t;
    else masa_jinja_destroy(t);
    return p.st;
}

void masa_jinja_destroy(masa_jinja *t)
{
    if (!t) return;
    jinja_arena_deinit(&t->arena);
    free(t);
}
