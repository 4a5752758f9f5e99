#ifndef PAGE_H
#define PAGE_H

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_plans.h"

#include "overview.h"

/*
 * The billing pages, as HTML: without scripts, with nothing from elsewhere,
 * every value escaped. Pure; one thread at a time.
 */
struct page;

/*
 * pay_at: the origins, with blanks between, that the forms may end up at, for
 * the pages' content security policy.
 */
int page_open(struct page **page_out, const char *pay_at, struct pp_err *err);
void page_close(struct page **page);

/* The value of Content-Security-Policy that the pages need. */
const char *page_policy(const struct page *page);

/*
 * The billing page. form: what its forms carry, of pp_token_form(). returned:
 * the customer comes from a checkout that Stripe says was completed; until its
 * webhook has come the page says that it is on its way.
 */
void page_billing(struct page *page, const struct overview *is,
                  const struct pp_plans *plans, const char *form, bool returned,
                  struct pp_buf *out);

/* Whether that page waits for a change: it should be loaded again soon. */
bool page_waits(const struct overview *is, bool returned);

/* Asks whether to use a login link up: what only looks at it does not. */
void page_login(struct page *page, const char *account, const char *link,
                struct pp_buf *out);

/* One sentence, and the way back where there is one. */
void page_note(struct page *page, const char *title, const char *text,
               bool back, struct pp_buf *out);

/* "12,345"; "$9", "9.50 CHF"; "24 Nov 2026, 14:05". Text of bytes bytes. */
#define PAGE_TEXT_BYTES 48
void page_number(int64_t n, char text[static PAGE_TEXT_BYTES]);
void page_amount(int64_t amount, const char *currency,
                 char text[static PAGE_TEXT_BYTES]);
void page_instant(int64_t at_ms, char text[static PAGE_TEXT_BYTES]);

#endif
