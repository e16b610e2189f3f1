//! The derive of `stook::CancelError`, for enums of errors.
//!
//! Reads the enum's tokens by itself: what it looks for is one variant, and that is not worth a parser
//! of all of Rust. Generic enums are refused; for those, two short `impl`s are written by hand.

#![forbid(unsafe_code)]

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// Derives `CancelError`, and `From<Cancelled>`, for an enum of errors.
///
/// The variant that holds the `Cancelled` is the one marked `#[cancelled]` or, with no mark, the only
/// one with a single field whose type ends in `Cancelled`. With `#[from]` on that field (`thiserror`)
/// the `From` is left to that.
///
/// Errors in other variants may be cancellations, too: an `io::Error` into which `?` has put one, a
/// `GroupError`. Those marked `#[cancelled(inside)]` are asked, by their own `CancelError`.
///
/// # Examples
/// ```
/// use stook::Cancelled;
/// use stook_derive::CancelError;
///
/// #[derive(Debug, CancelError)]
/// enum Failure {
///     Cancelled(Cancelled),
///     #[cancelled(inside)]
///     Disk(std::io::Error),
///     Answer(u16),
/// }
///
/// async fn write() -> std::io::Result<()> {
///     Ok(stook::checkpoint().await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut task = stook::spawn(async {
///     write().await.map_err(Failure::Disk)?;
///     stook::checkpoint().await?;
///     Err::<(), _>(Failure::Answer(404))
/// });
/// tokio::task::yield_now().await;
/// task.cancel();
/// assert!(task.join().await.unwrap().is_cancelled());
/// # }
/// ```
#[proc_macro_derive(CancelError, attributes(cancelled))]
pub fn cancel_error(input: TokenStream) -> TokenStream {
    match derive(input) {
        Ok(code) => code,
        Err((message, span)) => {
            let code = format!("::core::compile_error!({message:?});");
            let error: TokenStream = code.parse().unwrap_or_default();
            error
                .into_iter()
                .map(|mut token| {
                    token.set_span(span);
                    token
                })
                .collect()
        }
    }
}

type Refused = (&'static str, Span);

fn derive(input: TokenStream) -> Result<TokenStream, Refused> {
    let (name, body) = enum_of(input)?;
    let variants = variants_of(body.stream())?;
    let inside: Vec<_> = (variants
        .iter()
        .filter(|variant| variant.mark == Some(Mark::Inside)))
    .collect();
    let mut marked = variants
        .iter()
        .filter(|variant| variant.mark == Some(Mark::Holds));
    let mut fitting = variants
        .iter()
        .filter(|variant| variant.fits && variant.mark.is_none());
    let variant = match (marked.next(), marked.next(), fitting.next(), fitting.next()) {
        (Some(variant), None, ..) => variant,
        (Some(_), Some(second), ..) => {
            return Err((
                "only one variant may be marked #[cancelled]",
                second.name.span(),
            ));
        }
        (None, _, Some(variant), None) => variant,
        (None, _, Some(_), Some(second)) => {
            return Err((
                "several variants fit: mark one with #[cancelled]",
                second.name.span(),
            ));
        }
        (None, _, None, _) => {
            return Err((
                "no variant holds a Cancelled: mark it with #[cancelled]",
                name.span(),
            ));
        }
    };
    if let Some(other) = [variant]
        .iter()
        .chain(&inside)
        .find(|variant| !variant.is_tuple)
    {
        return Err((
            "a marked variant must have a single field, without a name",
            other.name.span(),
        ));
    }
    Ok(code(&name, variant, &inside).parse().unwrap_or_default())
}

fn code(name: &Ident, variant: &Variant, inside: &[&Variant]) -> String {
    let variant_name = &variant.name;
    let from = format!(
        "#[automatically_derived]
         impl ::core::convert::From<::stook::Cancelled> for {name} {{
             fn from(cancelled: ::stook::Cancelled) -> Self {{
                 {name}::{variant_name}(cancelled)
             }}
         }}"
    );
    let looks_inside: String = inside
        .iter()
        .map(|Variant { name: inside, .. }| {
            format!(
                "if let {name}::{inside}(error) = self {{
                     return ::stook::CancelError::as_cancelled(error);
                 }}"
            )
        })
        .collect();
    let look = format!(
        "#[automatically_derived]
         impl ::stook::CancelError for {name} {{
             fn as_cancelled(&self) -> ::core::option::Option<&::stook::Cancelled> {{
                 if let {name}::{variant_name}(cancelled) = self {{
                     return ::core::option::Option::Some(cancelled);
                 }}
                 {looks_inside}
                 ::core::option::Option::None
             }}
         }}"
    );
    if variant.has_from { look } else { from + &look }
}

