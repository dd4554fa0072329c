#include "loops.h"

enum { SPACE = 0, UPPER = 3, LETTER = 4, DIGIT = 7 };  /* classes, as in unticker.alphabet */
enum { DATE = 1, NAME = 2, FUNCTION = 4 };             /* kinds of known words */

/* Where words start and end, in room for n each; how many there are. Characters of a `kind` above 0
   make up words: each run of one kind is one, and each of kind 3 is one by itself. */
EXPORT int64_t find_words(int64_t *starts, int64_t *ends, const uint8_t *classes,
                          const uint8_t *kind, int64_t n) {
    int64_t opened = 0, closed = 0;
    uint8_t last = 0;
    for (int64_t i = 0; i < n; i++) {  /* without a branch, which would be guessed wrong */
        uint8_t here = kind[classes[i]], change = (here != last) | (here == 3);
        starts[opened] = i;
        ends[closed] = i;
        opened += change & (here != 0);
        closed += change & (last != 0);
        last = here;
    }
    if (last)
        ends[closed] = n;
    return opened;
}

/* The words of each unit, from `first` on to `last`, that are among its first `head` or its last
   `tail`; how many they are. */
EXPORT int64_t edge_words(int64_t *words, const int64_t *first, const int64_t *last, int64_t units,
                          int64_t head, int64_t tail) {
    int64_t found = 0;
    for (int64_t u = 0; u < units; u++) {
        int64_t behind = first[u] + head < last[u] ? first[u] + head : last[u];
        int64_t again = last[u] - tail > behind ? last[u] - tail : behind;
        for (int64_t w = first[u]; w < behind; w++)
            words[found++] = w;
        for (int64_t w = again; w < last[u]; w++)
            words[found++] = w;
    }
    return found;
}

/* Where units start and end without the white space at their ends, and which they are, but for
   blank ones; how many they are. */
EXPORT int64_t trim(int64_t *begin, int64_t *end, int64_t *kept, const uint8_t *classes,
                    const int64_t *starts, const int64_t *ends, int64_t units) {
    int64_t found = 0;
    for (int64_t u = 0; u < units; u++) {
        int64_t first = starts[u], last = ends[u];
        while (first < last && classes[first] == SPACE)
            first++;
        while (first < last && classes[last - 1] == SPACE)
            last--;
        begin[found] = first;
        end[found] = last;
        kept[found] = u;
        found += first < last;
    }
    return found;
}

/* The class of each of n code points. */
EXPORT void classify(uint8_t *classes, const uint32_t *codes, const uint8_t *table, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        classes[i] = table[codes[i]];
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
