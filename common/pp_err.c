#include "pp_err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int pp_err_set(struct pp_err *err, enum pp_err_kind kind, const char *fmt, ...)
{
    va_list args;

    err->kind = kind;
    err->sys = 0;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return -1;
}

int pp_err_sys(struct pp_err *err, enum pp_err_kind kind, const char *fmt, ...)
{
    int sys = errno;
    char text[80];
    size_t used;
    va_list args;

    err->kind = kind;
    err->sys = sys;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    used = strlen(err->msg);
    snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
             strerror_r(sys, text, sizeof(text)));
    return -1;
}

const char *pp_err_name(enum pp_err_kind kind)
{
    switch (kind) {
    case PP_ERR_NONE:
        return "none";
    case PP_ERR_INVALID:
        return "invalid";
    case PP_ERR_DENIED:
        return "denied";
    case PP_ERR_AGAIN:
        return "again";
    case PP_ERR_FATAL:
        return "fatal";
    }
    return "unknown";
}
