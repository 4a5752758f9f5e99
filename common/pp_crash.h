#ifndef PP_CRASH_H
#define PP_CRASH_H

/*
 * Named points at which a test can kill the process, as a power cut would.
 *
 * PAWPRINT_CRASH=NAME:N in the environment kills at the N-th pass of NAME, by
 * SIGKILL; NAME alone at the first. Without it a point costs a comparison.
 * One thread.
 */
void pp_crash_point(const char *name);

#endif
