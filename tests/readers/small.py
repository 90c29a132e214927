"""Two sentences in CoNLL's columns, and sentences as text."""

DOGS_RUN = "1\tDogs\t_\tNNS\tNNS\n2\trun\t_\tVBP\tVBP\n3\t.\t_\t.\t.\n\n"
HE_SLEEPS = "1\tHe\t_\tPRP\tPRP\n2\tsleeps\t_\tVBZ\tVBZ\n\n"


def printed(sequences):
    return [str(sequence) for sequence in sequences]
