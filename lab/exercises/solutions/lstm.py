import theano
import theano.tensor as T

from lxmls_rnn.deep_learning.rnn import LSTM


class MyLSTM(LSTM):
    def _forward(self, _x, _h0=None, _c0=None):
        W_e, W_x, W_h, W_c, W_y = self.param
        _z = W_e[:, _x].T  # embeddings, (L, n_emb)
        if _h0 is None:
            _h0 = T.zeros((self.sizes.n_hidd,), self.dtype)
        if _c0 is None:
            _c0 = T.zeros((self.sizes.n_hidd,), self.dtype)

        (_h, _c), _ = theano.scan(my_lstm_step, sequences=_z, outputs_info=[_h0, _c0], non_sequences=[W_x, W_h, W_c])
        return T.nnet.softmax(T.dot(_h, W_y.T))
