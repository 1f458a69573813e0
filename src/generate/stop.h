/* Stop strings: matched on the bytes of the text, wherever tokens begin and end. */
#ifndef GENERATE_STOP_H
#define GENERATE_STOP_H

#include <stdbool.h>
#include <masa/generate.h>
#include <masa/text.h>

/* Appends a token's bytes to `tail`, the last bytes of a response that may begin a
 * stop string, and tells whether one is now complete. */
bool stop_string_completes(masa_text *tail, const masa_tokenizer *tokenizer,
                           const masa_request *request, int32_t token);

#endif
