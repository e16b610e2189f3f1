//! Steps that have to do with tokens.

use std::sync::Arc;

use stook::{CancellationToken, OrCancel};

use super::{Flow, Steps, word};
use crate::file::{Step, Value};

impl Steps {
    pub(super) fn token_of(&self, name: &str) -> CancellationToken {
        self.play.tokens.lock().unwrap()[name].clone()
    }

    pub(super) async fn token(&mut self, step: &'static Step) -> Flow {
        match step {
            Step::Token { token, of } => {
                let parents: Vec<_> = of.iter().map(|name| self.token_of(name)).collect();
                let made = CancellationToken::any_of(&parents);
                self.play.tokens.lock().unwrap().insert(token.clone(), made);
            }
            Step::Fire { fire, reason } => {
                let token = self.token_of(fire);
                let is_first = match reason {
                    None => token.cancel(),
                    Some(reason) => token.cancel_with(reason.clone()),
                };
                self.say(&format!("fire {fire}: {}", word(is_first)));
            }
            Step::FireAfter {
                fire_after,
                seconds,
            } => {
                let duration = self.play.clock.duration(*seconds);
                self.token_of(fire_after).cancel_after(duration);
            }
            Step::OnFire { on_fire, say } => {
                let (play, me) = (Arc::clone(&self.play), self.me);
                self.token_of(on_fire)
                    .on_cancel(move |_| play.say(me, say))
                    .keep();
            }
            Step::TokenState { token_state } => {
                let token = self.token_of(token_state);
                let state = if token.is_cancelled() {
                    "fired"
                } else {
                    "quiet"
                };
                self.say(&format!("{token_state}: {state}{}", because(&token)));
            }
            Step::TokenWait { token_wait } => {
                let token = self.token_of(token_wait);
                token.cancelled().or_cancel().await?;
                self.say(&format!("{token_wait} has fired{}", because(&token)));
            }
            Step::Scope { scope, r#do } => {
                let token = self.token_of(scope);
                let end = token.scope(self.run(r#do)).await?;
                if end.is_none() {
                    self.say("left by the token");
                }
                return Ok(end.flatten());
            }
            Step::WhenAll { when_all, token } => {
                let tasks = self.tasks(when_all);
                let token = self.token_of(token);
                let values = stook::when_all(tasks.iter().map(Arc::as_ref), &token).await?;
                self.say(&format!("gave {}", Value::List(values)));
            }
            Step::WhenAny { when_any, token } => {
                let tasks = self.tasks(when_any);
                let token = self.token_of(token);
                let (place, value) = stook::when_any(tasks.iter().map(Arc::as_ref), &token).await?;
                self.say(&format!("{} was first and gave {value}", when_any[place]));
            }
            _ => unreachable!("a step of another kind"),
        }
        Ok(None)
    }
}

fn because(token: &CancellationToken) -> String {
    token
        .reason()
        .map_or_else(String::new, |reason| format!(" because {reason}"))
}
