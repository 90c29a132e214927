"""Time an epoch of the lab guide's task on the sample corpus: 1000 sentences, one update each, float32."""

import pytest

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.rnn import MODELS, available
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, prepare

FILES = corpus_files("sample")
RATE = 0.1


def prepared(model, **options):
    settings = Settings(
        corpus=str(FILES[0]), dev=str(FILES[1]), vocabulary="guide", model=model, dtype="float32", **options
    )
    return prepare(settings)


@pytest.mark.parametrize(
    ("name", "peepholes"),
    [(name, p) for name in available() for p in (MODELS[name].peephole_options if "LSTM" in name else [True])],
)
def test_epoch(benchmark, name, peepholes):
    experiment = prepared(name, peepholes=peepholes)
    trainer = Trainer(epochs=10**6, rate=RATE)
    events = trainer.fit(experiment.tagger.model, experiment.train)

    def epoch():
        return next(event for event in events if isinstance(event, EpochDone))

    assert epoch().cost > epoch().cost
    benchmark.group = f"{'LSTM' if 'LSTM' in name else 'RNN'}: an epoch of 1000 sentences"
    benchmark.extra_info.update(model=name + ("" if peepholes else ", no peepholes"), work="epoch", dtype="float32")
    benchmark.pedantic(epoch, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("family", ["RNN", "LSTM"])
def test_epoch_of_pytorch(benchmark, family, kind):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
    from torch_tagger import TorchTagger

    torch.set_num_threads(1)
    experiment = prepared(f"Numpy{family}", activation="tanh")
    param = experiment.tagger.model.param
    if family == "LSTM":
        param[3][...] = 0
    tagger = TorchTagger(param, RATE, sparse=kind == "sparse")
    sentences = [(torch.tensor(s.x).long(), torch.tensor(s.y).long()) for s in experiment.train]

    def epoch():
        return sum(tagger.step(x, y) for x, y in sentences)

    assert epoch() > epoch()
    benchmark.group = f"{family}: an epoch of 1000 sentences"
    benchmark.extra_info.update(model=f"torch.nn.{family} {kind}", work="epoch", dtype="float32")
    benchmark.pedantic(epoch, rounds=5, warmup_rounds=1)
