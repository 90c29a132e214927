from collections import Counter


def my_unknown_words(train, dev, min_count=2):
    counts = Counter(word for sentence in train for word in sentence)

    def replaced(sentences):
        return [[word if counts[word] >= min_count else "<unk>" for word in sentence] for sentence in sentences]

    return replaced(train), replaced(dev)
