"""Ways in which a task may want child processes of its own."""

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def pool() -> object:
    with multiprocessing.Pool(1) as processes:
        return processes.map(abs, [-1])


def executor() -> object:
    with ProcessPoolExecutor(1) as processes:
        return list(processes.map(abs, [-1]))


def executor_spawn() -> object:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        return list(processes.map(abs, [-1]))


def program() -> object:
    return subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True).stdout


def threads() -> object:
    with ThreadPoolExecutor(1) as executor:
        return list(executor.map(abs, [-1]))


WAYS: dict[str, Callable[[], object]] = {
    each.__name__: each for each in (pool, executor, executor_spawn, program, threads)
}
