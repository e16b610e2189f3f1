//! The table of `task_group.rs`.
//!
//! Its states are all combinations of marks. A row here is literal in the marks that matter to its
//! event, and stands for every value of the others.

use stook_kernel::{
    AfterError, ChildDone, EnterRefused, Outcome, SpawnRefused, TaskGroup, TaskGroupMarks,
};

use super::{Row, walk};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Enter,
    Spawn,
    Added,
    Cancelled,
    ChildLeft {
        counted: bool,
    },
    ChildDone {
        child: Outcome,
        is_base_error: bool,
        parent_done: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Nothing,
    Entered(Result<(), EnterRefused>),
    Spawned(Result<(), SpawnRefused>),
    NoneLeft(bool),
    Done(ChildDone),
}

const NOT_ENTERED: Result<(), SpawnRefused> = Err(SpawnRefused::NotEntered);
const FINISHED: Result<(), SpawnRefused> = Err(SpawnRefused::Finished);
const SHUTTING_DOWN: Result<(), SpawnRefused> = Err(SpawnRefused::ShuttingDown);

/// Entered, exiting, aborting, children: the answer to `spawn`.
type Spawn = ((bool, bool, bool, usize), Result<(), SpawnRefused>);

#[rustfmt::skip]
const SPAWN: [Spawn; 24] = [
    ((false, false, false, 0), NOT_ENTERED),
    ((false, false, false, 1), NOT_ENTERED),
    ((false, false, false, 2), NOT_ENTERED),
    ((false, false, true,  0), NOT_ENTERED),
    ((false, false, true,  1), NOT_ENTERED),
    ((false, false, true,  2), NOT_ENTERED),
    ((false, true,  false, 0), NOT_ENTERED),
    ((false, true,  false, 1), NOT_ENTERED),
    ((false, true,  false, 2), NOT_ENTERED),
    ((false, true,  true,  0), NOT_ENTERED),
    ((false, true,  true,  1), NOT_ENTERED),
    ((false, true,  true,  2), NOT_ENTERED),

    ((true,  false, false, 0), Ok(())),
    ((true,  false, false, 1), Ok(())),
    ((true,  false, false, 2), Ok(())),
    ((true,  false, true,  0), SHUTTING_DOWN),
    ((true,  false, true,  1), SHUTTING_DOWN),
    ((true,  false, true,  2), SHUTTING_DOWN),
    ((true,  true,  false, 0), FINISHED),
    ((true,  true,  false, 1), Ok(())),
    ((true,  true,  false, 2), Ok(())),
    ((true,  true,  true,  0), FINISHED),
    ((true,  true,  true,  1), SHUTTING_DOWN),
    ((true,  true,  true,  2), SHUTTING_DOWN),
];

/// Whether the child was counted, children before: children after, whether none is left.
const CHILD_LEFT: [((bool, usize), (usize, bool)); 6] = [
    ((true, 0), (0, true)),
    ((true, 1), (0, true)),
    ((true, 2), (1, false)),
    ((false, 0), (0, true)),
    ((false, 1), (1, false)),
    ((false, 2), (2, false)),
];

/// Parent done, aborting, parent asked: the last two afterwards, and what comes after the error.
type ChildRaised = ((bool, bool, bool), (bool, bool), AfterError);

#[rustfmt::skip]
const CHILD_RAISED: [ChildRaised; 8] = [
    ((true,  false, false), (false, false), AfterError::ReportOrphan),
    ((true,  false, true),  (false, true),  AfterError::ReportOrphan),
    ((true,  true,  false), (true,  false), AfterError::ReportOrphan),
    ((true,  true,  true),  (true,  true),  AfterError::ReportOrphan),
    ((false, false, false), (true,  true),  AfterError::Abort),
    ((false, false, true),  (false, true),  AfterError::Nothing),
    ((false, true,  false), (true,  false), AfterError::Nothing),
    ((false, true,  true),  (true,  true),  AfterError::Nothing),
];

const BOTH: [bool; 2] = [false, true];

