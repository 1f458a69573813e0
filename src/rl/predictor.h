/*
 * The adapter that predictions may have to themselves (meta.adapter): low-rank factors that are
 * merged into the weights only while predictions are sampled, forecast or learned. What is
 * learned about predicting then cannot disturb solving, and solving learns nothing from it.
 * Without an adapter all of this does nothing.
 */
#ifndef RL_PREDICTOR_H
#define RL_PREDICTOR_H

#include "session.h"

/* Of the loaded model; from the checkpoint if there is one. */
masa_status rl_predictor_open(rl_session *session, masa_error *err);

/* Between the two the model predicts; outside it solves, with the very same bits as before.
 * They do not nest. */
void rl_predictor_begin(rl_session *session);
void rl_predictor_end(rl_session *session);

#endif
