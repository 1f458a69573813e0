/* Alone in its file, so that a test can have a table with a row more. */
#include "architecture_rows.h"

const masa_traits formats__architectures[] = {FORMATS_ARCHITECTURES};
const size_t formats__n_architectures =
    sizeof formats__architectures / sizeof *formats__architectures;
