"""The records inside a page: JSON as it is, or compressed where it would be most of the page."""

import re
import zlib
from base64 import b64decode, b64encode
from gzip import compress, decompress

PLAIN, PACKED = "application/json", "application/gzip;base64"
"""Media types."""

MOST = 100_000
"""Characters of JSON that stand in a page as they are, for anybody to read."""

_RECORDS = re.compile(r'<script type="([^"]*)" id="records"[^>]*>(.*?)</script>', re.DOTALL)


def pack(json: str) -> tuple[str, str]:
    """The media type and the content of the element. `json` has nothing in it that would end an element."""
    if len(json) <= MOST:
        return PLAIN, json
    return PACKED, b64encode(compress(json.encode(), 9, mtime=0)).decode()


def unpack(page: str) -> str | None:
    """The JSON inside a page; None if there is none. Raises ValueError if it is damaged."""
    found = _RECORDS.search(page)
    if found is None or found[1] == PLAIN:
        return found and found[2]
    if found[1] != PACKED:
        raise ValueError(found[1])
    try:
        return decompress(b64decode(found[2], validate=True)).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error
