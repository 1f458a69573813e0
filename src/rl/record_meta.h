/* What the meta rollouts of a step leave in the run folder. */
#ifndef RL_RECORD_META_H
#define RL_RECORD_META_H

#include "record.h"
#include "warm_start.h"

/* Metrics of a step's predictions, decisions and behaviour cloning. */
masa_status rl_record_meta(rl_session *session, long step, const rl_draws *draws,
                           const rl_cloning *cloning, bool acting, masa_error *err);
/* The warm start, as metrics of step 0. */
masa_status rl_record_warm_start(rl_session *session, const rl_warm_start_stats *stats,
                                 masa_error *err);

#endif
