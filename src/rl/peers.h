/* Whether all processes of a run are doing the same. Votes; nothing in a process by itself. */
#ifndef RL_PEERS_H
#define RL_PEERS_H

#include "session.h"

/* Before anything is made: the machine's way of computing, the checkpoint, model and
 * data, settings. */
masa_status rl_peers_check_start(const rl_session *session, masa_error *err);
/* After a step: what it has come to, down to the last bit of the trained numbers' sum of
 * squares. */
masa_status rl_peers_check_step(const rl_session *session, masa_error *err);

#endif
