import theano
import theano.tensor as T

from lxmls_rnn.deep_learning.rnn import RNN


class MyRNN(RNN):
    def _forward(self, _x, _h0=None):
        W_e, W_x, W_h, W_y = self.param
        _z = W_e[:, _x].T  # embeddings, (L, n_emb): Theano's habit is one row a step
        if _h0 is None:
            _h0 = T.zeros((self.sizes.n_hidd,), self.dtype)

        def step(_z_t, _h_tm1, W_x, W_h):
            return T.nnet.sigmoid(T.dot(W_x, _z_t) + T.dot(W_h, _h_tm1))

        _h, _ = theano.scan(step, sequences=_z, outputs_info=_h0, non_sequences=[W_x, W_h])
        return T.nnet.softmax(T.dot(_h, W_y.T))
