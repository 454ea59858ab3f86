"""Dask itself, or an error that says what to install."""

from ..exceptions import MissingLibraryError

try:
    import dask
    import dask.array
    import distributed
except ImportError as error:
    raise MissingLibraryError(
        f"convexnn.dask needs Dask with its arrays and its distributed scheduler ({error}); they come with an extra: "
        f"pip install 'convexnn[dask]'."
    ) from error

__all__ = ["dask", "distributed"]
