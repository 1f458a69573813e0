#include <masa/link.h>

#include "backend.h"

masa_status masa_link_find(char place[MASA_LINK_PLACE], masa_error *err)
{
    const struct backend *b = backend_get();
    if (!b->link_find)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "%s is on the host as it is", b->kind);
    return b->link_find(place, err);
}

masa_status masa_link_name(char name[MASA_LINK_NAME], masa_error *err)
{
    return backend_get()->link_name(name, err);
}

masa_status masa_link_join(const char name[MASA_LINK_NAME], size_t rank, size_t size,
                           masa_error *err)
{
    return backend_get()->link_join(name, rank, size, err);
}

void masa_link_leave(void)
{
    if (backend_get()->link_leave) backend_get()->link_leave();
}

masa_status masa_link_swap(const masa_link_piece *send, const masa_link_piece *receive,
                           masa_error *err)
{
    return backend_get()->link_swap(send, receive, err);
}
