#ifndef PP_ERR_H
#define PP_ERR_H

/*
 * What went wrong, said in terms of what the caller can do about it.
 *
 * A function that can fail returns 0, or -1 with *err filled in. err is
 * always the last parameter and never NULL, and belongs to the caller.
 * Filling one in allocates nothing. Safe from any thread.
 */
enum pp_err_kind {
    PP_ERR_NONE,
    PP_ERR_INVALID, /* this input can never work: reject, or dead-letter */
    PP_ERR_DENIED,  /* not allowed now: quota, rate limit, credentials */
    PP_ERR_AGAIN,   /* a dependency is away: the same call may work later */
    PP_ERR_FATAL,   /* our bug or our configuration: log it and exit */
};

struct pp_err {
    enum pp_err_kind kind;
    int sys; /* errno, or 0 */
    char msg[240];
};

/*
 * Fills in *err and returns -1: return pp_err_set(err, PP_ERR_INVALID, ...).
 * A message longer than msg is cut. sys becomes 0.
 */
int pp_err_set(struct pp_err *err, enum pp_err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: keeps errno and says it in words. */
int pp_err_sys(struct pp_err *err, enum pp_err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The kind as one lower-case word, for logs and labels. Never NULL. */
const char *pp_err_name(enum pp_err_kind kind);

#endif
