#ifndef INTAKE_H
#define INTAKE_H

#include "deliver.h"

/*
 * From records of `events` to rows of the filling batch. What can never become
 * a row goes to `rejects`; a record of a schema that only a newer program
 * knows makes its partition wait. PP_ERR_FATAL: the topic was made anew.
 * After a failure some of the records are in the batch and some are not.
 */
int intake(struct delivery *self, const struct pp_messages *events,
           struct pp_err *err);

void intake_metrics(void);

#endif
