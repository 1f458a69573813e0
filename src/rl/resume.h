/* Going on with a run: its checkpoint, and what it is compared with before it goes on. */
#ifndef RL_RESUME_H
#define RL_RESUME_H

#include "session.h"

/* The file in a checkpoint with the settings it was made by. */
#define RL_SETTINGS_FILE "settings.yaml"

/* Opens the run in `folder` (the process that keeps its record) and finds its newest checkpoint.
 * Without one the run begins again, which drops what is on record: steps only with `restart`.
 * Changes nothing. */
masa_status rl_resume_open(rl_session *session, const char *folder, bool restart,
                           masa_error *err);

/* The files that the settings name, by checksum, into state.inputs. Those of a resumed run
 * are compared with what its checkpoint began with: another model under trained factors or
 * as the reference is MASA_ERR_CONFIG, other data is warned about. */
masa_status rl_resume_check(rl_session *session, masa_error *err);

/* Which settings differ from the checkpoint's: said, and kept in the store's history. */
masa_status rl_resume_tell(rl_session *session, masa_error *err);

#endif
