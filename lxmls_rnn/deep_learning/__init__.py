"""Models of the taggers, their parameters, training and evaluation."""
