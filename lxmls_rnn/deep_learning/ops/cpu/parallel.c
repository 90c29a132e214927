/* Work that threads share, each with some rows of it.

   They are begun for the work and end with it: that takes some ten microseconds, and unlike the threads of a pool none
   are left that a process would lack after a fork, or that look for work for a while, as BLAS's own do. */

/* OpenBLAS's own, where it is linked: the number of threads that whoever runs this has asked for. */
extern "C" int openblas_get_num_threads(void) __attribute__((weak));
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

enum { MOST_THREADS = 128 };

/* Multiplications that take a thread some hundred microseconds, several times as long as it takes to begin. */
#ifndef WORTH_A_THREAD
#define WORTH_A_THREAD 1.5e7
#endif

/* Threads for so much work: as many as are given, where each has enough to do. */
static int threads_for(double work)
{
    const double worth = work / WORTH_A_THREAD;
    if (worth < 2 || !openblas_get_num_threads)
        return 1;
    const int given = openblas_get_num_threads(), most = given < MOST_THREADS ? given : MOST_THREADS;
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

/* Call work(begin, end) for parts of 0 .. size, each in a thread of its own, in which BLAS has no others; parts begin
   at multiples of `grain`. With no threads this one does it all, and BLAS is left its own. */
template <class Work> static void share(int threads, npy_intp size, npy_intp grain, const Work &work)
{
    const int of_blas = threads && openblas_get_num_threads ? openblas_get_num_threads() : 1;
    if (of_blas < 2)
        return work(0, size);
    openblas_set_num_threads(1);
    Share<Work> shares[MOST_THREADS];
    const npy_intp grains = (size + grain - 1) / grain;
    for (int n = threads - 1; n >= 0; --n) {
        const npy_intp begin = grains * n / threads * grain, end = grains * (n + 1) / threads * grain;
        shares[n].work = &work, shares[n].begin = begin, shares[n].end = end < size ? end : size;
        shares[n].is_running = n && !pthread_create(&shares[n].thread, NULL, Share<Work>::take, &shares[n]);
        if (!shares[n].is_running) /* the first part is ours; others too, where the system has no more threads */
            Share<Work>::take(&shares[n]);
    }
    for (int n = 1; n < threads; ++n)
        if (shares[n].is_running)
            pthread_join(shares[n].thread, NULL);
    openblas_set_num_threads(of_blas);
}
