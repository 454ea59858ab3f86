"""The client of a Dask cluster that an argument or Dask itself names."""

from ..exceptions import InvalidInputError
from ._libraries import distributed

NO_CLIENT = (
    "client must be a distributed.Client, or there must be one already; got None, and there is none. Make one before "
    "the call: client = distributed.Client(), with the address of a scheduler for more than this machine."
)


def checked_client(client):
    """Return a client, the current one for None."""
    if client is None:
        try:
            client = distributed.get_client()
        except ValueError as error:
            raise InvalidInputError(NO_CLIENT) from error
    if not isinstance(client, distributed.Client):
        raise InvalidInputError(f"client must be a distributed.Client or None; got {type(client).__name__}.")
    if client.asynchronous:
        raise InvalidInputError("client must not be asynchronous: the call waits for the workers. Use a plain Client.")
    return client
