"""Requests are read strictly, and answers are one line of JSON, however long."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ldirectord_py.control.protocol import (
    Code,
    ControlRequest,
    Lazy,
    RequestError,
    answer_fields,
    decode_request,
    encode_pieces,
    encode_request,
    error_fields,
)
from ldirectord_py.control.rights import UNKNOWN_PEER, Peer


def test_a_request_is_read_as_it_was_written() -> None:
    line = encode_request(7, "show", {"names": ["web*"], "down": True, "virtual": None})
    assert line.endswith(b"\n")
    assert decode_request(line, Peer(1, 0)) == ControlRequest("show", {"names": ["web*"], "down": True}, 7, Peer(1, 0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"show", "a request is a JSON object on one line"),
        (b"\xff\n", "a request is a JSON object on one line"),
        (b"[" * 60_000, "a request is a JSON object on one line"),
        (b"[1]", "a request is a JSON object"),
        (b'{"id":[1],"request":"show"}', "id has to be a number or a string"),
        (b'{"id":true,"request":"show"}', "id has to be a number or a string"),
        (b'{"v":2,"request":"show"}', "this daemon speaks version 1"),
        (b'{"id":3}', "a request needs its name: request"),
        (b'{"request":7}', "a request needs its name: request"),
    ],
)
def test_what_is_no_request_is_refused(line: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        decode_request(line, UNKNOWN_PEER)
    assert refused.value.code == Code.BAD_REQUEST


def test_a_refusal_knows_the_number_of_its_request() -> None:
    with pytest.raises(RequestError) as refused:
        decode_request(b'{"v":9,"id":"a","request":"show"}', UNKNOWN_PEER)
    assert refused.value.details == {"id": "a"}


def test_arguments_have_the_type_that_is_asked_for() -> None:
    request = ControlRequest("x", {"text": "a", "flag": True, "number": 2.5, "texts": ["a", "b"], "none": None})
    assert (request.text("text"), request.flag("flag"), request.number("number")) == ("a", True, 2.5)
    assert (request.text("none", "b"), request.flag("none"), request.number("none", 1)) == ("b", False, 1)
    assert (request.texts("texts"), request.texts("none")) == (("a", "b"), ())


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda request: request.text("number"), "number has to be a string"),
        (lambda request: request.text("missing"), "missing has to be a string"),
        (lambda request: request.text("surrogate"), "surrogate has to be valid Unicode"),
        (lambda request: request.number("nan"), "nan has to be a number"),
        (lambda request: request.number("infinite"), "infinite has to be a number"),
        (lambda request: request.flag("number"), "number has to be true or false"),
        (lambda request: request.number("flag"), "flag has to be a number"),
        (lambda request: request.number("missing"), "missing has to be a number"),
        (lambda request: request.texts("number"), "number has to be a list of strings"),
        (lambda request: request.texts("numbers"), "numbers has to be a list of strings"),
    ],
)
def test_arguments_of_another_type_are_refused(read: object, message: str) -> None:
    assert callable(read)
    with pytest.raises(RequestError, match=message):
        read(
            decode_request(
                b'{"request":"x","number":1,"flag":true,"numbers":[1],"nan":NaN,"infinite":-1e999,"surrogate":"\\ud83d"}',
                UNKNOWN_PEER,
            )
        )


def test_lazy_lists_are_made_piece_by_piece_at_any_depth() -> None:
    made: list[int] = []

    def items() -> Iterator[object]:
        for number in range(3):
            made.append(number)
            yield {"number": number, "reals": Lazy(str(each) for each in range(number))}

    pieces = encode_pieces({"ok": True, "virtuals": Lazy(items()), "empty": Lazy(())})
    text = next(pieces)
    assert made == []
    text += "".join(pieces)
    reals: list[list[str]] = [[], ["0"], ["0", "1"]]
    virtuals = [{"number": number, "reals": each} for number, each in enumerate(reals)]
    assert json.loads(text) == {"ok": True, "virtuals": virtuals, "empty": []}


def test_bytes_that_are_not_utf_8_and_line_breaks_do_not_break_a_line() -> None:
    text = "".join(encode_pieces({"reason": "a\nb\udcff\x85\u2028"}))
    assert len(text.splitlines()) == 1
    assert json.loads(text.encode()) == {"reason": "a\nb\\xff\x85\u2028"}


def test_answers_and_errors_name_their_request() -> None:
    stamp = {"generation": 1}
    assert answer_fields(7, stamp, more=True) == {"v": 1, "id": 7, "ok": True, "more": True, "generation": 1}
    error = error_fields("a", RequestError(Code.REFUSED, "no", problems=["x"]), stamp)
    described = {"code": "refused", "message": "no", "problems": ["x"]}
    assert error == {"v": 1, "id": "a", "ok": False, "generation": 1, "error": described}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_a_number_is_finite(number: str) -> None:
    request = decode_request(b'{"request":"events","since":%s}' % number.encode(), UNKNOWN_PEER)
    with pytest.raises(RequestError, match="since has to be a number"):
        request.number("since")


def test_a_large_number_is_one() -> None:
    assert decode_request(b'{"request":"events","since":%s}' % (b"9" * 4000), UNKNOWN_PEER).number("since") > 1e300
