#include "html.h"

#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* C0 and C1 controls and what HTML does not allow as a character. */
static bool printable(unsigned code)
{
    if (code == '\t' || code == '\n' || code == '\r') return true;
    return code >= 0x20 && (code < 0x7F || code > 0x9F) && (code & 0xFFFE) != 0xFFFE;
}

void html_text(masa_text *out, const char *s)
{
    size_t left = strlen(s);
    while (left > 0) {
        unsigned code;
        size_t n = masa_utf8_decode(s, left, &code);
        switch (n ? code : 0) {
        case '&': masa_text_add(out, "&amp;"); break;
        case '<': masa_text_add(out, "&lt;"); break;
        case '>': masa_text_add(out, "&gt;"); break;
        case '"': masa_text_add(out, "&quot;"); break;
        case '\'': masa_text_add(out, "&#39;"); break;
        default:
            if (n && printable(code)) masa_text_append(out, s, n);
            else masa_text_add(out, replacement);
        }
        n = n ? n : 1;
        s += n;
        left -= n;
    }
}
