/* What a processor can do with a spill's turn: nothing but the arithmetic, in vectors, GROUPS of them interleaved.

   Each particle has its own sections and kicks, as in extraction/spill/lanes: "matrices" multiplies the sections' 2 x 2
   matrices, "shears" has a drift and a lens for each. No momentum changes, nothing leaves, nothing is looked at.
   Prints millions of particle-turns in a second of the processor, the best of several, for both. */
#include <stdio.h>
#include <time.h>

#ifdef __AVX512F__
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define MATRIX_ROWS 13
#define SHEAR_ROWS 9

typedef double vector __attribute__((vector_size(8 * WIDTH)));
static vector z[4 * GROUPS], m[(CUTS + 1) * MATRIX_ROWS * GROUPS];

#define ROW(k) s[(k) * GROUPS + g]
#define LOAD vector x = z[g], px = z[GROUPS + g], y = z[2 * GROUPS + g], py = z[3 * GROUPS + g]
#define STORE z[g] = x, z[GROUPS + g] = px, z[2 * GROUPS + g] = y, z[3 * GROUPS + g] = py

__attribute__((noinline)) static void matrices(long turns) {
    for (long t = 0; t < turns; t++)
        for (int j = 0; j <= CUTS; j++)
            for (int g = 0; g < GROUPS; g++) {
                const vector *s = m + j * MATRIX_ROWS * GROUPS;
                LOAD;
                vector ax = ROW(0) * x + ROW(1) * px, ap = ROW(2) * x + ROW(3) * px;
                vector ay = ROW(4) * y + ROW(5) * py, aq = ROW(6) * y + ROW(7) * py;
                x = ax, px = ap, y = ay, py = aq;
                if (j < CUTS) {
                    vector square = y * y;
                    px -= x * (x * (ROW(8) + ROW(10) * x) + ROW(11) * square) + ROW(9) * square;
                    py -= y * (x * (2.0 * ROW(9) + ROW(11) * x) + ROW(12) * square);
                }
                STORE;
            }
}

__attribute__((noinline)) static void shears(long turns) {
    for (long t = 0; t < turns; t++)
        for (int j = 0; j <= CUTS; j++)
            for (int g = 0; g < GROUPS; g++) {
                const vector *s = m + j * SHEAR_ROWS * GROUPS;
                LOAD;
                x += ROW(0) * px, y += ROW(1) * py;
                if (j < CUTS) {
                    vector square = y * y;
                    px -= x * (x * (ROW(4) + ROW(6) * x) + (ROW(7) * square + ROW(2))) + ROW(5) * square;
                    py -= y * (x * (2.0 * ROW(5) + ROW(7) * x) + (ROW(8) * square + ROW(3)));
                } else
                    px -= ROW(2) * x, py -= ROW(3) * y;
                STORE;
            }
}

static void set(int rows, int row, double value) {
    for (int j = 0; j <= CUTS; j++)
        for (int g = 0; g < GROUPS; g++)
            for (int lane = 0; lane < WIDTH; lane++) m[(j * rows + row) * GROUPS + g][lane] = value;
}

/* A stable turn with small kicks: numbers neither grow nor vanish. */
static void begin(int rows) {
    const double turned[MATRIX_ROWS] = {.8, .6, -.6, .8, .8, .6, -.6, .8, 1e-3, -1e-3, 1e-3, 1e-3, 1e-3};
    const double sheared[SHEAR_ROWS] = {.6, .6, .6, .6, 1e-3, -1e-3, 1e-3, 1e-3, 1e-3};
    for (int row = 0; row < rows; row++) set(rows, row, rows == MATRIX_ROWS ? turned[row] : sheared[row]);
    for (int k = 0; k < 4 * GROUPS; k++)
        for (int lane = 0; lane < WIDTH; lane++) z[k][lane] = 1e-3 * (1 + lane);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static double rate(void (*turn)(long), int rows) {
    const long turns = 100000;
    double best = 0;
    for (int k = 0; k < 5; k++) {
        begin(rows);
        double start = seconds();
        turn(turns);
        double found = 1e-6 * turns * GROUPS * WIDTH / (seconds() - start);
        if (found > best) best = found;
    }
    return best;
}

int main(void) {
    printf("%g %g\n", rate(matrices, MATRIX_ROWS), rate(shears, SHEAR_ROWS));
    return z[0][0] > 1.0;
}
