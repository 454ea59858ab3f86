"""Every header of a file that a test loads is held against its schema too."""

import pytest

from convexnn.exchange import files

from ..schemas import check_document


@pytest.fixture(autouse=True)
def headers_follow_their_schema(monkeypatch):
    rebuilt = files._rebuilt

    def checked(header, arrays):
        found = rebuilt(header, arrays)
        check_document(header, "network_header")
        return found

    monkeypatch.setattr(files, "_rebuilt", checked)
