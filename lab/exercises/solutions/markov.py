import theano
import theano.tensor as T


def my_chain(_s0, _A, _n):
    def step(_s_tm1, _A):
        return T.dot(_A, _s_tm1)

    _s, _ = theano.scan(step, outputs_info=_s0, non_sequences=_A, n_steps=_n)
    return _s
