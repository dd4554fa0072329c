/* The inner loops of labelling, compiled.

   Each function gives the numbers that the NumPy code beside its call gives, which runs where no
   compiler was at hand: whole numbers are added up, and others in the same order as there.
   Matrices lie row by row; indices that come from a model are kept inside its tables. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

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

enum { BLOCK = 128, DEPTH = 4, CASES = 1 << DEPTH, LABELS = 4 };

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
        for (int64_t u = 0; u < size; u++) {
            int64_t added[LABELS] = {0};
            for (int64_t p = 0; p < number; p++) {
                const int32_t *from = pairs + (p * CASES * CASES + rows[p * BLOCK + u]) * LABELS;
                for (int64_t k = 0; k < LABELS; k++)
                    added[k] += from[k];
            }
            memcpy(sums + (start + u) * LABELS, added, sizeof added);
        }
    }
    free(answers);
    return 0;
}

/* Means over windows, rounded down: `means` (widths, 2, rows, units), before and behind each unit.
   `values` (rows, units) count where `kept` has an index, kept_size of them; `sums` is room for as
   many and one. The bounds of the windows are ranks among those, (widths, units). */
WIDE EXPORT void window_means(int16_t *means, const double *values, int64_t rows, int64_t units,
                              const int64_t *kept, int64_t kept_size, double *sums,
                              const int64_t *rank, const int64_t *rank_behind, int64_t widths,
                              const int64_t *const *low, const int64_t *const *high,
                              const double *const *before, const double *const *behind) {
    for (int64_t r = 0; r < rows; r++) {
        sums[0] = 0;
        for (int64_t i = 0; i < kept_size; i++)
            sums[i + 1] = sums[i] + values[r * units + kept[i]];
        for (int64_t w = 0; w < widths; w++) {
            int16_t *ahead = means + (2 * w * rows + r) * units;
            int16_t *after = ahead + rows * units;
            for (int64_t u = 0; u < units; u++)
                ahead[u] = (int16_t)((sums[rank[u]] - sums[low[w][u]]) / before[w][u]);
            for (int64_t u = 0; u < units; u++)
                after[u] = (int16_t)((sums[high[w][u]] - sums[rank_behind[u]]) / behind[w][u]);
        }
    }
}

/* What the units alike to each add up to, but for itself: `means` (9, units), for each of four
   labels the mean over those others, and it times their number (to 5) over 5; last their number
   (to 10). `same` names one unit of each unit's group, which has `others` more; `values` is
   (4, units), and `sums` (4 units,) is 0. */
WIDE EXPORT void group_means(int16_t *means, const int64_t *same, const int64_t *others,
                             const double *values, double *sums, int64_t units) {
    for (int64_t u = 0; u < units; u++)
        for (int64_t k = 0; k < LABELS; k++)
            sums[LABELS * same[u] + k] += values[k * units + u];
    for (int64_t k = 0; k < LABELS; k++)
        for (int64_t u = 0; u < units; u++) {
            double size = (double)(others[u] > 1 ? others[u] : 1);
            int32_t mean = (int32_t)((sums[LABELS * same[u] + k] - values[k * units + u]) / size);
            means[2 * k * units + u] = (int16_t)mean;
            means[(2 * k + 1) * units + u] = (int16_t)(mean * (others[u] < 5 ? others[u] : 5) / 5);
        }
    for (int64_t u = 0; u < units; u++)
        means[2 * LABELS * units + u] = (int16_t)(others[u] < 10 ? others[u] : 10);
}

/* Words that each unit shares with the page's prose outside it: `shared` (4, units), see
   `unticker.context`. Words come unit by unit: `unit`, whether `very` long, one of the `same` for
   all of a page, `rarity`. `weight` (units,) is what each unit's prose counts for; `sums`, as long
   as there are words, is 0. */
