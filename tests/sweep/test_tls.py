"""A connection over TLS that breaks does not break the next one of its thread."""

import socket
import ssl
from contextlib import closing, suppress

import pytest
from sweep.clusters import certificate

from lxmls_rnn.sweep import tls


@pytest.fixture
def connect(tmp_path):
    """Makes both ends of a connection that do not wait; the server's has its part of the handshake still to do."""
    certificate(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    client = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    client.check_hostname = False

    def ends():
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        there = server.wrap_socket(near, server_side=True, do_handshake_on_connect=False)
        here = client.wrap_socket(far, do_handshake_on_connect=False)
        for end in (here, there, here):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
        return there, here

    return ends


@pytest.mark.parametrize("act", [lambda end: end.recv(1), lambda end: end.send(b"x")], ids=["read", "send"])
def test_an_error_stays_with_its_connection(connect, act):
    (broken, gone), (well, far) = connect(), connect()
    assert isinstance(broken, tls.Socket)
    with closing(broken), closing(well), closing(far):
        well.do_handshake()
        gone.send(b"x")
        gone.close()
        broken.do_handshake()
        assert broken.recv(1) == b"x"
        with suppress(OSError):
            act(broken)
        with pytest.raises(ssl.SSLWantReadError):
            well.recv(1)
        far.send(b"y")
        assert well.recv(1) == b"y"