/// The name and the braces of an enum.
fn enum_of(input: TokenStream) -> Result<(Ident, Group), Refused> {
    let mut tokens = input.into_iter();
    let keyword = tokens.find(|token| match token {
        TokenTree::Ident(word) => ["enum", "struct", "union"].contains(&word.to_string().as_str()),
        _ => false,
    });
    match keyword {
        Some(TokenTree::Ident(word)) if word.to_string() == "enum" => {}
        other => return Err(("only for enums", span_of(other.as_ref()))),
    }
    let Some(TokenTree::Ident(name)) = tokens.next() else {
        return Err(("the enum has no name", Span::call_site()));
    };
    match tokens.next() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => Ok((name, body)),
        _ => Err((
            "not for generic enums: write the two impls by hand",
            name.span(),
        )),
    }
}

fn span_of(token: Option<&TokenTree>) -> Span {
    token.map_or_else(Span::call_site, TokenTree::span)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// `#[cancelled]`: it holds the cancellation.
    Holds,
    /// `#[cancelled(inside)]`: its error may be one.
    Inside,
}

struct Variant {
    name: Ident,
    /// What stands before it.
    mark: Option<Mark>,
    /// It has fields without names.
    is_tuple: bool,
    /// It has one field without a name, whose type ends in `Cancelled`.
    fits: bool,
    /// `#[from]` stands before its field.
    has_from: bool,
}

fn variants_of(body: TokenStream) -> Result<Vec<Variant>, Refused> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut mark = None;
    let mut begins = true;
    for token in body {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => begins = true,
            TokenTree::Group(group) if begins && group.delimiter() == Delimiter::Bracket => {
                mark = mark.or(mark_of(group.stream())?);
            }
            TokenTree::Ident(name) if begins => {
                begins = false;
                variants.push(Variant {
                    name,
                    mark: mark.take(),
                    is_tuple: false,
                    fits: false,
                    has_from: false,
                });
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                if let Some(variant) = variants.last_mut() {
                    variant.look_at_fields(group.stream());
                }
            }
            _ => {}
        }
    }
    Ok(variants)
}

/// What an attribute says, if it is one of ours.
fn mark_of(attribute: TokenStream) -> Result<Option<Mark>, Refused> {
    if first_word(attribute.clone()).as_deref() != Some("cancelled") {
        return Ok(None);
    }
    let words: Vec<TokenTree> = attribute.into_iter().skip(1).collect();
    match &words[..] {
        [] => Ok(Some(Mark::Holds)),
        [TokenTree::Group(word)] if word.stream().to_string() == "inside" => Ok(Some(Mark::Inside)),
        [other, ..] => Err(("it is #[cancelled] or #[cancelled(inside)]", other.span())),
    }
}

impl Variant {
    fn look_at_fields(&mut self, fields: TokenStream) {
        let tokens = ungrouped(fields);
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let end = match tokens.last() {
            Some(token) if is_comma(token) => tokens.len() - 1,
            _ => tokens.len(),
        };
        let is_single = !tokens[..end].iter().any(is_comma);
        self.is_tuple = is_single && end > 0;
        self.fits = is_single
            && matches!(tokens[..end].last(), Some(TokenTree::Ident(word)) if word.to_string() == "Cancelled");
        self.has_from = tokens.iter().any(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                first_word(group.stream()).as_deref() == Some("from")
            }
            _ => false,
        });
    }
}

/// The tokens without the groups that nobody sees: those around a type that a macro was given.
fn ungrouped(tokens: TokenStream) -> Vec<TokenTree> {
    let ungroup = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream())
        }
        other => vec![other],
    };
    tokens.into_iter().flat_map(ungroup).collect()
}

fn first_word(tokens: TokenStream) -> Option<String> {
    match tokens.into_iter().next()? {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    }
}
