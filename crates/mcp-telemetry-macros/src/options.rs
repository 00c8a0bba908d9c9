//! What stands in the parentheses of an attribute.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token, parenthesized, token};

/// `"name"` or `name = "name"`; `skip(a, b)` or `skip_all`; `ret`. All are optional.
#[derive(Default)]
pub(crate) struct Options {
    /// The name that the span carries. `None`: the function's.
    pub(crate) name: Option<LitStr>,
    /// Arguments that are not recorded.
    pub(crate) skip: Vec<Ident>,
    /// No argument is recorded.
    pub(crate) skip_all: bool,
    /// What is returned is recorded. Where the option stands.
    pub(crate) ret: Option<Ident>,
}

/// What can be written; for messages.
macro_rules! expected {
    () => {
        "a name in quotes, `name = \"...\"`, `skip(...)`, `skip_all` or `ret`"
    };
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            if input.peek(LitStr) {
                let name = input.parse()?;
                options.set_name(name)?;
            } else {
                let option = input.call(Ident::parse_any).map_err(|error| {
                    syn::Error::new(error.span(), concat!("expected ", expected!()))
                })?;
                options.parse_option(input, &option, &seen)?;
                seen.push(option);
            }
            if input.is_empty() {
                break;
            }
            input.parse::<Token![,]>()?;
        }
        Ok(options)
    }
}

impl Options {
    fn parse_option(
        &mut self,
        input: ParseStream<'_>,
        option: &Ident,
        seen: &[Ident],
    ) -> syn::Result<()> {
        let excluded = match option.to_string().as_str() {
            "skip" => Some("skip_all"),
            "skip_all" => Some("skip"),
            _ => None,
        };
        if excluded.is_some_and(|excluded| seen.iter().any(|it| it == excluded)) {
            let message = "`skip(...)` and `skip_all` exclude each other";
            return Err(syn::Error::new(option.span(), message));
        }
        // A second name is told by `set_name`, which also knows the short form.
        if option != "name" && seen.contains(option) {
            let message = format!("`{option}` is given twice");
            return Err(syn::Error::new(option.span(), message));
        }
        match option.to_string().as_str() {
            "name" => {
                if !input.peek(Token![=]) {
                    let message = "expected `name = \"...\"`";
                    return Err(syn::Error::new(option.span(), message));
                }
                input.parse::<Token![=]>()?;
                self.set_name(input.parse()?)
            }
            "skip" => {
                if !input.peek(token::Paren) {
                    let message = "expected `skip(argument, ...)`";
                    return Err(syn::Error::new(option.span(), message));
                }
                let content;
                parenthesized!(content in input);
                let names =
                    Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |content| {
                        content.call(Ident::parse_any)
                    })?;
                for name in names {
                    if self.skip.contains(&name) {
                        let message = format!("`{name}` is skipped twice");
                        return Err(syn::Error::new(name.span(), message));
                    }
                    self.skip.push(name);
                }
                Ok(())
            }
            "skip_all" => {
                self.skip_all = true;
                Ok(())
            }
            "ret" => {
                self.ret = Some(option.clone());
                Ok(())
            }
            _ => Err(syn::Error::new(
                option.span(),
                format!(
                    concat!("unknown option `{}`; expected ", expected!()),
                    option
                ),
            )),
        }
    }

    fn set_name(&mut self, name: LitStr) -> syn::Result<()> {
        if self.name.is_some() {
            return Err(syn::Error::new(name.span(), "the name is given twice"));
        }
        if name.value().trim().is_empty() {
            return Err(syn::Error::new(name.span(), "the name is empty"));
        }
        self.name = Some(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Option<String>, Vec<String>, bool), String> {
        let options = syn::parse_str::<Options>(text).map_err(|error| error.to_string())?;
        Ok((
            options.name.map(|name| name.value()),
            options.skip.iter().map(ToString::to_string).collect(),
            options.skip_all,
        ))
    }

    #[test]
    fn accepted() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let named = Some("search".to_owned());
        for (text, expected) in [
            ("", (None, vec![], false)),
            ("\"search\"", (named.clone(), vec![], false)),
            ("name = \"search\",", (named.clone(), vec![], false)),
            ("skip(a, r#type)", (None, words(&["a", "r#type"]), false)),
            ("skip()", (None, vec![], false)),
            (
                "skip(a,), \"search\"",
                (named.clone(), words(&["a"]), false),
            ),
            ("\"search\", skip_all", (named.clone(), vec![], true)),
            ("ret, \"search\"", (named, vec![], false)),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn ret_is_off_unless_given() {
        let ret = |text: &str| syn::parse_str::<Options>(text).unwrap().ret.is_some();
        assert!(!ret("\"search\", skip_all"));
        assert!(ret("\"search\", skip_all, ret"));
    }

    #[test]
    fn refused() {
        for (text, expected) in [
            ("\"\"", "the name is empty"),
            ("name = \" \"", "the name is empty"),
            ("\"a\", \"b\"", "the name is given twice"),
            ("\"a\", name = \"b\"", "the name is given twice"),
            ("skip(a), skip(b)", "`skip` is given twice"),
            ("skip(a, a)", "`a` is skipped twice"),
            ("ret, ret", "`ret` is given twice"),
            ("ret(Debug)", "expected `,`"),
            ("skip(a), skip_all", "exclude each other"),
            ("skip_all, skip(a)", "exclude each other"),
            ("level = \"info\"", "unknown option `level`"),
            ("level", "`skip(...)`, `skip_all` or `ret`"),
            ("7", "expected a name in quotes"),
            ("name = search", "expected string literal"),
            ("name", "expected `name = \"...\"`"),
            ("skip", "expected `skip(argument, ...)`"),
            ("skip = \"a\"", "expected `skip(argument, ...)`"),
            ("\"a\" skip(b)", "expected `,`"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
