#!/bin/sh
# Start the proxy, which takes its routes from whoever knows the word in /srv/proxy/token: the hub.
set -eu
umask 077
token=/srv/proxy/token
if [ ! -s $token ]; then
    od -An -N32 -tx8 /dev/urandom | tr -d ' \n' >$token.new
    mv $token.new $token
fi
CONFIGPROXY_AUTH_TOKEN=$(cat $token)
export CONFIGPROXY_AUTH_TOKEN
# Under a domain each server has a host name of its own.
# On IPv6 the hub would take this machine's address, ::ffff:172.20.0.1, for another than the network's gateway.
exec configurable-http-proxy --ip 0.0.0.0 --port 8000 --api-ip 0.0.0.0 --api-port 8001 --log-level warn \
    --error-target http://hub:8081/hub/error ${CLASS_DOMAIN:+--host-routing}
