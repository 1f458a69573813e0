/* Tests: `value is name(argument)`. */
#include "jinja_internal.h"

#include <string.h>

typedef struct type_test {
    const char *name;
    unsigned types; /* bits by type */
} type_test;

#define BIT(type) (1u << (type))
#define ALL       ~0u
#define ITERABLE                                                                               \
    (BIT(JINJA_UNDEFINED) | BIT(JINJA_STRING) | BIT(JINJA_LIST) | BIT(JINJA_TUPLE) |           \
     BIT(JINJA_GENERATOR) | BIT(JINJA_DICT) | BIT(JINJA_LOOP))

static const type_test by_type[] = {
    {"defined", ALL & ~BIT(JINJA_UNDEFINED)},
    {"undefined", BIT(JINJA_UNDEFINED)},
    {"none", BIT(JINJA_NONE)},
    {"string", BIT(JINJA_STRING)},
    {"boolean", BIT(JINJA_BOOL)},
    {"integer", BIT(JINJA_INTEGER)},
    {"float", BIT(JINJA_REAL)},
    {"number", BIT(JINJA_BOOL) | BIT(JINJA_INTEGER) | BIT(JINJA_REAL)},
    {"mapping", BIT(JINJA_DICT)},
    {"iterable", ITERABLE},
    {"sequence", ITERABLE & ~BIT(JINJA_GENERATOR) & ~BIT(JINJA_LOOP)},
    {"callable", BIT(JINJA_CALLABLE)},
};

static const struct {
    const char *names[3];
    int op;
} comparisons[] = {
    {{"==", "eq", "equalto"}, OP('=', '=')}, {{"!=", "ne", "ne"}, OP('!', '=')},
    {{"<", "lt", "lessthan"}, '<'},          {{">", "gt", "greaterthan"}, '>'},
    {{"<=", "le", "le"}, OP('<', '=')},      {{">=", "ge", "ge"}, OP('>', '=')},
};

static bool is_same(jinja_value a, jinja_value b)
{
    if (a.type != b.type) return false;
    switch (a.type) {
    case JINJA_NONE: return true;
    case JINJA_BOOL: return a.as.boolean == b.as.boolean;
    case JINJA_INTEGER: return a.as.integer == b.as.integer;
    case JINJA_STRING:
        return a.as.string->n == b.as.string->n &&
               memcmp(a.as.string->s, b.as.string->s, a.as.string->n) == 0;
    default: return a.as.list == b.as.list;
    }
}

static bool compare(jinja_machine *m, int op, jinja_value a, jinja_value b)
{
    if (op == OP('=', '=')) return jinja_equal(m, a, b);
    if (op == OP('!', '=')) return !jinja_equal(m, a, b);
    int order = jinja_compare(m, a, b);
    return op == '<'            ? order < 0
           : op == '>'          ? order > 0
           : op == OP('<', '=') ? order <= 0
                                : order >= 0;
}

/* odd, even, divisibleby */
static bool test_number(jinja_machine *m, const char *name, jinja_value v, jinja_value by)
{
    jinja_value two = masa_jinja_integer(2);
    jinja_value rest = jinja_binary(m, '%', v, strcmp(name, "divisibleby") == 0 ? by : two);
    return jinja_equal(m, rest, masa_jinja_integer(strcmp(name, "odd") == 0));
}

static bool refuse(jinja_machine *m, const char *name)
{
    jinja_refuse(m, "the test `%.60s` is not supported", name);
    return false;
}

bool jinja_apply_test(jinja_machine *m, const char *name, jinja_value v,
                      const jinja_arguments *args)
{
    for (size_t i = 0; i < sizeof by_type / sizeof *by_type; i++)
        if (strcmp(by_type[i].name, name) == 0) return by_type[i].types >> v.type & 1;
    if (strcmp(name, "true") == 0) return v.type == JINJA_BOOL && v.as.boolean;
    if (strcmp(name, "false") == 0) return v.type == JINJA_BOOL && !v.as.boolean;
    if (strcmp(name, "odd") == 0 || strcmp(name, "even") == 0)
        return test_number(m, name, v, v);
    if (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0) {
        jinja_value text = jinja_to_string(m, v);
        return jinja_all(text, name[0] == 'u' ? "isupper" : "islower");
    }
    static const char *const two[] = {"in", "sameas", "divisibleby"};
    bool known = false;
    int op = 0;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) known |= strcmp(two[i], name) == 0;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        for (int k = 0; k < 3; k++)
            if (strcmp(comparisons[i].names[k], name) == 0) op = comparisons[i].op;
    if (!known && !op) return refuse(m, name);
    if (args->n != 1) {
        jinja_fail(m, "the test `%s` needs one argument", name);
        return false;
    }
    jinja_value other = args->items[0];
    if (op) return compare(m, op, v, other);
    if (strcmp(name, "in") == 0) return jinja_contains(m, other, v);
    return strcmp(name, "sameas") == 0 ? is_same(v, other) : test_number(m, name, v, other);
}
