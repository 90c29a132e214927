"""Settings of a training that takes a moment."""

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings

TRAIN, DEV, _ = map(str, corpus_files("sample"))
SETTINGS = Settings(
    corpus=TRAIN, dev=DEV, max_nr_sent=60, n_emb=8, n_hidd=6, trainer=Trainer(epochs=3, batch_size=4, shuffle=True)
)
