"""Words of every script: their order and alignment, by their positions."""

import subprocess
from itertools import pairwise

import pytest
from browser.conftest import BIN
from browser.page import button, fill, message, overflowing
from browser.test_corpus import choose
from playwright.sync_api import expect

ARABIC = "الطالب يقرأ كتابا ( 2024 ) في المدرسة ."
JAPANESE = "猫 が 図書館 で コンピューター を 使い まし た 。"
HINDI = "हिन्दी में विद्यार्थी किताबें पढ़ते हैं ।"
LONG = "Donaudampfschifffahrtsgesellschaftskapitän ist da"
LONG_ARABIC = "فأسقيناكموهاوفسيكفيكهمالله"
TAGS = ("NOUN", "VERB", "PRON")

# where words are drawn, in the order in which they are asked for: left, right, top, bottom
PLACES = """(part, words) => {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode(), end = 0;
    return words.map(word => {
        let start;
        while ((start = node.data.indexOf(word, end)) < 0) {
            if (!(node = walker.nextNode())) throw Error(`${word} is not drawn`);
            end = 0;
        }
        end = start + word.length;
        const range = document.createRange();
        range.setStart(node, start);
        range.setEnd(node, end);
        const box = range.getBoundingClientRect();
        return [box.left, box.right, box.top, box.bottom];
    });
}"""


@pytest.fixture(scope="module")
def corpus():
    """Sentences of four scripts, tags in column 4, and words that occur once."""
    sentences = [ARABIC, JAPANESE, HINDI, LONG] * 3 + ["كلب جميل"]
    lines = (
        [f"{n}\t{word}\t_\t{TAGS[n % 3]}\t_\t_\t_\t_\t_\t_\n" for n, word in enumerate(sentence.split(), 1)]
        for sentence in sentences
    )
    return "\n".join("".join(line) for line in lines) + "\n"


@pytest.fixture(scope="module")
def run(corpus, environ, workplace):
    file = workplace / "scripts.conllu"
    file.write_text(corpus, encoding="utf-8")
    options = ["--dev", file, "--model", "NumpyLSTM", "--epochs", "1", "--name", "scripts"]
    command = [BIN / "lxmls-rnn", "train", file, *options]
    subprocess.run(command, check=True, env=environ, cwd=workplace, capture_output=True)


def places(part, sentence):
    return part.evaluate(PLACES, sentence.split())


def is_read(part, sentence, way):
    """Whether a sentence is written in one line, from left to right (1) or from right to left (-1)."""
    boxes = places(part, sentence)
    pairs = list(pairwise(boxes))
    # tops: words without a tag stand a little lower; bottoms: of words written upwards
    one_line = all(min(abs(a[2] - b[2]), abs(a[3] - b[3])) < 30 for a, b in pairs)
    return one_line and all(a[1] <= b[0] + 1 if way > 0 else b[1] <= a[0] + 1 for a, b in pairs)


def test_sentences_of_a_corpus_follow_their_script(lab, corpus, picture):
    panel = lab.panel("CorpusPanel")
    choose(lab, panel, "scripts.conllu", corpus)
    expect(panel.get_by_label("Corpus", exact=True)).to_have_value("uploads/scripts.conllu")
    button(panel, "Read").click()
    expect(message(panel)).to_contain_text("Read.")
    lines = panel.locator(".lab-sentences div:has(> small)")
    expect(lines).to_have_count(8)
    for number, (sentence, way) in enumerate(((ARABIC, -1), (JAPANESE, 1), (HINDI, 1), (LONG, 1))):
        assert is_read(lines.nth(number), sentence, way), sentence
    right = lines.first.evaluate("line => line.getBoundingClientRect().right")
    assert right - places(lines.first, "1 " + ARABIC)[0][1] < 2  # its number is where it begins
    assert not overflowing(lab.page, panel)
    picture(panel, "scripts-corpus")


def test_a_tagged_sentence_follows_its_script_and_its_matrices_follow_time(lab, run, picture):
    panel = lab.panel("InspectionPanel")
    panel.get_by_label("Run", exact=True).select_option("scripts")
    tagged, matrix = panel.locator(".lab-tagged"), panel.locator(".lab-upright").first
    for sentence, way in ((ARABIC, -1), (JAPANESE, 1), (HINDI, 1)):
        fill(panel, "Sentence", sentence)
        expect(tagged.locator(".lab-word")).to_have_count(len(sentence.split()))
        expect(tagged).to_contain_text(sentence.split()[0])
        expect(matrix.locator("thead")).to_contain_text(sentence.split()[0])
        assert is_read(tagged, sentence, way), sentence
        assert is_read(matrix.locator("thead"), sentence, 1), sentence
        assert is_aligned(matrix)
        picture(panel, f"scripts-tags-{way}")
    expect(panel.get_by_label("Sentence", exact=True)).to_have_css("unicode-bidi", "plaintext")
    # or Japanese letters, which stand in vertical lines, are turned upside down
    expect(matrix.locator("thead span").first).to_have_css("text-orientation", "sideways")
    fill(panel, "Sentence", LONG)
    expect(tagged).to_contain_text("Donau")
    assert matrix.locator("thead").bounding_box()["height"] < 150
    panel.get_by_role("tab", name="Errors", exact=True).click()
    button(panel, "Measure").click()
    lines = panel.locator(".lab-errors div[dir]")
    expect(lines.filter(has_text="الطالب").first).to_be_visible()
    for sentence, way in ((ARABIC, -1), (HINDI, 1)):
        assert is_read(lines.filter(has_text=sentence.split()[0]).first, sentence, way), sentence
    picture(panel, "scripts-errors")


def is_aligned(matrix):
    """Whether the name of each column is above its cells and within their width."""
    return matrix.evaluate(
        """table => [...table.querySelectorAll("thead th span")].every((name, n) => {
            const cell = table.querySelectorAll("tbody tr:first-child td")[n].getBoundingClientRect();
            const box = name.getBoundingClientRect();
            return cell.left - 1 <= box.left && box.right <= cell.right + 1 && box.bottom <= cell.top + 1;
        })"""
    )


def test_steps_follow_time_and_wide_words_stay_apart(lab, picture):
    panel = lab.panel("StepThroughPanel")
    drawing, equation = panel.locator(".lab-drawing svg"), panel.locator(".lab-equation")
    wide = "コンピューター コンピューター図書館 コンピューター 使い た"
    fill(panel, "Words", wide)
    expect(drawing.first).to_contain_text("コンピュ")
    assert is_read(drawing.first, "コンピュ… コンピュ… コンピュ… 使い た", 1)
    fill(panel, "Words", f"{LONG_ARABIC} يقرأ كتابا")
    expect(drawing.first).to_contain_text(LONG_ARABIC[:9])
    assert is_read(drawing.first, f"{LONG_ARABIC[:9]}… يقرأ كتابا", 1)
    ((left, right, *_), (_, dots, *_)) = places(drawing.first, f"{LONG_ARABIC[:9]} …")
    assert dots <= (left + right) / 2  # they stand for the end of the word, at its left
    head = equation.locator(".lab-matrix th[scope=col]").first
    box, ((_, begin, *_),) = head.bounding_box(), places(head, LONG_ARABIC[:3])
    assert box["x"] < begin <= box["x"] + box["width"]  # what is cut is the end of the word
    picture(panel, "scripts-step-through")
