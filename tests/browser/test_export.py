"""The exported page in Chromium, opened from the disk without a network."""

import random
import sys
import unicodedata

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.test_scripts import is_read, places
from playwright.sync_api import expect

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.models import model_class, numpy_class
from lxmls_rnn.export import html
from lxmls_rnn.plotting.palette import colour_of, shade
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.tagger import Tagger, tokenize

HOSTILE = "</script><script>window.broken=1</script>"
WORDS = ["the", "dog", "runs", "שלום", "U.S.", "<b>", HOSTILE, "\u2028", "<unk>"]
TAGS = ["noun", "verb", "<i>det</i>"]
OPTIONS = [
    *(("NumpyRNN", {"activation": name}) for name in OF_RNN),
    *(("NumpyLSTM", {"peepholes": peepholes}) for peepholes in (True, False)),
]
PIECES = """Don't can't've N'T 'S U.S. u.s I. Mr. etc. 3.5 10:30 1990s 3rd x2. ... -- - http://a.b/c?d www.x , ( '
    a.b+c@d-e.org well-known _a हिन्दी مَدْرَسَةٌ 猫です 𝒳 ſ İ.I. ı.a. ٣.٤ ² Ⅷ"""
SENTENCE = "the dog שלום sleeps runs U.S."
NO_WORD = "There is no word to tag: type a sentence."


def small(name="NumpyLSTM", **options):
    """A tagger with drawn parameters, of both signs."""
    tagger = Tagger(model_class(name)(len(WORDS), 5, 6, 3, seed=0, **options), WORDS, TAGS, len(WORDS) - 1)
    for W in tagger.model.param:
        W[...] = np.random.RandomState(1).normal(size=W.shape).astype("float32")  # which the page holds
    return tagger


