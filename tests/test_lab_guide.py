"""The lab guide's cells for exercises 6.1 and 6.3, with `lxmls` replaced by `lxmls_rnn`, in both editions."""

import numpy as np
import pytest

from lxmls_rnn.experiment import corpus_files

pytestmark = pytest.mark.theano

LOAD_DATA = """
import lxmls_rnn.readers.pos_corpus as pcc
corpus = pcc.PostagCorpus()
train_seq = corpus.read_sequence_list_conll(WSJ_TRAIN, max_sent_len=15, max_nr_sent=1000)
test_seq = corpus.read_sequence_list_conll(WSJ_TEST, max_sent_len=15, max_nr_sent=1000)
dev_seq = corpus.read_sequence_list_conll(WSJ_DEV, max_sent_len=15, max_nr_sent=1000)
# Redo indices so that they are consecutive. Also cast all data to numpy arrays
# of int32 for compatibility with GPUs and theano.
train_seq, test_seq, dev_seq = pcc.compacify(train_seq, test_seq, dev_seq, theano=True)
# Get number of words and tags in the corpus
nr_words = len(train_seq.x_dict)
nr_tags = len(train_seq.y_dict.keys())
"""

LOAD_EMBEDDINGS = """
import lxmls_rnn.deep_learning.embeddings as emb
import os
from importlib import reload
reload(emb)
if not os.path.isfile(EMBEDDINGS):
    emb.download_embeddings('senna_50', EMBEDDINGS)
E = emb.extract_embeddings(EMBEDDINGS, train_seq.x_dict)
"""

FIRST_EDITION = """
import lxmls_rnn.deep_learning.rnn as rnns
reload(rnns)
# RNN configuration
SEED = 1234       # Random seed to initialize weigths
hidden_size = 20  # size of hidden layer
np_rnn = rnns.NumpyRNN(E, hidden_size, nr_tags, seed=SEED)
x0 = train_seq[0].x
y0 = train_seq[0].y
loos, p_y, p, y_rnn, h, z1, x = np_rnn.forward(x0, all_outputs=True, outputs=y0)
# Compute gradients
numpy_rnn_gradients = np_rnn.grads(x0, y0)
import numpy as np
import theano
import theano.tensor as T
rnn = rnns.RNN(E, hidden_size, nr_tags, seed=SEED)
"""

SECOND_EDITION = """
import lxmls_rnn.deep_learning.rnn as rnns
reload(rnns)
SEED = 1234       # Random seed to initialize weigths
emb_size = 50     # Size of word embeddings
hidden_size = 20  # size of hidden layer
np_rnn = rnns.NumpyRNN(nr_words, emb_size, hidden_size, nr_tags, seed=SEED)
x0 = train_seq[0].x
y0 = train_seq[0].y
p_y, y_rnn, h, z1, x = np_rnn.forward(x0, all_outputs=True)
numpy_rnn_gradients = np_rnn.grads(x0, y0)
import numpy as np
import theano
import theano.tensor as T
rnn = rnns.RNN(nr_words, emb_size, hidden_size, nr_tags, seed=SEED)
"""

COMPARE = """
# Compile theano function
x = T.ivector('x')
th_forward = theano.function([x], rnn._forward(x).T)
np_forward = np_rnn.forward
assert np.allclose(th_forward(x0), np_forward(x0)), "Numpy and Theano forward pass differ!"
# Compile function returning the list of gradients
x = T.ivector('x')
p_y = rnn._forward(x)
y = T.ivector('y')
F = -T.mean(T.log(p_y)[T.arange(y.shape[0]), y])
grads_fun = theano.function([x, y], [T.grad(F, par) for par in rnn.param])
# Compare numpy and theano gradients
theano_rnn_gradients = grads_fun(x0, y0)
for n in range(len(theano_rnn_gradients)):
    assert np.allclose(numpy_rnn_gradients[n], theano_rnn_gradients[n]), "Numpy and Theano gradients differ in step n"
"""

TRAIN = """
rnn = rnns.reset_model(rnn, seed=SEED)
# Set the embedding layer to the pre-trained values
rnn.param[0].set_value(E.astype(theano.config.floatX))
p_y = rnn._forward(x)
F = -T.mean(T.log(p_y)[T.arange(y.shape[0]), y])
rnn_prediction = theano.function([x], T.argmax(p_y, 1))
# Get list of SGD batch update rule for each parameter
updates = [(par, par - 0.5*T.grad(F, par)) for par in rnn.param]
rnn_batch_update = theano.function([x, y], F, updates=updates)
costs = []
for i in range(2):
    cost = 0
    errors = 0
    for n, seq in enumerate(train_seq):
        cost += rnn_batch_update(seq.x, seq.y)
        errors += sum(rnn_prediction(seq.x) != seq.y)
    costs.append(cost)
    print("Epoch %d: train cost %2.2f, %d errors" % (i + 1, cost, errors))
first_tags = [train_seq.tag_dict[pred] for pred in rnn_prediction(train_seq[0].x)]
"""


again = pytest.mark.slow("the same cells on another corpus, which must be fetched")


@pytest.fixture(params=["sample", pytest.param("ewt", marks=again)])
def session(request, tmp_path):
    """What the first cells leave behind: a corpus, and a file of embeddings."""
    if request.param == "ewt":
        folder = request.getfixturevalue("ewt_dir")
        train, dev = folder / "en_ewt-ud-dev.conllu", folder / "en_ewt-ud-test.conllu"
        test = dev
    else:
        train, dev, test = corpus_files("sample")
    rng = np.random.RandomState(0)
    embeddings = tmp_path / "senna_50"
    words = ["the", "a", "and", "old", "man", "is", ".", "it", "was"]
    embeddings.write_text("".join(f"{w} {' '.join(map(str, rng.normal(size=50).round(6)))}\n" for w in words))
    space = {"WSJ_TRAIN": str(train), "WSJ_DEV": str(dev), "WSJ_TEST": str(test), "EMBEDDINGS": str(embeddings)}
    exec(LOAD_DATA + LOAD_EMBEDDINGS, space)
    return space


@pytest.mark.parametrize("edition", [FIRST_EDITION, SECOND_EDITION], ids=["first", "second"])
def test_the_guides_cells_run(session, edition, capsys):
    exec(edition + COMPARE, session)
    assert len(session["theano_rnn_gradients"]) == 4
    assert session["nr_tags"] == 12


def test_the_guides_training_runs(session):
    exec(SECOND_EDITION + "x, y = T.ivector('x'), T.ivector('y')" + TRAIN, session)
    assert session["costs"][1] < session["costs"][0]
    assert len(session["first_tags"]) == len(session["x0"])
