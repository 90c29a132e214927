"""The command line: what each command prints and returns, and that the examples in the help work as printed."""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cli.command import COMMAND, PLAIN, SHORT, table_of
from sweep.small import small_sweep

from lxmls_rnn import paths
from lxmls_rnn.cli import app
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.runs import Run
from lxmls_rnn.storage.files import write_atomically
from lxmls_rnn.tagger import Tagger
from lxmls_rnn.teaching.gradient_check import check_gradients

COMMANDS = ["doctor", "fetch", "train", "evaluate", "tag", "export", "runs", "check"]


def test_the_help_shows_an_example(run):
    for command in COMMANDS:
        result = run(command, "--help", env={"TERM": "dumb", "COLUMNS": "200"})
        assert result.exit_code == 0
        assert re.search(rf"Example: lxmls-rnn {command}", result.output)


@pytest.mark.daily("all examples of the help, five seconds")
def test_the_examples_work_as_printed(run, tmp_path, monkeypatch):
    """All but the one that downloads and the one that another test of its own runs; on a part of the sample."""
    for file in corpus_files("sample"):
        sentences = file.read_text(encoding="utf-8").split("\n\n")[:200]
        write_atomically(tmp_path / "data" / "sample" / file.name, "\n\n".join(sentences) + "\n\n")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "data"))
    commands = {command.callback.__name__: command.callback for command in app.registered_commands}
    for command in ("train", "evaluate", "tag", "runs", "check"):
        example = re.search(r"Example: `lxmls-rnn (.*)`", commands[command].__doc__).group(1)
        result = run(*shlex.split(example))
        assert result.exit_code == 0, result.output


def test_without_any_input_there_is_nothing_to_tag(trained, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)  # closed by the shell: <&-
    with pytest.raises(SystemExit):
        app(["tag", "runs/first"])
    assert "nothing to tag: give a sentence or --file" in " ".join(capsys.readouterr().err.split())


def test_no_column_of_runs_vanishes_where_there_are_many(trained):
    other = ["--n-emb", "7", "--n-hidd", "6", "--rate", "0.25", "--decay", "0.125", "--batch-size", "5", "--clip", "3"]
    more = ["--shuffle", "--patience", "9", "--seed", "77", "--init", "uniform01", "--min-count", "4"]
    trained("train", *SHORT, "--epochs", "1", "--name", "second", *other, *more)
    lines = trained("runs").output.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert {"n_emb", "batch_size", "patience", "init", "min_count"} <= set(lines[1].replace("┃", " ").split())
    row = next(line for line in lines if "second" in line)
    assert {"0.25", "0.125", "77", "9"} <= set(row.replace("│", " ").split())


def test_check_fails_when_a_gradient_differs(run, monkeypatch):
    small = ["check", "--model", "NumpyRNN", "--length", "2", "--n-hidd", "2"]
    result = run(*small)
    assert result.exit_code == 0
    assert result.output == "All 16 agree within 1e-08 of the largest entry.\n"
    broken = NumpyRNN.grads
    monkeypatch.setattr(NumpyRNN, "grads", lambda *args: [1.01 * g for g in broken(*args)])
    result = run(*small)
    assert result.exit_code == 1
    assert result.output.startswith("16 of 16 differ by more than 1e-08 of the largest entry.\n")
    assert result.output.count("differs at") == 16


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "nowhere"], "Error: corpus must be one of sample, sample-pt, sample-both, ewt, .* got 'nowhere'"),
        (["train", "--rate", "-1"], "Error: rate must be a positive number, got -1.0"),
        (["train", "--model", "GRU"], "Error: model must be one of NumpyRNN"),
        (["train", "--resume", "nothing"], "Error: no run /.*/runs/nothing"),
        (["tag", "nothing.npz", "a"], "Error: no model file nothing.npz"),
        (["tag", "first", "a", "--file", "x"], "Error: give a sentence or --file, not both: got 'a' and x"),
        (["fetch", "nothing"], "Error: .*nothing.*ewt"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_status_1(run, tmp_path, args, message):
    result = run(*args)
    assert result.exit_code == 1
    assert re.search(message, result.output)
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("runs/*"))


