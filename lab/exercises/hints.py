"""The exercises in their order, and the hints of each, from a nudge to nearly the solution."""

from __future__ import annotations

# name: number in the lab guide, title
EXERCISES = {
    "forward": ("6.1", "Forward pass by hand"),
    "errors": ("6.1", "Errors back through time"),
    "gradients": ("6.1", "Gradients as sums over steps"),
    "squares": ("6.2", "Scan over a sequence"),
    "markov": ("6.2", "Scan with a state"),
    "rnn": ("6.3", "The RNN's forward pass with scan"),
    "theano_gradients": ("6.3", "Its gradients with T.grad"),
    "updates": ("6.3", "Gradient descent"),
    "lstm_step": ("6.4", "The gates of an LSTM"),
    "lstm": ("6.4", "The LSTM with scan"),
}

HINTS = {
    "forward": [
        "Four lines in the loop, one for each formula above: a, h, y, p. A matrix times a vector is W @ v in NumPy.",
        "The word x[t] has the columns z[:, t], a[:, t], y[:, t] and p[:, t], but h[:, t + 1]: column 0 of h is "
        "h_0. So the hidden state before the word is h[:, t].",
        "a[:, t] = W_x @ z[:, t] + W_h @ h[:, t]\n"
        "h[:, t + 1] = logistic(a[:, t])\n"
        "then y from h[:, t + 1], and p is exp(y) divided by its own sum.",
    ],
    "errors": [
        "Go through the words from the last to the first. For each: the error of the scores, then of the hidden "
        "state, then of what the activation took.",
        "The cost is the mean over L words, so e_y is (p - onehot) / L: copy p[:, t] / L and take 1 / L from the "
        "entry of the gold tag. The hidden state hears from two sides: from its own scores through W_y^T, and, "
        "unless it is the last one, from the next step through W_h^T.",
        "e_h[:, t] = W_y.T @ e_y[:, t]\n"
        "if t + 1 < L: e_h[:, t] += W_h.T @ e_a[:, t + 1]\n"
        "e_a[:, t] = h[:, t + 1] * (1 - h[:, t + 1]) * e_h[:, t]",
    ],
    "gradients": [
        "Every step uses the same matrices, so each step adds to their gradients: +=. The gradient of W in W v is "
        "the outer product of the error of the result and of v: np.outer(e, v).",
        "W_x meets z_t, W_h meets h_{t-1}, which is h[:, t], and W_y meets h_t, which is h[:, t + 1]. Their "
        "errors are e_a, e_a and e_y.",
        "The embedding of the word x[t] is the column W_e[:, x[t]]; its error is W_x^T e_a:\n"
        "dW_e[:, x[t]] += W_x.T @ e_a[:, t]\n"
        "dW_h += np.outer(e_a[:, t], h[:, t])",
    ],
    "squares": [
        "theano.scan calls a function with each element of `sequences` and collects what it returns.",
        "scan returns a pair: all results, and updates, which you do not need here. T.arange(_n) is 0, 1, ..., n "
        "- 1.",
        "_squares, _ = theano.scan(lambda _i: ..., sequences=T.arange(_n))",
    ],
    "markov": [
        "There is no sequence here: give scan `n_steps`, and the first state as `outputs_info`. Then your step "
        "gets the state before.",
        "The step is one product, T.dot(A, s). Give A as `non_sequences`: it comes to the step as the last argument.",
        "_s, _ = theano.scan(step, outputs_info=_s0, non_sequences=_A, n_steps=_n)\n"
        "with step(_s_tm1, _A)",
    ],
    "rnn": [
        "The loop of your NumPy forward pass becomes scan. Its step takes z_t and h_{t-1} and returns h_t; the "
        "softmax comes after the loop, for all words at once.",
        "scan calls the step with: an element of each of `sequences`, then the last output, then `non_sequences`. "
        "So with step(_z_t, _h_tm1, W_x, W_h) it is sequences=_z, outputs_info=_h0, non_sequences=[W_x, W_h].",
        "return T.nnet.sigmoid(T.dot(W_x, _z_t) + T.dot(W_h, _h_tm1)) in the step.\n"
        "After it, _h is (L, n_hidd), a row a word: the scores of all words are T.dot(_h, W_y.T), and "
        "T.nnet.softmax works along rows.",
    ],
    "theano_gradients": [
        "First the cost: the mean over the words of -log of the gold tag's probability. Then T.grad(cost, W) for "
        "each W.",
        "_p is (L, n_tags). The entry of the gold tag in every row: _p[T.arange(_y.shape[0]), _y].",
        "_cost = -T.mean(T.log(_p)[T.arange(_y.shape[0]), _y])\n"
        "and a list of T.grad(_cost, W) for W in param.",
    ],
    "updates": [
        "A list of pairs, one for each parameter: (the shared variable, the expression for its new value).",
        "The new value: the old one minus rate times gradient.",
        "[(W, W - rate * T.grad(_cost, W)) for W in param]",
    ],
    "lstm_step": [
        "Two products: a = W_x z_t + W_h h_{t-1} of 4 H rows, b = W_c c_{t-1} of 3 H rows. Then cut them: the "
        "first H rows of both are the input gate's.",
        "Rows of a: i, f, g, o. Rows of b: i, f, o. The gates are logistic (T.nnet.sigmoid) of a + b, g is T.tanh "
        "of a alone: it has no peephole.",
        "_i = T.nnet.sigmoid(_a[:H] + _b[:H])\n"
        "_g = T.tanh(_a[2 * H : 3 * H])\n"
        "_o = T.nnet.sigmoid(_a[3 * H :] + _b[2 * H :])\n"
        "then c_t = f c_{t-1} + i g and h_t = o tanh(c_t).",
    ],
    "lstm": [
        "As in 6.3, but two things go from step to step: h and c. outputs_info is a list of their first values.",
        "Your step returns h_t, c_t; scan then returns ((_h, _c), updates). Only _h makes the scores.",
        "(_h, _c), _ = theano.scan(my_lstm_step, sequences=_z, outputs_info=[_h0, _c0],\n"
        "                          non_sequences=[W_x, W_h, W_c])",
    ],
}  # fmt: skip
