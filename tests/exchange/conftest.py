"""Every header that is read in a test of files is held against its schema too."""

import pytest

from convexnn.exchange import files

from ..schemas import check_document


@pytest.fixture(autouse=True)
def headers_follow_their_schema(monkeypatch):
    checked_header = files.checked_header

    def checked(header):
        found = checked_header(header)
        check_document(header, "network_header")
        return found

    monkeypatch.setattr(files, "checked_header", checked)
