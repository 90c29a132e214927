import theano.tensor as T


def my_lstm_gates(_z_t, _h_tm1, _c_tm1, W_x, W_h, W_c):
    H = W_h.shape[1]
    _a = T.dot(W_x, _z_t) + T.dot(W_h, _h_tm1)  # (4 H,): i, f, g, o
    _b = T.dot(W_c, _c_tm1)  # (3 H,): peepholes of i, f, o
    _i = T.nnet.sigmoid(_a[:H] + _b[:H])
    _f = T.nnet.sigmoid(_a[H : 2 * H] + _b[H : 2 * H])
    _g = T.tanh(_a[2 * H : 3 * H])
    _o = T.nnet.sigmoid(_a[3 * H :] + _b[2 * H :])
    return _i, _f, _g, _o
