/**
 * Jinja as the chat templates of language models use it, rendered as Jinja2 does under
 * transformers' settings (trim_blocks, lstrip_blocks, the immutable sandbox, loop
 * controls, `generation` blocks). Inheritance, imports and HTML escaping are refused by
 * name.
 *
 *     masa_jinja *t;
 *     masa_status st = masa_jinja_parse(&t, source, strlen(source), err);
 *     masa_jinja_data *d = masa_jinja_data_create(NULL);
 *     masa_jinja_set(d, "name", masa_jinja_string(d, "Ada", 3, true));
 *     masa_jinja_output out = {0};
 *     st = masa_jinja_render(&out, t, d, err);
 *
 * A template is a foreign program: it computes within limits of steps, memory and depth,
 * reads nothing but its data and changes nothing.
 */
#ifndef MASA_JINJA_H
#define MASA_JINJA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/text.h>

/** A parsed template; immutable, safe to share by threads. */
typedef struct masa_jinja masa_jinja;

/** MASA_ERR_FORMAT: not Jinja; MASA_ERR_UNSUPPORTED: a statement that is refused. The
 * message names the line. */
masa_status masa_jinja_parse(masa_jinja **out, const char *source, size_t n, masa_error *err);
void masa_jinja_destroy(masa_jinja *template);

/** What a template may use. */
typedef struct masa_jinja_limits {
    size_t steps;  /* nodes evaluated, and 64 bytes worked on count as one */
    size_t memory; /* bytes made, texts and lists together, output included */
    size_t depth;  /* nested expressions, statements and calls */
} masa_jinja_limits;
#define MASA_JINJA_LIMITS                                                                      \
    {                                                                                          \
        4000000, (size_t)128 << 20, 400                                                        \
    }

/** A value; the memory of texts, lists and dictionaries is the data's. */
typedef struct masa_jinja_value {
    int type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        const struct jinja_string *string;
        struct jinja_list *list;
        struct jinja_dict *dict;
        const struct jinja_callable *callable;
        struct jinja_loop *loop;
        const char *name;
    } as;
} masa_jinja_value;

/** The variables of one rendering and all the memory that it takes. Not shared by
 * threads. */
typedef struct masa_jinja_data masa_jinja_data;
/** limits NULL: MASA_JINJA_LIMITS. Never NULL. */
masa_jinja_data *masa_jinja_data_create(const masa_jinja_limits *limits);
void masa_jinja_data_destroy(masa_jinja_data *data);
void masa_jinja_set(masa_jinja_data *data, const char *name, masa_jinja_value value);

masa_jinja_value masa_jinja_none(void);
masa_jinja_value masa_jinja_bool(bool value);
masa_jinja_value masa_jinja_integer(int64_t value);
masa_jinja_value masa_jinja_real(double value);
/** A copy of s[0..n). marked: its bytes can be told in the output, wherever they go. */
masa_jinja_value masa_jinja_string(masa_jinja_data *data, const char *s, size_t n, bool marked);
masa_jinja_value masa_jinja_list(masa_jinja_data *data);
void masa_jinja_list_add(masa_jinja_data *data, masa_jinja_value list, masa_jinja_value item);
masa_jinja_value masa_jinja_dict(masa_jinja_data *data);
void masa_jinja_dict_set(masa_jinja_data *data, masa_jinja_value dict, const char *key,
                         masa_jinja_value value);

enum {
    MASA_JINJA_MARKED = 1,    /* the byte comes from a marked text */
    MASA_JINJA_GENERATED = 2, /* it was written inside {% generation %} */
};

/** Zero-initialise; masa_jinja_output_deinit frees. */
typedef struct masa_jinja_output {
    masa_text text;
    masa_text marks; /* [text.size] MASA_JINJA_... of each byte */
} masa_jinja_output;
void masa_jinja_output_deinit(masa_jinja_output *out);

/**
 * Replaces out by the rendering. MASA_ERR_DATA: the template raised an exception, went
 * wrong on these data or beyond a limit; MASA_ERR_UNSUPPORTED: it asks for what is not
 * supported. The message names the line. Data serve one rendering. `strftime_now` tells
 * 26 July 2024, so that a rendering does not depend on the day.
 */
masa_status masa_jinja_render(masa_jinja_output *out, const masa_jinja *template,
                              masa_jinja_data *data, masa_error *err);

#endif
