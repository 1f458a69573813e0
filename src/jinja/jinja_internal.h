/* What the files of this part share: tokens, the tree, values, and the machine that
 * renders. */
#ifndef MASA_JINJA_INTERNAL_H
#define MASA_JINJA_INTERNAL_H

#include <masa/jinja.h>

/* ---- source to tree ---- */

typedef enum jinja_token_type {
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
} jinja_token_type;

#define OP(a, b) ((a) << 8 | (b))

typedef struct jinja_token {
    jinja_token_type type;
    int op;
    int line;
    const char *s; /* NUL-terminated except for TOKEN_TEXT */
    size_t n;
} jinja_token;

/* Memory that is freed as a whole. */
typedef struct jinja_arena {
    struct jinja_block *blocks;
    size_t used; /* bytes handed out */
} jinja_arena;
/* Zeroed; never NULL. */
void *jinja_alloc(jinja_arena *arena, size_t n);
char *jinja_copy(jinja_arena *arena, const char *s, size_t n);
void jinja_arena_deinit(jinja_arena *arena);

typedef struct jinja_tokens {
    jinja_token *items;
    size_t n, capacity;
} jinja_tokens;
/* tokenize.c: the whole source; texts between tags are trimmed as the tags ask for. */
masa_status jinja_lex(jinja_tokens *out, jinja_arena *arena, const char *source, size_t n,
                      masa_error *err);

typedef enum jinja_kind {
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
} jinja_kind;

enum { OP_IN = 1, OP_NOT_IN };

typedef struct jinja_node jinja_node;
struct jinja_node {
    jinja_kind kind;
    int op, line;
    const char *name; /* one pointer per name in a template */
    masa_jinja_value value;
    jinja_node *a, *b, *c, *args, *body, *other;
    jinja_node *next; /* in args and body */
};

struct masa_jinja {
    jinja_arena arena;
    jinja_node *body;
};

enum { PARSE_DEPTH = 200 };

