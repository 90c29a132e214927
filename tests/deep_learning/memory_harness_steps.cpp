/* Included by memory_harness.cpp in the namespace of each kind of layer: steps on batches of different sizes with words
   that come twice, and with a word out of range or a cost that is no number. */
#pragma GCC diagnostic ignored "-Wconversion"

/* Sizes that do not fit into 32 bits, and sizes that BLAS or an address cannot hold. */
static void check_sizes(void)
{
    Tagger tagger = {};
    tagger.n_words = 100, tagger.E = 1000, tagger.H = 5, tagger.K = 12;
    const npy_intp rows = 99000L * 44;
    assert(workspace_size<npy_intp>(99000, 44, &tagger) > 2 * rows * 1000);
    assert(is_computable(99000, 44, &tagger));
    assert(!is_computable(99000, 44000, &tagger));
    tagger.E = tagger.H = INT32_MAX;
    assert(!is_computable(INT32_MAX, 1, &tagger));
    const npy_int64 batches[][3] = {{0, INT32_MAX, 1}}, numbers[] = {0};
    NUMBER cost, norm;
    npy_int64 correct;
    const Descent descent = {};
    Workspace none = {};
    assert(sgd_steps(1, numbers, batches, NULL, NULL, NULL, &tagger, &descent, &none, &cost, &correct,
                     &norm) == TOO_LARGE);
}

enum Fault { NONE, BAD_WORD, NOT_A_NUMBER };

static void run_steps(int T, int B, int H, FLOAT clip, int freeze, Fault fault)
{
    const int n_words = 4, E = 3, K = 2;
    const npy_int64 batches[][3] = {{0, T, B}, {T * B, 1, 1}, {T * B + 1, T + 1, B}}, numbers[] = {2, 0, 1, 0};
    const long N = T * B + 1 + (T + 1) * B;
    std::vector<npy_int32> words(N), gold(N);
    for (long n = 0; n < N; ++n)
        words[n] = rand() % n_words, gold[n] = rand() % K;
    Array weights(N), W_e(n_words * E), costs(4), norms(4);
    std::vector<npy_int64> correct(4);
    if (fault == BAD_WORD)
        words[0] = n_words;
    if (fault == NOT_A_NUMBER)
        weights[0] = NAN;
    Tagger tagger;
    tagger.n_words = n_words, tagger.E = E, tagger.H = H, tagger.K = K, tagger.W_e = W_e;
#define ALLOCATE(W, size) Array W(size); tagger.W = W;
    MATRICES(ALLOCATE)
    const Descent descent = {(FLOAT)0.1, clip, freeze};
    Workspace workspace = {};
    const Outcome outcome = sgd_steps(4, numbers, batches, words.data(), gold.data(), weights, &tagger, &descent,
                                      &workspace, costs, correct.data(), norms);
    free(workspace.data);
    assert(outcome == (fault == BAD_WORD ? OUT_OF_RANGE : ALL_MADE));
    /* the first batch is whole, the second one has the fault, the others are not reached */
    assert(std::isnan(clip) ? norms[0] == 0 : norms[0] >= 0);
    assert(std::isfinite(costs[0]) && std::isfinite(costs[3]) == (fault == NONE));
    for (FLOAT *array : taken)
        free(array);
    taken.clear();
}

/* The next `ways` of the 18, which are all that there are. */
static void run_steps(int T, int B, int H, int ways)
{
    static int way = 0;
    const double clips[] = {0.01, (double)INFINITY, (double)NAN};
    const Fault faults[] = {NONE, BAD_WORD, NOT_A_NUMBER};
    check_sizes();
    for (int n = 0; n < ways; ++n, ++way)
        run_steps(T, B, H, (FLOAT)clips[way % 3], way / 3 % 2, faults[way / 6 % 3]);
}
#pragma GCC diagnostic error "-Wconversion"