#[test]
fn a_group_takes_tasks_while_it_is_open_and_the_first_failure_aborts_it() {
    let states = states();
    let mut table: Vec<Row<TaskGroupMarks, Event, Answer>> = Vec::new();
    for &marks in &states {
        let entered = TaskGroupMarks {
            entered: true,
            ..marks
        };
        let answer = if marks.entered {
            Err(EnterRefused)
        } else {
            Ok(())
        };
        table.push((marks, Event::Enter, entered, Answer::Entered(answer)));

        let matters = (marks.entered, marks.exiting, marks.aborting, marks.tasks);
        for (_, answer) in SPAWN.iter().filter(|row| row.0 == matters) {
            table.push((marks, Event::Spawn, marks, Answer::Spawned(*answer)));
        }

        let more = TaskGroupMarks {
            tasks: marks.tasks + 1,
            ..marks
        };
        table.push((marks, Event::Added, more, Answer::Nothing));

        let aborting = TaskGroupMarks {
            aborting: true,
            ..marks
        };
        table.push((marks, Event::Cancelled, aborting, Answer::Nothing));

        for ((counted, before), (tasks, none_left)) in CHILD_LEFT {
            if before == marks.tasks {
                let next = TaskGroupMarks { tasks, ..marks };
                let event = Event::ChildLeft { counted };
                table.push((marks, event, next, Answer::NoneLeft(none_left)));
            }
        }

        for event in children_done() {
            let Event::ChildDone {
                child: Outcome::Raised,
                is_base_error,
                parent_done,
            } = event
            else {
                table.push((marks, event, marks, Answer::Done(ChildDone::Nothing)));
                continue;
            };
            let matters = (parent_done, marks.aborting, marks.parent_cancel_requested);
            for (_, (aborting, asked), then) in CHILD_RAISED.iter().filter(|row| row.0 == matters) {
                let next = TaskGroupMarks {
                    aborting: *aborting,
                    parent_cancel_requested: *asked,
                    ..marks
                };
                let answer = ChildDone::KeepError {
                    as_base_error: is_base_error,
                    then: *then,
                };
                table.push((marks, event, next, Answer::Done(answer)));
            }
        }
    }

    let mut events = vec![Event::Enter, Event::Spawn, Event::Added, Event::Cancelled];
    events.extend(BOTH.map(|counted| Event::ChildLeft { counted }));
    events.extend(children_done());
    walk(&states, &events, &table, |marks, event| {
        let mut group = TaskGroup::from_marks(marks);
        let answer = match event {
            Event::Enter => Answer::Entered(group.enter()),
            Event::Spawn => Answer::Spawned(group.spawn()),
            Event::Added => {
                group.added();
                Answer::Nothing
            }
            Event::Cancelled => {
                group.cancelled();
                Answer::Nothing
            }
            Event::ChildLeft { counted } => Answer::NoneLeft(group.child_left(counted)),
            Event::ChildDone {
                child,
                is_base_error,
                parent_done,
            } => Answer::Done(group.child_done(child, is_base_error, parent_done)),
        };
        (group.marks(), answer)
    });
}

#[test]
fn a_group_begins_without_marks() {
    assert_eq!(TaskGroup::new().marks(), TaskGroupMarks::default());
    assert_eq!(TaskGroup::new(), TaskGroup::default());
}

/// All marks, with none, one and two children.
pub(super) fn states() -> Vec<TaskGroupMarks> {
    let mut states = Vec::new();
    for bits in 0..16_u8 {
        for tasks in 0..3 {
            states.push(TaskGroupMarks {
                entered: bits & 1 != 0,
                exiting: bits & 2 != 0,
                aborting: bits & 4 != 0,
                parent_cancel_requested: bits & 8 != 0,
                tasks,
            });
        }
    }
    states
}

fn children_done() -> impl Iterator<Item = Event> {
    [Outcome::Returned, Outcome::Raised, Outcome::Cancelled]
        .into_iter()
        .flat_map(|child| {
            BOTH.into_iter().flat_map(move |is_base_error| {
                BOTH.map(|parent_done| Event::ChildDone {
                    child,
                    is_base_error,
                    parent_done,
                })
            })
        })
}
