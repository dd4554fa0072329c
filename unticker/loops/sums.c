#include "loops.h"

#ifndef SOURCE
#define SOURCE 0
#endif

/* The CRC-32 of the source that this was made from. */
EXPORT uint32_t source(void) { return SOURCE; }

static int64_t within(int64_t row, int64_t rows) {
    return row < 0 ? 0 : row < rows ? row : rows - 1;
}

/* Add to the row of each unit in `sums` (units, width) the row of `table` (rows, width) that it
   selects; n times. */
WIDE EXPORT void add_rows(int32_t *sums, const int16_t *table, int64_t rows, int64_t width,
                          const int64_t *unit, const int64_t *row, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (i + 48 < n)
            __builtin_prefetch(table + within(row[i + 48], rows) * width);
        const int16_t *from = table + within(row[i], rows) * width;
        int32_t *to = sums + unit[i] * width;
        if (width == 32)
            for (int64_t k = 0; k < 32; k++)
                to[k] += from[k];
        else
            for (int64_t k = 0; k < width; k++)
                to[k] += from[k];
    }
}

/* What each unit adds up to in `sums` (units, width), of the rows of `table` that it selects: in
   each of n arrays (units,), counted from that array's offset. Four rows at a time, since what is
   slow is to fetch and put back the sums. */
static inline __attribute__((always_inline)) void
sum_rows_of(int64_t *sums, const int32_t *table, int64_t rows, const int64_t width,
            const int64_t *const *selected, const int64_t *offset, int64_t n, int64_t units) {
    memset(sums, 0, sizeof(int64_t) * units * width);
    for (int64_t start = 0; start < units; start += 256) {
        int64_t end = start + 256 < units ? start + 256 : units;
        int64_t i = 0;
        for (; i + 4 <= n; i += 4)
            for (int64_t u = start; u < end; u++) {
                const int32_t *a = table + within(selected[i][u] + offset[i], rows) * width,
                    *b = table + within(selected[i + 1][u] + offset[i + 1], rows) * width,
                    *c = table + within(selected[i + 2][u] + offset[i + 2], rows) * width,
                    *d = table + within(selected[i + 3][u] + offset[i + 3], rows) * width;
                for (int64_t k = 0; k < width; k++)
                    sums[u * width + k] += ((int64_t)a[k] + b[k]) + ((int64_t)c[k] + d[k]);
            }
        for (; i < n; i++)
            for (int64_t u = start; u < end; u++) {
                const int32_t *from = table + within(selected[i][u] + offset[i], rows) * width;
                for (int64_t k = 0; k < width; k++)
                    sums[u * width + k] += from[k];
            }
    }
}

WIDE EXPORT void sum_rows(int64_t *sums, const int32_t *table, int64_t rows, int64_t width,
                          const int64_t *const *selected, const int64_t *offset, int64_t n,
                          int64_t units) {
    if (width == 4)
        sum_rows_of(sums, table, rows, 4, selected, offset, n, units);
    else if (width == 8)
        sum_rows_of(sums, table, rows, 8, selected, offset, n, units);
    else if (width == 12)
        sum_rows_of(sums, table, rows, 12, selected, offset, n, units);
    else
        sum_rows_of(sums, table, rows, width, selected, offset, n, units);
}

enum { BLOCK = 128, DEPTH = 4, CASES = 1 << DEPTH, TOGETHER = 4 };

typedef int16_t Few __attribute__((vector_size(8)));
typedef double Four __attribute__((vector_size(32)));

/* What columns times their weights (columns, width) add up to for each unit: `sums` (units, width).
   `values` is (columns, units). Doubles hold these whole numbers exactly, in any order. */
static inline __attribute__((always_inline)) void
product_of(int64_t *sums, const double *weights, const int16_t *values, int64_t columns,
           const int64_t width, int64_t units, int16_t *near) {
    for (int64_t start = 0; start < units; start += BLOCK) {
        int64_t size = start + BLOCK < units ? BLOCK : units - start;
        for (int64_t c = 0; c < columns; c++)
            memcpy(near + c * BLOCK, values + c * units + start, sizeof(int16_t) * size);
        for (int64_t u = 0; u < size; u += 4) {
            Four added[8] = {{0}};
            for (int64_t c = 0; c < columns; c++) {
                Few few;
                memcpy(&few, near + c * BLOCK + u, sizeof few);
                Four four = __builtin_convertvector(few, Four);
                for (int64_t k = 0; k < width; k++)
                    added[k] += weights[c * width + k] * four;
            }
            for (int64_t i = 0; i < 4 && u + i < size; i++)
                for (int64_t k = 0; k < width; k++)
                    sums[(start + u + i) * width + k] = (int64_t)added[k][i];
        }
    }
}

