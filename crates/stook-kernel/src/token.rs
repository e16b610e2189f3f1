//! Tokens: whether a source of cancellation has fired, who hears of it, and in which order.
//!
//! A source fires once and its tokens stay fired. What is to hear of it (a callback, a task) is
//! *registered* at the source, by a key that the source gives. A source may *follow* others: it fires
//! when the first of them does. A source that is closed fires no more.
//!
//! [`TokenSource`], which has given `n` keys:
//!
//! | event                       | live                  | fired          | closed          |
//! |-----------------------------|-----------------------|----------------|-----------------|
//! | `fire`                      | fired, `First`        | `Again`        | `Refused`       |
//! | `register`                  | n + 1, `Keep(key n)`  | `TellNow`      | `Never`         |
//! | `follow` one that is live   | `Join`                | `Pass`         | `Pass`          |
//! | `follow` one that has fired | fired, `FireNow`      | `Pass`         | `Pass`          |
//! | `follow` one that is closed | `Pass`                | `Pass`         | `Pass`          |
//! | `close`                     | closed, `true`        | `false`        | `false`         |
//!
//! Where an event changes nothing, the state is left out. `close` says whether what is registered,
//! and the places among those that it follows, are to be given up.
//!
//! [`Firing`], one firing, counts `s` sources that are marked, of which `l` were asked for followers
//! and `t` told; all of them are numbered in the order in which they were marked, the first one 0:
//!
//! | state              | `next`                       | `marked` |
//! |--------------------|------------------------------|----------|
//! | l < s              | l + 1, `MarkFollowers(l)`    | s + 1    |
//! | l = s, t < s       | t + 1, `Tell(t)`             | s + 1    |
//! | l = s, t = s       | `Over`                       | s + 1    |
//!
//! So nobody is told before every source that follows, however far away, has fired: whoever hears of
//! it finds all of them fired. Then what is registered is told source after source, at each source in
//! the order of its keys.
//!
//! [`AllFired`], of a source that fires with the last of those that it follows, not the first; `m` of
//! them have not fired:
//!
//! | event   | m > 1         | m = 1        | m = 0   |
//! |---------|---------------|--------------|---------|
//! | `fired` | m - 1, `false`| 0, `true`    | `false` |
//!
//! What is not here: the reason, which the face keeps with what `First` and `FireNow` answer; what is
//! registered; taking it out again, which is the face's alone: what is not there is not told.
//!
//! # Source
//! None in asyncio. `CancellationTokenSource` of .NET 8.0 has the same states and links; it tells in the
//! opposite order, and a linked source only when its place comes.

/// Whether a source has fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenPhase {
    /// It may fire.
    #[default]
    Live,
    /// It has fired.
    Fired,
    /// It will not fire any more.
    Closed,
}

/// The place of what is registered at a source: those with smaller keys are told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey(u64);

impl TokenKey {
    /// How many keys the source gave before this one.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A source of cancellation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSource {
    phase: TokenPhase,
    /// How many keys were given.
    keys: u64,
}

/// What a request to fire comes to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// It fires now: keep the reason and begin a [`Firing`].
    First,
    /// It has fired before, and the reason of that time stays.
    Again,
    /// It is closed.
    Refused,
}

/// What becomes of something that is to be told.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// Keep it by this key.
    Keep(TokenKey),
    /// Tell it at once: the source has fired.
    TellNow,
    /// Forget it: it will never be told.
    Never,
}

/// What following another source comes to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Keep this source among the followers of the other, and go on with the next to follow.
    Join,
    /// It has fired by this, with the reason of the other: follow no more, and leave those followed
    /// already. Nothing is registered yet, so there is nobody to tell.
    FireNow,
    /// The other will not fire, or this one will not: nothing is to be done.
    Pass,
}

impl TokenSource {
    /// A source that has not fired.
    pub const fn new() -> Self {
        Self {
            phase: TokenPhase::Live,
            keys: 0,
        }
    }

