"""Asks croniter for the next three times of many cron lines.

Reads lines of "base<TAB>zone<TAB>cron line" on standard input, base in seconds since 1970, and prints one line for each:
three times in seconds since 1970, or "! " and why croniter refused.
"""
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter


def answer(line):
    base, zone, expression = line.rstrip("\n").split("\t")
    start = datetime.fromtimestamp(int(base), ZoneInfo(zone))
    try:
        times = croniter(expression, start, second_at_beginning=True)
        return " ".join(str(int(times.get_next(float))) for _ in range(3))
    except Exception as error:  # Every refusal is an answer; the test decides which are right.
        return "! " + type(error).__name__ + " " + " ".join(str(error).split())


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line))
