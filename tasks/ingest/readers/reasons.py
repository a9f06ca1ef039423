"""Why a record gave no text, bytes are not a record, or a file was not read: the codes of ``set_aside.reason``.

One member a reason, its description for people beside it (dashboards and docs show both).
"""

from enum import StrEnum


class Reason(StrEnum):
    """A code and, as ``.about``, what it means."""

    about: str

    def __new__(cls, code: str, about: str) -> "Reason":
        member = str.__new__(cls, code)
        member._value_ = code
        member.about = about
        return member

    # records, at ingest
    EMPTY_BODY = "empty_body", "the body holds nothing, or nothing but white space"
    HTTP_ERROR = "http_error", "the server answered with a status that is neither success nor redirect"
    REDIRECT = "redirect", "the server answered with a redirect (status 300 to 399)"
    NOT_TEXT = "not_text", "the media type is not HTML or plain text, or the bytes are binary"
    TRUNCATED = "truncated", "the record ends before the length that it declares, or is one segment of several"
    TOO_LARGE = "too_large", "the body is larger than max_payload_bytes"
    REPEATED_RECORD_ID = (
        "repeated_record_id",
        "an earlier record of the same input has the same identity and the same content",
    )
    BROKEN_HEADER = "broken_header", "the record's own header is incomplete: no type or no usable length"
    BROKEN_HTTP_HEADER = "broken_http_header", "the record should hold an HTTP response and does not start like one"
    BAD_CHUNKED = "bad_chunked", "the chunked transfer coding breaks off or contradicts itself"
    BAD_CONTENT_ENCODING = "bad_content_encoding", "the content coding (gzip, deflate, br, zstd) cannot be undone"
    BAD_CHECKSUM = "bad_checksum", "the compressed member that holds the record fails its checksum"
    ROW_NOT_JSON = "row_not_json", "the line is not JSON in UTF-8"
    ROW_NOT_OBJECT = "row_not_object", "the line is JSON, but not an object with named fields"
    ROW_NOT_CSV = "row_not_csv", "the row has another number of fields than the header, an open quote, or is not UTF-8"
    MISSING_TEXT = "missing_text", "the row has no text in its text column"
    MISSING_ID = "missing_id", "the row has no value in the id column that the config names"
    TAKEDOWN = "takedown", "the page was taken down from this lake, and nothing of it is kept"
    # damage, at ingest
    NO_RECORD = "no_record", "bytes between records that belong to none"
    BAD_COMPRESSION = (
        "bad_compression",
        "the compressed stream is broken here; reading went on at the next sound place, if there is one",
    )
    EXPANDS = (
        "expands",
        "far more comes out of these compressed bytes than any text gives; they were not read to the end",
    )
    CUT_OFF = "cut_off", "the file ends in the middle of something"
    UNREADABLE = "unreadable", "the file, or a part of it, cannot be read as what it claims to be"
    EMPTY_FILE = "empty_file", "the file has no content"
    # files that are not read
    HIDDEN = "hidden", "the name of the file or folder begins with a dot"
    UNKNOWN_KIND = "unknown_kind", "neither the name nor the content of the file is of a kind that is read"
    JSON_DOCUMENT = "json_document", "the file is one JSON document and not JSON Lines, which has one object a line"
    LINK_OUTSIDE = "link_outside", "a link that leads out of the input folder, and --follow-links was not given"
    BROKEN_LINK = "broken_link", "a link that leads nowhere"
    NOT_A_FILE = "not_a_file", "a named pipe, a device or a socket"
    WRONG_COLUMNS = "wrong_columns", "the file lacks a column that it is read by, or its header names none or one twice"
    FORBIDDEN = "forbidden", "the file or folder may not be read"
    # records, at extract
    EMPTY_TEXT = "empty_text", "the page holds no main content"
    UNDECODABLE = "undecodable", "no encoding turns the bytes into text"
    EXTRACT_TIMEOUT = "extract_timeout", "extraction used up its processor time, and its worker was stopped"
    EXTRACT_CRASHED = "extract_crashed", "extraction crashed, or ran out of its memory, and its worker was replaced"
