#!/bin/sh
# Start the scheduler or a worker of a cluster for sweeps: cluster.sh scheduler | cluster.sh worker.
# The scheduler, the workers and the lab, their client, share one certificate, which the first of them creates.
set -eu

cert=/opt/lab/tls/cert.pem key=/opt/lab/tls/key.pem
[ -e $cert ] || (
    umask 077
    flock 9
    [ -e $cert ] && exit
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=lxmls-cluster \
        -keyout $key -out $cert.new 2>/dev/null
    mv $cert.new $cert
) 9>/opt/lab/tls/.lock

# Only ports with TLS are reachable from outside the container. The health check asks port 8787.
case $1 in
scheduler)
    exec dask scheduler --protocol tls --port 8786 --dashboard-address 127.0.0.1:8787
    ;;
worker)
    # A worker that starts without the network would not find its own address.
    until getent hosts scheduler >/dev/null; do sleep 1; done
    exec dask worker tls://scheduler:8786 --name "$(hostname)" --nthreads 1 --memory-limit 0 --local-directory /tmp \
        --dashboard-address 127.0.0.1:8787
    ;;
esac
