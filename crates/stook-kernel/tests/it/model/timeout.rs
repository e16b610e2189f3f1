//! `Timeout` against the history of one timeout and its task.

use stook_kernel::{
    BodyEnd, ConvertRule, EnterRefused, EnterRule, OutOfPhase, RescheduleRefused, Timeout,
    TimeoutEnd, TimeoutExit, TimeoutPhase,
};

use super::histories;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Entered,
    Rescheduled,
    /// The time has come; the task is asked to cancel.
    Expired,
    /// Somebody else asks the task to cancel.
    Asked,
    /// The block is left.
    Left(BodyEnd),
}

const EVENTS: [Event; 8] = [
    Event::Entered,
    Event::Rescheduled,
    Event::Expired,
    Event::Asked,
    Event::Left(BodyEnd::Returned),
    Event::Left(BodyEnd::Raised),
    Event::Left(BodyEnd::Cancelled),
    Event::Left(BodyEnd::CancelledSubclass),
];

#[test]
fn a_timeout_ends_as_its_history_says() {
    for enter in [EnterRule::Unchecked, EnterRule::Once] {
        for convert in [
            ConvertRule::NoneLeft,
            ConvertRule::NoneNew,
            ConvertRule::NoneNewOrDerived,
        ] {
            let mut converted = 0;
            histories(&EVENTS, 5, |history| {
                let mut timeout = Timeout::new();
                for (index, &event) in history.iter().enumerate() {
                    let so_far = &history[..=index];
                    converted += usize::from(perform(&mut timeout, so_far, enter, convert));
                    let phase = phase(so_far, enter);
                    assert_eq!(timeout.phase(), phase, "{so_far:?}, {enter:?}, {event:?}");
                    let expired = [TimeoutPhase::Expiring, TimeoutPhase::Expired];
                    assert_eq!(timeout.is_expired(), expired.contains(&phase));
                }
            });
            assert!(converted > 100, "{converted}");
        }
    }
}

/// Sends the last event as a face does, and checks the answers; whether there was a timeout error.
fn perform(timeout: &mut Timeout, history: &[Event], enter: EnterRule, rule: ConvertRule) -> bool {
    let (&event, before) = history.split_last().expect("there is an event");
    let earlier = phase(before, enter);
    match event {
        Event::Entered => {
            let again = enter == EnterRule::Once && before.contains(&Event::Entered);
            let expected = if again { Err(EnterRefused) } else { Ok(()) };
            assert_eq!(timeout.enter(enter), expected, "{history:?}");
        }
        Event::Rescheduled => {
            let expected = match earlier {
                TimeoutPhase::Active => Ok(()),
                TimeoutPhase::Created => Err(RescheduleRefused::NotEntered),
                over => Err(RescheduleRefused::CannotChange(over)),
            };
            assert_eq!(timeout.reschedule(), expected, "{history:?}");
        }
        Event::Expired => {
            let active = earlier == TimeoutPhase::Active;
            assert_eq!(timeout.expire().is_ok(), active, "{history:?}");
        }
        Event::Asked => {}
        Event::Left(body) => match (timeout.exit(), earlier) {
            (Ok(TimeoutExit::Nothing), TimeoutPhase::Active) => {}
            (Ok(TimeoutExit::Uncancel), TimeoutPhase::Expiring) => {
                let at = entered(history, enter).expect("it is expiring");
                let told = timeout.uncancelled(
                    requests(history, enter),
                    requests(&history[..at], enter),
                    body,
                    rule,
                );
                assert_eq!(
                    told,
                    end(history, body, enter, rule),
                    "{history:?}, {rule:?}"
                );
                return told == TimeoutEnd::RaiseTimeout;
            }
            (Err(OutOfPhase), earlier) => {
                let inside = [TimeoutPhase::Active, TimeoutPhase::Expiring];
                assert!(!inside.contains(&earlier), "{history:?}");
            }
            (told, earlier) => panic!("{told:?} in {earlier:?}, {history:?}"),
        },
    }
    false
}

/// Which entry counts.
fn entered(history: &[Event], rule: EnterRule) -> Option<usize> {
    let enters = |event: &Event| *event == Event::Entered;
    match rule {
        EnterRule::Unchecked => history.iter().rposition(enters),
        EnterRule::Once => history.iter().position(enters),
    }
}

/// How far the timeout is after all this.
fn phase(history: &[Event], rule: EnterRule) -> TimeoutPhase {
    let Some(at) = entered(history, rule) else {
        return TimeoutPhase::Created;
    };
    let since = &history[at..];
    let left = since
        .iter()
        .position(|event| matches!(event, Event::Left(_)));
    let inside = &since[..left.unwrap_or(since.len())];
    match (inside.contains(&Event::Expired), left) {
        (false, None) => TimeoutPhase::Active,
        (true, None) => TimeoutPhase::Expiring,
        (true, Some(_)) => TimeoutPhase::Expired,
        (false, Some(_)) => TimeoutPhase::Finished,
    }
}

/// How many requests of the task stand after all this.
fn requests(history: &[Event], rule: EnterRule) -> u32 {
    let count = |counts: &dyn Fn(&[Event], Event) -> bool| {
        let counted = (0..history.len()).filter(|&index| counts(&history[..index], history[index]));
        u32::try_from(counted.count()).expect("a history is short")
    };
    let made = count(&|before, event| match event {
        Event::Asked => true,
        Event::Expired => phase(before, rule) == TimeoutPhase::Active,
        _ => false,
    });
    let taken_back = count(&|before, event| {
        matches!(event, Event::Left(_)) && phase(before, rule) == TimeoutPhase::Expiring
    });
    made - taken_back
}

/// What leaving an expiring timeout comes to.
fn end(history: &[Event], body: BodyEnd, enter: EnterRule, rule: ConvertRule) -> TimeoutEnd {
    let at = entered(history, enter).expect("it was expiring");
    let others = history[at..].contains(&Event::Asked);
    match rule {
        ConvertRule::NoneLeft if requests(history, enter) > 0 => TimeoutEnd::Nothing,
        ConvertRule::NoneNew | ConvertRule::NoneNewOrDerived if others => TimeoutEnd::Nothing,
        ConvertRule::NoneNewOrDerived => match body {
            BodyEnd::Returned => TimeoutEnd::Nothing,
            BodyEnd::Raised => TimeoutEnd::MarkContexts,
            BodyEnd::Cancelled | BodyEnd::CancelledSubclass => TimeoutEnd::RaiseTimeout,
        },
        _ if body == BodyEnd::Cancelled => TimeoutEnd::RaiseTimeout,
        _ => TimeoutEnd::Nothing,
    }
}
