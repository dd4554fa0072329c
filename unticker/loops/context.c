#include "loops.h"

enum { MOST = 32 };

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

/* Words of `least` letters or more, in room for n each: their unit, whether they have `very` many,
   the one of a slot of the page that stands for all, and a weight that falls with their number.
   `last` has `slots` for each page, `uses` n zeros; `shift` makes a slot of a hash. Returns how
   many they are. */
EXPORT int64_t page_words(int64_t *unit, uint8_t *very, int64_t *same, int64_t *rarity,
                          const int64_t *starts, const int64_t *ends, const int64_t *word_unit,
                          const uint64_t *hashes, const int64_t *page, int64_t n, int64_t least,
                          int64_t most, int64_t *last, int64_t slots, int64_t shift,
                          int64_t *uses) {
    int64_t found = 0;
    for (int64_t w = 0; w < n; w++) {
        int64_t length = ends[w] - starts[w];
        if (length < least)
            continue;
        unit[found] = word_unit[w];
        very[found] = length >= most;
        same[found] = (int64_t)(hashes[w] >> shift) + page[word_unit[w]] * slots;
        last[same[found]] = found;
        found++;
    }
    for (int64_t w = 0; w < found; w++)
        uses[same[w] = last[same[w]]]++;
    for (int64_t w = 0; w < found; w++)
        rarity[w] = 8 + 3 * (uses[same[w]] < 10 ? uses[same[w]] : 10);
    return found;
}

/* Softmax of `scores` (units, classes), rounded to 0..255: `chances` (classes, units). `powers` has
   the numerator for each distance to the best score, up to `farthest`. */
WIDE EXPORT void probabilities(int64_t *chances, const int64_t *scores, int64_t units,
                               int64_t classes, const double *powers, int64_t farthest) {
    double own[MOST];
    for (int64_t u = 0; u < units; u++) {
        const int64_t *of = scores + u * classes;
        int64_t best = of[0];
        for (int64_t c = 1; c < classes; c++)
            best = of[c] > best ? of[c] : best;
        double total = 0;
        for (int64_t c = 0; c < classes; c++) {
            own[c] = powers[best - of[c] < farthest ? best - of[c] : farthest];
            total += own[c];
        }
        for (int64_t c = 0; c < classes; c++)
            chances[c * units + u] = (int64_t)((510 * own[c] + total) / (2 * total));
    }
}
