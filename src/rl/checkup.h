/* The health of a run in training: what its rules find goes to the terminal, log.txt and the
 * store. */
#ifndef RL_CHECKUP_H
#define RL_CHECKUP_H

#include "session.h"

/* A run of `steps` steps; what a resumed one has on record is looked at again. */
masa_status rl_checkup_start(rl_session *session, long steps, masa_error *err);
/* Looks at the step that was recorded last, once, evaluation and all. */
masa_status rl_checkup(rl_session *session, masa_error *err);
/* Metrics of the machine, for record: the process's memory and the disk's room. */
masa_status rl_checkup_record(rl_session *session, long step, masa_error *err);

#endif
