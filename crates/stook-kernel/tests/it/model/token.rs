//! `token.rs` against models that see the whole history, and the whole graph of sources.

use stook_kernel::{Fired, Firing, FiringStep, Followed, Registered, TokenPhase, TokenSource};

use super::histories;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Fire,
    Register,
    Follow(TokenPhase),
    Close,
}

const EVENTS: [Event; 6] = [
    Event::Fire,
    Event::Register,
    Event::Follow(TokenPhase::Live),
    Event::Follow(TokenPhase::Fired),
    Event::Follow(TokenPhase::Closed),
    Event::Close,
];

/// Whether this makes a live source fire; `None` where it stays live.
fn settles(event: &Event) -> Option<TokenPhase> {
    match event {
        Event::Fire | Event::Follow(TokenPhase::Fired) => Some(TokenPhase::Fired),
        Event::Close => Some(TokenPhase::Closed),
        _ => None,
    }
}

#[test]
fn a_source_is_what_the_first_event_that_settles_it_made_of_it() {
    histories(&EVENTS, 5, |history| {
        let mut source = TokenSource::new();
        let mut keys = Vec::new();
        for (index, event) in history.iter().enumerate() {
            let before = history[..index].iter().find_map(settles);
            match event {
                Event::Fire => {
                    let expected = match before {
                        None => Fired::First,
                        Some(TokenPhase::Closed) => Fired::Refused,
                        Some(_) => Fired::Again,
                    };
                    assert_eq!(source.fire(), expected);
                }
                Event::Register => match (source.register(), before) {
                    (Registered::Keep(key), None) => keys.push(key),
                    (Registered::Never, Some(TokenPhase::Closed))
                    | (Registered::TellNow, Some(TokenPhase::Fired)) => {}
                    (answer, _) => panic!("{answer:?} after {:?}", &history[..index]),
                },
                Event::Follow(other) => {
                    let expected = match (before, other) {
                        (None, TokenPhase::Live) => Followed::Join,
                        (None, TokenPhase::Fired) => Followed::FireNow,
                        _ => Followed::Pass,
                    };
                    assert_eq!(source.follow(*other), expected);
                }
                Event::Close => assert_eq!(source.close(), before.is_none()),
            }
        }
        let settled = history.iter().find_map(settles);
        assert_eq!(source.phase(), settled.unwrap_or_default());
        assert!(keys.is_sorted_by(|one, next| one < next));
    });
}

/// A graph of four sources: which follow which, `1 << (4 * follower + followed)`.
#[derive(Clone, Copy)]
struct Graph(u16);

const SOURCES: usize = 4;

impl Graph {
    fn follows(self, follower: usize, followed: usize) -> bool {
        self.0 >> (SOURCES * follower + followed) & 1 == 1
    }

    /// The sources at each distance from the first one.
    fn distances(self) -> [Option<usize>; SOURCES] {
        let mut distances = [None; SOURCES];
        distances[0] = Some(0);
        for _ in 0..SOURCES {
            for follower in 0..SOURCES {
                let nearest = (0..SOURCES)
                    .filter(|&followed| self.follows(follower, followed))
                    .filter_map(|followed| distances[followed])
                    .min();
                if let Some(nearest) = nearest
                    && distances[follower].is_none_or(|known| known > nearest + 1)
                {
                    distances[follower] = Some(nearest + 1);
                }
            }
        }
        distances
    }
}

#[test]
fn all_that_follow_are_fired_before_anyone_is_told_and_the_nearer_are_told_first() {
    // All graphs, those in circles included, which a face cannot make.
    for graph in (0..=u16::MAX).map(Graph) {
        let mut sources = [TokenSource::new(); SOURCES];
        assert_eq!(sources[0].fire(), Fired::First);
        let mut reached = vec![0];
        let mut told = Vec::new();
        let mut firing = Firing::new();
        loop {
            match firing.next() {
                FiringStep::MarkFollowers(number) => {
                    assert!(told.is_empty());
                    let followed = reached[number];
                    for (follower, source) in sources.iter_mut().enumerate() {
                        if graph.follows(follower, followed) && source.fire() == Fired::First {
                            reached.push(follower);
                            firing.marked();
                        }
                    }
                }
                FiringStep::Tell(number) => told.push(reached[number]),
                FiringStep::Over => break,
            }
        }
        let distances = graph.distances();
        for source in 0..SOURCES {
            let times = told.iter().filter(|&&one| one == source).count();
            assert_eq!(times, usize::from(distances[source].is_some()));
            assert_eq!(sources[source].phase() == TokenPhase::Fired, times == 1);
        }
        assert!(told.is_sorted_by_key(|&source| distances[source]));
    }
}