EXPORT void cohesion(int16_t *shared, const int64_t *unit, const uint8_t *very,
                     const int64_t *same, const int64_t *rarity, const double *weight,
                     const int64_t *every, const int64_t *longest, double *sums, int64_t words,
                     int64_t units) {
    for (int64_t w = 0; w < words; w++)
        sums[same[w]] += weight[unit[w]];
    int64_t w = 0;
    for (int64_t u = 0; u < units; u++) {
        int64_t score = 0, hits = 0, long_hits = 0;
        for (; w < words && unit[w] == u; w++) {
            int64_t other = (int64_t)(sums[same[w]] - weight[u]);
            score += (int32_t)(other < 300 ? other : 300) * 8 / (int32_t)rarity[w];
            hits += other > 30;
            long_hits += other > 30 && very[w];
        }
        shared[u] = (int16_t)(score / every[u]);
        shared[units + u] = (int16_t)(255 * hits / every[u]);
        shared[2 * units + u] = (int16_t)(hits < 6 ? hits : 6);
        shared[3 * units + u] = (int16_t)(255 * long_hits / longest[u]);
    }
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

/* Running sums of a polynomial over folded characters: `sums` (n + 1,). */
EXPORT void hash_sums(uint64_t *sums, const uint32_t *codes, const uint16_t *fold,
                      const uint64_t *powers, int64_t n) {
    sums[0] = 0;
    for (int64_t i = 0; i < n; i++)
        sums[i + 1] = sums[i] + (fold[codes[i]] + (uint64_t)1) * powers[i];
}

/* The hash of each of n spans, from those sums. */
EXPORT void hash_spans(uint64_t *hashes, const uint64_t *sums, const uint64_t *inverse,
                       const int64_t *starts, const int64_t *ends, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        hashes[i] = (sums[ends[i]] - sums[starts[i]]) * inverse[starts[i]];
}

/* The bucket of each of n hashes, salted. */
EXPORT void hash_buckets(int64_t *buckets, const uint64_t *hashes, int64_t n, uint64_t salt,
                         uint64_t mix, int64_t shift) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t mixed = (hashes[i] ^ salt) * mix;
        mixed ^= mixed >> 29;
        buckets[i] = (int64_t)((mixed * mix) >> shift);
    }
}

/* Where words start and end, in room for n each; how many there are. Characters of a `kind` above 0
   make up words: each run of one kind is one, and each of kind 3 is one by itself. */
EXPORT int64_t find_words(int64_t *starts, int64_t *ends, const uint8_t *classes,
                          const uint8_t *kind, int64_t n) {
    int64_t words = 0;
    uint8_t last = 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t here = kind[classes[i]];
        if (here != last || here == 3) {
            if (last)
                ends[words++] = i;
            if (here)
                starts[words] = i;
        }
        last = here;
    }
    if (last)
        ends[words++] = n;
    return words;
}

/* How many characters of each class stand between each start and end: `counts` (32, units). */
EXPORT void count_classes(int64_t *counts, const uint8_t *classes, const int64_t *starts,
                          const int64_t *ends, int64_t units) {
    for (int64_t u = 0; u < units; u++) {
        int32_t found[32] = {0};
        for (int64_t i = starts[u]; i < ends[u]; i++)
            found[classes[i] & 31]++;
        for (int64_t c = 0; c < 32; c++)
            counts[c * units + u] = found[c];
    }
}

enum { SPACE = 0, UPPER = 3, LETTER = 4, DIGIT = 7 };  /* classes, as in unticker.alphabet */
enum { DATE = 1, NAME = 2, FUNCTION = 4 };             /* kinds of known words */
enum { TRAITS = 8 };

/* How many words of each unit have each trait: `counts` (8, units). `first` and `last` are each
   unit's words; the tables of known words are `unticker.words.Shelves`. */
EXPORT void word_traits(int64_t *counts, const uint8_t *classes, int64_t size,
                        const int64_t *starts, const int64_t *ends, const uint64_t *hashes,
                        const int64_t *first, const int64_t *last, int64_t units,
                        int64_t words, const int64_t *shelves, int64_t longest,
                        const uint64_t *known, const uint8_t *kinds, uint64_t mix,
                        int64_t shift) {
    for (int64_t u = 0; u < units; u++) {
        int32_t found[TRAITS] = {0};
        for (int64_t w = first[u]; w < last[u]; w++) {
            if (w + 16 < words) {
                __builtin_prefetch(shelves + ((hashes[w + 16] * mix) >> shift));
                __builtin_prefetch(known + shelves[(hashes[w + 8] * mix) >> shift]);
            }
            uint8_t class = classes[starts[w]], kind = 0;
            const int64_t length = ends[w] - starts[w], number = class == DIGIT;
            const uint64_t shelf = (hashes[w] * mix) >> shift;
            for (int64_t i = shelves[shelf]; i < shelves[shelf] + longest; i++)
                kind |= known[i] == hashes[w] ? kinds[i] : 0;
            int64_t behind = ends[w] < size - 1 ? ends[w] : size - 1;
            found[0] += class == UPPER;
            found[1] += !number && length <= 3;
            found[2] += !number && length >= 7;
            found[3] += number;
            found[4] += (kind & DATE) != 0;
            found[5] += number && w > first[u] && classes[starts[w - 1]] == DIGIT &&
                        starts[w] - ends[w - 1] == 1 && classes[ends[w - 1]] != SPACE &&
                        classes[behind - 1] == DIGIT;
            found[6] += (kind & NAME) != 0 && (class == UPPER || class == LETTER);
            found[7] += (kind & FUNCTION) != 0;
        }
        for (int64_t t = 0; t < TRAITS; t++)
            counts[t * units + u] = found[t];
    }
}
