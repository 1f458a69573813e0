/* Alone in its file, so that a test can have a table with a row more. */
#include "architecture_rows.h"

const masa_traits formats_architectures[] = {FORMATS_ARCHITECTURES};
const size_t formats_n_architectures =
    sizeof formats_architectures / sizeof *formats_architectures;
