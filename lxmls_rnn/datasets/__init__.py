"""Corpora and embeddings that can be fetched."""

from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet, describe
from lxmls_rnn.datasets.download import DownloadError
from lxmls_rnn.datasets.fetching import fetch

__all__ = ["DATASETS", "DataFile", "DataSet", "DownloadError", "describe", "fetch"]
