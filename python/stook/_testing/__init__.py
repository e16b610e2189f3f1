"""``pytest -p stook``: tests that hang say why, and tests that leave something behind fail.

pytest imports the module that ``-p`` names, and then what that module has in ``pytest_plugins``:
``stook`` names ``stook._testing.plugin`` there. So nothing of this is imported, and pytest is not
needed, before somebody asks for it. There is no entry point: pytest would import that in each run
of an environment that has stook, and would have stook's modules rewritten for its assertions.
"""
