"""lingua's answers, in its own environment: JSON strings, one per line, on standard input; one JSON object as output.

``{"labels": [ISO 639-1 code or "und", ...], "load_seconds": ..., "seconds": ...}``; seconds of processor time, one
thread. All 75 languages, models loaded before the clock starts, high accuracy unless ``--low`` is given.
"""

import json
import sys
import time

from lingua import LanguageDetectorBuilder  # type: ignore[import-not-found]  # only in the peer's environment


def main() -> None:
    """Read texts, answer."""
    texts = [json.loads(line) for line in sys.stdin]
    start = time.process_time()
    builder = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if "--low" in sys.argv else builder).build()
    loaded = time.process_time()
    found = [detector.detect_language_of(text) for text in texts]
    ended = time.process_time()
    labels = ["und" if language is None else language.iso_code_639_1.name.lower() for language in found]
    print(json.dumps({"labels": labels, "load_seconds": loaded - start, "seconds": ended - loaded}))


if __name__ == "__main__":
    main()
