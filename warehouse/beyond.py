"""What is not in the warehouse, and where to find it: text, tables that only steps read, other files."""

import re
from pathlib import Path

from gristmill.core.hints import on_lake
from gristmill.schemas.tables import TABLES
from gristmill.warehouse.build.tables import NOT_LOADED, WITH_TEXT_ASIDE

_COLUMN = re.compile(r'column (?:named )?"text"', re.IGNORECASE)
_TABLE = re.compile(r"Table with name (\S+) does not exist", re.IGNORECASE)
_FILE = re.compile(r"file system operations are disabled", re.IGNORECASE)


def hint(error: str, sql: str, root: Path) -> str:
    """A hint for DuckDB's ``error`` about ``sql`` when the query asks for something outside the warehouse of the lake
    at ``root``; otherwise empty."""
    quoted = str(root).replace("'", "''")
    data = f"{quoted}/data/tables"
    if _COLUMN.search(error):
        asked = [name for name in WITH_TEXT_ASIDE if re.search(rf"\b{name}\b", sql, re.IGNORECASE)] or ["curated"]
        names = " and ".join(WITH_TEXT_ASIDE)
        folder = f"current/{asked[0]}"  # the current runs only; lakes of an older gristmill have no such folder
        place = f"{quoted}/{folder}" if (root / folder).is_dir() else f"{data}/{asked[0]}"
        query = " ".join(("select text from", f"read_parquet('{place}/*/*.parquet')"))
        return (
            f"Text stays in the lake's Parquet files. In DuckDB: {query}. "
            f"The column `file` of {names} names the file of each row of the current run. "
            f"`{on_lake('gristmill why URL', root)}` shows one document with its text."
        )
    missing = _TABLE.search(error)
    if missing:
        stored = {TABLES[name].sql_name: name for name in NOT_LOADED}
        name = stored.get(missing[1].strip('"').lower())
        if name is not None:
            return f"Only steps read {name}, so it stays in Parquet: read_parquet('{data}/{name}/*/*.parquet')."
    if _FILE.search(error):
        return (
            "`gristmill query` reads only the warehouse. To read files, use DuckDB itself and attach the warehouse "
            f"there: ATTACH '{quoted}/warehouse/CURRENT' AS lake (READ_ONLY)."
        )
    return ""
