/**
 * Arrays from GPU to GPU of several processes, without the host: NCCL, which is opened at run time.
 * For masa/dist.h, which knows the others and votes on what may fail here on one of them.
 *
 * NCCL moves bytes and adds nothing: it promises no order of additions, nor the same one over
 * other links or with another version.
 */
#ifndef MASA_LINK_H
#define MASA_LINK_H

#include <masa/device.h>

enum { MASA_LINK_PLACE = 16, MASA_LINK_NAME = 128 }; /* bytes */

/** Whether the device can: MASA_ERR_UNSUPPORTED with the cause. `place` names the device among
 *  all that there are: each process of a link needs one of its own. */
masa_status masa_link_find(char place[MASA_LINK_PLACE], masa_error *err);
/** A new link, named by one process for all. */
masa_status masa_link_name(char name[MASA_LINK_NAME], masa_error *err);
/** By all of them together, after masa_link_find. MASA_ERR_PEER. */
masa_status masa_link_join(const char name[MASA_LINK_NAME], size_t rank, size_t size,
                           masa_error *err);
/** By all of them, when everything is done; nothing where there is no link. */
void masa_link_leave(void);

/* Of an array; bytes may be 0. */
typedef struct masa_link_piece {
    void DEVICE *at;
    size_t bytes;
} masa_link_piece;

/** send[r] becomes what rank r has as receive[own rank], for all r but one's own, which is not
 *  looked at. Pieces that come in overlap nothing. Waits for everything queued. MASA_ERR_PEER
 *  ends the link. */
masa_status masa_link_swap(const masa_link_piece *send, const masa_link_piece *receive,
                           masa_error *err);

#endif
