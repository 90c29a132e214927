"""Try to run code in Dask's processes as another user of the machine, without the credentials of the sweep.

python intruder.py < JSON        must be started by root

The JSON has `addresses` ("127.0.0.1:PORT") and `credentials` of the intruder's own, the arguments of Dask's `Security`.
Prints a line for each address and protocol that ran code or answered a question: a JSON list [address, protocol, what].
"""

import asyncio
import json
import os
import sys
import urllib.request
from contextlib import suppress

import dask
from distributed import Client, rpc
from distributed.protocol.pickle import dumps
from distributed.security import Security

NOBODY = 65534
SECONDS = 2.0  # for each attempt
PAGES = ["", "health", "metrics", "info/main/workers.html", "json/identity.json", "status", "sitemap.json"]


async def ask(address, security, operation, options):
    """Ask one of Dask's processes for something; whether it did that."""
    async with rpc(address, connection_args=security.get_connection_args("client"), timeout=SECONDS) as server:
        return (await getattr(server, operation)(**options)).get("status") != "error"


async def be_a_client(address, security):
    """Run code as a client of a scheduler does."""
    async with Client(address, security=security, timeout=SECONDS, asynchronous=True) as client:
        await client.run_on_scheduler(os.getuid)
        return True


async def intrude(address, security):
    """What an address lets one do, whichever of Dask's processes listens there."""
    call = {"function": dumps(os.getuid), "args": dumps(()), "kwargs": dumps({})}
    attempts = {what: ask(address, security, what, call) for what in ("run", "run_function")}
    attempts |= {"identity": ask(address, security, "identity", {}), "client": be_a_client(address, security)}
    found = []
    for what, attempt in attempts.items():
        with suppress(Exception):
            if await asyncio.wait_for(attempt, SECONDS):
                found.append(what)
    return found


def read(address):
    """The pages that an address serves."""
    found = []
    for page in PAGES:
        with suppress(Exception), urllib.request.urlopen(f"http://{address}/{page}", timeout=SECONDS) as answer:
            if answer.read():
                found.append(page)
    return found


async def main():
    asked = json.load(sys.stdin)
    with_tls = Security(require_encryption=True, **asked["credentials"])
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.chdir("/")

    async def try_out(address):
        for protocol, security in (("tcp", Security()), ("tls", with_tls)):
            for what in await intrude(f"{protocol}://{address}", security):
                print(json.dumps([address, protocol, what]))
        for page in await asyncio.to_thread(read, address):
            print(json.dumps([address, "http", page]))

    await asyncio.gather(*map(try_out, asked["addresses"]))


if __name__ == "__main__":
    with dask.config.set({"distributed.comm.timeouts.connect": SECONDS, "temporary-directory": "/tmp"}):
        asyncio.run(main())
