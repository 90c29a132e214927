"""A sweep on disk, before anything is trained: what it holds, what it refuses, how it grows."""

import json
import shutil
from dataclasses import replace

import pytest
from sweep.small import BASE, small_sweep

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.sweep import Sweep, find_sweeps


def test_its_file_says_what_it_is(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", "rate=0.1").begin()
    assert Sweep.load("small", tmp_path) == sweep
    assert sorted(path.name for path in sweep.folder.iterdir()) == [".lock", "sweep.json"]
    names = [
        "n_hidd=2,rate=0.1,seed=1",
        "n_hidd=3,rate=0.1,seed=1",
        "n_hidd=2,rate=0.1,seed=2",
        "n_hidd=3,rate=0.1,seed=2",
    ]
    assert [training.name for training in sweep.trainings()] == names
    settings = [training.settings for training in sweep.trainings()]
    assert [(s.n_hidd, s.trainer.rate, s.seed, s.trainer.seed) for s in settings] == [
        (n_hidd, 0.1, seed, None) for seed in (1, 2) for n_hidd in (2, 3)
    ]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["n_hidd=2,0"], "n_hidd must be an integer of at least 1, got 0"),
        (["model=NumpyLSTM", "activation=relu"], "activation must be tanh, got 'relu'"),
        (["embeddings=none,nowhere.txt"], "embeddings must be a file, but there is none"),
    ],
)
def test_a_bad_value_is_said_before_anything_is_made(tmp_path, vary, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        small_sweep(tmp_path, *vary).begin()
    assert not list(tmp_path.iterdir())


def test_it_needs_a_dev_part(tmp_path):
    with pytest.raises(ValueError, match="compares on the dev part"):
        small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, dev=None)).begin()


def test_a_name_is_taken_once(tmp_path):
    small_sweep(tmp_path, "n_hidd=2").begin()
    with pytest.raises(FileExistsError, match=r"continue the sweep with `lxmls-rnn sweep --resume small --root .*`"):
        small_sweep(tmp_path, "n_hidd=3").begin()
    with pytest.raises(FileExistsError, match=r"small already exists: take another name$"):
        Run.create("small", BASE, tmp_path)  # a sweep, which cannot be resumed as a run
    Run.create("run", BASE, tmp_path)
    with pytest.raises(FileExistsError, match=r"run already exists: take another name$"):
        small_sweep(tmp_path, "n_hidd=3", name="run").begin()


def test_what_a_kill_has_left_of_its_beginning_does_not_take_its_name(tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / ".sweep.json.x.tmp").touch()
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    assert sorted(path.name for path in sweep.folder.iterdir()) == [".lock", "sweep.json"]


def test_a_name_that_is_hard_to_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the name of a sweep must be a folder name"):
        small_sweep(tmp_path / "new", "n_hidd=2", name="a*b").begin()


