"""Has kube-apiserver away for minutes, on a clock that does not leap, and prints when kubesum followed it again."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.faults.scenes import outage
from tests.faults.stage import stage


async def run(outages: list[float]) -> None:
    """One outage after the other, of so many seconds; raises what is wrong in one."""
    with tempfile.TemporaryDirectory(prefix="kubesum-outages-") as home:
        async with stage(Path(home)) as entered:
            for seconds in outages:
                took_s = await outage(entered, seconds)
                answers = entered.history.answers
                print(f"{seconds:g} s away: followed after {took_s:.1f} s; {answers} right answers", flush=True)


def main() -> None:
    """Runs the outages that the arguments name."""
    parser = argparse.ArgumentParser(prog="make outages", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="*", default=[10, 60, 200], help="how long each outage is")
    asyncio.run(run(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
