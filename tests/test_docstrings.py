"""The examples in stook's docstrings print what stands below them."""

import doctest
import importlib

import pytest

pytestmark = pytest.mark.needs_stook

MODULES = [
    "stook._combining",
    "stook._ending",
    "stook._first",
    "stook._tokens",
    "stook._unretrieved",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
    assert results.attempted > 2
