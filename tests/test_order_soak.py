"""The soak: memory that grows is found, memory that does not is left alone."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from conformance.order import engines, soak  # noqa: E402
from conformance.order.generate import generate  # noqa: E402
from conformance.order.render import program_text  # noqa: E402

MIB = 2**20


def memories(*residents, blocks=50_000, objects=100):
    return [soak.Memory(int(resident * MIB), blocks, objects) for resident in residents]


def test_memory_that_settles_after_a_while_is_flat():
    assert soak.growth(memories(20, 22, 24, 24, 24.2, 24, 24.1, 24, 24.3)) == {}


def test_a_round_that_needs_more_for_a_moment_is_no_growth():
    assert soak.growth(memories(20, 20, 20, 20, 20, 20, 20, 90, 20)) == {}


def test_memory_that_goes_on_growing_is_found():
    grown = soak.growth(memories(20, 23, 26, 29, 32, 35, 38, 41, 44))
    assert grown == {"resident": (29 * MIB, 38 * MIB)}


def test_blocks_and_objects_are_watched_too():
    steady = memories(*[20] * 6)
    more = memories(20, 20, 20, blocks=52_000, objects=400)
    assert set(soak.growth(steady + more)) == {"blocks", "objects"}


@pytest.fixture
def texts():
    """Return a few programs."""
    return [program_text(generate(seed, clock="virtual")) for seed in range(20)]


def soaked(name, texts, rounds):
    return soak.soak(engines.engine(name), texts, lambda done: done < rounds, lambda memory: None)


def test_a_loop_that_leaks_is_found(texts):
    grown = soak.growth(soaked("conformance.order.broken:Leaks", texts, 9))
    assert {"blocks", "objects"} <= set(grown)


@pytest.mark.needs_stook
def test_stook_keeps_nothing(texts):
    # stook remembers some code objects, by address: after ten rounds or so no more are added.
    assert soak.growth(soaked("stook", texts, 27)) == {}


def test_a_program_that_ends_the_process_is_told(texts):
    with pytest.raises(soak.Died, match="SIGSEGV"):
        soaked("conformance.order.broken:Dies", texts, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--programs", "0"], "'0' is no whole number of at least 1"),
        (["--minutes", "-1"], "'-1' is no number of minutes"),
        (["--minutes", "nan"], "'nan' is no number of minutes"),
    ],
)
def test_a_soak_of_nothing_is_refused(capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        soak.main(["--loop", "asyncio", *arguments])
    assert end.value.code == 2
    assert words in capsys.readouterr().err