def test_values_and_seeds_can_be_added(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3").begin()
    more = sweep.extended({"n_hidd": [3, 5]}, 3, None)
    assert (more.vary, more.seeds) == ({"n_hidd": [2, 3, 5]}, [1, 2, 3])
    assert {t.name for t in sweep.trainings()} < {t.name for t in more.trainings()}
    assert sweep.extended({}, None, None) == sweep
    assert replace(sweep, seeds=[7, 3, 5]).extended({}, 5, None).seeds == [7, 3, 5, 8, 9]
    corpora = small_sweep(tmp_path, "corpus=sample", base=replace(BASE, dev=None), name="corpora").begin()
    assert "sample/pt/train.conllu" in corpora.extended({"corpus": ["sample-pt"]}, None, None).checksums


def test_a_sample_can_be_raised_and_seeds_follow_the_last(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3,4", seeds=[5], sample=1).begin()
    assert len(list(sweep.trainings())) == 1
    more = sweep.extended({}, 3, 2)
    assert (more.seeds, more.sample, more.vary) == ([5, 6, 7], 2, sweep.vary)
    assert more.in_words() == "6 trainings: 2 settings with 3 seeds each"
    assert sweep.in_words() == "1 training: 1 setting with 1 seed"
    assert sweep.extended({"n_hidd": [3]}, 2, None).sample == 1
    with pytest.raises(ValueError, match="the sweep small samples its grid: only --sample and --seeds can be raised"):
        sweep.extended({"n_hidd": [9]}, None, None)
    with pytest.raises(ValueError, match="--sample can only be raised: the sweep has 1, got 0"):
        sweep.extended({}, None, 0)


def test_a_sweep_whose_corpus_has_changed_cannot_be_extended(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.corpus, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, corpus=str(file))).begin()
    file.write_text(file.read_text() + "\n")
    with pytest.raises(ValueError, match=rf"{file} has changed since the sweep small began: make a new sweep"):
        sweep.extended({}, 3, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": []}, r"the seeds must be different numbers, at least one, got \[\]"),
        ({"seeds": [3, 3]}, r"the seeds must be different numbers, at least one, got \[3, 3\]"),
        ({"sample": 0}, "^sample must be at least 1, got 0"),
        ({"vary": {"n_emb": [2], "embeddings": [None, "a"]}}, "n_emb cannot vary with the embeddings a, which"),
        ({"vary": {"min_count": [2], "vocabulary": ["train", "guide"]}}, "min_count cannot vary with the vocabulary g"),
        (
            {"vary": {"n_hidd": [2], "tag_map": ["x" * 200]}},
            "the name of the run n_hidd=2,tag_map=x*,seed=1 is not unique",
        ),
        (  # 70 letters of 3 bytes each
            {"vary": {"n_hidd": [2], "tag_map": ["語" * 70]}},
            "the name of the run n_hidd=2,tag_map=語*,seed=1 is not unique",
        ),
    ],
)
def test_what_no_sweep_can_be_is_said(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(small_sweep(tmp_path, "n_hidd=2"), **changes).check()


def test_embeddings_are_varied_by_their_file(tmp_path):
    (tmp_path / "x.txt").write_text("the 1 2 3\n")
    sweep = small_sweep(tmp_path, f"embeddings=none,{tmp_path}/x.txt", "n_hidd=2").begin()
    assert [training.name for training in sweep.trainings()][:2] == [
        "embeddings=none,n_hidd=2,seed=1",
        "embeddings=x.txt,n_hidd=2,seed=1",
    ]
    assert set(sweep.checksums) == {BASE.corpus, BASE.dev, f"{tmp_path}/x.txt"}


@pytest.mark.parametrize(
    ("vary", "seeds", "sample", "message"),
    [
        ({"rate": [1.0]}, None, None, "varies n_hidd, so rate cannot be added"),
        ({}, 1, None, "--seeds can only be raised: the sweep has 2, got 1"),
        ({}, None, 3, "--sample can only be raised: the sweep has the whole grid, got 3"),
        ({"n_hidd": [0]}, None, None, "n_hidd must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_added_is_said(tmp_path, vary, seeds, sample, message):
    sweep = small_sweep(tmp_path, "n_hidd=2,3").begin()
    with pytest.raises(ValueError, match=message):
        sweep.extended(vary, seeds, sample)


@pytest.mark.parametrize("change", [{"vary": {"hidden": [1]}}, {"vary": {"rate": 1}}, {"seeds": []}, {"version": 9},
                                    {"vary": {"n_hidd": [2, "x"]}}, {"vary": {"peepholes": [0]}}, {"sample": 0},
                                    {"vary": {"n_hidd": list(range(1, 500)), "n_emb": list(range(1, 500))}},
                                    {"seeds": [1, -1]}, {"seeds": list(range(100_001))}])  # fmt: skip
def test_a_damaged_file_is_named(tmp_path, change):
    path = small_sweep(tmp_path, "n_hidd=2").begin().folder / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"small/sweep.json is not the file of a sweep: .{20,300}$"):
        Sweep.load("small", tmp_path)
    found, damaged = find_sweeps(tmp_path)
    assert (found, len(damaged)) == ([], 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"workers": 2, "devices": ["cpu"]}, "workers or devices, not both"),
        ({"devices": ["cuda7"]}, "cuda7"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:8786"}, "workers and devices cannot be given with a scheduler"),
    ],
)
def test_workers_that_cannot_be_had(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        Driver(small_sweep(tmp_path, "n_hidd=2"), **options)


def test_the_values_of_a_sweep_are_checked_together(tmp_path):
    small_sweep(tmp_path, "peepholes=yes,no", "model=NumpyLSTM,LSTM").check_values()
    with pytest.raises(ValueError, match="only an LSTM can be without peepholes"):
        small_sweep(tmp_path, "peepholes=yes,no").check_values()
    with pytest.raises(ValueError, match="n_emb must be an integer of at least 1, got 0"):
        small_sweep(tmp_path, "n_emb=2,0").check_values()
    with pytest.raises(ValueError, match="n_emb cannot vary with the embeddings a,"):
        small_sweep(tmp_path, "n_emb=2,3", base=replace(BASE, embeddings="a")).check_values()
