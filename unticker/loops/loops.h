/* The inner loops of labelling, compiled.

   Each function gives the numbers that the NumPy code beside its call gives, which runs where no
   compiler was at hand: whole numbers are added up, and others in the same order as there. So a
   product may be added without being rounded (`-ffp-contract=fast`): all are of whole numbers.
   Matrices lie row by row; indices that come from a model are kept inside its tables. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
#if __GNUC__ >= 12 /* the first that knows it: AVX2, and a product and its sum in one step */
#define WIDE __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define WIDE __attribute__((target_clones("avx2", "default")))
#endif
#else
#define WIDE
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

enum { LABELS = 4 };
