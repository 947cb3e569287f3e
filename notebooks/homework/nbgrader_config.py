"""Settings of nbgrader for this course; its own commands read them from here, too."""

from pathlib import Path

from vizkit.homework import TIMEOUT

c = get_config()  # noqa: F821

c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}

# A cell that does not end is interrupted, and the cells behind it are graded.
c.Execute.timeout = TIMEOUT
c.Execute.interrupt_on_timeout = True
# A widget's charts weigh five megabytes each.
c.Execute.store_widget_state = False

# A test that a student has deleted comes back.
c.OverwriteCells.add_missing_cells = True
