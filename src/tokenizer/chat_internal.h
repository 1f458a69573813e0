/* The templates that masa brings. */
#ifndef MASA_CHAT_INTERNAL_H
#define MASA_CHAT_INTERNAL_H

typedef struct chat_builtin {
    const char *name;
    const char *source;         /* Jinja */
    const char *default_system; /* the variable of that name, or NULL */
    bool no_thinking;           /* `enable_thinking` is false */
} chat_builtin;

/* Ends with a name that is NULL. */
extern const chat_builtin chat_builtins[];

#endif
