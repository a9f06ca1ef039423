"""The extraction worker: reads documents from standard input, writes their text to standard output, until the input
ends. Run as ``python -I -m gristmill.tasks.extraction.worker CPU_SECONDS MEMORY_BYTES EXTRACTOR``; the extractor is
resiliparse, trafilatura or trafilatura-precise and says how the main content of HTML is found, or hidden, which gives
what a page hides (:mod:`gristmill.tasks.extraction.hidden`).

Pages are untrusted, and they can drive an HTML parser into quadratic time, deep recursion or any amount of memory. So
the kernel limits this process: its processor time per document (ITIMER_PROF, whose signal kills), its address
space and its stack. It opens no file, and what goes back is length-prefixed UTF-8, never an object.

Request:  kind (1 byte: h, p, r), length of charset (u16), length of payload (u32), charset, payload.
Response: status (1 byte: t text, u undecodable, e error), lengths of note (u16) and text (u32), note, text.
The note is the encoding, or what went wrong. Start-up: resiliparse and the standard library, about 40 ms; trafilatura
takes another 300 ms.
"""

import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

from resiliparse.extract.html2text import extract_plain_text

from gristmill.tasks.extraction.cleaning import clean
from gristmill.tasks.extraction.decoding import decode

REQUEST = struct.Struct("<cHI")
RESPONSE = struct.Struct("<cHI")
READY = b"gristmill-extract-1\n"
OUT_OF_MEMORY = 71  # exit code
STACK_BYTES = 64 << 20


def limit_process(memory_bytes: int) -> None:
    """Limit address space and stack, write no core files, and let the timer's signal kill."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_STACK, STACK_BYTES)
    _lower(resource.RLIMIT_AS, memory_bytes)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and with it the input


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


MainContent = Callable[[str], str]


def resiliparse_content(html: str) -> str:
    """The main content of a page by resiliparse, as DCLM calls it; pictures' texts are left out."""
    text: str = extract_plain_text(html, main_content=True, alt_texts=False)
    return text


def main_content(extractor: str) -> MainContent:
    """The function that finds the main content of a page. Trafilatura is imported only where it is asked for."""
    if extractor == "resiliparse":
        return resiliparse_content
    if extractor == "hidden":
        from gristmill.tasks.extraction.hidden import hidden_passages

        return hidden_passages
    from gristmill.tasks.extraction.trafilatura_content import precise_content, trafilatura_content

    return {"trafilatura": trafilatura_content, "trafilatura-precise": precise_content}[extractor]


def extract_one(kind: bytes, charset: str | None, payload: bytes, content: MainContent) -> tuple[bytes, str, str]:
    """Status, note and text of one document."""
    decoded = decode(payload, charset, is_html=kind == b"h")
    if decoded is None:
        return b"u", "no encoding gives text", ""
    text, encoding = decoded
    if kind == b"h":
        text = content(text)
    cleaned = clean(text)
    if cleaned is None:
        return b"u", f"control characters throughout when read as {encoding}", ""
    return b"t", encoding, cleaned


def serve(requests: BinaryIO, responses: BinaryIO, cpu_seconds: float, content: MainContent) -> None:
    """Answer requests until the input ends."""
    responses.write(READY)
    responses.flush()
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        kind, charset_size, payload_size = REQUEST.unpack(head)
        charset = requests.read(charset_size).decode("utf-8", "replace") or None
        payload = requests.read(payload_size)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        try:
            status, note, text = extract_one(kind, charset, payload, content)
            body = text.encode("utf-8", "replace")
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BaseException as error:  # a Rust panic is a BaseException; the parent counts it and continues
            status, note, body = b"e", f"{type(error).__name__}: {error}"[:200], b""
        signal.setitimer(signal.ITIMER_PROF, 0)
        encoded = note.encode("utf-8", "replace")
        responses.write(RESPONSE.pack(status, len(encoded), len(body)) + encoded + body)
        responses.flush()


def main() -> None:
    """Take the pipes for ourselves, so that nothing a library prints gets between the responses."""
    cpu_seconds, memory_bytes, extractor = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    responses = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    content = main_content(extractor)
    limit_process(memory_bytes)
    serve(sys.stdin.buffer, responses, cpu_seconds, content)


if __name__ == "__main__":
    main()