typedef struct jinja_parser {
    jinja_arena *arena;
    const jinja_token *at;
    const char **names; /* [n_names] interned */
    size_t n_names, names_capacity;
    int depth;
    masa_status st;
    masa_error *err;
} jinja_parser;
/* Notes the first error and moves to the end of the source. */
void jinja_parse_fail(jinja_parser *p, masa_status st, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
jinja_node *jinja_node_create(jinja_parser *p, jinja_kind kind, int line);
bool jinja_is_name(const jinja_parser *p, const char *name);
bool jinja_skip_name(jinja_parser *p, const char *name);
bool jinja_is_op(const jinja_parser *p, int op);
bool jinja_skip_op(jinja_parser *p, int op);
void jinja_expect_op(jinja_parser *p, int op);
const char *jinja_expect_name(jinja_parser *p);
/* parse_expression.c */
jinja_node *jinja_parse_expression(jinja_parser *p, bool conditions);
/* What a tuple is made of: full expressions, those without `if`, or names alone. */
typedef enum jinja_tuple_of { OF_EXPRESSIONS, OF_UNCONDITIONAL, OF_TARGETS } jinja_tuple_of;
jinja_node *jinja_parse_tuple(jinja_parser *p, jinja_tuple_of of, bool may_be_empty);
/* "upper | trim(...)": `subject` NULL stands for the text of a block. */
jinja_node *jinja_parse_filters(jinja_parser *p, jinja_node *subject, bool begun);

/* ---- values ---- */

enum jinja_type {
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

typedef masa_jinja_value jinja_value;

typedef struct jinja_string {
    const char *s;
    const char *marks; /* [n], or NULL: none */
    size_t n;
    bool safe; /* Markup, which escapes for HTML what is added to it */
} jinja_string;

typedef struct jinja_list {
    jinja_value *items;
    size_t n, capacity;
    bool spent; /* of a generator */
} jinja_list;

typedef struct jinja_dict {
    jinja_value *keys, *values;
    size_t n, capacity;
} jinja_dict;

typedef struct jinja_scope {
    struct jinja_scope *parent;
    struct jinja_binding *bindings;
} jinja_scope;

/* A macro, a method of a value, or a function. */
typedef struct jinja_callable {
    const jinja_node *macro; /* or NULL */
    jinja_scope *scope;      /* where the macro was written */
    jinja_value self;
    const char *name;
} jinja_callable;

typedef struct jinja_loop {
    const jinja_list *items;
    size_t index;
    jinja_value changed; /* the values of the last loop.changed(), a tuple */
} jinja_loop;

struct masa_jinja_data {
    jinja_arena arena;
    masa_jinja_limits limits;
    jinja_dict variables;
};

/* ---- the machine ---- */

/* A text that is being made, with its marks. */
typedef struct jinja_builder {
    masa_text text, marks;
} jinja_builder;

typedef enum jinja_flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } jinja_flow;

/* After a failure every function returns something harmless and nothing is written. */
typedef struct jinja_machine {
    masa_jinja_data *data;
    jinja_arena *arena;
    size_t steps, made, depth; /* spent so far, and where it is */
    jinja_builder *out;
    jinja_scope *scope;
    jinja_flow flow;
    bool generation;
    jinja_value block_text; /* what a filter without a subject is about */
    int line;               /* of what is being evaluated */
    masa_status st;
    masa_error *err;
} jinja_machine;

/* The arguments of a call. */
typedef struct jinja_arguments {
    jinja_value *items; /* [n] */
    size_t n;
    const char **names; /* [n_named] */
    jinja_value *named;
    size_t n_named;
} jinja_arguments;

/* machine.c */
jinja_value jinja_fail(jinja_machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
jinja_value jinja_refuse(jinja_machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Counts work over n bytes or items; false when the budget is spent. */
bool jinja_work(jinja_machine *m, size_t n);
/* Counts n bytes that are about to be made. */
bool jinja_room(jinja_machine *m, size_t n);
bool jinja_enter(jinja_machine *m);
void jinja_leave(jinja_machine *m);
void jinja_add(jinja_machine *m, jinja_builder *b, const char *s, size_t n, const char *marks);
void jinja_add_text(jinja_machine *m, jinja_builder *b, const char *s);
void jinja_add_string(jinja_machine *m, jinja_builder *b, jinja_value string);
/* The text as a value; the builder is freed. */
jinja_value jinja_finish(jinja_machine *m, jinja_builder *b);
jinja_value jinja_undefined(const char *name);
jinja_value jinja_new_string(jinja_machine *m, const char *s, size_t n, const char *marks);
jinja_value jinja_constant(jinja_machine *m, const char *s);
/* The same text as one that is safe. */
jinja_value jinja_safe(jinja_machine *m, jinja_value string);
jinja_value jinja_part(jinja_machine *m, jinja_value string, size_t begin, size_t end);
jinja_value jinja_new_list(jinja_machine *m, int type);
void jinja_push(jinja_machine *m, jinja_value list, jinja_value item);
jinja_value jinja_new_callable(jinja_machine *m, jinja_value self, const char *name);
void jinja_dict_put(jinja_machine *m, jinja_dict *d, jinja_value key, jinja_value value);
/* The same two without counting and, of a dictionary, without looking for the key. */
void jinja_list_append(jinja_arena *arena, jinja_list *list, jinja_value item);
void jinja_dict_append(jinja_arena *arena, jinja_dict *d, jinja_value key, jinja_value value);
/* Whether it can be a key; if not, it is a failure. */
bool jinja_hashable(jinja_machine *m, jinja_value key);
/* NULL: it has none. */
const jinja_value *jinja_dict_find(jinja_machine *m, const jinja_dict *d, jinja_value key);
const jinja_value *jinja_dict_named(const jinja_dict *d, const char *key);

/* value.c */
const char *jinja_type_name(jinja_value v); /* as Python calls it */
bool jinja_is_string(jinja_value v);
bool jinja_is_number(jinja_value v); /* bool included */
bool jinja_is_text(jinja_value v, const char *s);
double jinja_as_real(jinja_value v);
bool jinja_truth(jinja_value v);
bool jinja_equal(jinja_machine *m, jinja_value a, jinja_value b);
/* -1, 0, 1; a failure for values without an order. */
int jinja_compare(jinja_machine *m, jinja_value a, jinja_value b);
bool jinja_contains(jinja_machine *m, jinja_value container, jinja_value item);
/* The items of anything that can be iterated over; NULL after a failure. */
const jinja_list *jinja_iterate(jinja_machine *m, jinja_value v);
jinja_value jinja_binary(jinja_machine *m, int op, jinja_value a, jinja_value b);
jinja_value jinja_get_item(jinja_machine *m, jinja_value v, jinja_value key);
jinja_value jinja_get_attribute(jinja_machine *m, jinja_value v, const char *name);
jinja_value jinja_slice(jinja_machine *m, jinja_value v, jinja_value start, jinja_value stop,
                        jinja_value step);

/* print.c */
void jinja_print(jinja_machine *m, jinja_builder *b, jinja_value v); /* str() */
jinja_value jinja_to_string(jinja_machine *m, jinja_value v);
typedef struct jinja_json {
    const char *indent;    /* or NULL: one line */
    jinja_value item, key; /* separators, or missing */
    bool ascii, sorted;
} jinja_json;
void jinja_print_json(jinja_machine *m, jinja_builder *b, jinja_value v, const jinja_json *how,
                      int level);
jinja_value jinja_format(jinja_machine *m, jinja_value format, const jinja_value *items,
                         size_t n); /* "%s" % items */

/* python_text.c: characters and words */
bool jinja_is_space(unsigned code); /* as str.isspace() */
size_t jinja_decode(const char *s, size_t n,
                    unsigned *code);          /* >= 1 byte; bad ones as they are */
size_t jinja_length(const char *s, size_t n); /* in characters */
size_t jinja_offset(const char *s, size_t n, size_t characters);
typedef enum jinja_case {
    CASE_UPPER,
    CASE_LOWER,
    CASE_CAPITAL,
    CASE_TITLE,
    CASE_WORDS
} jinja_case;
jinja_value jinja_change_case(jinja_machine *m, jinja_value v, jinja_case how);
enum { STRIP_LEFT = 1, STRIP_RIGHT = 2 };
/* characters: those to strip, or no string: white space. */
jinja_value jinja_strip(jinja_machine *m, jinja_value v, jinja_value characters, int sides);
jinja_value jinja_replace(jinja_machine *m, jinja_value v, jinja_value old, jinja_value with,
                          int64_t most);
jinja_value jinja_lines(jinja_machine *m, jinja_value v, bool keep_ends);
bool jinja_is_printable(unsigned code);
bool jinja_all(jinja_value v, const char *what); /* str.isdigit() and its like */

/* evaluate_expression.c, render.c, call.c */
jinja_value jinja_evaluate(jinja_machine *m, const jinja_node *node);
jinja_value jinja_lookup(jinja_machine *m, const char *name);
void jinja_bind(jinja_machine *m, const char *name, jinja_value value);
/* The output of a body in a scope of its own below `parent`. */
jinja_value jinja_capture(jinja_machine *m, const jinja_node *body, jinja_scope *scope);
jinja_scope *jinja_new_scope(jinja_machine *m, jinja_scope *parent);
jinja_arguments jinja_evaluate_arguments(jinja_machine *m, const jinja_node *args,
                                         size_t extra);
jinja_value jinja_call(jinja_machine *m, jinja_value callee, const jinja_arguments *args);

/* A table of functions with the names of their parameters, "a,b,c"; "*": as they come. */
typedef jinja_value jinja_function(jinja_machine *m, jinja_value self, const jinja_value *given,
                                   const jinja_arguments *arguments);
/* Begins one, which calls its parameters m, v, given and args. */
#define BUILTIN(name)                                                                          \
    static jinja_value name(jinja_machine *m, jinja_value v, const jinja_value *given,         \
                            const jinja_arguments *args)
/* For one that does not need them all. */
#define UNUSED (void)m, (void)v, (void)given, (void)args

typedef struct jinja_entry {
    const char *name;
    jinja_function *function;
    const char *parameters;
} jinja_entry;
enum { MOST_PARAMETERS = 6 };
const jinja_entry *jinja_find(const jinja_entry *table, size_t n, const char *name);
/* Binds the arguments to the parameters and calls. */
jinja_value jinja_apply(jinja_machine *m, const jinja_entry *entry, jinja_value self,
                        const jinja_arguments *args);
/* The integer given, or the default; a failure for another type. */
int64_t jinja_given_integer(jinja_machine *m, jinja_value given, int64_t otherwise);

/* filters.c, filters_list.c, tests.c, methods.c, functions.c: by name; NULL: unknown */
const jinja_entry *jinja_list_filter(const char *name);
jinja_value jinja_apply_filter(jinja_machine *m, const char *name, jinja_value subject,
                               const jinja_arguments *args);
bool jinja_apply_test(jinja_machine *m, const char *name, jinja_value subject,
                      const jinja_arguments *args);
const jinja_entry *jinja_method(jinja_value self, const char *name);
const jinja_entry *jinja_global(const char *name);

#endif
