/* Threads that share the rows of some work.

   Threads are started for each call, which takes some ten microseconds. Unlike a pool, this leaves no threads that are
   missing after a fork or that spin for a while, as BLAS's own do. */
#include "standalone.h"

/* OpenBLAS's functions, if it is linked; the number of threads is the one that the user has set. */
extern "C" int openblas_get_num_threads(void) __attribute__((weak));
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

enum { MAX_THREADS = 128 };

/* Multiplications that justify a thread: some hundred microseconds, several times as long as its start. */
#ifndef WORTH_A_THREAD
#define WORTH_A_THREAD 1.5e7
#endif

/* Number of threads for `work` multiplications: at most the user's number, each with enough work. */
static int threads_for(double work)
{
    const double worth = work / WORTH_A_THREAD;
    if (worth < 2 || !openblas_get_num_threads)
        return 1;
    const int given = openblas_get_num_threads(), most = given < MAX_THREADS ? given : MAX_THREADS;
    return worth < most ? (int)worth : most;
}

template <class Work> struct Share {
    pthread_t thread;
    int is_running;
    const Work *work;
    npy_intp begin, end;
    static void *take(void *share)
    {
        const Share *mine = (const Share *)share;
        (*mine->work)(mine->begin, mine->end);
        return NULL;
    }
};

/* Call work(begin, end) for parts of 0 .. size, each in its own thread, in which BLAS starts no others; parts begin at
   multiples of `grain`. With 0 threads this thread does all the work, and BLAS may use its threads. */
template <class Work> static void share(int threads, npy_intp size, npy_intp grain, const Work &work)
{
    const int of_blas = threads && openblas_get_num_threads ? openblas_get_num_threads() : 1;
    if (of_blas < 2)
        return work(0, size);
    openblas_set_num_threads(1);
    Share<Work> shares[MAX_THREADS];
    const npy_intp grains = (size + grain - 1) / grain;
    for (int n = threads - 1; n >= 0; --n) {
        const npy_intp begin = grains * n / threads * grain, end = grains * (n + 1) / threads * grain;
        shares[n].work = &work, shares[n].begin = begin, shares[n].end = end < size ? end : size;
        shares[n].is_running = n && !pthread_create(&shares[n].thread, NULL, Share<Work>::take, &shares[n]);
        if (!shares[n].is_running) /* this thread does the first part, and others if the system has no more threads */
            Share<Work>::take(&shares[n]);
    }
    for (int n = 1; n < threads; ++n)
        if (shares[n].is_running)
            pthread_join(shares[n].thread, NULL);
    openblas_set_num_threads(of_blas);
}
