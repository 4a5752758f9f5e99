#ifndef PAGE_PIECES_H
#define PAGE_PIECES_H

/* The pieces of services/billing/page/page.html, put in at build time. */
enum page_piece {
    PAGE_TOP,
    PAGE_HEADING,
    PAGE_BANNER,
    PAGE_PLAN,
    PAGE_USAGE,
    PAGE_USAGE_UNLIMITED,
    PAGE_REFUSED,
    PAGE_REFUSED_ROW,
    PAGE_REFUSED_END,
    PAGE_INVOICES,
    PAGE_INVOICE,
    PAGE_INVOICES_END,
    PAGE_CHOICES,
    PAGE_CHOICE,
    PAGE_OFFER,
    PAGE_CHOICE_END,
    PAGE_CHOICES_END,
    PAGE_LOGIN,
    PAGE_NOTE,
    PAGE_BOTTOM,
    PAGE_PIECES,
};

extern const char *const page_pieces[PAGE_PIECES];
extern const char page_style[];

#endif
