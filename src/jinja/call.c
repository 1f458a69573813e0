/* Calls: of macros, of methods and functions, with their arguments. */
#include "jinja_internal.h"

#include <string.h>

const jinja_entry *jinja_find(const jinja_entry *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

/* The place of a name in "a,b,c", or MOST_PARAMETERS. */
static size_t find_parameter(const char *parameters, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; *parameters; i++) {
        size_t size = strcspn(parameters, ",");
        if (size == n && memcmp(parameters, name, n) == 0) return i;
        parameters += size + (parameters[size] == ',');
    }
    return MOST_PARAMETERS;
}

static size_t count_parameters(const char *parameters)
{
    size_t n = *parameters != '\0';
    for (; *parameters; parameters++) n += *parameters == ',';
    return n;
}

jinja_value jinja_apply(jinja_machine *m, const jinja_entry *entry, jinja_value self,
                        const jinja_arguments *args)
{
    jinja_value given[MOST_PARAMETERS] = {0};
    if (strcmp(entry->parameters, "*") == 0) return entry->function(m, self, NULL, args);
    if (args->n > count_parameters(entry->parameters))
        return jinja_fail(m, "`%s` takes at most %zu arguments, not %zu", entry->name,
                          count_parameters(entry->parameters), args->n);
    for (size_t i = 0; i < args->n; i++) given[i] = args->items[i];
    for (size_t i = 0; i < args->n_named; i++) {
        size_t at = find_parameter(entry->parameters, args->names[i]);
        if (at == MOST_PARAMETERS || at < args->n)
            return jinja_fail(m, "`%s` takes no argument `%.40s` here", entry->name,
                              args->names[i]);
        given[at] = args->named[i];
    }
    return entry->function(m, self, given, args);
}

int64_t jinja_given_integer(jinja_machine *m, jinja_value given, int64_t otherwise)
{
    if (given.type == JINJA_MISSING) return otherwise;
    if (given.type == JINJA_BOOL) return given.as.boolean;
    if (given.type == JINJA_INTEGER) return given.as.integer;
    jinja_fail(m, "expected an integer, not %s", jinja_type_name(given));
    return otherwise;
}

/* The place of a named argument, or their number. */
static size_t find_named(const jinja_arguments *args, const char *name)
{
    size_t i = 0;
    while (i < args->n_named && strcmp(args->names[i], name) != 0) i++;
    return i;
}

/* Binds the arguments in m->scope; what is not given has its default, which may use those
 * before it. */
static void bind_parameters(jinja_machine *m, const jinja_node *macro,
                            const jinja_arguments *args)
{
    size_t i = 0, used = 0;
    for (const jinja_node *p = macro->args; p && m->st == MASA_OK; p = p->next, i++) {
        size_t at = find_named(args, p->name);
        const jinja_value *named = at < args->n_named ? &args->named[at] : NULL;
        if (named && i < args->n)
            jinja_fail(m, "macro `%.40s` got `%.40s` twice", macro->name, p->name);
        used += named != NULL;
        jinja_value v = i < args->n ? args->items[i]
                        : named     ? *named
                        : p->a      ? jinja_evaluate(m, p->a)
                                    : jinja_undefined(p->name);
        jinja_bind(m, p->name, v);
    }
    size_t caller = find_named(args, "caller");
    bool called = caller < args->n_named;
    if (called) jinja_bind(m, args->names[caller], args->named[caller]);
    if (args->n > i)
        jinja_fail(m, "macro `%.40s` takes not more than %zu arguments", macro->name, i);
    if (args->n_named > used + called)
        jinja_fail(m, "macro `%.40s` takes no argument of that name", macro->name);
}

static jinja_value call_macro(jinja_machine *m, const jinja_callable *c,
                              const jinja_arguments *args)
{
    jinja_scope *around = m->scope, *scope = jinja_new_scope(m, c->scope);
    jinja_value text = jinja_undefined("");
    m->scope = scope;
    if (jinja_enter(m)) {
        bind_parameters(m, c->macro, args);
        text = jinja_capture(m, c->macro->body, scope);
    }
    jinja_leave(m);
    m->flow = FLOW_ON;
    m->scope = around;
    return text;
}

jinja_value jinja_call(jinja_machine *m, jinja_value callee, const jinja_arguments *args)
{
    if (callee.type == JINJA_UNDEFINED)
        return jinja_fail(m, "'%.60s' is undefined", callee.as.name);
    if (callee.type == JINJA_LOOP) return jinja_refuse(m, "recursive loops are not supported");
    if (callee.type != JINJA_CALLABLE)
        return jinja_fail(m, "'%s' object is not callable", jinja_type_name(callee));
    const jinja_callable *c = callee.as.callable;
    if (c->macro) return call_macro(m, c, args);
    const jinja_entry *entry =
        c->self.type == JINJA_NONE ? jinja_global(c->name) : jinja_method(c->self, c->name);
    return jinja_apply(m, entry, c->self, args);
}
