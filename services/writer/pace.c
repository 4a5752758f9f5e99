#include "pace.h"

struct pace pace_of(int64_t age_ms, size_t rows)
{
    return (struct pace){age_ms, rows, age_ms, rows};
}

void pace_slower(struct pace *pace)
{
    pace->age_ms *= 2;
    pace->rows *= 2;
    if (pace->age_ms > PACE_AGE_MS_MAX)
        pace->age_ms = PACE_AGE_MS_MAX;
    if (pace->rows > PACE_ROWS_MAX)
        pace->rows = PACE_ROWS_MAX;
    if (pace->age_ms < pace->least_age_ms)
        pace->age_ms = pace->least_age_ms;
}

void pace_worked(struct pace *pace)
{
    pace->age_ms -= (pace->age_ms - pace->least_age_ms + 7) / 8;
    pace->rows -= (pace->rows - pace->least_rows + 7) / 8;
}
