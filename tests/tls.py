"""TLS contexts of the tests."""

import pathlib
import ssl

CERTIFICATES = pathlib.Path(__file__).parent / "certificates"


def server_context():
    """Return the context of a server called ``localhost``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    return context


def client_context():
    """Return the context of a client that trusts that server."""
    return ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