/* Returns 1 if memory is short. The width is at most 8. */
WIDE EXPORT int product(int64_t *sums, const double *weights, const int16_t *values,
                        int64_t columns, int64_t width, int64_t units) {
    int16_t *near = calloc(columns * BLOCK + 1, sizeof(int16_t));
    if (!near)
        return 1;
    if (width == 8)
        product_of(sums, weights, values, columns, 8, units, near);
    else if (width == 4)
        product_of(sums, weights, values, columns, 4, units, near);
    else
        product_of(sums, weights, values, columns, width, units, near);
    free(near);
    return 0;
}

/* Add what pairs p to `last` say of a unit, whose cases stand in `rows`, one a BLOCK. */
static inline __attribute__((always_inline)) void
add_cases(int64_t *added, const int32_t *pairs, const uint8_t *rows, int64_t p, int64_t last) {
    int64_t some[LABELS] = {0};
    for (; p < last; p++) {
        const int32_t *from = pairs + (p * CASES * CASES + rows[p * BLOCK]) * LABELS;
        for (int64_t k = 0; k < LABELS; k++)
            some[k] += from[k];
    }
    for (int64_t k = 0; k < LABELS; k++)
        added[k] += some[k];
}

/* What conjunctions add to each unit: `sums` (units, 4). The columns lie in two matrices
   (columns, units), `ahead` of them in the first. Question q about column[c], for
   begin[c] <= q < begin[c + 1], is whether its number is greater than least[q]; eight answers,
   which places[8 p ...] name, select a row of pair p in `pairs` (2 ** 8, 4). Returns 1 if memory
   is short. */
WIDE EXPORT int conjoin(int64_t *sums, const int16_t *first, const int16_t *second, int64_t ahead,
                        const int64_t *column, const int64_t *begin, int64_t asked,
                        const int16_t *least, const int64_t *places, const int32_t *pairs,
                        int64_t number, int64_t units) {
    uint8_t *answers = malloc(((size_t)begin[asked] + (size_t)number) * BLOCK + 1);
    if (!answers)
        return 1;
    uint8_t *rows = answers + begin[asked] * BLOCK;
    int64_t added[BLOCK * LABELS];
    for (int64_t start = 0; start < units; start += BLOCK) {
        int64_t size = start + BLOCK < units ? BLOCK : units - start;
        int16_t values[BLOCK] = {0};
        for (int64_t c = 0; c < asked; c++) {
            const int16_t *from = column[c] < ahead ? first + column[c] * units
                                                    : second + (column[c] - ahead) * units;
            memcpy(values, from + start, sizeof(int16_t) * size);
            for (int64_t q = begin[c]; q < begin[c + 1]; q++) {
                int16_t than = least[q];
                uint8_t *answer = answers + q * BLOCK;
                for (int64_t u = 0; u < BLOCK; u++)
                    answer[u] = values[u] > than;
            }
        }
        for (int64_t p = 0; p < number; p++) {
            uint8_t *row = rows + p * BLOCK;
            const int64_t *place = places + 2 * DEPTH * p;
            const uint8_t *a = answers + place[0] * BLOCK, *b = answers + place[1] * BLOCK,
                          *c = answers + place[2] * BLOCK, *d = answers + place[3] * BLOCK,
                          *e = answers + place[4] * BLOCK, *f = answers + place[5] * BLOCK,
                          *g = answers + place[6] * BLOCK, *h = answers + place[7] * BLOCK;
            for (int64_t u = 0; u < BLOCK; u++) {
                uint8_t ab = 2 * a[u] + b[u], cd = 2 * c[u] + d[u], ef = 2 * e[u] + f[u],
                        gh = 2 * g[u] + h[u];
                uint8_t abcd = 4 * ab + cd, efgh = 4 * ef + gh;
                row[u] = 16 * abcd + efgh;
            }
        }
        memset(added, 0, sizeof added);
        for (int64_t p = 0; p < number; p += TOGETHER) {
            int64_t last = p + TOGETHER < number ? p + TOGETHER : number;
            for (int64_t u = 0; u < size; u++) {
                int64_t *to = added + u * LABELS;
                if (last == p + TOGETHER)
                    add_cases(to, pairs, rows + u, p, p + TOGETHER);
                else
                    add_cases(to, pairs, rows + u, p, last);
            }
        }
        memcpy(sums + start * LABELS, added, sizeof(int64_t) * size * LABELS);
    }
    free(answers);
    return 0;
}

/* Sums of `measures` (n, 4) by the case and the step of each of n rows, in their order: `sums`
   (cases * steps, 4), which are 0 at first. `step` has a step for each unit, `rows` are units. */
WIDE EXPORT void histogram(double *sums, const uint8_t *step, const int64_t *rows,
                           const int64_t *which, int64_t steps, const double *measures,
                           int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double *to = sums + 4 * (which[i] * steps + step[rows[i]]);
        for (int64_t k = 0; k < 4; k++)
            to[k] += measures[4 * i + k];
    }
}
