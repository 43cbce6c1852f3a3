"""The forms that an input with many texts may have. To read the table imports nothing."""

ENDINGS = {
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""The form that a file with this ending has, perhaps after `.gz`."""

FORMS = tuple(dict.fromkeys(ENDINGS.values()))