    /// Asks it to fire, on its own account or because one that it follows did.
    pub const fn fire(&mut self) -> Fired {
        match self.phase {
            TokenPhase::Live => {
                self.phase = TokenPhase::Fired;
                Fired::First
            }
            TokenPhase::Fired => Fired::Again,
            TokenPhase::Closed => Fired::Refused,
        }
    }

    /// Something is to be told when it fires.
    pub const fn register(&mut self) -> Registered {
        match self.phase {
            TokenPhase::Live => {
                let key = TokenKey(self.keys);
                self.keys = self.keys.saturating_add(1);
                Registered::Keep(key)
            }
            TokenPhase::Fired => Registered::TellNow,
            TokenPhase::Closed => Registered::Never,
        }
    }

    /// It is to follow another source, which is in this phase.
    ///
    /// Sources are followed when the follower is made, one after another; so the reason is that of
    /// the first one given that has fired.
    pub const fn follow(&mut self, other: TokenPhase) -> Followed {
        match (self.phase, other) {
            (TokenPhase::Live, TokenPhase::Live) => Followed::Join,
            (TokenPhase::Live, TokenPhase::Fired) => {
                self.phase = TokenPhase::Fired;
                Followed::FireNow
            }
            _ => Followed::Pass,
        }
    }

    /// It is not to fire any more; whether what it keeps is to be given up.
    #[must_use]
    pub const fn close(&mut self) -> bool {
        match self.phase {
            TokenPhase::Live => {
                self.phase = TokenPhase::Closed;
                true
            }
            TokenPhase::Fired | TokenPhase::Closed => false,
        }
    }

    /// Whether it has fired.
    pub const fn phase(&self) -> TokenPhase {
        self.phase
    }

    /// How many keys it has given.
    pub const fn keys(&self) -> u64 {
        self.keys
    }
}

/// How many of those that a source follows have not fired, where it is to fire with the last of them.
///
/// One that will not fire any more is missing for good. Of nothing there is no last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllFired {
    missing: usize,
}

impl AllFired {
    /// None of so many has fired.
    pub const fn new(followed: usize) -> Self {
        Self { missing: followed }
    }

    /// Counts one that has fired, before this source began to follow it or since; whether it was the
    /// last, so that this source is asked to [`fire`](TokenSource::fire).
    #[must_use]
    pub const fn fired(&mut self) -> bool {
        if self.missing == 0 {
            return false;
        }
        self.missing -= 1;
        self.missing == 0
    }

    /// How many have not fired.
    pub const fn missing(&self) -> usize {
        self.missing
    }
}

/// One firing: what the face does with the sources that it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    marked: usize,
    looked_at: usize,
    told: usize,
}

/// The next thing to do for a firing.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FiringStep {
    /// Ask every follower of the source of this number to fire, in the order in which they came; each
    /// that answers [`Fired::First`] is to be reported as [`marked`](Firing::marked).
    MarkFollowers(usize),
    /// Tell what is registered at the source of this number, in the order of the keys.
    Tell(usize),
    /// Nothing is left.
    Over,
}

impl Firing {
    /// The firing of one source, number 0, which is marked.
    pub const fn new() -> Self {
        Self {
            marked: 1,
            looked_at: 0,
            told: 0,
        }
    }

    /// Another source has fired by it; its number is the next one.
    pub const fn marked(&mut self) {
        self.marked = self.marked.saturating_add(1);
    }

    /// What is to be done next.
    pub const fn next(&mut self) -> FiringStep {
        if self.looked_at < self.marked {
            self.looked_at += 1;
            FiringStep::MarkFollowers(self.looked_at - 1)
        } else if self.told < self.marked {
            self.told += 1;
            FiringStep::Tell(self.told - 1)
        } else {
            FiringStep::Over
        }
    }

    /// How many sources are marked, were asked for followers, and were told.
    pub const fn progress(&self) -> (usize, usize, usize) {
        (self.marked, self.looked_at, self.told)
    }
}

impl Default for Firing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_past_the_largest_number_are_the_largest() {
        let mut source = TokenSource {
            keys: u64::MAX,
            ..TokenSource::new()
        };
        for _ in 0..2 {
            assert_eq!(source.register(), Registered::Keep(TokenKey(u64::MAX)));
        }
    }
}
