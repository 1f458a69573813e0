/* What the files of this part share: tokens, the tree, values, and the machine that
 * renders. */
#ifndef MASA_JINJA_INTERNAL_H
#define MASA_JINJA_INTERNAL_H

#include <masa/jinja.h>

/* ---- source to tree ---- */

typedef enum jinja__token_type {
    TOKEN_END,
    TOKEN_TEXT,
    TOKEN_VARIABLE_BEGIN, /* {{ */
    TOKEN_VARIABLE_END,
    TOKEN_BLOCK_BEGIN, /* {% */
    TOKEN_BLOCK_END,
    TOKEN_NAME,
    TOKEN_STRING, /* s is unescaped */
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_OPERATOR, /* its characters are the op: '+', or OP('*', '*') */
} jinja__token_type;

#define OP(a, b) ((a) << 8 | (b))

typedef struct jinja__token {
    jinja__token_type type;
    int op;
    int line;
    const char *s; /* NUL-terminated except for TOKEN_TEXT */
    size_t n;
} jinja__token;

/* Memory that is freed as a whole. */
typedef struct jinja__arena {
    struct jinja__block *blocks;
    size_t used; /* bytes handed out */
} jinja__arena;
/* Zeroed; never NULL. */
void *jinja__alloc(jinja__arena *arena, size_t n);
char *jinja__copy(jinja__arena *arena, const char *s, size_t n);
void jinja__arena_deinit(jinja__arena *arena);

typedef struct jinja__tokens {
    jinja__token *items;
    size_t n, capacity;
} jinja__tokens;
/* tokenize.c: the whole source; texts between tags are trimmed as the tags ask for. */
masa_status jinja__lex(jinja__tokens *out, jinja__arena *arena, const char *source, size_t n,
                       masa_error *err);

typedef enum jinja__kind {
    /* statements */
    NODE_TEXT,         /* value */
    NODE_PRINT,        /* a */
    NODE_IF,           /* a, body, other */
    NODE_FOR,          /* name: "loop", a: target, b: items, c: test or NULL, body, other */
    NODE_SET,          /* a: target, b */
    NODE_SET_BLOCK,    /* a: target, b: filter or NULL, body */
    NODE_MACRO,        /* name, args: NODE_PARAMETER, body */
    NODE_CALL_BLOCK,   /* name: "caller", a: NODE_CALL, args: NODE_PARAMETER, body */
    NODE_FILTER_BLOCK, /* a: filter, body */
    NODE_WITH,         /* args: NODE_SET, body */
    NODE_GENERATION,   /* body */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_PARAMETER, /* name, a: default or NULL */
    /* expressions */
    NODE_VALUE,
    NODE_NAME,
    NODE_NAMESPACE_NAME, /* name.value, only as a target */
    NODE_LIST,           /* args */
    NODE_TUPLE,
    NODE_DICT, /* args: NODE_PAIR */
    NODE_PAIR, /* a: key, b */
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_NEGATE,
    NODE_PLUS,
    NODE_BINARY,    /* op */
    NODE_CONCAT,    /* args */
    NODE_COMPARE,   /* a, args: NODE_OPERAND */
    NODE_OPERAND,   /* op, a */
    NODE_CONDITION, /* a if b else c; c may be NULL */
    NODE_ATTRIBUTE, /* a, name */
    NODE_ITEM,      /* a, b */
    NODE_SLICE,     /* a: start, b: stop, c: step, each may be NULL */
    NODE_CALL,      /* a, args: NODE_ARGUMENT */
    NODE_FILTER,    /* a (NULL: the text of a block), name, args */
    NODE_TEST,
    NODE_ARGUMENT, /* name or NULL, a; op '*': its items are arguments */
} jinja__kind;

enum { OP_IN = 1, OP_NOT_IN };

typedef struct jinja__node jinja__node;
struct jinja__node {
    jinja__kind kind;
    int op, line;
    const char *name; /* one pointer per name in a template */
    masa_jinja_value value;
    jinja__node *a, *b, *c, *args, *body, *other;
    jinja__node *next; /* in args and body */
};

