#ifndef PP_JOB_THREAD_H
#define PP_JOB_THREAD_H

#include "pp_job.h"

/*
 * A service's jobs on a thread of their own, so that what it is there for goes
 * on whatever becomes of them.
 */
struct pp_job_thread;

/*
 * Calls turn(context) over and over: pp_jobs_turn(), and what the service shows
 * of it. It rests after a turn that found nothing to do, and longer after one
 * that failed, which is logged when it begins. *thread_out is set before the
 * first turn; context has to outlive the thread.
 */
int pp_job_thread_open(struct pp_job_thread **thread_out,
                       int (*turn)(void *context,
                                   enum pp_job_outcome *outcome_out,
                                   struct pp_err *err),
                       void *context, struct pp_err *err);

/* Waits for the turn that is under way; its job is to ask
 * pp_job_thread_keep_on() often enough. */
void pp_job_thread_close(struct pp_job_thread **thread);

/*
 * For a job, before each of its steps, however short they are: renews its
 * lease when that is a second old. PP_ERR_AGAIN: the thread is to end, the run
 * is given back; PP_ERR_DENIED: it is another's. Only on the thread itself.
 */
int pp_job_thread_keep_on(struct pp_job_thread *thread, struct pp_job_run *run,
                          struct pp_err *err);

#endif
