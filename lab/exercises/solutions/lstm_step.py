import theano.tensor as T


def my_lstm_step(_z_t, _h_tm1, _c_tm1, W_x, W_h, W_c):
    _i, _f, _g, _o = my_lstm_gates(_z_t, _h_tm1, _c_tm1, W_x, W_h, W_c)
    _c_t = _f * _c_tm1 + _i * _g
    _h_t = _o * T.tanh(_c_t)
    return _h_t, _c_t
