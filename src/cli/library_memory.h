/* Out of memory is one line in libraries too: those that would take it for an error in a file
 * (Jansson), abort (FLINT, GMP), crash (oneDNN) or leave out what was to be written (SQLite, where
 * binding a text fails) end the program as masa_alloc does. The others report it, and that becomes
 * an error as any. This is the program's to decide: libmasa leaves the libraries of those who use
 * it as they are. */
#ifndef MASA_CLI_LIBRARY_MEMORY_H
#define MASA_CLI_LIBRARY_MEMORY_H

/* Before any library is used. */
void cli_library_memory_start(void);

#endif