struct masa_jinja {
    jinja__arena arena;
    jinja__node *body;
};

enum { PARSE_DEPTH = 200 };

typedef struct jinja__parser {
    jinja__arena *arena;
    const jinja__token *at;
    const char **names; /* [n_names] interned */
    size_t n_names, names_capacity;
    int depth;
    masa_status st;
    masa_error *err;
} jinja__parser;
/* Notes the first error and moves to the end of the source. */
void jinja__parse_fail(jinja__parser *p, masa_status st, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
jinja__node *jinja__node_create(jinja__parser *p, jinja__kind kind, int line);
bool jinja__is_name(const jinja__parser *p, const char *name);
bool jinja__skip_name(jinja__parser *p, const char *name);
bool jinja__is_op(const jinja__parser *p, int op);
bool jinja__skip_op(jinja__parser *p, int op);
void jinja__expect_op(jinja__parser *p, int op);
const char *jinja__expect_name(jinja__parser *p);
/* parse_expression.c */
jinja__node *jinja__parse_expression(jinja__parser *p, bool conditions);
/* What a tuple is made of: full expressions, those without `if`, or names alone. */
typedef enum jinja__tuple_of { OF_EXPRESSIONS, OF_UNCONDITIONAL, OF_TARGETS } jinja__tuple_of;
jinja__node *jinja__parse_tuple(jinja__parser *p, jinja__tuple_of of, bool may_be_empty);
/* "upper | trim(...)": `subject` NULL stands for the text of a block. */
jinja__node *jinja__parse_filters(jinja__parser *p, jinja__node *subject, bool begun);

/* ---- values ---- */

enum jinja__type {
    JINJA_MISSING, /* an argument that was not given */
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INTEGER,
    JINJA_REAL,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_GENERATOR, /* a list that is true and can be read once */
    JINJA_DICT,
    JINJA_NAMESPACE,
    JINJA_CALLABLE,
    JINJA_LOOP,
};

typedef masa_jinja_value jinja__value;

typedef struct jinja__string {
    const char *s;
    const char *marks; /* [n], or NULL: none */
    size_t n;
    bool safe; /* Markup, which escapes for HTML what is added to it */
} jinja__string;

typedef struct jinja__list {
    jinja__value *items;
    size_t n, capacity;
    bool spent; /* of a generator */
} jinja__list;

typedef struct jinja__dict {
    jinja__value *keys, *values;
    size_t n, capacity;
} jinja__dict;

typedef struct jinja__scope {
    struct jinja__scope *parent;
    struct jinja__binding *bindings;
} jinja__scope;

/* A macro, a method of a value, or a function. */
typedef struct jinja__callable {
    const jinja__node *macro; /* or NULL */
    jinja__scope *scope;      /* where the macro was written */
    jinja__value self;
    const char *name;
} jinja__callable;

typedef struct jinja__loop {
    const jinja__list *items;
    size_t index;
    jinja__value changed; /* the values of the last loop.changed(), a tuple */
} jinja__loop;

struct masa_jinja_data {
    jinja__arena arena;
    masa_jinja_limits limits;
    jinja__dict variables;
};

/* ---- the machine ---- */

/* A text that is being made, with its marks. */
typedef struct jinja__builder {
    masa_text text, marks;
} jinja__builder;

typedef enum jinja__flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } jinja__flow;

/* After a failure every function returns something harmless and nothing is written. */
typedef struct jinja__machine {
    masa_jinja_data *data;
    jinja__arena *arena;
    size_t steps, made, depth; /* spent so far, and where it is */
    jinja__builder *out;
    jinja__scope *scope;
    jinja__flow flow;
    bool generation;
    jinja__value block_text; /* what a filter without a subject is about */
    int line;                /* of what is being evaluated */
    masa_status st;
    masa_error *err;
} jinja__machine;

