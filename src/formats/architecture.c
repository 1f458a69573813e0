#include <masa/architecture.h>

#include "architecture_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

size_t masa_architecture_count(void)
{
    return formats_n_architectures;
}

const masa_traits *masa_architecture_traits(masa_architecture architecture)
{
    assert((size_t)architecture < formats_n_architectures);
    return &formats_architectures[architecture];
}

const char *masa_architecture_name(masa_architecture architecture)
{
    return masa_architecture_traits(architecture)->name;
}

const char *masa_architecture_names(char *out, size_t size)
{
    size_t n = formats_n_architectures, used = 0;
    out[0] = 0;
    for (size_t i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0      ? ""
                                 : i + 1 < n ? ", "
                                             : " or ",
                                 formats_architectures[i].name);
    return out;
}

masa_status masa_architecture_find(masa_architecture *out, const char *name, size_t n,
                                   masa_error *err)
{
    char names[200];
    for (size_t i = 0; i < formats_n_architectures; i++) {
        const char *known = formats_architectures[i].name;
        if (strlen(known) != n || memcmp(known, name, n) != 0) continue;
        *out = (masa_architecture)i;
        return MASA_OK;
    }
    return MASA_FAIL(
        err, MASA_ERR_UNSUPPORTED, "the architecture '%.*s' is not supported; it must be %s",
        (int)(n < 60 ? n : 60), name, masa_architecture_names(names, sizeof names));
}
