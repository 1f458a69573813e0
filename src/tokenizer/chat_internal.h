/* The templates that masa brings. */
#ifndef MASA_CHAT_INTERNAL_H
#define MASA_CHAT_INTERNAL_H

typedef struct chat__builtin {
    const char *name;
    const char *source;         /* Jinja */
    const char *default_system; /* the variable of that name, or NULL */
    bool no_thinking;           /* `enable_thinking` is false */
} chat__builtin;

/* Ends with a name that is NULL. */
extern const chat__builtin chat__builtins[];

#endif