/* The arguments of a call. */
typedef struct jinja__arguments {
    jinja__value *items; /* [n] */
    size_t n;
    const char **names; /* [n_named] */
    jinja__value *named;
    size_t n_named;
} jinja__arguments;

/* machine.c */
jinja__value jinja__fail(jinja__machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
jinja__value jinja__refuse(jinja__machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Counts work over n bytes or items; false when the budget is spent. */
bool jinja__work(jinja__machine *m, size_t n);
/* Counts n bytes that are about to be made. */
bool jinja__room(jinja__machine *m, size_t n);
bool jinja__enter(jinja__machine *m);
void jinja__leave(jinja__machine *m);
void jinja__add(jinja__machine *m, jinja__builder *b, const char *s, size_t n,
                const char *marks);
void jinja__add_text(jinja__machine *m, jinja__builder *b, const char *s);
void jinja__add_string(jinja__machine *m, jinja__builder *b, jinja__value string);
/* The text as a value; the builder is freed. */
jinja__value jinja__finish(jinja__machine *m, jinja__builder *b);
jinja__value jinja__undefined(const char *name);
jinja__value jinja__new_string(jinja__machine *m, const char *s, size_t n, const char *marks);
jinja__value jinja__constant(jinja__machine *m, const char *s);
/* The same text as one that is safe. */
jinja__value jinja__safe(jinja__machine *m, jinja__value string);
jinja__value jinja__part(jinja__machine *m, jinja__value string, size_t begin, size_t end);
jinja__value jinja__new_list(jinja__machine *m, int type);
void jinja__push(jinja__machine *m, jinja__value list, jinja__value item);
jinja__value jinja__new_callable(jinja__machine *m, jinja__value self, const char *name);
void jinja__dict_put(jinja__machine *m, jinja__dict *d, jinja__value key, jinja__value value);
/* The same two without counting and, of a dictionary, without looking for the key. */
void jinja__list_append(jinja__arena *arena, jinja__list *list, jinja__value item);
void jinja__dict_append(jinja__arena *arena, jinja__dict *d, jinja__value key,
                        jinja__value value);
/* Whether it can be a key; if not, it is a failure. */
bool jinja__hashable(jinja__machine *m, jinja__value key);
/* NULL: it has none. */
const jinja__value *jinja__dict_find(jinja__machine *m, const jinja__dict *d, jinja__value key);
const jinja__value *jinja__dict_named(const jinja__dict *d, const char *key);

/* value.c */
const char *jinja__type_name(jinja__value v); /* as Python calls it */
bool jinja__is_string(jinja__value v);
bool jinja__is_number(jinja__value v); /* bool included */
bool jinja__is_text(jinja__value v, const char *s);
double jinja__as_real(jinja__value v);
bool jinja__truth(jinja__value v);
bool jinja__equal(jinja__machine *m, jinja__value a, jinja__value b);
/* -1, 0, 1; a failure for values without an order. */
int jinja__compare(jinja__machine *m, jinja__value a, jinja__value b);
bool jinja__contains(jinja__machine *m, jinja__value container, jinja__value item);
/* The items of anything that can be iterated over; NULL after a failure. */
const jinja__list *jinja__iterate(jinja__machine *m, jinja__value v);
jinja__value jinja__binary(jinja__machine *m, int op, jinja__value a, jinja__value b);
jinja__value jinja__get_item(jinja__machine *m, jinja__value v, jinja__value key);
jinja__value jinja__get_attribute(jinja__machine *m, jinja__value v, const char *name);
jinja__value jinja__slice(jinja__machine *m, jinja__value v, jinja__value start,
                          jinja__value stop, jinja__value step);

/* print.c */
void jinja__print(jinja__machine *m, jinja__builder *b, jinja__value v); /* str() */
jinja__value jinja__to_string(jinja__machine *m, jinja__value v);
typedef struct jinja__json {
    const char *indent;     /* or NULL: one line */
    jinja__value item, key; /* separators, or missing */
    bool ascii, sorted;
} jinja__json;
void jinja__print_json(jinja__machine *m, jinja__builder *b, jinja__value v,
                       const jinja__json *how, int level);
jinja__value jinja__format(jinja__machine *m, jinja__value format, const jinja__value *items,
                           size_t n); /* "%s" % items */

/* python_text.c: characters and words */
bool jinja__is_space(unsigned code); /* as str.isspace() */
size_t jinja__decode(const char *s, size_t n,
                     unsigned *code);          /* >= 1 byte; bad ones as they are */
size_t jinja__length(const char *s, size_t n); /* in characters */
size_t jinja__offset(const char *s, size_t n, size_t characters);
typedef enum jinja__case {
    CASE_UPPER,
    CASE_LOWER,
    CASE_CAPITAL,
    CASE_TITLE,
    CASE_WORDS
} jinja__case;
jinja__value jinja__change_case(jinja__machine *m, jinja__value v, jinja__case how);
enum { STRIP_LEFT = 1, STRIP_RIGHT = 2 };
/* characters: those to strip, or no string: white space. */
jinja__value jinja__strip(jinja__machine *m, jinja__value v, jinja__value characters,
                          int sides);
jinja__value jinja__replace(jinja__machine *m, jinja__value v, jinja__value old,
                            jinja__value with, int64_t most);
jinja__value jinja__lines(jinja__machine *m, jinja__value v, bool keep_ends);
bool jinja__is_printable(unsigned code);
bool jinja__all(jinja__value v, const char *what); /* str.isdigit() and its like */

/* evaluate_expression.c, render.c, call.c */
jinja__value jinja__evaluate(jinja__machine *m, const jinja__node *node);
jinja__value jinja__lookup(jinja__machine *m, const char *name);
void jinja__bind(jinja__machine *m, const char *name, jinja__value value);
/* The output of a body in a scope of its own below `parent`. */
jinja__value jinja__capture(jinja__machine *m, const jinja__node *body, jinja__scope *scope);
jinja__scope *jinja__new_scope(jinja__machine *m, jinja__scope *parent);
jinja__arguments jinja__evaluate_arguments(jinja__machine *m, const jinja__node *args,
                                           size_t extra);
jinja__value jinja__call(jinja__machine *m, jinja__value callee, const jinja__arguments *args);

/* A table of functions with the names of their parameters, "a,b,c"; "*": as they come. */
typedef jinja__value jinja__function(jinja__machine *m, jinja__value self,
                                     const jinja__value *given,
                                     const jinja__arguments *arguments);
/* Begins one, which calls its parameters m, v, given and args. */
#define BUILTIN(name)                                                                          \
    static jinja__value name(jinja__machine *m, jinja__value v, const jinja__value *given,     \
                             const jinja__arguments *args)
/* For one that does not need them all. */
#define UNUSED (void)m, (void)v, (void)given, (void)args

typedef struct jinja__entry {
    const char *name;
    jinja__function *function;
    const char *parameters;
} jinja__entry;
enum { MOST_PARAMETERS = 6 };
const jinja__entry *jinja__find(const jinja__entry *table, size_t n, const char *name);
/* Binds the arguments to the parameters and calls. */
jinja__value jinja__apply(jinja__machine *m, const jinja__entry *entry, jinja__value self,
                          const jinja__arguments *args);
/* The integer given, or the default; a failure for another type. */
int64_t jinja__given_integer(jinja__machine *m, jinja__value given, int64_t otherwise);

/* filters.c, filters_list.c, tests.c, methods.c, functions.c: by name; NULL: unknown */
const jinja__entry *jinja__list_filter(const char *name);
jinja__value jinja__apply_filter(jinja__machine *m, const char *name, jinja__value subject,
                                 const jinja__arguments *args);
bool jinja__apply_test(jinja__machine *m, const char *name, jinja__value subject,
                       const jinja__arguments *args);
const jinja__entry *jinja__method(jinja__value self, const char *name);
const jinja__entry *jinja__global(const char *name);

#endif
