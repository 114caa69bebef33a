"""Asks Python's zoneinfo for offsets and abbreviations.

Reads lines of "zone<TAB>second second ..." on standard input, seconds since 1970, and prints one line for each: "offset,abbreviation" for
every second.
"""
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

for line in sys.stdin:
    name, seconds = line.rstrip("\n").split("\t")
    zone = ZoneInfo(name)
    answers = []
    for second in seconds.split():
        local = (EPOCH + timedelta(seconds=int(second))).astimezone(zone)
        answers.append(f"{int(local.utcoffset().total_seconds())},{local.tzname()}")
    print(" ".join(answers))
