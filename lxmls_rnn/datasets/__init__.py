"""Download of corpora and word embeddings."""

from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.datasets.download import DownloadError
from lxmls_rnn.datasets.fetching import fetch

__all__ = ["DATASETS", "DataFile", "DataSet", "DownloadError", "fetch"]
