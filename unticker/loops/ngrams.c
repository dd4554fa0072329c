#include "loops.h"

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

/* The unit and the row of each of n n-grams whose bucket's bit is set; returns how many they are.
   `bits` has two words for every 64 buckets: their bits, and how many are set ahead of them. */
WIDE EXPORT int64_t known_rows(int64_t *units, int64_t *rows, const int64_t *unit,
                               const int64_t *bucket, int64_t n, const uint64_t *bits) {
    int64_t known = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t *at = bits + (bucket[i] >> 6) * 2;
        uint64_t word = at[0], bit = (uint64_t)1 << (bucket[i] & 63);
        units[known] = unit[i];
        rows[known] = (int64_t)at[1] + __builtin_popcountll(word & (bit - 1));
        known += (word & bit) != 0;
    }
    return known;
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
