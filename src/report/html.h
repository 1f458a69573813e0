/* Text into HTML. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <masa/text.h>

/* Appends s as text: safe between tags and inside quoted attributes, whatever it holds.
 * Invalid UTF-8 and control characters become U+FFFD; tabs and line ends stay. */
void html_text(masa_text *out, const char *s);

#endif
