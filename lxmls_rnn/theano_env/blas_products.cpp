/* Products of the BLAS that this program is linked with, beside plain sums; `lxmls_rnn.device.blas_proof` runs it.

It prints the library's file, the kernel's name and, before it is computed, each product; the status is 3 after a wrong
one. The numbers are integers so small that every order of summation is exact, and so large that bfloat16 is not. */

#include <dlfcn.h>
#include <limits>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

extern "C" {
void sgemm_(), dgemm_(), sgemv_(), dgemv_(), sger_(), dger_(), sdot_(), ddot_(), saxpy_(), daxpy_();
}
typedef void (*Function)();

static const int SHAPES[][3] = {  // of A, (m, k), and B, (k, n)
    {20, 50, 1}, {20, 20, 1}, {20, 20, 10}, {80, 20, 10}, {12, 20, 10}, {20, 1, 20}, {1, 20, 20}, {1, 1, 1},
    {7, 13, 5}, {33, 65, 17}, {3, 385, 1}, {40, 390, 10}, {64, 400, 70},
};

template <typename T> struct Products {
    const char *type;
    Function gemm, gemv, ger, dot, axpy;
    int m, k, n;

    static std::vector<T> draw(int count, int most)
    {
        std::vector<T> numbers(count);
        for (T &number : numbers)
            number = rand() % (2 * most + 1) - most;
        return numbers;
    }

    static std::vector<T> nan(int count) { return std::vector<T>(count, std::numeric_limits<T>::quiet_NaN()); }

    static std::vector<T> transposed(const std::vector<T> &A, int rows, int columns)
    {
        std::vector<T> turned(A.size());
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                turned[j + i * columns] = A[i + j * rows];
        return turned;
    }

    void announce(const char *name) const { printf("%s %s (%d, %d)(%d, %d)\n", type, name, m, k, k, n); fflush(stdout); }

    static void require(const std::vector<T> &found, const std::vector<T> &right, T times = 1, int increment = 1)
    {
        for (size_t i = 0; i < right.size(); i++)
            if (!(found[i * increment] == times * right[i]))
                exit(3);
    }

    void prove()
    {
        const T one = 1, two = 2, zero = 0;
        const std::vector<T> A = draw(m * k, 1023), B = draw(k * n, 8);
        const std::vector<T> At = transposed(A, m, k), Bt = transposed(B, k, n);
        std::vector<T> AB(m * n);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
                for (int l = 0; l < k; l++)
                    AB[i + j * m] += A[i + l * m] * B[l + j * k];
        const std::vector<T> a_0(A.begin(), A.begin() + m), Ab_0(AB.begin(), AB.begin() + m);  // first columns

        for (const char *kind : {"gemm NN", "gemm TN", "gemm NT", "gemm TT"}) {
            const bool turn_A = kind[5] == 'T', turn_B = kind[6] == 'T';
            const T *a = (turn_A ? At : A).data(), *b = (turn_B ? Bt : B).data();
            const int *lda = turn_A ? &k : &m, *ldb = turn_B ? &n : &k;
            typedef void Gemm(const char *, const char *, const int *, const int *, const int *, const T *, const T *,
                              const int *, const T *, const int *, const T *, T *, const int *);
            std::vector<T> C = nan(m * n);
            announce(kind);
            ((Gemm *)gemm)(kind + 5, kind + 6, &m, &n, &k, &one, a, lda, b, ldb, &zero, C.data(), &m);
            require(C, AB);
            ((Gemm *)gemm)(kind + 5, kind + 6, &m, &n, &k, &two, a, lda, b, ldb, &one, C.data(), &m);
            require(C, AB, 3);
        }
        for (const int increment : {1, 2}) {
            std::vector<T> b(k * increment), x(m * increment), y(n * increment);
            for (int i = 0; i < k; i++) b[i * increment] = B[i];
            for (int i = 0; i < m; i++) x[i * increment] = A[i];
            for (int i = 0; i < n; i++) y[i * increment] = B[i * k];

            for (const char *kind : {"gemv N", "gemv T"}) {
                const bool turn = kind[5] == 'T';
                typedef void Gemv(const char *, const int *, const int *, const T *, const T *, const int *, const T *,
                                  const int *, const T *, T *, const int *);
                std::vector<T> found = nan(m * increment);
                announce(kind);
                ((Gemv *)gemv)(kind + 5, turn ? &k : &m, turn ? &m : &k, &one, (turn ? At : A).data(), turn ? &k : &m,
                               b.data(), &increment, &zero, found.data(), &increment);
                require(found, Ab_0, 1, increment);
            }
            typedef void Ger(const int *, const int *, const T *, const T *, const int *, const T *, const int *, T *,
                             const int *);
            std::vector<T> found = AB, right = AB;
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                    right[i + j * m] += A[i] * B[j * k];
            announce("ger");
            ((Ger *)ger)(&m, &n, &one, x.data(), &increment, y.data(), &increment, found.data(), &m);
            require(found, right);

            announce("dot");
            require({((T (*)(const int *, const T *, const int *, const T *, const int *))dot)(
                        &k, A.data(), &m, b.data(), &increment)}, {AB[0]});

            typedef void Axpy(const int *, const T *, const T *, const int *, T *, const int *);
            std::vector<T> sum(m * increment);
            announce("axpy");
            ((Axpy *)axpy)(&m, &two, x.data(), &increment, sum.data(), &increment);
            require(sum, a_0, 2, increment);
        }
    }
};

int main(int, char **argv)
{
    Dl_info library;
    dladdr((void *)dgemm_, &library);
    /* of a static library each module has its own copy, which chooses a kernel when it is loaded: it has no name */
    const bool is_shared = strcmp(library.dli_fname, argv[0]) != 0;
    void *loaded = dlopen(library.dli_fname, RTLD_LAZY), *name = nullptr;
    for (const char *symbol : {"scipy_openblas_get_corename", "openblas_get_corename"})
        if (is_shared && !name)
            name = dlsym(loaded, symbol);
    printf("%s\n%s\n", library.dli_fname, name ? ((char *(*)())name)() : "");
    for (const auto &shape : SHAPES) {
        const int m = shape[0], k = shape[1], n = shape[2];
        Products<float>{"float32", sgemm_, sgemv_, sger_, sdot_, saxpy_, m, k, n}.prove();
        Products<double>{"float64", dgemm_, dgemv_, dger_, ddot_, daxpy_, m, k, n}.prove();
    }
    return 0;
}
