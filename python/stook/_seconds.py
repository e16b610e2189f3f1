"""A number of seconds that somebody has given."""

import math


def seconds(name: str, given: float) -> float:
    """Return a number of seconds as a float.

    Args:
        name: What it is called where it was given.
        given: A number; ``math.inf`` is one.

    Raises:
        TypeError: It is none.
        ValueError: It is NaN, which asyncio takes for any time or none.
        OverflowError: It is larger than a float can be.
    """
    try:
        # What is no number is refused here, and a string of digits is none.
        number = float(given + 0.0)
    except TypeError:
        message = f"{name} has to be a number of seconds, not {type(given).__name__}"
        raise TypeError(message) from None
    except OverflowError:
        raise OverflowError(f"{name} is larger than a float can be") from None
    if math.isnan(number):
        raise ValueError(f"{name} has to be a number of seconds, not nan")
    return number


def more_than_zero(name: str, given: float) -> float:
    """Return a number of seconds as a float.

    Args:
        name: What it is called where it was given.
        given: A number more than zero; ``math.inf`` is one.

    Raises:
        TypeError: It is none.
        ValueError: It is zero or less, or NaN.
        OverflowError: It is larger than a float can be.
    """
    number = seconds(name, given)
    if number <= 0:
        raise ValueError(f"{name} has to be more than zero seconds, not {number:g}")
    return number