@pytest.fixture
def open_page(chromium, tmp_path):
    """Open the page of a tagger in a window without a network; it may ask for nothing but itself."""
    windows, asked, errors = [], [], []

    def open_it(tagger, name="mine", source="nobody's", sentence=SENTENCE, **options):
        file = tmp_path / "page.html"
        file.write_text(html.page(tagger, name, source, sentence), encoding="utf-8")
        windows.append(chromium.new_context(viewport={"width": 1000, "height": 800}, **options))
        windows[-1].set_offline(True)
        page = windows[-1].new_page()
        page.on("request", lambda sent: asked.append(sent.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield open_it
    for window in windows:
        window.close()
    assert not errors
    assert set(asked) == {(tmp_path / "page.html").as_uri()}


def write(page, sentence):
    box = page.get_by_label("Sentence", exact=True)
    box.fill(sentence)
    box.press("Enter")


def cells(page, part):
    """Texts and colours of the cells of a heat map, row by row."""
    return page.locator(f"#{part} tbody tr").evaluate_all(
        """rows => rows.map(row => [...row.querySelectorAll("td")].map(
            cell => [cell.innerText, cell.style.backgroundColor]
        ))"""
    )


def in_css(colour):
    return f"rgb({', '.join(str(int(colour[n : n + 2], 16)) for n in (1, 3, 5))})"


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_the_test_part_is_tagged_as_by_the_tagger(open_page, trained, workplace, name, picture):
    tagger = Tagger.load(workplace / "runs" / name)
    page = open_page(tagger, name)
    sentences = [
        sentence.words for sentence in PostagCorpus().read_sequence_list_conll(corpus_files("sample", "test")[2])
    ]
    texts = [" ".join(words) for words in sentences]
    assert len(texts) == 200
    seen = page.evaluate(
        """texts => texts.map(text => tag(tokenize(text))).map(
            ({ words, best, p, known }) => [words, best, p.map((column, t) => column[best[t]]), known]
        )""",
        texts,
    )
    clear = []  # for each word, whether one tag is ahead by more than rounding
    for text, (words, best, probabilities, known) in zip(texts, seen, strict=True):
        expected = tagger.tag(text)
        assert words == [word.word for word in expected]
        second, first = np.sort(tagger.model.forward(tagger.encode(words)), axis=0)[-2:]
        clear += (ahead := list(first - second > 1e-6))
        pairs = zip(best, expected, ahead, strict=True)
        assert all(tagger.tags[k] == word.tag for k, word, is_ahead in pairs if is_ahead)
        assert known == [word.known for word in expected]
        assert np.allclose(probabilities, [word.probability for word in expected], rtol=0, atol=1e-5)
    assert np.mean(clear) > 0.999  # as the model has learned something
    write(page, "The old man watches her run to the zebra .")
    picture(page.locator("main"), f"export-{name}")


@pytest.mark.parametrize(
    ("name", "options", "dtype"),
    [*((*option, "float64") for option in OPTIONS), ("NumpyLSTM", {}, "float32")],
)
def test_every_model_computes_the_tagger_s_numbers(open_page, name, options, dtype):
    tagger = small(name, dtype=dtype, **options)
    page, x = open_page(tagger), tagger.encode(SENTENCE.split())
    seen = page.evaluate(
        """words => Object.fromEntries(Object.entries(tag(words)).filter(([name]) => name.length === 1).map(
            ([name, columns]) => [name, columns.map(column => [...column])]
        ))""",
        SENTENCE.split(),
    )
    out = tagger.model.forward(x, all_outputs=True)
    expected = {"p": out.p_y, "h": out.h[:, 1:]}
    if name == "NumpyLSTM":
        gates = tagger.model.cells(x)
        expected |= {"i": gates.i, "f": gates.f, "g": gates.g, "o": gates.o, "c": gates.c[:, 1:]}
    for quantity, values in expected.items():
        assert np.allclose(
            np.transpose(seen[quantity]), values, rtol=0, atol={"float64": 1e-12, "float32": 1e-5}[dtype]
        )


def test_words_tags_and_layer_are_drawn_as_in_the_panel(open_page):
    tagger = small()
    page = open_page(tagger)
    x, words = tagger.encode(SENTENCE.split()), tagger.tag(SENTENCE)
    items = page.get_by_role("listitem")
    assert [text.split("\n")[0] for text in items.all_inner_texts()] == SENTENCE.split()
    for t, word in enumerate(words):
        note = f"{word.tag} {round(100 * word.probability)}%" + ("" if word.known else ", unknown")
        expect(items.nth(t).locator("small")).to_have_text(note)
        expect(items.nth(t)).to_have_css("background-color", in_css(colour_of(word.tag)))
        expect(items.nth(t)).to_have_css("border-style", "solid" if word.known else "dashed")
    assert page.locator("#tagged bdi").all_inner_texts() == SENTENCE.split()
    out, gates = tagger.model.forward(x, all_outputs=True), tagger.model.cells(x)
    largest = float(np.abs(gates.c).max())
    for part, quantity, values, strongest in (
        ("probabilities", None, out.p_y, 1.0),
        ("hidden", "h, hidden state", out.h[:, 1:], 1.0),
        ("hidden", "c, cell", gates.c[:, 1:], largest),
        ("hidden", "f, forget gate", gates.f, 1.0),
    ):
        if quantity:
            page.get_by_label("Recurrent layer").select_option(quantity)
        expected = [[[f"{v:.2f}", in_css(shade(v, strongest))] for v in map(float, row)] for row in values]
        assert cells(page, part) == expected


@pytest.mark.parametrize(("sentence", "way"), [("שלום dog ( U.S. runs .", -1), (SENTENCE, 1)])
def test_a_sentence_follows_its_script(open_page, sentence, way):
    page = open_page(small())
    write(page, sentence)
    assert is_read(page.locator("#tagged"), sentence, way)
    ((left, *_), (_, right, *_)) = places(page.locator("#tagged bdi", has_text="U.S."), "U .")
    assert left < right  # each word follows its own script


def test_it_works_with_the_keyboard_alone_and_says_what_is_wrong(open_page):
    page = open_page(small(), sentence="")
    expect(page.get_by_role("status")).to_have_text(NO_WORD)
    expect(page.locator("#result")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Sentence")).to_be_focused()
    page.keyboard.type("the cat")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the button
    expect(page.get_by_role("listitem")).to_have_count(2)
    for part in ("#probabilities .scroll", "#quantity", "#hidden .scroll", "summary"):
        page.keyboard.press("Tab")
        expect(page.locator(part)).to_be_focused()
    write(page, "  ")
    expect(page.get_by_role("status")).to_have_text(NO_WORD)
    expect(page.locator("#result")).to_be_hidden()
    write(page, "dog " * 1000)
    expect(page.get_by_role("status")).to_have_text("The first 200 of 1000 words are shown.")
    expect(page.get_by_role("listitem")).to_have_count(200)


def test_without_unk_an_unknown_word_is_named(open_page):
    page = open_page(Tagger(numpy_class("RNN")(2, 5, 6, 3, seed=0), ["the", "dog"], TAGS, 2), sentence="the cat")
    expect(page.get_by_role("status")).to_contain_text(
        "The word “cat” is not in the vocabulary, and this model was trained"
    )


def test_a_hostile_name_is_shown_as_text_and_the_policy_forbids_scripts_and_network(open_page):
    page = open_page(small(), HOSTILE, f"{HOSTILE}\u2028<!--")
    write(page, f"the {HOSTILE} dog")
    expect(page.get_by_role("heading")).to_have_text(f"Tag sentences with {HOSTILE}")
    page.locator("summary").click()
    assert page.locator("#source").evaluate("part => part.textContent") == f"{HOSTILE}\u2028<!--"
    expect(page.locator("#tagged")).to_contain_text(HOSTILE[2:8])
    blocked = page.evaluate(
        """async () => {
            const blocked = [];
            addEventListener("securitypolicyviolation", event => blocked.push(event.effectiveDirective));
            const added = document.createElement("script");
            added.textContent = "window.broken = 1";
            document.body.append(added);
            document.body.append(Object.assign(new Image(), { src: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" }));
            await fetch("http://127.0.0.1:9/").catch(() => 0);
            await new Promise(done => setTimeout(done));
            return [blocked.sort(), window.broken];
        }"""
    )
    assert blocked == [["connect-src", "img-src", "script-src-elem"], None]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_either_theme(open_page, scheme):
    page = open_page(small(), color_scheme=scheme)
    write(page, SENTENCE)
    page.evaluate(
        """() => {
            const ramp = Array.from({ length: 201 }, (_, n) => (n - 100) / 100);
            $("source").after(heatMap(ramp.map(String), ["all"], [ramp], 1, 2, "all shades"));
            document.querySelector("details").open = true;
        }"""
    )
    found = Axe().run(page).response
    faults = [(rule, node) for rule in found["violations"] + found["incomplete"] for node in rule["nodes"]]
    assert not [f"{rule['id']}: {node['html'][:200]}" for rule, node in faults]


def test_sentences_are_split_into_words_as_in_python(open_page):
    page = open_page(small())
    pieces = PIECES.split()
    pieces += [
        "cafe\u0301",
        "می\u200cخواهم",
        "x\U0001d165",
        "\U0001e8d0a",
        "\u2019s",
        f"{'+' * 70}@b.org",
        "it\u2019s",
        "\u2764\ufe0f",
    ]
    pieces += [" ", "\u00a0", "\u2003", "\x1c", "\x85", "\ufeff", "\u2028"]
    draw = random.Random(0)
    texts = ["".join(draw.choice([piece, f"{piece} "]) for piece in draw.choices(pieces, k=6)) for _ in range(5000)]
    texts += pieces + places_of_characters()
    assert page.evaluate("texts => texts.map(tokenize)", texts) == [tokenize(text) for text in texts]


def places_of_characters():
    """A text for each assigned character (of the many letters without case, one in 16) where its kind decides."""
    given = [(chr(code), unicodedata.category(chr(code))) for code in range(sys.maxunicode + 1)]
    left_out = ("Cn", "Cs", "Co")
    return [
        f"a{c}b {c}1 3{c} n't{c}" for c, kind in given if kind not in left_out and (kind != "Lo" or ord(c) % 16 == 0)
    ]
