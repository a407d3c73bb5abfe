from __future__ import annotations

import pytest

from ldirectord_py.checks.protocols import postgres_messages
from ldirectord_py.errors import CheckFailed


def test_the_first_message_names_user_and_database() -> None:
    settings = b"client_encoding\0UTF8\0application_name\0ldirectord\0\0"
    assert postgres_messages.startup("joe", "shop") == b"\0\0\0\x51\0\x03\0\0user\0joe\0database\0shop\0" + settings
    assert b"database" not in postgres_messages.startup("joe", "")


def test_a_query_is_one_message() -> None:
    assert postgres_messages.query("SELECT 1") == b"Q\0\0\0\x0dSELECT 1\0"


def test_a_nul_cannot_end_a_string_early() -> None:
    assert postgres_messages.text("a\0b") == b"ab\0"


def test_a_header_has_kind_and_size() -> None:
    assert postgres_messages.header(b"E\0\0\0\x0a") == (b"E", 6)
    assert postgres_messages.header(b"1\0\0\0\x04") == (b"1", 0)
    for data in (b"E\0\0\0\x03", b"\0\0\0\0\x08", b"\xff\0\0\0\x08"):
        with pytest.raises(CheckFailed, match="expected a PostgreSQL message, got "):
            postgres_messages.header(data)


def test_a_failure_has_code_and_words_on_one_line() -> None:
    body = b"SFATAL\0C28P01\0Mno entry\nfor joe\x07\0Fauth.c\0\0"
    assert postgres_messages.failure(body) == ("28P01", "no entry\\nfor joe\\x07")
    assert postgres_messages.failure(b"") == ("", "an error without words")
    assert len(postgres_messages.failure(b"M" + b"x" * 5000)[1]) < 1010


def test_a_tag_counts_rows() -> None:
    tags = {
        b"UPDATE 3\0": 3,
        b"UPDATE 3": 3,
        b"INSERT 0 2\0": 2,
        b"SELECT 0\0": 0,
        b"BEGIN\0": 0,
        b"": 0,
        b"UPDATE x\0": 0,
    }
    assert tags == {tag: postgres_messages.row_count(tag) for tag in tags}
    assert postgres_messages.row_count(b"UPDATE " + b"9" * 200) == 0


def test_md5_mixes_name_password_and_salt() -> None:
    assert postgres_messages.md5("joe", "hunter2", b"\x01\x02\x03\x04") == b"md5ca2b386d4c21336615ba806b65aa3edf\0"
