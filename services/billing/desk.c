#include "desk.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pp_log.h"
#include "pp_mem.h"

#define WAITING_MAX 256
#define BODY_BYTES  ((size_t)4 << 20)
#define TEXT_BYTES  ((size_t)16384)

/* A request on its way through: waits, is worked on, is done. */
struct slip {
    struct slip *next;
    struct pp_http *http;
    struct pp_http_request *request;
    desk_work *work;
    struct desk_answer answer;
};

struct queue {
    struct slip *first, **end;
};

struct desk {
    struct desk_options options;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct queue waiting, done; /* under lock */
    int waiting_count;
    bool stop;
    pthread_t *threads;
    int thread_count;
};

static void put(struct queue *queue, struct slip *slip)
{
    slip->next = NULL;
    *queue->end = slip;
    queue->end = &slip->next;
}

static struct slip *take(struct queue *queue)
{
    struct slip *slip = queue->first;

    if (slip && !(queue->first = slip->next))
        queue->end = &queue->first;
    return slip;
}

void desk_field(struct desk_answer *answer, const char *name, const char *value)
{
    assert(answer->field_count < DESK_FIELDS);
    answer->fields[answer->field_count].name = name;
    answer->values[answer->field_count++] = answer->text.n;
    pp_buf_add_text(&answer->text, value);
    pp_buf_add_byte(&answer->text, '\0');
    assert(!answer->text.overflow);
}

static void reply(struct slip *slip)
{
    struct desk_answer *answer = &slip->answer;

    for (size_t i = 0; i < answer->field_count; i++)
        answer->fields[i].value = answer->text.p + answer->values[i];
    if (answer->body.overflow || answer->status == 0)
        pp_http_reply(slip->request, 500, NULL, PP_LIT(""));
    else
        pp_http_reply(slip->request, answer->status, answer->fields,
                      pp_buf_str(&answer->body));
    pp_buf_fini(&answer->text);
    pp_buf_fini(&answer->body);
    free(slip);
}

/* --- the threads ---------------------------------------------------------- */

static struct slip *wait_for_some(struct desk *desk)
{
    struct slip *slip = NULL;

    pthread_mutex_lock(&desk->lock);
    while (!desk->stop && !desk->waiting.first)
        pthread_cond_wait(&desk->some, &desk->lock);
    if (!desk->stop) {
        slip = take(&desk->waiting);
        desk->waiting_count--;
    }
    pthread_mutex_unlock(&desk->lock);
    return slip;
}

static void hand_back(struct desk *desk, struct slip *slip)
{
    struct pp_http *http = slip->http;

    pthread_mutex_lock(&desk->lock);
    put(&desk->done, slip);
    pthread_mutex_unlock(&desk->lock);
    pp_http_wake(http);
}

static void *serve(void *context)
{
    struct desk *desk = context;
    struct desk_clerk clerk = {
        .stripe_options = desk->options.stripe,
        .checkout = desk->options.checkout,
        .plans = desk->options.plans,
        .context = desk->options.context,
    };
    struct pp_err err = {0};
    struct slip *slip;

    if (pp_pg_open(&clerk.pg, desk->options.postgres, "billing", &err) < 0 ||
        stripe_open(&clerk.stripe, desk->options.stripe, &err) < 0)
        pp_error("desk.closed", "why=%s", err.msg);
    else
        while ((slip = wait_for_some(desk))) {
            slip->work(&clerk, slip->request, &slip->answer);
            hand_back(desk, slip);
        }
    stripe_close(&clerk.stripe);
    pp_pg_close(&clerk.pg);
    return NULL;
}

int desk_open(struct desk **desk_out, const struct desk_options *options,
              struct pp_err *err)
{
    struct desk *desk = pp_calloc(1, sizeof(*desk));

    *desk_out = desk;
    desk->options = *options;
    desk->waiting.end = &desk->waiting.first;
    desk->done.end = &desk->done.first;
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->some, NULL);
    desk->threads = pp_calloc((size_t)options->threads, sizeof(pthread_t));
    for (int i = 0; i < options->threads; i++) {
        if (pthread_create(&desk->threads[i], NULL, serve, desk))
            return pp_err_set(err, PP_ERR_FATAL, "a thread can't be started");
        desk->thread_count++;
    }
    return 0;
}

void desk_close(struct desk **desk_in)
{
    struct desk *desk = *desk_in;
    struct slip *slip;

    if (!desk)
        return;
    pthread_mutex_lock(&desk->lock);
    desk->stop = true;
    pthread_cond_broadcast(&desk->some);
    pthread_mutex_unlock(&desk->lock);
    for (int i = 0; i < desk->thread_count; i++)
        pthread_join(desk->threads[i], NULL);
    while ((slip = take(&desk->waiting))) {
        slip->answer.status = 503;
        reply(slip);
    }
    desk_turn(desk);
    pthread_cond_destroy(&desk->some);
    pthread_mutex_destroy(&desk->lock);
    free(desk->threads);
    free(desk);
    *desk_in = NULL;
}

/* --- the thread of http --------------------------------------------------- */

void desk_take(struct desk *desk, struct pp_http *http,
               struct pp_http_request *request, desk_work *work)
{
    struct slip *slip;
    bool is_full;

    pthread_mutex_lock(&desk->lock);
    is_full = desk->waiting_count >= WAITING_MAX;
    pthread_mutex_unlock(&desk->lock);
    if (is_full) {
        static const struct pp_http_field later[] = {{"Retry-After", "5"}, {0}};

        pp_http_reply(request, 503, later, PP_LIT(""));
        return;
    }
    slip = pp_calloc(1, sizeof(*slip));
    slip->http = http;
    slip->request = request;
    slip->work = work;
    pp_buf_init(&slip->answer.text, TEXT_BYTES);
    pp_buf_init(&slip->answer.body, BODY_BYTES);
    pp_http_hold(request);
    pthread_mutex_lock(&desk->lock);
    put(&desk->waiting, slip);
    desk->waiting_count++;
    pthread_cond_signal(&desk->some);
    pthread_mutex_unlock(&desk->lock);
}

void desk_turn(struct desk *desk)
{
    struct slip *slip;

    for (;;) {
        pthread_mutex_lock(&desk->lock);
        slip = take(&desk->done);
        pthread_mutex_unlock(&desk->lock);
        if (!slip)
            return;
        reply(slip);
    }
}
