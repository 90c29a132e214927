"""Start a Dask scheduler and workers as SLURM jobs, for `lxmls-rnn sweep --scheduler`; Ctrl-C ends them.

pip install dask-jobqueue
python scripts/slurm-cluster.py WORKERS [SBATCH_OPTION ...]       options of sbatch, such as --partition=short

Dask's configuration names the certificates, which must be in a folder that the nodes share: docs/cluster.md.
"""

import signal
import sys

from dask_jobqueue.slurm import SLURMCluster
from distributed.security import Security


def main() -> None:
    """Start the cluster and wait."""
    workers, *options = sys.argv[1:]
    cluster = SLURMCluster(
        cores=1,  # one training each, with one thread
        memory="2GB",
        walltime="04:00:00",
        job_extra_directives=options,
        protocol="tls://",
        security=Security(require_encryption=True),
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
        worker_extra_args=["--dashboard-address", "127.0.0.1:0"],
    )
    print(cluster.job_script())
    cluster.scale(jobs=int(workers))
    print(f"The scheduler is at {cluster.scheduler_address}", flush=True)
    signal.sigwait([signal.SIGINT, signal.SIGTERM])
    cluster.close()


if __name__ == "__main__":
    main()
