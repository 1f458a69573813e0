/* The system calls that a program in the sandbox may make. */
#ifndef MASA_VERIFY_FILTER_H
#define MASA_VERIFY_FILTER_H

#include <stdbool.h>

/* Writes the filter into the file, as bubblewrap reads it; false when libseccomp does not
 * know this machine or the file cannot be written. */
bool sandbox_filter_write(int fd);

#endif