def test_tokenized_text_is_cut_at_spaces_only(trained):
    assert "│ don't!" in trained("tag", "first", "--tokenized", "don't! stop").output
    assert "│ don't!" not in trained("tag", "first", "don't! stop").output


def test_a_file_that_is_no_text_is_named(trained, tmp_path):
    (tmp_path / "bin").write_bytes(b"\xff\xfe\x00")
    result = trained("tag", "first", "--file", "bin")
    assert result.exit_code == 1
    assert "Error: bin, line 1: not UTF-8" in result.output


def test_whether_a_file_can_be_read_is_found_out_by_reading_it(trained, tmp_path, monkeypatch):
    """Typer's own look at it, which root never fails, ends in a box instead of a sentence."""
    (tmp_path / "some").write_text("don't! stop\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert trained("tag", "first", "--file", "some").output.startswith("do/")


@pytest.mark.daily("trains in a process; test_console has the exception")
def test_a_reader_that_goes_away_is_no_error(run, tmp_path):
    command = f"{COMMAND} train --epochs 10 --name a {' '.join(SHORT)} | head -1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    assert run("train", "--resume", "a").exit_code == 0


def test_a_damaged_run_has_a_row_among_the_others(trained, tmp_path):
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "config.json").write_text(
        json.dumps({"format": "lxmls-rnn run", "version": 1, "settings": {"corpus": 5}, "checksums": {}})
    )
    output = trained("runs").output
    assert f"Warning: {tmp_path}/runs/bad/config.json is not the config of a run" in output
    assert re.search(r"│ *bad *│damaged", output)
    assert re.search(r"│ *first *│NumpyRNN", output)
    assert "settings.corpus: should be a valid string, got 5" in " ".join(output.split())


def test_a_run_that_diverged_is_one_sentence_and_marked(run, recwarn):
    result = run("train", *SHORT, "--activation", "relu", "--rate", "1e200", "--name", "wild")
    assert result.exit_code == 1
    assert re.search(r"Error: .*try a lower rate", result.output)
    assert "encountered" not in result.output  # NumPy's warning of an overflow
    assert [str(warning.message) for warning in recwarn if "encountered" in str(warning.message)] == []
    assert re.search(r"wild.*diverged", run("runs").output)


