"""Future as a type: its attributes, subclasses, and instances that were never initialised."""

import asyncio

import pytest

READ_ONLY = ["_state", "_result", "_exception", "_callbacks", "_loop", "_source_traceback"]
WRITABLE = {
    "_asyncio_future_blocking": True,
    "_cancel_message": "message",
    "_log_traceback": False,
}


@pytest.fixture
def future(engine, loop):
    """Give a pending future."""
    return engine.Future(loop=loop)


@pytest.mark.parametrize("name", READ_ONLY)
def test_read_only_attributes_can_neither_be_set_nor_deleted(future, name):
    with pytest.raises(AttributeError):
        setattr(future, name, None)
    with pytest.raises(AttributeError):
        delattr(future, name)


@pytest.mark.parametrize("name", WRITABLE)
def test_writable_attributes_cannot_be_deleted(future, name):
    setattr(future, name, WRITABLE[name])
    with pytest.raises(AttributeError, match="cannot delete attribute"):
        delattr(future, name)
    assert getattr(future, name) == WRITABLE[name]


def test_report_mark_cannot_be_set(future):
    with pytest.raises(ValueError, match="^_log_traceback can only be set to False$"):
        future._log_traceback = True


@pytest.mark.parametrize("name", WRITABLE)
def test_error_in_the_truth_of_a_value_comes_out(future, name):
    class Undecided:
        def __bool__(self):
            raise LookupError("undecided")

    if name == "_cancel_message":
        thing = Undecided()
        future._cancel_message = thing
        assert future._cancel_message is thing
        future._cancel_message = None
        return
    with pytest.raises(LookupError, match="undecided"):
        setattr(future, name, Undecided())


class TestUninitialised:
    """``Future.__new__(Future)`` answers every call; nothing of it crashes."""

    @pytest.fixture
    def blank(self, engine):
        """Give a future whose ``__init__`` never ran."""
        return engine.Future.__new__(engine.Future, loop=None)

    def test_it_is_not_done(self, blank):
        assert blank.done() is False
        assert blank.cancelled() is False

    @pytest.mark.parametrize("name", ["result", "exception"])
    def test_it_has_no_outcome(self, blank, engine, name):
        with pytest.raises(engine.InvalidStateError, match="Future object is not initialized"):
            getattr(blank, name)()

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("cancel", ()),
            ("get_loop", ()),
            ("__repr__", ()),
            ("__iter__", ()),
            ("__await__", ()),
            ("set_result", (1,)),
            ("set_exception", (ValueError(),)),
            ("remove_done_callback", (print,)),
        ],
    )
    def test_it_refuses_to_work(self, blank, name, arguments):
        with pytest.raises(RuntimeError, match=r"^Future object is not initialized\.$"):
            getattr(blank, name)(*arguments)

    def test_it_takes_no_callback(self, blank):
        with pytest.raises(RuntimeError, match="^uninitialized Future object$"):
            blank.add_done_callback(print)

    @pytest.mark.parametrize("name", ["_state", "_result", "_exception", "_callbacks"])
    def test_it_has_no_state(self, blank, name):
        with pytest.raises(RuntimeError, match="Future object is not initialized"):
            getattr(blank, name)

    def test_it_makes_a_cancelled_error(self, blank, engine):
        assert isinstance(blank._make_cancelled_error(), engine.CancelledError)

    def test_it_can_be_initialised_later(self, blank, loop):
        blank.__init__(loop=loop)
        blank.set_result(1)
        assert blank.result() == 1

    def test_awaiting_it_is_an_error(self, blank, loop):
        async def main():
            await blank

        with pytest.raises(RuntimeError, match="not initialized"):
            loop.run_until_complete(main())

    def test_subclass_that_forgets_to_call_init(self, engine, loop):
        class Forgetful(engine.Future):
            def __init__(self):
                pass

        with pytest.raises(RuntimeError, match="not initialized"):
            Forgetful().set_result(1)


class TestSubclasses:
    """What a program's own kind of future may change, and what then follows it."""

    def test_extra_state_and_arguments(self, engine, loop):
        class Named(engine.Future):
            def __init__(self, name, *, loop):
                super().__init__(loop=loop)
                self.name = name

        future = Named("mine", loop=loop)
        assert future.name == "mine"
        assert repr(future).startswith("<Named pending")
        loop.call_soon(future.set_result, 5)
        assert loop.run_until_complete(future) == 5

    def test_class_of_a_subclass_is_itself(self, engine, loop):
        class Named(engine.Future):
            pass

        future = Named(loop=loop)
        assert future.__class__ is Named
        assert type(future) is Named
        assert isinstance(future, engine.Future)
        assert isinstance(future, asyncio.Future) or not issubclass(Named, asyncio.Future)

    @pytest.mark.parametrize("name", ["result", "exception", "done", "cancelled"])
    def test_overridden_question_is_asked_by_the_program_only(self, engine, loop, name):
        asked = []

        class Curious(engine.Future):
            pass

        def override(self):
            asked.append(name)
            return getattr(engine.Future, name)(self)

        setattr(Curious, name, override)
        future = Curious(loop=loop)
        loop.call_soon(engine.Future.set_result, future, "value")

        async def main():
            return await future

        assert loop.run_until_complete(main()) == "value"
        getattr(future, name)()
        assert asked

    def test_overridden_adding_is_what_a_task_calls(self, engine, loop):
        added = []

        class Watched(engine.Future):
            def add_done_callback(self, callback, *, context=None):
                added.append(context)
                super().add_done_callback(callback, context=context)

        future = Watched(loop=loop)

        async def main():
            return await future

        loop.call_soon(loop.call_soon, future.set_result, 1)
        assert loop.run_until_complete(main()) == 1
        assert len(added) == 1
        assert added[0] is not None

    def test_overridden_cancel_is_what_a_task_calls(self, engine, loop):
        class Stubborn(engine.Future):
            asked = 0

            def cancel(self, msg=None):
                self.asked += 1
                return False

        future = Stubborn(loop=loop)

        async def main():
            await future

        task = loop.create_task(main())
        loop.call_soon(task.cancel)
        loop.call_soon(loop.call_soon, future.set_result, "too late")
        with pytest.raises(engine.CancelledError):
            loop.run_until_complete(task)
        assert future.asked == 1
        assert future.result() == "too late"

    def test_overridden_await_decides_what_awaiting_gives(self, engine, loop):
        class Twice(engine.Future):
            def __await__(self):
                value = yield from super().__await__()
                return value * 2

        future = Twice(loop=loop)

        async def main():
            loop.call_soon(future.set_result, 21)
            return await future

        assert loop.run_until_complete(main()) == 42

    def test_own_finaliser_runs(self, engine, loop):
        gone = []

        class Leaving(engine.Future):
            def __del__(self):
                gone.append(self.done())

        Leaving(loop=loop)
        assert gone == [False]

    def test_two_bases(self, engine, loop):
        class Extra:
            def extra(self):
                return "extra"

        class Both(Extra, engine.Future):
            pass

        assert Both(loop=loop).extra() == "extra"
