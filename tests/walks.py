"""Moves watches between replicas at random, thousands of times, and prints the walks after which a copy was wrong."""

import argparse
import asyncio
from itertools import count
from time import monotonic

from tests.unit.api.watchwalk import WATCHED, Walk

ROUNDS = 30


async def run(first: int, minutes: float) -> bool:
    """Walks with rising seeds for so many minutes; gives whether every copy became equal to a list."""
    walks = moves = lists = wrong = 0
    end = monotonic() + 60 * minutes
    for seed in count(first):
        for walk in _walks(seed):
            try:
                client = await walk.run()
            except AssertionError as error:
                wrong += 1
                print(f"{walk}: {error}", flush=True)
                continue
            walks, moves, lists = walks + 1, moves + client.moves, lists + client.lists - 1
        if monotonic() > end:
            break
    print(f"{walks} walks with {moves} moves and {lists} lists after 410, {wrong} wrong; seeds {first} to {seed}")
    return not wrong


def _walks(seed: int) -> list[Walk]:
    alone = [Walk(watched, seed, rounds=ROUNDS) for watched in WATCHED]
    return alone + [Walk(watched, seed, replicas=3, rounds=ROUNDS, restarts=0.03) for watched in WATCHED]


def main() -> None:
    """Walks for as long as the arguments say; exits with 1 if a copy was wrong."""
    parser = argparse.ArgumentParser(prog="make walks", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="for how long (default 5)")
    parser.add_argument("--first", type=int, default=1000, help="the first seed (default 1000)")
    arguments = parser.parse_args()
    raise SystemExit(not asyncio.run(run(arguments.first, arguments.minutes)))


if __name__ == "__main__":
    main()