@pytest.mark.daily("starts the command twice; test_console has the exception")
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full")
def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path):
    for command in (["runs"], ["--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [COMMAND, *command], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, env=PLAIN
            )
        assert done.returncode == 1
        assert done.stderr == "Error: standard input or output: No space left on device\n"


ASCII = {**PLAIN, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
TITLE = "\x1b]0;X\a"  # gives a terminal's window another title


@pytest.mark.daily("starts the command")
def test_a_line_is_tagged_as_soon_as_it_is_there_and_what_the_encoding_lacks_is_escaped(trained):
    command = [COMMAND, "tag", "first", "--tokenized"]
    with subprocess.Popen(command, env=ASCII, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for typed, expected in (("São .", rb"S\\xe3o/\S+ \./\S+"), ("", b""), ("End .", rb"End/\S+ \./\S+")):
            process.stdin.write(f"{typed}\n".encode())
            process.stdin.flush()
            assert re.fullmatch(expected, process.stdout.readline().rstrip(b"\n"))
        process.stdin.close()
        assert process.wait() == 0


def test_a_name_cannot_make_a_terminal_obey(run, tmp_path):
    for name in (f"a{TITLE}", "b\nError: c", "d\u202ee"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.json").write_text("{")
    output = run("runs").output
    assert not re.search("[\x1b\a\u202e]", output)
    assert "a\\x1b]0;X\\x07/config.json is not the config" in output
    assert [line for line in output.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("arguments", [["tag", "first", f"a{TITLE}b"], ["tag", "first", "--tokenized"]])
def test_a_word_cannot_make_a_terminal_obey(trained, arguments):
    result = trained(*arguments, input=f"a{TITLE}b c\u202e\n")
    assert result.exit_code == 0
    assert not re.search("[\x1b\a\u202e]", result.output)
    assert "\\x1b" in result.output


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_what_has_no_end_is_not_tagged(trained, tmp_path, source):
    (tmp_path / "long").write_bytes(b"The end .\n" + b"a" * 2_000_000)
    if source == "file":
        result = trained("tag", "first", "--file", "long")
        assert "Error: /dev/zero is not a regular file" in trained("tag", "first", "--file", "/dev/zero").output
    else:
        result = trained("tag", "first", input=(tmp_path / "long").read_bytes())
    named = "long" if source == "file" else "standard input"
    assert result.exit_code == 1
    assert result.output.startswith("The/")
    assert f"Error: {named}, line 2: the line is longer than 1,048,576 bytes" in result.output


def test_runs_is_a_table_of_what_tells_the_runs_apart(trained, tmp_path):
    shutil.copy(paths.data() / "sample" / "train.conll", tmp_path / "mine.conll")
    other = ["--model", "NumpyLSTM", "--seed", "5", "--epochs", "1", "--name", "other"]
    assert trained("train", "mine.conll", *SHORT, *other).exit_code == 0
    Run.create("waits", Run.open("first").settings.changed(clip=1))
    (first,), (last,) = Run.open("first").metrics()[-1:], Run.open("other").metrics()
    assert table_of(trained("runs", env={"COLUMNS": "200"}).output) == [
        ["run", "model", "corpus", "activation", "seed", "clip", "epochs", "cost", "train", "dev"],
        [
            *("first", "NumpyRNN", "sample", "logistic", "1234", "no limit", "2/2", f"{first.cost:.2f}"),
            *(f"{first.train_accuracy:.2%}", f"{first.dev_accuracy:.2%}"),
        ],
        [
            *("other", "NumpyLSTM", "mine.conll", "tanh", "5", "no limit", "1/1", f"{last.cost:.2f}"),
            *(f"{last.train_accuracy:.2%}", "-"),
        ],
        ["waits", "NumpyRNN", "sample", "logistic", "1234", "1.0", "0/2", "-", "-", "-"],
    ]
    assert trained("runs", "--root", "none").output == "No runs in none: `lxmls-rnn train` makes one.\n"


def test_runs_shows_the_numbers_of_the_model_that_early_stopping_has_kept(trained):
    (*_, best), path = Run.open("first").metrics(), Path("runs/first/metrics.jsonl")
    worse = replace(best, epoch=3, cost=9.0, train_accuracy=0.25, dev_accuracy=0.25, is_best=False)
    path.write_text(path.read_text() + json.dumps(asdict(worse)) + "\n")
    _, row = table_of(trained("runs", env={"COLUMNS": "200"}).output)
    assert row[-4:] == ["3/2", f"{best.cost:.2f}", f"{best.train_accuracy:.2%}", f"{best.dev_accuracy:.2%}"]


def test_runs_names_the_sweeps_with_the_command_that_shows_them(run, tmp_path):
    small_sweep(tmp_path / "my runs", "n_hidd=2,4").begin()
    shows = "sweep small: `lxmls-rnn sweep show small --root 'my runs'`\n"
    assert run("runs", "--root", "my runs").output == shows
    (tmp_path / "my runs" / "bad").mkdir()
    (tmp_path / "my runs" / "bad" / "sweep.json").write_text("{")
    output = run("runs", "--root", "my runs").output
    assert output.startswith(shows)
    assert "Warning: my runs/bad/sweep.json is not the file of a sweep" in output


def test_tag_writes_conllu_that_the_reader_reads_back(trained, tmp_path):
    text = "The dog doesn\u2019t run.\n\n  She runs !\nOk\n"
    (tmp_path / "text").write_text(text)
    output = trained("tag", "first", "--format", "conllu", "--file", "text").output
    assert output == trained("tag", "first", "--format", "conllu", input=text).output
    assert re.findall("# (.*)", output) == [
        *("sent_id = 1", "text = The dog doesn't run."),
        *("sent_id = 3", "text = She runs !"),
        *("sent_id = 4", "text = Ok"),
    ]
    assert output.count("SpaceAfter=No") == 2
    assert output.endswith("\n\n")
    assert (
        trained("tag", "first", "The dog doesn't run.", "--format", "conllu").output == output.split("# sent_id = 3")[0]
    )
    write_atomically(tmp_path / "c.conllu", output)
    result = Tagger.load(Path("runs/first")).evaluate("c.conllu")
    assert (result.sentences, result.confusion.sum(), result.accuracy) == (3, 10, 1)
    result = trained("tag", "first", "--format", "conllu", "--tokenized", "don\u2019t!  stop")
    assert "# text = don\u2019t! stop\n1\tdon\u2019t!\t" in result.output
    assert "Error: there is no word to tag" in trained("tag", "first", " ", "--format", "conllu").output


@pytest.mark.parametrize("path", ["runs/first", "{}/runs/first"])
def test_a_run_is_found_by_its_path(trained, tmp_path, path):
    result = trained("train", "--resume", path.format(tmp_path), "--epochs", "3", "--root", "elsewhere")
    assert result.exit_code == 0
    assert result.output.endswith(f"The run is in {tmp_path}/runs/first.\n")
    assert trained("tag", "first", "The dog .").output == trained("tag", path.format(tmp_path), "The dog .").output


def test_a_folder_without_a_model_does_not_hide_the_run_of_its_name(trained, tmp_path):
    (tmp_path / "first").mkdir()
    assert trained("tag", "first", "The dog runs .").exit_code == 0


def test_tag_prints_the_words_tags_and_probabilities_of_the_tagger(trained, tmp_path):
    tagger = Tagger.load(Path("runs/first"))
    header, *rows = table_of(trained("tag", "first", "The dog zzz .").output)
    words = tagger.tag("The dog zzz .")
    assert header == ["word", "tag", "probability"]
    assert rows == [[w.word + " *" * (not w.known), w.tag, f"{w.probability:.4f}"] for w in words]
    assert [row[0] for row in rows] == ["The", "dog", "zzz *", "."]
    typed = trained("tag", "first", input="The dog zzz .\n").output
    assert typed == " ".join(f"{w.word}/{w.tag}/{w.probability:.2f}{'*' * (not w.known)}" for w in words) + "\n"
    (tmp_path / "text").write_text("The dog zzz .\n\nThe dog zzz .\n")
    assert trained("tag", "first", "--file", "text").output == f"{typed}\n{typed}"


@pytest.mark.parametrize("against", ["NumpyRNN", "TorchRNN"])
def test_check_compares_every_quantity_with_another_model(run, against):
    options = ["--model", "NumpyRNN", "--against", against, "--length", "3", "--dtype", "float32"]
    result = run("check", *options, "--tolerance", "1e-5", "--all")
    assert result.exit_code == 0, result.output
    header, *rows = table_of(result.output)
    assert header == ["model", "activation", "quantity", "against", "difference", "verdict"]
    assert [row[2] for row in rows[:9]] == ["h_t", "p_t", "e_y_t", "e_h_t", "e_a_t", "W_e", "W_x", "W_h", "W_y"]
    assert {row[3] for row in rows} == {against}
    assert "agree within 1e-05 of the largest entry." in result.output
    assert "fused multiply-add" in result.output
    if against == "TorchRNN":
        result = run("check", *options, "--tolerance", "0")
        assert result.exit_code == 1
        assert "NumpyRNN, relu: the first difference from TorchRNN is in " in result.output


def test_check_refuses_to_compare_models_of_two_families(run):
    result = run("check", "--model", "NumpyRNN", "--against", "NumpyLSTM")
    assert "Error: NumpyRNN and NumpyLSTM have different parameters: expected two RNNs or two LSTMs" in result.output


def test_check_prints_a_line_for_each_parameter(run):
    options = ["check", "--model", "NumpyRNN", "--length", "3", "--n-hidd", "2"]
    result = run(*options, "--seed", "4", "--all")
    header, *rows = table_of(result.output)
    assert header == ["model", "activation", "parameter", "against", "difference", "verdict"]
    rows_there = list(check_gradients(["NumpyRNN"], sizes=(20, 6, 2, 4), length=3, seed=4))
    assert rows == [[r.name, r.activation, r.parameter, r.against, f"{r.difference:.1e}", "agrees"] for r in rows_there]
    for option, name in (("--length", "length"), ("--n-hidd", "n_hidd")):
        assert f"{name} must be an integer of at least 1, got 0" in run("check", option, "0").output
